"""JSON as it travels between clients and servers."""

from __future__ import annotations

import re
from json import JSONDecodeError
from typing import Any

import orjson

from rxgraph.jsonable import Text, encode, encode_around, jsonable

__all__ = ["Text", "decode", "encode", "encode_text", "jsonable"]

_DEPTH = 240  # orjson reads 1024 levels, and writes 254 with what goes around them

_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def encode_text(data: object) -> str:
    """Return *data* as JSON text: a TEXT frame wants ``str``."""
    return encode_around(data)


def decode(data: str | bytes) -> Any:
    """Return what JSON text means; half a surrogate pair is U+FFFD, as browsers encode it.

    Raises:
        json.JSONDecodeError: it is not JSON, or so deep that it could not be told to anybody else.
    """
    found = _loads(data)
    if _brackets(data) > _DEPTH and _is_deep(found):
        raise JSONDecodeError(f"It is nested more than {_DEPTH} levels deep", "", 0)
    return found


def _brackets(data: str | bytes) -> int:
    if isinstance(data, str):
        return data.count("[") + data.count("{")
    return data.count(b"[") + data.count(b"{")


def _is_deep(value: Any) -> bool:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > _DEPTH + 1:
            return True
        deeper: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                deeper += item.values()
            elif isinstance(item, list):
                deeper += item
        level = deeper
    return False


def _loads(data: str | bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        # JavaScript makes such halves where it cuts an emoji in two, and writes them as escapes.
        text = data if isinstance(data, str) else data.decode(errors="surrogateescape")
        whole = _ESCAPE.sub(lambda found: r"\ufffd" if found["half"] else found[0], text)
        if whole == text:
            raise
        return orjson.loads(whole)
