"""Cool what nobody looks at any more: idle caches, and what crashes have left half done.

Records in, keys out. What is due is judged by a pure function; each anchor is then judged again in
the very swap that begins its cooling, so that expiring is safe at any time, twice at once too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from rxgraph.cache import anchor as decisions
from rxgraph.cache.anchor import Anchor, Lease
from rxgraph.cache.phases import Phase
from rxgraph.cache.steps import Now
from rxgraph.cache.turns import expire_anchor, settle
from rxgraph.declare import registry
from rxgraph.settings import get_settings
from rxgraph.sync.engine import Engine
from rxgraph.types import EXPIRY, AnchorKey, is_duty

_LONGEST_INTERVAL_SECONDS = 60.0
_SHORTEST_INTERVAL_SECONDS = 1.0


class Reason(StrEnum):
    """Why a cache is due."""

    IDLE = "idle"  # nobody has looked at it for its channel's TTL
    DESERTED = "deserted"  # its heater died, and nobody waits for it
    COOLING = "cooling"  # somebody began to cool it and may have died


@dataclass(frozen=True, slots=True)
class Due:
    """A cache that is to be cooled, and how long nobody has looked at it."""

    key: AnchorKey
    reason: Reason
    idle_seconds: float


def ttl_seconds(channel: str) -> float:
    """Return the TTL of a channel by its registered name.

    One that is not in the code (a deploy removed it, or another project shares the store) has that
    of the settings.
    """
    try:
        return float(registry.get(channel).get_cache_ttl())
    except KeyError:
        return float(get_settings().cache_ttl)


def due(
    anchors: Iterable[tuple[AnchorKey, Anchor]],
    now: float,
    ttl: Callable[[str], float] = ttl_seconds,
) -> list[Due]:
    """Return what is to be cooled at *now* (Unix seconds), ordered by key."""
    found = []
    for key, anchor in sorted(anchors, key=lambda item: item[0]):
        if is_duty(key):
            continue
        idle = now - anchor.idle_since if anchor.idle_since else 0.0
        if decisions.is_expired(anchor, now, ttl(key.channel)):
            found.append(Due(key, Reason.IDLE, idle))
        elif decisions.is_deserted(anchor, now):
            found.append(Due(key, Reason.DESERTED, idle))
        elif anchor.phase is Phase.COOLING:
            found.append(Due(key, Reason.COOLING, idle))
    return found


def find(engine: Engine, channel: str | None = None) -> list[Due]:
    """Return what is to be cooled now, of one *channel* or of all.

    Raises:
        BackendError: the store does not answer.
    """
    now: float = engine.run(Now().__iter__())
    anchors = engine.store.list_anchors()
    return due((item for item in anchors if channel in (None, item[0].channel)), now)


def expire(engine: Engine, channel: str | None = None) -> list[Due]:
    """Cool what is due, and return it; what a viewer has come to meanwhile is not in it.

    The sessions of killed processes are taken off first; the time counts from then.

    Raises:
        BackendError: the store does not answer.
    """
    engine.bury_sessions()
    expired = [
        item
        for item in find(engine, channel)
        if engine.run(expire_anchor(item.key, ttl_seconds(item.key.channel)))
    ]
    engine.tidy_marks()
    return expired


def interval_seconds() -> float:
    """Return how often a server looks: once a minute, or four times in the shortest TTL."""
    ttls = [ttl_seconds(channel.name) for channel in registry.channels()]
    wanted = min([_LONGEST_INTERVAL_SECONDS, *(ttl / 4 for ttl in ttls)])
    return max(_SHORTEST_INTERVAL_SECONDS, wanted)


def watch(engine: Engine) -> list[Due]:
    """Expire on behalf of all servers; nothing where another one did so a moment ago.

    Raises:
        BackendError: the store does not answer.
    """
    lease = Lease(engine.writer.new_owner(), interval_seconds() * 0.9)
    _, taken = engine.run(
        settle(
            EXPIRY,
            lambda anchor, now: decisions.watch(anchor, lease, now),
            is_durable=lambda after: False,
        )
    )
    return expire(engine) if taken is not None else []
