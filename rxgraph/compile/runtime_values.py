"""Values of a ``RuntimeState`` as JSON, checked against what they are declared.

A value is taken only as it is declared: text is no number, and null is for what may be None. It is
written as documents have it: decimals and dates as text, enums by value, times in UTC.
"""

from __future__ import annotations

import collections.abc
import datetime
import decimal
import enum
import math
import types
import typing
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NotRequired, Required

from django.utils import timezone
from django.utils.duration import duration_string

from rxgraph.compile.annotations import LISTS, UNKNOWN, typed
from rxgraph.compile.scalars import BigInt
from rxgraph.declare.channel import ContextChannel
from rxgraph.jsonable import jsonable
from rxgraph.types import JSON

_INT_MIN, _INT_MAX = -(2**31), 2**31 - 1  # GraphQL specification §3.5.1, Int


class Misfit(Exception):
    """A value is not as declared; the message says what was found."""


def runtime_value(channel: type[ContextChannel], name: str, value: object) -> JSON:
    """Return *value* of the declared runtime variable *name* as JSON.

    Raises:
        TypeError: it does not fit the declared type.
    """
    declared = channel.options.runtime_state
    assert declared is not None
    if declared not in _hints:
        _hints[declared] = typing.get_type_hints(declared)
    annotation = _hints[declared][name]
    try:
        return _fit(annotation, value, is_json=False)
    except Misfit as error:
        raise TypeError(
            f"{channel.name}.RuntimeState.{name} is declared {_name(annotation)}, and {error};"
            " set a value of that type, or declare another one"
        ) from None


_hints: dict[type[Any], dict[str, Any]] = {}


def _fit(annotation: Any, value: Any, *, is_json: bool) -> JSON:
    """Return *value* as JSON; inside a *is_json* value integers may be of any size."""
    if annotation is BigInt:
        number = _fit(int, value, is_json=True)
        return number if is_json else _big(number)
    if isinstance(annotation, typing.NewType):
        return _fit(annotation.__supertype__, value, is_json=is_json)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Annotated, Required, NotRequired):
        return _fit(arguments[0], value, is_json=is_json)
    if origin is typing.Literal:
        if any(type(value) is type(item) and value == item for item in arguments):
            return _plain(value)
        raise _misfit(value)
    if origin in (typing.Union, types.UnionType):
        return _fit_union(arguments, value, is_json=is_json)
    if origin in LISTS or annotation in LISTS:
        return _fit_items(arguments, value, origin or annotation, is_json=is_json)
    if typing.is_typeddict(annotation):
        return _fit_typed_dict(annotation, value)
    mapping = origin or annotation
    if isinstance(mapping, type) and issubclass(mapping, collections.abc.Mapping):
        return _fit_mapping(arguments, value)
    if not isinstance(annotation, type) or typed(annotation) == UNKNOWN:
        return _plain(value)
    if isinstance(value, annotation) and not isinstance(value, _NOT.get(annotation, ())):
        return _written(value, is_json=is_json)
    if annotation is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    raise _misfit(value)


def _fit_union(members: tuple[Any, ...], value: Any, *, is_json: bool) -> JSON:
    if value is None and type(None) in members:
        return None
    rest = [member for member in members if member is not type(None)]
    for member in rest:
        try:
            return _fit(member, value, is_json=is_json or len(rest) > 1)
        except Misfit:
            if len(rest) == 1:
                raise
    raise _misfit(value)


def _fit_items(arguments: tuple[Any, ...], value: Any, kind: Any, *, is_json: bool) -> list[JSON]:
    base = kind if kind in (tuple, set, frozenset) else collections.abc.Iterable
    if not isinstance(value, (base, list, tuple)) or isinstance(value, str | bytes | Mapping):
        raise _misfit(value)
    item = arguments[0] if arguments else Any
    return [_fit(item, each, is_json=is_json) for each in value]


def _fit_typed_dict(declared: Any, value: Any) -> dict[str, JSON]:
    if not isinstance(value, Mapping):
        raise _misfit(value)
    hints = typing.get_type_hints(declared, include_extras=True)
    # Where annotations are text, Python itself does not see these.
    given = {name: typing.get_origin(hint) for name, hint in hints.items()}
    required = {name for name in declared.__required_keys__ if given[name] is not NotRequired}
    required |= {name for name, origin in given.items() if origin is Required}
    missing = required - set(value)
    unknown = set(value) - set(hints)
    if missing or unknown:
        what = [f"{name!r} is missing" for name in sorted(missing)]
        what += [f"{name!r} is unknown" for name in sorted(unknown, key=str)]
        raise Misfit(f"in {value!r} {', '.join(what)}")
    return {name: _at(name, hints[name], item) for name, item in value.items()}


def _fit_mapping(arguments: tuple[Any, ...], value: Any) -> dict[str, JSON]:
    if not isinstance(value, Mapping):
        raise _misfit(value)
    item = arguments[1] if len(arguments) > 1 else Any
    plain = _plain(dict.fromkeys(value))
    if len(plain) < len(value):
        raise Misfit(f"found {value!r}, where several keys are one as JSON")
    return {key: _at(key, item, each) for key, each in zip(plain, value.values(), strict=True)}


def _at(name: str, annotation: Any, value: Any) -> JSON:
    try:
        return _fit(annotation, value, is_json=True)
    except Misfit as error:
        raise Misfit(f"{name!r} in it is not: {error}") from None


def _written(value: Any, *, is_json: bool) -> JSON:
    if isinstance(value, enum.Enum) and not isinstance(value, int | float | str):
        return value.value if isinstance(value.value, str) else value.name
    if isinstance(value, int) and not isinstance(value, bool) and not is_json:
        if not _INT_MIN <= value <= _INT_MAX:
            raise Misfit(f"found {value}, which is beyond the 32 bits of int; BigInt has 64")
        return int(value)
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            return write(value)
    return _plain(value)


def _big(value: Any) -> str:
    if not -(2**63) <= value < 2**63:
        raise Misfit(f"found {value}, which is beyond the 64 bits of BigInt")
    return str(value)


def _plain(value: Any) -> JSON:
    try:
        return jsonable(value)
    except TypeError as error:
        raise Misfit(f"found {value!r}: {error}") from None


def _number(value: float) -> float:
    if math.isfinite(value):
        return float(value)
    raise Misfit(f"found {value}, which JSON does not have")


def _decimal(value: decimal.Decimal) -> str:
    if value.is_finite():
        return str(value)
    raise Misfit(f"found {value}, which JSON does not have")


def _moment(value: datetime.datetime) -> str:
    if timezone.is_aware(value):
        value = value.astimezone(datetime.UTC)
    return value.isoformat().replace("+00:00", "Z")


def _isoformat(value: datetime.date | datetime.time) -> str:
    return value.isoformat()


_WRITERS: tuple[tuple[type, Callable[[Any], JSON]], ...] = (
    (float, _number),
    (decimal.Decimal, _decimal),
    (datetime.datetime, _moment),
    (datetime.date, _isoformat),
    (datetime.time, _isoformat),
    (datetime.timedelta, duration_string),
    (uuid.UUID, str),
)


#: Subclasses in Python that are something else to everybody.
_NOT: Mapping[type, Any] = {int: bool, datetime.date: datetime.datetime}


def _misfit(value: Any) -> Misfit:
    return Misfit(f"found {value!r} ({type(value).__qualname__})")


def _name(annotation: Any) -> str:
    if isinstance(annotation, typing.NewType):
        return annotation.__name__
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation.__qualname__
    return str(annotation).replace("typing.", "")
