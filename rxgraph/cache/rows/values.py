"""Turn what DRF rendered into JSON-ready values that GraphQL completes to themselves.

In: Python values as they come out of ``to_representation``. Out: ``None``, ``bool``, ``int``,
``float``, ``str``, lists and dicts with text keys, with plain types only. Rule: completing such a
value by the stock GraphQL executor changes nothing, so a projection may copy it.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import strawberry
from django.utils.duration import duration_string
from rest_framework.utils.encoders import JSONEncoder

from rxgraph.compile.enums import raw_members
from rxgraph.compile.scalars import BigInt
from rxgraph.types import JSON

Coercion = Callable[[Any], Any]

_PLAIN = frozenset({str, int, bool, type(None)})
_INT_MIN, _INT_MAX = -(2**31), 2**31 - 1  # GraphQL specification §3.5.1, Int
_encode = JSONEncoder().default


class FaultyValue(Exception):
    """A value cannot be shown under the declared type."""


def to_json(value: Any) -> JSON:
    """Return *value* as DRF's JSON renderer would write it.

    Raises:
        FaultyValue: JSON cannot hold it.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is float:
        if math.isfinite(value):
            return value
        raise FaultyValue(f"JSON has no {value}")
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return to_json(float.__float__(value))
    if isinstance(value, Mapping):
        return {_key(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset | types.GeneratorType):
        return [to_json(item) for item in value]
    try:
        return to_json(_encode(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise FaultyValue(f"JSON has no {kind.__qualname__}") from error


def _key(key: Any) -> str:
    if type(key) is str:
        return key
    if isinstance(key, str):
        return str.__str__(key)
    if key is None:
        return "null"
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int | float):
        return str(to_json(key))
    raise FaultyValue(f"{key!r} cannot be a key in JSON")


def coercion_of(annotation: Any) -> Coercion:
    """Return what makes a value, never None itself, one of *annotation*."""
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return _choice(annotation)
    origin = typing.get_origin(annotation)
    if origin is list:
        return _items(typing.get_args(annotation)[0])
    for known, coercion in _COERCIONS:
        if annotation is known:
            return coercion
    return to_json


def _items(annotation: Any) -> Coercion:
    is_optional = False
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        is_optional = True
        annotation = next(a for a in typing.get_args(annotation) if a is not type(None))
    coerce = coercion_of(annotation)

    def items(value: Any) -> list[Any]:
        if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
            raise FaultyValue(f"found {value!r} instead of a list")
        found = [None if item is None else coerce(item) for item in value]
        if not is_optional and None in found:
            raise FaultyValue("found null in a list that has none by its type")
        return found

    return items


def _choice(made: type[enum.Enum]) -> Coercion:
    raw = {_hashable(value): value for value in raw_members(made).values()}

    def choice(value: Any) -> Any:
        plain = to_json(value)
        if _hashable(plain) in raw:
            return plain
        raise FaultyValue(f"{plain!r} is none of the choices of {made.__name__}")

    return choice


def _hashable(value: Any) -> tuple[type, str]:
    plain = to_json(value)
    return type(plain), str(plain)


def _text(value: Any) -> str:
    plain = value if type(value) is str else to_json(value)
    if type(plain) is str:
        return plain
    if type(plain) is bool:
        return "true" if plain else "false"
    if type(plain) in (int, float):
        return str(plain)
    raise FaultyValue(f"found {plain!r} instead of text")


def _identity(value: Any) -> str:
    if type(value) is str:
        return value
    plain = to_json(value)
    if type(plain) in (int, str):
        return str(plain)
    raise FaultyValue(f"found {plain!r} instead of an id")


def _integer(value: Any) -> int:
    plain = value if type(value) is int else to_json(value)
    if type(plain) is bool or (type(plain) is float and plain.is_integer()):
        plain = int(plain)
    elif type(plain) is str:
        try:
            plain = int(plain)
        except ValueError:
            raise FaultyValue(f"found {plain!r} instead of an integer") from None
    if type(plain) is not int:
        raise FaultyValue(f"found {plain!r} instead of an integer")
    if _INT_MIN <= plain <= _INT_MAX:
        return plain
    raise FaultyValue(f"{plain} does not fit into 32 bits; make the column or field a big integer")


def _big_integer(value: Any) -> str:
    if type(value) is str:
        return value
    plain = to_json(value)
    if type(plain) is int or type(plain) is str:
        return str(plain)
    raise FaultyValue(f"found {plain!r} instead of an integer")


def _number(value: Any) -> float:
    plain = to_json(value)
    if type(plain) is float:
        return plain
    try:
        number = float(plain)
    except (TypeError, ValueError):
        raise FaultyValue(f"found {plain!r} instead of a number") from None
    if math.isfinite(number):
        return number
    raise FaultyValue(f"JSON has no {number}")


def _boolean(value: Any) -> bool:
    if type(value) is bool:
        return value
    plain = to_json(value)
    if type(plain) in (bool, int, float):
        return bool(plain)
    raise FaultyValue(f"found {plain!r} instead of true or false")


def _decimal(value: Any) -> str:
    if type(value) is str:
        return value
    if isinstance(value, decimal.Decimal):
        if value.is_finite():
            return str(value)
        raise FaultyValue(f"JSON has no {value}")
    return _text(value)


def _duration(value: Any) -> str:
    if isinstance(value, datetime.timedelta):
        return duration_string(value)
    return _text(value)


#: Compared by identity, because some of these types are not hashable.
_COERCIONS: tuple[tuple[Any, Coercion], ...] = (
    (str, _text),
    (int, _integer),
    (float, _number),
    (bool, _boolean),
    (strawberry.ID, _identity),
    (BigInt, _big_integer),
    (decimal.Decimal, _decimal),
    (datetime.timedelta, _duration),
)
