"""Signals: something to tell server processes, at most once, beside wake-ups.

A wake-up is a hint about what the store knows anyway. A signal is known to nobody else: one that
is lost is lost, and that is logged. ``Engine.signal`` sends them; ``serve.signals`` hands them to
whoever asked for their kind.

Law: ``decode_signal(encode_signal(s)) == s`` for every body that JSON can hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import uuid4

import orjson

from rxgraph.jsonable import encode
from rxgraph.types import JSON, AnchorKey

VERSION = 1
MAX_BYTES = 256 * 1024


def _new_id() -> str:
    return uuid4().hex


@dataclass(frozen=True, slots=True)
class Signal:
    """Something to tell.

    ``key`` says whom: the processes that show an anchor, one process (``process_key``), or
    ``EVERYBODY``. ``kind`` names the handlers. ``id`` tells it from a repetition of itself.
    """

    key: AnchorKey
    kind: str
    body: JSON = None
    id: str = field(default_factory=_new_id, compare=False)


def encode_signal(signal: Signal) -> str:
    """Return *signal* as compact text.

    Raises:
        TypeError: its body has no JSON form.
        ValueError: it is more than 256 KiB.
    """
    head = [VERSION, signal.key.channel, signal.key.anchor_id, signal.kind, signal.id]
    try:
        text = encode([*head, signal.body])
    except TypeError as error:
        raise TypeError(
            f"the signal {signal.kind} to {_described(signal.key)} cannot be sent: {error};"
            " send what JSON can hold"
        ) from None
    if len(text) > MAX_BYTES:
        raise ValueError(
            f"the signal {signal.kind} to {_described(signal.key)} has {len(text):,} bytes, and"
            f" {MAX_BYTES:,} can be sent; save the data and send the key under which it is found"
        )
    return text.decode()


def decode_signal(text: str) -> Signal | None:
    """Return the signal, or None when another version of RxGraph wrote it."""
    version, *rest = orjson.loads(text)
    if version != VERSION:
        return None
    channel, anchor, kind, id_, body = rest
    return Signal(AnchorKey(channel, anchor), kind, body, id_)


def _described(key: AnchorKey) -> str:
    return f"{key.channel} {key.anchor_id}".rstrip()
