"""Opaque cursors: where in the stream of which context a client stands.

A cursor is checked, not signed: a forged one can make its owner miss events, never see more. It
names channel, anchor, store, generation and position, where viewers see different states the
viewer, and of a list channel which roots it listed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from rxgraph.errors import BadRequest
from rxgraph.types import AnchorKey

_VERSION = 2
_MAX_CHARACTERS = 4096
_HEAD = struct.Struct(
    ">B8s4sQQ8s8sdd"
)  # version, channel, store, generation, position, viewer, members, times
_CHECK = struct.Struct(">I")
_PROCESS = os.urandom(8)  # a memory store lives as long as its process

NO_MEMBERS = bytes(8)
"""Members of a cursor of a single anchor."""

VOID = 0
"""Generation of a cursor that cannot be resumed: a fresh SNAPSHOT follows it."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A decoded cursor."""

    generation: int
    position: int
    store: bytes
    viewer: bytes
    members: bytes
    at: float  # when the newest batch it contains was finished, Unix seconds
    issued: float  # when it was handed out, Unix seconds


def encode(key: AnchorKey, cursor: Cursor) -> str:
    """Return the text of *cursor* for the anchor *key*."""
    head = _HEAD.pack(
        _VERSION,
        _digest(key.channel, 8),
        cursor.store,
        cursor.generation,
        cursor.position,
        cursor.viewer,
        cursor.members,
        cursor.at,
        cursor.issued,
    )
    body = head + key.anchor_id.encode()
    return _text(_CHECK.pack(zlib.crc32(body)) + body)


def decode(text: str, key: AnchorKey) -> Cursor:
    """Return the cursor in *text*, which must be one of the anchor *key*.

    Raises:
        BadRequest: it is not a cursor, or one of another channel or anchor.
    """
    body = _body(text)
    if body[0] != _VERSION:  # of an older or newer release: valid, but it cannot be resumed
        return Cursor(VOID, 0, b"", b"", b"", 0.0, 0.0)
    if len(body) < _HEAD.size:
        raise BadRequest(_NO_CURSOR)
    _, channel, store, generation, position, viewer, members, at, issued = _HEAD.unpack_from(body)
    if channel != _digest(key.channel, 8):
        raise BadRequest("after: this cursor belongs to another channel")
    if body[_HEAD.size :] != key.anchor_id.encode():
        raise BadRequest("after: this cursor belongs to another instance of this channel")
    return Cursor(generation, position, store, viewer, members, at, issued)


_NO_CURSOR = "after: this is not a cursor; hand back the text that an event carried"


def _body(text: str) -> bytes:
    if len(text) > _MAX_CHARACTERS:
        raise BadRequest(_NO_CURSOR)
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest(_NO_CURSOR) from None
    check, body = packed[: _CHECK.size], packed[_CHECK.size :]
    if not body or check != _CHECK.pack(zlib.crc32(body)) or _text(packed) != text:
        raise BadRequest(_NO_CURSOR)
    return body


def _text(packed: bytes) -> str:
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode("ascii")


def viewer_mark(user_id: str | None) -> bytes:
    """Return what stands for a viewer in a cursor; None where all viewers see the same."""
    return bytes(8) if user_id is None else _digest(f"user {user_id}", 8)


def members_mark(ids: Iterable[str]) -> bytes:
    """Return what stands for the roots of a list in a cursor, whatever their order."""
    return _digest("\0".join(sorted(ids)), 8)


def store_mark(url: str, *, is_memory: bool) -> bytes:
    """Return what stands for a store in a cursor: numbers of another store mean nothing."""
    return _digest(f"{url} {_PROCESS.hex() if is_memory else ''}", 4)


def _digest(text: str, size: int) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=size).digest()
