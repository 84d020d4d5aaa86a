"""JSON as it travels: orjson, with the few types that documents of a project may still hold."""

from __future__ import annotations

import decimal
from typing import Any

import orjson
from django.utils.functional import Promise


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
    """Return what JSON text means.

    Raises:
        json.JSONDecodeError: it is not JSON.
    """
    return orjson.loads(data)


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
