"""JSON as it travels between clients and servers."""

from __future__ import annotations

import re
from typing import Any

import orjson

from rxgraph.jsonable import Text, encode, encode_around, jsonable

__all__ = ["Text", "decode", "encode", "encode_text", "jsonable"]

_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def encode_text(data: object) -> str:
    """Return *data* as JSON text: a TEXT frame wants ``str``."""
    return encode_around(data)


def decode(data: str | bytes) -> Any:
    """Return what JSON text means; half a surrogate pair is U+FFFD, as browsers encode it.

    Raises:
        json.JSONDecodeError: it is not JSON.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        # JavaScript makes such halves where it cuts an emoji in two, and writes them as escapes.
        text = data if isinstance(data, str) else data.decode(errors="surrogateescape")
        whole = _ESCAPE.sub(lambda found: r"\ufffd" if found["half"] else found[0], text)
        if whole == text:
            raise
        return orjson.loads(whole)
