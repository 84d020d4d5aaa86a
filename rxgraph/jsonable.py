"""JSON text of what projects hand over: orjson, with a few types more than it knows itself."""

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
