"""How records and documents look in MongoDB: values in, values out.

An instance is ``{_id: {a: anchor, g: generation, t: typename, i: id}, v: version, d: data}`` and,
where there is something to say, ``u: owner``, ``o: former owners``, ``x: why removed`` and
``c: ["Task:5", …] links``. Data is JSON text: MongoDB never looks into it, it is made and read in
half the time, and BSON could not hold all of it (integers beyond 64 bits, keys with a zero byte,
nested keys that look like operators).

Law: ``decode_document(encode_document(d)) == d``, the order of keys included, for every JSON value.
What the fast encoder refuses (large integers, halves of surrogate pairs) is under ``j`` instead of
``d``, written by Python's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from hashlib import blake2s
from typing import Any

import orjson

from rxgraph.cache.anchor import Anchor, Pack
from rxgraph.cache.phases import Phase
from rxgraph.types import AnchorKey, Document, InstanceKey, RemovalReason, RowKey

Raw = dict[str, Any]
"""A BSON document as the driver takes and gives it."""

_MAX_NAME_LENGTH = 48
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


def part_id(key: AnchorKey, generation: int, name: str, index: int, piece: int) -> Raw:
    """Return the ``_id`` of a piece of a pack's part; the order of its fields is part of it."""
    return {
        "c": key.channel,
        "a": key.anchor_id,
        "g": generation,
        "n": name,
        "p": index,
        "s": piece,
    }


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
        "pack": anchor.pack and [anchor.pack.name, anchor.pack.number, anchor.pack.parts],
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
        pack=Pack(*raw["pack"]) if raw.get("pack") else None,
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
    try:
        raw["d"] = orjson.dumps(document.data).decode()
    except TypeError:
        raw["j"] = json.dumps(document.data)
    return raw


def decode_document(raw: Raw) -> Document:
    """Return the document that *raw* stores."""
    key, get = raw["_id"], raw.get
    text, links, former, removed = get("d"), get("c"), get("o"), get("x")
    return Document(
        InstanceKey(key["t"], key["i"]),
        raw["v"],
        json.loads(raw["j"]) if text is None else orjson.loads(text),
        tuple([_make(InstanceKey, text.split(":", 1)) for text in links]) if links else (),
        get("u"),
        tuple(former) if former else (),
        RemovalReason(removed) if removed else None,
    )


def join_keys(keys: Iterable[RowKey | InstanceKey]) -> list[str]:
    """Return ``["Task:5", …]``; names hold no colon, ids may."""
    return [f"{name}:{identity}" for name, identity in keys]


def _split(text: str) -> list[str]:
    return text.split(":", 1)
