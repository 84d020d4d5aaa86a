"""A wake-up as text, and the names of the groups it travels in.

Values in, values out. Law: ``decode_wakeup(encode_wakeup(w)) == w``, or the same without its
documents when they are too much for a message or no JSON; text of another version decodes to None.
What is for observers only (``since``, ``trace``) travels beside the text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2s
from typing import Any

import orjson

from rxgraph import tracing
from rxgraph.cache.steps import Wakeup
from rxgraph.types import AnchorKey, Document, InstanceKey, RemovalReason

VERSION = 2
MAX_BYTES = 64 * 1024
#: So many documents cannot fit, whatever they hold: encoding them is not even tried.
_MAX_DOCUMENTS = MAX_BYTES // 32


def group_name(namespace: str, key: AnchorKey) -> str:
    """Return the channel-layer group of an anchor: 39 letters that Channels allows.

    *namespace* keeps deployments apart that share a Redis.
    """
    text = "\0".join((namespace, key.channel, key.anchor_id))
    return f"rxgraph.{blake2s(text.encode(errors='replace'), digest_size=16).hexdigest()}"


def encode_wakeup(wakeup: Wakeup) -> str:
    """Return *wakeup* as compact text; documents only up to 64 KiB."""
    head = [
        VERSION,
        wakeup.key.channel,
        wakeup.key.anchor_id,
        wakeup.generation,
        wakeup.previous,
        wakeup.seq,
        wakeup.at,
        wakeup.more,
        wakeup.marks,
    ]
    documents = wakeup.documents
    if documents is not None and len(documents) <= _MAX_DOCUMENTS:
        try:
            text = orjson.dumps([*head, [_pack(document) for document in documents]])
        except orjson.JSONEncodeError:  # integers beyond 64 bits, halves of surrogate pairs
            pass
        else:
            if len(text) <= MAX_BYTES:
                return text.decode()
    return orjson.dumps([*head, None]).decode()


def encode_extras(wakeup: Wakeup) -> dict[str, Any]:
    """Return what travels beside the text: servers that do not know it leave it where it is."""
    extras: dict[str, Any] = {"since": wakeup.since} if wakeup.since else {}
    return {**extras, "trace": wakeup.trace} if wakeup.trace else extras


def with_extras(wakeup: Wakeup, message: Mapping[str, Any]) -> Wakeup:
    """Return *wakeup* with what came beside its text; what is malformed is left out."""
    since, trace = message.get("since"), message.get("trace")
    found: dict[str, Any] = {}
    if isinstance(since, int | float) and math.isfinite(since):
        found["since"] = since
    if tracing.is_traceparent(trace):
        found["trace"] = trace
    return replace(wakeup, **found) if found else wakeup


def decode_wakeup(text: str) -> Wakeup | None:
    """Return the wake-up, or None when another version of RxGraph wrote it."""
    version, *rest = orjson.loads(text)
    if version != VERSION:
        return None
    channel, anchor, generation, previous, seq, at, more, marks, packed = rest
    documents = None if packed is None else tuple(_unpack(item) for item in packed)
    return Wakeup(
        AnchorKey(channel, anchor), generation, previous, seq, at, documents, more, tuple(marks)
    )


def _pack(document: Document) -> list[Any]:
    return [
        document.key.typename,
        document.key.id,
        document.version,
        document.data,
        [part for link in document.links for part in link],
        document.owner,
        document.former_owners,
        document.removed,
    ]


def _unpack(item: list[Any]) -> Document:
    typename, identity, version, data, links, owner, former_owners, removed = item
    return Document(
        InstanceKey(typename, identity),
        version,
        data,
        tuple(InstanceKey(name, pk) for name, pk in zip(links[::2], links[1::2], strict=True)),
        owner,
        tuple(former_owners),
        None if removed is None else RemovalReason(removed),
    )
