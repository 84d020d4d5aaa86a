"""How records and documents look in MongoDB: values in, values out.

An instance is ``{_id: {a: anchor, g: generation, t: typename, i: id}, v: version, d: data}`` and,
where there is something to say, ``u: owner``, ``o: former owners``, ``x: why removed``,
``c: ["Task:5", …] links`` and ``e: [names of the fields in d that are JSON text]``.

Law: ``decode_document(encode_document(d)) == d``, the order of keys included, for every JSON value.
BSON cannot hold all of them as they are: integers beyond 64 bits, keys with a zero byte, nested
keys that look like operators or references (``{"$ref": …}``). So dicts, lists of anything but
scalars, and large integers travel as JSON text; what relations hold (ids and lists of ids) and
plain values stay readable in the database.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from hashlib import blake2s
from typing import Any

from rxgraph.cache.anchor import Anchor
from rxgraph.cache.phases import Phase
from rxgraph.types import AnchorKey, Document, InstanceKey, RemovalReason, RowKey

Raw = dict[str, Any]
"""A BSON document as the driver takes and gives it."""

_PLAIN = frozenset({str, bool, type(None), float})
_MAX_NAME_LENGTH = 48
_safe_names: set[str] = set()
_make = tuple.__new__  # what a named tuple's own constructor ends in, at half the price


def collection_name(channel: str) -> str:
    """Return the collection of a channel's instances: readable, bounded, distinct."""
    readable = re.sub(r"[^A-Za-z0-9_]", "_", channel)[:_MAX_NAME_LENGTH]
    digest = blake2s(channel.encode(), digest_size=5).hexdigest()
    return f"instances.{readable}_{digest}"


def anchor_id(key: AnchorKey) -> Raw:
    """Return the ``_id`` of an anchor's record; the order of its fields is part of it."""
    return {"c": key.channel, "a": key.anchor_id}


def instance_id(anchor: str, generation: int, key: InstanceKey) -> Raw:
    """Return the ``_id`` of an instance; the order of its fields is part of it."""
    return {"a": anchor, "g": generation, "t": key.typename, "i": key.id}


def encode_anchor(key: AnchorKey, anchor: Anchor) -> Raw:
    """Return the record that stores *anchor*."""
    return {
        "_id": anchor_id(key),
        "r": anchor.revision,
        "phase": str(anchor.phase),
        "generation": anchor.generation,
        "seq": anchor.seq,
        "done": anchor.done,
        "done_at": anchor.done_at,
        "floor": anchor.floor,
        "pending": join_keys(anchor.pending),
        "taken": join_keys(anchor.taken),
        "writing": join_keys(anchor.writing),
        "lease": {"owner": anchor.owner, "until": anchor.lease_until},
        "schema": anchor.schema,
        "sessions": list(anchor.sessions),
        "idle_since": anchor.idle_since,
        "published": [list(item) for item in anchor.published],
    }


def decode_anchor(raw: Raw) -> tuple[AnchorKey, Anchor]:
    """Return the key and the record that *raw* stores."""
    return AnchorKey(raw["_id"]["c"], raw["_id"]["a"]), Anchor(
        revision=raw["r"],
        phase=Phase(raw["phase"]),
        generation=raw["generation"],
        seq=raw["seq"],
        done=raw["done"],
        done_at=raw["done_at"],
        floor=raw["floor"],
        pending=frozenset(RowKey(*_split(text)) for text in raw["pending"]),
        taken=frozenset(RowKey(*_split(text)) for text in raw["taken"]),
        writing=frozenset(InstanceKey(*_split(text)) for text in raw["writing"]),
        owner=raw["lease"]["owner"],
        lease_until=raw["lease"]["until"],
        schema=raw["schema"],
        sessions=frozenset(raw["sessions"]),
        idle_since=raw["idle_since"],
        published=tuple((seq, text) for seq, text in raw.get("published", ())),
    )


def encode_document(anchor: str, generation: int, document: Document) -> Raw:
    """Return the BSON document that stores *document* in one generation of an anchor."""
    raw: Raw = {"_id": instance_id(anchor, generation, document.key), "v": document.version}
    if document.owner is not None:
        raw["u"] = document.owner
    if document.former_owners:
        raw["o"] = list(document.former_owners)
    if document.removed is not None:
        raw["x"] = str(document.removed)
    if document.links:
        raw["c"] = join_keys(document.links)
    data = document.data
    if not data.keys() <= _safe_names and not _are_safe(data):
        raw["d"] = json.dumps(data)
        return raw
    odd = [name for name, value in data.items() if type(value) not in _PLAIN and _is_odd(value)]
    if odd:
        raw["e"] = odd
        data = data | {name: json.dumps(data[name]) for name in odd}
    raw["d"] = data
    return raw


def decode_document(raw: Raw) -> Document:
    """Return the document that *raw* stores."""
    data = raw["d"]
    if type(data) is str:
        data = json.loads(data)
    elif "e" in raw:
        for name in raw["e"]:
            data[name] = json.loads(data[name])
    key, get = raw["_id"], raw.get
    links, former, removed = get("c"), get("o"), get("x")
    return Document(
        InstanceKey(key["t"], key["i"]),
        raw["v"],
        data,
        tuple([_make(InstanceKey, text.split(":", 1)) for text in links]) if links else (),
        get("u"),
        tuple(former) if former else (),
        RemovalReason(removed) if removed else None,
    )


def join_keys(keys: Iterable[RowKey | InstanceKey]) -> list[str]:
    """Return ``["Task:5", …]``; names hold no colon, ids may."""
    return [f"{name}:{identity}" for name, identity in keys]


def without_surrogates(raw: Raw) -> Raw:
    """Return *raw* with its data as ASCII text: half a surrogate pair has no UTF-8."""
    data = raw["d"]
    if type(data) is str:
        return raw
    plain = {name: json.loads(data[name]) for name in raw.get("e", ())}
    slim = {name: value for name, value in raw.items() if name != "e"}
    return slim | {"d": json.dumps(data | plain)}


def _split(text: str) -> list[str]:
    return text.split(":", 1)


def _is_odd(value: Any) -> bool:
    """True when BSON does not hold *value* exactly as it is; plain scalars are sorted out."""
    kind = type(value)
    if kind is int:
        return not -(2**63) <= value < 2**63
    if kind is list:
        return any(type(item) not in _PLAIN and not _is_small(item) for item in value)
    return True


def _is_small(item: Any) -> bool:
    return type(item) is int and -(2**63) <= item < 2**63


def _are_safe(names: Iterable[str]) -> bool:
    """True when all *names* may be field names; remembers them, as far as memory is no worry."""
    safe = {name for name in names if name[:1] != "$" and "." not in name and "\0" not in name}
    if len(_safe_names) < 10_000:
        _safe_names.update(safe)
    return len(safe) == sum(1 for _ in names)
