"""JSON as it travels: orjson, with the few types that documents of a project may still hold."""

from __future__ import annotations

import decimal
import re
from typing import Any

import orjson
from django.utils.functional import Promise

_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def encode(data: object) -> bytes:
    """Return *data* as JSON.

    Raises:
        TypeError: something in it has no JSON form.
    """
    return orjson.dumps(data, default=_default, option=orjson.OPT_NON_STR_KEYS)


def encode_text(data: object) -> str:
    """Return *data* as JSON text: a TEXT frame wants ``str``."""
    return encode(data).decode()


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


def jsonable(data: object) -> Any:
    """Return a copy of *data* as JSON has it, which nobody can change from outside.

    Raises:
        TypeError: something in it has no JSON form.
    """
    return orjson.loads(encode(data))


def _default(value: object) -> object:
    if isinstance(value, decimal.Decimal | Promise):
        return str(value)
    if isinstance(value, set | frozenset):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
