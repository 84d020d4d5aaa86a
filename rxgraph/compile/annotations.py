"""Return annotations of properties and ``get_…`` methods as GraphQL types."""

from __future__ import annotations

import collections.abc
import datetime
import decimal
import enum
import types
import typing
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

import strawberry

from rxgraph.compile.scalars import JSON, BigInt


class Typed(NamedTuple):
    """A type as Strawberry compiles it, and whether null may stand in its place."""

    type: Any
    nullable: bool


UNKNOWN = Typed(JSON, True)

#: Subclasses count too, so the narrow ones come first.
_PLAIN: tuple[tuple[type, Any], ...] = (
    (bool, bool),
    (int, int),
    (float, float),
    (str, str),
    (decimal.Decimal, decimal.Decimal),
    (datetime.datetime, datetime.datetime),
    (datetime.date, datetime.date),
    (datetime.time, datetime.time),
    (datetime.timedelta, datetime.timedelta),
    (uuid.UUID, uuid.UUID),
)
#: Kinds of collections that become lists.
LISTS = (
    list,
    tuple,
    set,
    frozenset,
    collections.abc.Sequence,
    collections.abc.Iterable,
    collections.abc.Collection,
    collections.abc.Set,
)


def returned(function: Callable[..., Any] | None) -> Typed:
    """Return the type that *function* says it returns; JSON, nullable, when it says nothing."""
    if function is None:
        return UNKNOWN
    try:
        hints = typing.get_type_hints(function)
    except Exception:  # noqa: BLE001  # an annotation that only a type checker can read
        return UNKNOWN
    return typed(hints["return"]) if "return" in hints else UNKNOWN


def typed(annotation: Any) -> Typed:
    """Return the GraphQL type of a Python *annotation*."""
    if annotation in (strawberry.ID, BigInt):
        return Typed(annotation, False)
    if annotation is JSON:
        return UNKNOWN
    if isinstance(annotation, typing.NewType):
        return typed(annotation.__supertype__)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return typed(arguments[0])
    if origin is typing.Literal:
        return _literal(arguments)
    if origin in (typing.Union, types.UnionType):
        return _union(arguments)
    if origin in LISTS or annotation in LISTS:
        item = typed(arguments[0]) if arguments else UNKNOWN
        return Typed(list[typing.Optional[item.type] if item.nullable else item.type], False)  # type: ignore[misc]  # noqa: UP045
    if isinstance(origin, type) and issubclass(origin, collections.abc.Mapping):
        return Typed(JSON, False)
    if not isinstance(annotation, type):
        return UNKNOWN
    if typing.is_typeddict(annotation) or issubclass(annotation, collections.abc.Mapping):
        return Typed(JSON, False)
    for base, type_ in _PLAIN:
        if issubclass(annotation, base):
            return Typed(type_, False)
    return Typed(str, False) if issubclass(annotation, enum.Enum) else UNKNOWN


def _union(members: tuple[Any, ...]) -> Typed:
    rest = [member for member in members if member is not type(None)]
    if len(rest) == 1:
        return Typed(typed(rest[0]).type, True)
    return Typed(JSON, len(rest) < len(members))


def _literal(values: tuple[Any, ...]) -> Typed:
    found = {type(value) for value in values}
    nullable = type(None) in found
    found.discard(type(None))
    return Typed(typed(found.pop()).type if len(found) == 1 else JSON, nullable)
