"""Opaque cursors: where in the stream of which context a client stands.

A cursor names channel, anchor, store, generation and position, where viewers see different states
the viewer, and of a list channel which roots it listed. It is sealed with ``SECRET_KEY``: positions
count what others do that a client cannot see, and times tell when. One that was sealed with another
key, or by another release, is valid and cannot be resumed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings as django_settings

from rxgraph.errors import BadRequest
from rxgraph.types import AnchorKey

_VERSION = 3
_MAX_CHARACTERS = 4096
_HEAD = struct.Struct(">8s4sQQ8s8sdd")
"""Channel, store, generation, position, viewer, members, times; what is behind is the anchor."""

_TAG_BYTES = 12
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
        _digest(key.channel, 8),
        cursor.store,
        cursor.generation,
        cursor.position,
        cursor.viewer,
        cursor.members,
        cursor.at,
        cursor.issued,
    )
    sealed = _seal(head + key.anchor_id.encode(), *_keys(django_settings.SECRET_KEY))
    body = bytes([_VERSION]) + sealed
    return _text(_CHECK.pack(zlib.crc32(body)) + body)


def decode(text: str, key: AnchorKey, argument: str = "after") -> Cursor:
    """Return the cursor in *text*, which must be one of the anchor *key*.

    Raises:
        BadRequest: it is not a cursor, or one of another channel or anchor; names *argument*.
    """
    plain = opened(text, argument)
    if plain is None:
        return Cursor(VOID, 0, b"", b"", b"", 0.0, 0.0)
    channel, store, generation, position, viewer, members, at, issued = _HEAD.unpack_from(plain)
    if channel != _digest(key.channel, 8):
        raise BadRequest(f"{argument}: this cursor belongs to another channel")
    if plain[_HEAD.size :] != key.anchor_id.encode():
        raise BadRequest(f"{argument}: this cursor belongs to another instance of this channel")
    return Cursor(generation, position, store, viewer, members, at, issued)


def opened(text: str, argument: str = "after") -> bytes | None:
    """Return what is sealed in *text*; None: another release or another key sealed it.

    Raises:
        BadRequest: it is no cursor.
    """
    body = _body(text, argument)
    if body[0] != _VERSION:
        return None
    for secret in (django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS):
        plain = _unseal(body[1:], *_keys(secret))
        if plain is not None and len(plain) >= _HEAD.size:
            return plain
    return None


# -- sealing: a tag made of the whole, and the whole hidden by a stream made of the tag


@lru_cache(maxsize=16)
def _keys(secret: str | bytes) -> tuple[bytes, bytes]:
    raw = secret if isinstance(secret, bytes) else secret.encode()
    whole = hashlib.sha512(b"rxgraph cursor " + raw).digest()
    return whole[:32], whole[32:]


def _seal(plain: bytes, tag_key: bytes, hiding_key: bytes) -> bytes:
    tag = hashlib.blake2b(plain, key=tag_key, digest_size=_TAG_BYTES).digest()
    return tag + _hidden(plain, tag, hiding_key)


def _unseal(sealed: bytes, tag_key: bytes, hiding_key: bytes) -> bytes | None:
    tag, hidden = sealed[:_TAG_BYTES], sealed[_TAG_BYTES:]
    plain = _hidden(hidden, tag, hiding_key)
    found = hashlib.blake2b(plain, key=tag_key, digest_size=_TAG_BYTES).digest()
    return plain if hmac.compare_digest(found, tag) else None


def _hidden(text: bytes, tag: bytes, key: bytes) -> bytes:
    """Return *text* hidden, or shown when it was hidden."""
    size = len(text)
    stream = b"".join(_stream(tag, key, size))[:size]
    return (int.from_bytes(text) ^ int.from_bytes(stream)).to_bytes(size)


def _stream(tag: bytes, key: bytes, size: int) -> Iterator[bytes]:
    for number in range(0, size, 64):
        yield hashlib.blake2b(tag + number.to_bytes(4), key=key).digest()


def _no_cursor(argument: str) -> BadRequest:
    return BadRequest(f"{argument}: this is not a cursor; hand back the text that an event carried")


def _body(text: str, argument: str) -> bytes:
    if len(text) > _MAX_CHARACTERS:
        raise _no_cursor(argument)
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _no_cursor(argument) from None
    check, body = packed[: _CHECK.size], packed[_CHECK.size :]
    if not body or check != _CHECK.pack(zlib.crc32(body)) or _text(packed) != text:
        raise _no_cursor(argument)
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
