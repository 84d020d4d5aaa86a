"""Type hints of actions as shapes: what a method takes, and what it answers.

======================================================  =======================================
hint                                                    GraphQL
======================================================  =======================================
``bool``, ``int``, ``float``, ``str``, ``ID``           ``Boolean``, ``Int``, ``Float``, ...
``BigInt``, ``Decimal``, ``UUID``                       a scalar of that name
``datetime``, ``date``, ``time``, ``timedelta``         ``DateTime``, ``Date``, ...
an ``Enum``, Django's choices                           an enum
``Literal["a", "b"]``                                   ``String`` or ``Int``, checked
``X | None``                                            nullable
``list[X]``, ``tuple[X, ...]``, ``set[X]``, ...         a list
a ``TypedDict``, a dataclass                            an input; an object type in a result
``dict``, ``dict[str, X]``, ``Any``                     ``JSON``
======================================================  =======================================
"""

from __future__ import annotations

import collections.abc
import enum
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import strawberry
from django.db.models import Choices

from rxgraph.compile import naming
from rxgraph.compile.enums import choice_enum
from rxgraph.compile.leaves import ANYTHING, LEAVES
from rxgraph.compile.records import (
    MISSING,
    Declared,
    Record,
    RecordField,
    declared_fields,
    is_record,
    record,
)
from rxgraph.compile.scalars import JSON
from rxgraph.compile.shapes import (
    Leaf,
    Many,
    Mapped,
    Member,
    Misfit,
    Nullable,
    Shape,
)

_ABSTRACT: tuple[Any, ...] = (
    collections.abc.Sequence,
    collections.abc.Collection,
    collections.abc.Iterable,
)
_SETS: tuple[Any, ...] = (set, frozenset, collections.abc.Set, collections.abc.MutableSet)
_MAPPINGS: tuple[Any, ...] = (
    dict,
    collections.abc.Mapping,
    collections.abc.MutableMapping,
)
_FORBIDDEN_MEMBERS = frozenset({"true", "false", "null"})

#: Says what is used instead of something that cannot be typed.
KNOWN = (
    "use bool, int, float, str, ID, BigInt, Decimal, UUID, datetime, date, time, timedelta, an"
    " Enum, X | None, list[X], a TypedDict or a dataclass; dict or Any for JSON"
)


class Untyped(Exception):
    """A hint that has no shape.

    Attributes:
        code: of the problem, ``E024`` unless a name is what is wrong.
        found: what is wrong, to be read after the name of what has the hint.
        hint: what to do.
    """

    def __init__(self, found: str, hint: str = KNOWN, code: str = "E024") -> None:
        self.code, self.found, self.hint = code, found, hint
        super().__init__(found)


@dataclass(frozen=True)
class Reader:
    """Reads hints; what it is inside of is kept, so that it ends."""

    is_output: bool
    above: tuple[type[Any], ...] = ()

    def shape(self, hint: Any) -> Shape:
        """Return the shape of *hint*.

        Raises:
            Untyped: it has none.
        """
        if hint is Any or hint is object or hint is JSON:
            return ANYTHING
        if isinstance(hint, collections.abc.Hashable) and hint in LEAVES:
            return LEAVES[hint]
        if isinstance(hint, typing.NewType):
            return self.shape(hint.__supertype__)
        if hasattr(hint, "__value__"):  # type X = ...
            return self.shape(hint.__value__)
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin is typing.Annotated:
            return self.shape(arguments[0])
        if origin in (typing.Union, types.UnionType):
            return self._union(hint, arguments)
        if origin is typing.Literal:
            return _literal(hint, arguments)
        kind = origin or hint
        if kind in _MAPPINGS:
            return self._mapping(hint, arguments)
        if kind is tuple or kind is list or kind in _ABSTRACT or kind in _SETS:
            return self._many(hint, kind, arguments)
        if is_record(hint):
            return self._record(hint)
        if isinstance(hint, type) and issubclass(hint, enum.Enum):
            return _member(hint)
        raise Untyped(f"is {text_of(hint)}, which has no GraphQL type")

    def _union(self, hint: Any, members: tuple[Any, ...]) -> Shape:
        rest = [member for member in members if member is not type(None)]
        if len(rest) != 1 or len(rest) == len(members):
            raise Untyped(f"is {text_of(hint)}: one of several types")
        return or_none(self.shape(rest[0]))

    def _mapping(self, hint: Any, arguments: tuple[Any, ...]) -> Shape:
        if arguments and arguments[0] is not str:
            raise Untyped(f"is {text_of(hint)}, whose keys are no str")
        return Mapped(JSON, self.shape(arguments[1]) if arguments else ANYTHING)

    def _many(self, hint: Any, kind: Any, arguments: tuple[Any, ...]) -> Shape:
        if kind is tuple:
            if arguments and (len(arguments) != 2 or arguments[1] is not ...):
                raise Untyped(f"is {text_of(hint)}, a tuple of fixed length")
            return Many(self._item(arguments), tuple, (tuple, list))
        if kind in _SETS:
            item = self._item(arguments)
            if not isinstance(item, Leaf | Member):
                raise Untyped(f"is {text_of(hint)}, a set of what may not be hashable")
            make: Callable[[Iterable[Any]], Any] = frozenset if kind is frozenset else set
            return Many(item, make, (set, frozenset))
        accepted = (list, tuple, set, frozenset) if kind in _ABSTRACT[1:] else (list, tuple)
        return Many(self._item(arguments), list, accepted)

    def _item(self, arguments: tuple[Any, ...]) -> Shape:
        return self.shape(arguments[0]) if arguments else ANYTHING

    def _record(self, cls: type[Any]) -> Shape:
        if cls in self.above:
            raise Untyped(
                f"is {cls.__name__}, which contains itself", "use dict or Any for JSON there"
            )
        if not naming.is_valid_name(cls.__name__):
            raise Untyped(
                f"is {cls.__name__}, which GraphQL does not allow", "rename the class", "E014"
            )
        try:
            declared = declared_fields(cls, is_output=self.is_output)
        except Exception as error:  # a name that does not exist, in whatever way
            raise Untyped(
                f"is {cls.__name__}, whose annotations cannot be read: {error}",
                "import what they name at run time",
            ) from error
        if not declared:
            raise Untyped(f"is {cls.__name__}, which has no fields", "declare a field")
        inside = replace(self, above=(*self.above, cls))
        fields = tuple(inside.field(cls, item) for item in declared)
        names = [field.graphql_name for field in fields]
        for name in names:
            if names.count(name) > 1:
                raise Untyped(
                    f"is {cls.__name__}, which has two fields that become {name}",
                    "give one of them another name",
                    "E013",
                )
        return record(cls, fields, is_output=self.is_output)

    def field(self, cls: type[Any], declared: Declared) -> RecordField:
        """Return one field of a record.

        Raises:
            Untyped: it has no shape, or a name that is not allowed.
        """
        name = f"{cls.__name__}.{declared.name}"
        graphql_name = naming.camel_case(declared.name)
        if not naming.is_valid_name(graphql_name):
            raise Untyped(
                f"has {name}, which GraphQL does not allow", "give it another name", "E014"
            )
        if self.is_output and graphql_name == "id":
            raise Untyped(
                f"has {name}, but only entities have an id: caches would take it for one",
                "give it another name, such as task_id",
                "E006",
            )
        try:
            shape = self.shape(declared.hint)
        except Untyped as error:
            raise Untyped(f"has {name}, which {error.found}", error.hint, error.code) from error
        default = strawberry.UNSET
        if declared.default is None:
            shape = or_none(shape)
        elif declared.default is not MISSING and not self.is_output:
            default = default_of(shape, declared.default, f"has {name}, which")
        is_typed_dict = typing.is_typeddict(cls)
        required = declared.required or (self.is_output and not is_typed_dict)
        return RecordField(declared.name, graphql_name, shape, required, declared.is_given, default)


def input_shape(hint: Any) -> Shape:
    """Return the shape of what a method takes.

    Raises:
        Untyped: *hint* has none.
    """
    return Reader(is_output=False).shape(hint)


def output_shape(hint: Any) -> Shape:
    """Return the shape of what a method answers.

    Raises:
        Untyped: *hint* has none.
    """
    return Reader(is_output=True).shape(hint)


def or_none(shape: Shape) -> Shape:
    """Return *shape* with None allowed."""
    return shape if shape is ANYTHING or isinstance(shape, Nullable) else Nullable(shape)


def default_of(shape: Shape, value: Any, subject: str) -> Any:
    """Return a default as Strawberry prints it.

    Raises:
        Untyped: *value* is not of its shape.
    """
    try:
        shape.encode(value)
        return shape.default(value)
    except Misfit as error:
        raise Untyped(
            f"{subject} has the default {value!r}: it {error.found}",
            "give it a default of its type, or annotate it with | None",
        ) from None


def made_types(shape: Shape) -> Iterator[type[Any]]:
    """Yield the enums, inputs and object types that *shape* brings into a schema."""
    match shape:
        case Member(made=made):
            yield made
        case Nullable(inner=inner) | Many(item=inner):
            yield from made_types(inner)
        case Record():
            yield shape.annotation
            for field in shape.fields:
                yield from made_types(field.shape)


def text_of(hint: Any) -> str:
    """Return a hint as a person writes it."""
    return getattr(hint, "__name__", str(hint)) if isinstance(hint, type) else str(hint)


@cache
def _literal(hint: Any, values: tuple[Any, ...]) -> Shape:
    kinds = {type(value) for value in values}
    kind = kinds.pop()
    if kinds or kind not in (str, int):
        raise Untyped(f"is {text_of(hint)}, not all text or all whole numbers")
    leaf = LEAVES[kind]

    def checked(value: Any) -> Any:
        if leaf.write(value) not in values:
            raise Misfit(f"is none of {', '.join(map(repr, values))}")
        return value

    return Leaf(kind, checked, checked)


def _member(cls: type[enum.Enum]) -> Shape:
    name = text_of(cls)
    if issubclass(cls, enum.Flag):
        raise Untyped(f"is {name}, a Flag", "use a list of an Enum")
    if not len(cls):
        raise Untyped(f"is {name}, an enum without members", "declare a member")
    if issubclass(cls, Choices):
        choices = tuple((value, str(label)) for value, label in cls.choices if value is not None)
        return Member(cls, choice_enum(naming.choices_type(cls.__qualname__), choices))
    for member in cls.__members__:
        if not naming.is_valid_name(member) or member in _FORBIDDEN_MEMBERS:
            raise Untyped(
                f"is {name}, whose member {member} GraphQL does not allow", "rename it", "E014"
            )
    return Member(cls, cls)
