"""What is live, as far as this process can see: channels, anchors, sessions, waiting intents.

One JSON value with stable keys (``docs/cache.md`` lists them), which ``manage.py rxgraph_status``
prints. Ages are seconds. Nothing is raised for a store or database that is away: it is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.db import DatabaseError, InterfaceError, connections

from rxgraph.cache.anchor import NOBODY, Anchor
from rxgraph.cache.phases import Phase
from rxgraph.cache.rows.snapshot import alias_of
from rxgraph.cache.steps import Now
from rxgraph.compile.channel import CompiledChannel, compiled_channels
from rxgraph.errors import BackendError
from rxgraph.sync import intents
from rxgraph.sync.engine import Engine
from rxgraph.sync.sweeping import backlog
from rxgraph.types import JSON, AnchorKey, is_duty

Status = dict[str, Any]
Records = list[tuple[AnchorKey, Anchor]]


def gather(engine: Engine, channel: str | None = None) -> Status:
    """Return the status of everything, or of one *channel* by its registered name."""
    now: float = engine.run(Now().__iter__())
    store, records, dead, living = _look(engine, now)
    records = [item for item in records if channel in (None, item[0].channel)]
    compiled = [item for item in compiled_channels() if channel in (None, item.name)]
    known = {item.name for item in compiled}
    removed = sorted({key.channel for key, _ in records} - known)
    return {
        "time": now,
        "store": store,
        "channels": [
            *(_channel(item, records) for item in compiled),
            *(_removed(name, records) for name in removed),
        ],
        "anchors": [_anchor(key, anchor, dead, now) for key, anchor in sorted(records)],
        "servers": [{"session": key, **(told or {})} for key, told in sorted(living.items())],
        "intents": [_intents(alias) for alias in _aliases(engine, compiled, channel)],
    }


def is_well(status: Status) -> bool:
    """True when the store and every database answered."""
    asked = [status["store"], *status["intents"]]
    return all(item["answers"] for item in asked)


def _look(engine: Engine, now: float) -> tuple[JSON, Records, frozenset[str], dict[str, JSON]]:
    kind = "memory" if engine.settings.is_memory else "mongodb"
    store: dict[str, JSON] = {"kind": kind, "answers": True, "visible": True, "error": None}
    if engine.settings.is_memory and not engine.is_serving:
        store["visible"] = False  # the server's memory is another one
        return store, [], frozenset(), {}
    try:
        records = [item for item in engine.store.list_anchors() if not is_duty(item[0])]
        return store, records, engine.store.dead_sessions(now), engine.store.living_sessions(now)
    except BackendError as error:
        return {**store, "answers": False, "error": str(error)}, [], frozenset(), {}


def _channel(compiled: CompiledChannel, records: Records) -> JSON:
    return {
        "name": compiled.name,
        "declared": True,
        "field": compiled.names.field,
        "type": compiled.names.channel,
        "list": compiled.tree.many,
        "layers": list(compiled.tree.layers),
        "cache_ttl": compiled.channel.get_cache_ttl(),
        "optimize_anchors": compiled.channel.options.optimize_anchors,
        "phases": _phases(compiled.name, records),
    }


def _removed(name: str, records: Records) -> JSON:
    """Return a channel that has records, and is not in the code (any more)."""
    return {
        **dict.fromkeys(("field", "type", "list", "cache_ttl", "optimize_anchors")),
        "name": name,
        "declared": False,
        "layers": [],
        "phases": _phases(name, records),
    }


def _phases(channel: str, records: Records) -> dict[str, int]:
    found = Counter(anchor.phase for key, anchor in records if key.channel == channel)
    return {str(phase): found[phase] for phase in Phase}


def _anchor(key: AnchorKey, anchor: Anchor, dead: frozenset[str], now: float) -> JSON:
    return {
        "channel": key.channel,
        "id": key.anchor_id,
        "phase": str(anchor.phase),
        "generation": anchor.generation,
        "seq": anchor.seq,
        "done": anchor.done,
        "done_age": _age(anchor.done_at, now),
        "pending": len(anchor.pending),
        "taken": len(anchor.taken),
        "sessions_alive": len(anchor.sessions - dead),
        "sessions_dead": len(anchor.sessions & dead),
        "idle_age": None if anchor.sessions else _age(anchor.idle_since, now),
        "lease_left": None if anchor.owner == NOBODY else round(anchor.lease_until - now, 3),
    }


def _age(moment: float, now: float) -> float | None:
    return round(max(0.0, now - moment), 3) if moment else None


def _aliases(engine: Engine, compiled: Iterable[CompiledChannel], channel: str | None) -> list[str]:
    if channel is None:
        return engine.swept_databases()
    return sorted({alias_of(model) for item in compiled for model in item.tree.tracked_models})


def _intents(alias: str) -> JSON:
    found: dict[str, JSON] = {
        "database": alias,
        "answers": True,
        "log": True,
        "waiting": 0,
        "oldest_age": None,
        "quarantined": 0,
        "error": None,
    }
    try:
        found["log"] = intents.is_there(connections[alias])
        waits = backlog(alias)
    except (DatabaseError, InterfaceError) as error:
        return {**found, "answers": False, "error": str(error).strip()}
    age = waits.oldest_seconds
    found |= {"waiting": waits.pending, "oldest_age": None if age is None else round(age, 3)}
    return {**found, "quarantined": waits.quarantined}
