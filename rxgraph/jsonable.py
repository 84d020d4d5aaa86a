"""JSON text of what projects hand over: orjson, with a few types more than it knows itself."""

from __future__ import annotations

import decimal
from typing import Any

import orjson
from django.utils.functional import Promise


class Text:
    """JSON text that is ready: it goes out as it is."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


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


def encode_around(data: object) -> str:
    """Return *data* as JSON text, into which every :class:`Text` is put as it is.

    Raises:
        TypeError: something in it has no JSON form.
    """
    texts: list[str] = []

    def default(value: object) -> object:
        if isinstance(value, Text):
            texts.append(value.text)
            return _GAP
        return _default(value)

    whole = orjson.dumps(data, default=default, option=orjson.OPT_NON_STR_KEYS).decode()
    if not texts:
        return whole
    first, *others = whole.split("\x00")
    return "".join((first, *(part for pair in zip(texts, others, strict=True) for part in pair)))


_GAP = orjson.Fragment("\x00")  # control characters are escaped inside of JSON strings


def _default(value: object) -> object:
    if isinstance(value, Text):
        return orjson.Fragment(value.text)
    if isinstance(value, decimal.Decimal | Promise):
        return str(value)
    if isinstance(value, set | frozenset):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
