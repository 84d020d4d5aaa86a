"""TypedDicts and dataclasses of actions: inputs on the way in, object types on the way out.

Fields are camelCase in GraphQL and in JSON. One Python class makes one input and one object type,
however many actions name it.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import strawberry

from rxgraph.compile import naming
from rxgraph.compile.graphql_types import Field, Given, input_type, object_type, or_null
from rxgraph.compile.requests import field_attribute
from rxgraph.compile.shapes import Misfit, Shape, below, kind_of
from rxgraph.compile.walk import own_doc
from rxgraph.types import JSON

MISSING = dataclasses.MISSING


@dataclass(frozen=True)
class Declared:
    """One field as its class declares it."""

    name: str
    hint: Any
    required: bool
    default: Any  # MISSING for none
    is_given: bool = True  # False: the class computes it, nobody sets it


@dataclass(frozen=True)
class RecordField:
    """One field of a record."""

    name: str
    graphql_name: str
    shape: Shape
    required: bool
    is_given: bool
    default: Any = strawberry.UNSET  # as Strawberry prints it

    @property
    def attribute(self) -> str:
        """Attribute of the GraphQL object."""
        return field_attribute(self.name)


@dataclass(frozen=True, eq=False)
class Record:
    """A TypedDict or dataclass; compared by identity, and there is one for each class and way."""

    cls: type[Any]
    fields: tuple[RecordField, ...]
    annotation: Any

    def wire(self, given: Any) -> JSON:
        """Return an input object as JSON; what was left out stays out."""
        if not isinstance(given, self.annotation):
            raise Misfit(f"is {kind_of(given)}, not a {self.cls.__name__}")
        found = ((field, getattr(given, field.attribute)) for field in self.fields)
        return {
            field.graphql_name: below(field.graphql_name, field.shape.wire, value)
            for field, value in found
            if value is not strawberry.UNSET
        }

    def encode(self, value: Any) -> JSON:
        """Return a record as JSON."""
        read = self._read_dict(value) if self._is_dict else self._read_object(value)
        found: dict[str, JSON] = {}
        for field in self.fields:
            item = read(field.name)
            if item is not MISSING:
                found[field.graphql_name] = below(field.name, field.shape.encode, item)
            elif field.required:
                raise Misfit(f"has no {field.name}, which {self.cls.__name__} requires")
        return found

    def decode(self, data: JSON) -> Any:
        """Return a record."""
        if not isinstance(data, dict):
            raise Misfit(f"is {kind_of(data)}, not an object")
        names = {field.graphql_name for field in self.fields}
        if others := sorted(set(data) - names):
            raise Misfit(f"has {', '.join(others)}, which {self.cls.__name__} has not")
        found: dict[str, Any] = {}
        for field in self.fields:
            if not field.is_given:
                continue
            if field.graphql_name in data:
                item = data[field.graphql_name]
                found[field.name] = below(field.graphql_name, field.shape.decode, item)
            elif field.required:
                raise Misfit(f"has no {field.graphql_name}, which is required")
        return found if self._is_dict else self.cls(**found)

    def show(self, data: JSON) -> object:
        """Return a source for the object type; null for what an answer has left out."""
        return Shown(
            {
                field.attribute: None
                if (item := data.get(field.graphql_name)) is None
                else field.shape.show(item)
                for field in self.fields
            }
        )

    def default(self, value: Any) -> Any:
        """Return UNSET: objects are not printed as defaults."""
        return strawberry.UNSET

    @property
    def _is_dict(self) -> bool:
        return typing.is_typeddict(self.cls)

    def _read_dict(self, value: Any) -> Callable[[str], Any]:
        if not isinstance(value, dict):
            raise Misfit(f"is {kind_of(value)}, not a {self.cls.__name__}")
        if others := sorted(map(str, set(value) - {field.name for field in self.fields})):
            raise Misfit(f"has {', '.join(others)}, which {self.cls.__name__} has not")
        return lambda name: value.get(name, MISSING)

    def _read_object(self, value: Any) -> Callable[[str], Any]:
        if not isinstance(value, self.cls):
            raise Misfit(f"is {kind_of(value)}, not a {self.cls.__name__}")
        return lambda name: getattr(value, name, MISSING)


@dataclass(frozen=True, slots=True)
class Shown:
    """What an object type resolves from."""

    values: dict[str, object]

    def resolve(self, name: str) -> object:
        """Return the value of a field."""
        return self.values[name]


def is_record(hint: Any) -> bool:
    """True for TypedDicts and dataclasses."""
    return isinstance(hint, type) and (typing.is_typeddict(hint) or dataclasses.is_dataclass(hint))


def declared_fields(cls: type[Any], *, is_output: bool) -> list[Declared]:
    """Return the fields of a TypedDict or dataclass, in their order.

    Raises:
        Exception: its annotations cannot be read.
    """
    hints = typing.get_type_hints(cls, include_extras=True)
    for name, hint in hints.items():
        if isinstance(hint, dataclasses.InitVar):
            raise TypeError(f"{name} is an InitVar, which is not kept")
    if typing.is_typeddict(cls):
        return [_of_key(cls, name, hint) for name, hint in hints.items()]
    return [
        declared
        for field in dataclasses.fields(cls)
        if (declared := _of_field(field, hints[field.name])).is_given or is_output
    ]


def _of_key(cls: type[Any], name: str, hint: Any) -> Declared:
    # Written as text, Required and NotRequired are not in __required_keys__: they are read here.
    required = name in cls.__required_keys__
    while (origin := typing.get_origin(hint)) in _QUALIFIERS:
        required = _QUALIFIERS[origin](required)
        hint = typing.get_args(hint)[0]
    return Declared(name, hint, required, MISSING)


def _of_field(field: dataclasses.Field[Any], hint: Any) -> Declared:
    is_required = field.default is MISSING and field.default_factory is MISSING
    return Declared(field.name, hint, is_required, field.default, field.init)


_QUALIFIERS: dict[Any, Callable[[bool], bool]] = {
    typing.Required: lambda required: True,
    typing.NotRequired: lambda required: False,
}
if hasattr(typing, "ReadOnly"):
    _QUALIFIERS[typing.ReadOnly] = bool


def record(cls: type[Any], fields: tuple[RecordField, ...], *, is_output: bool) -> Record:
    """Return the record of *cls*; its GraphQL type is made once."""
    key = cls, is_output
    if key not in _records:
        _records[key] = _record(cls, fields, is_output=is_output)
    return _records[key]


_records: dict[tuple[type[Any], bool], Record] = {}


def _record(cls: type[Any], fields: tuple[RecordField, ...], *, is_output: bool) -> Record:
    description = _doc(cls)
    if is_output:
        made = object_type(
            naming.result_type(cls.__name__),
            [
                Field(
                    field.attribute,
                    field.graphql_name,
                    or_null(field.shape.annotation, nullable=not field.required),
                )
                for field in fields
            ],
            description=description,
        )
    else:
        made = input_type(
            naming.input_type(cls.__name__),
            [
                Given(
                    field.attribute,
                    field.graphql_name,
                    field.shape.annotation,
                    required=field.required,
                    default=field.default,
                )
                for field in fields
            ],
            description=description,
        )
    return Record(cls, fields, made)


def _doc(cls: type[Any]) -> str | None:
    """Return the docstring, unless it is the signature that dataclasses write there."""
    doc = own_doc(cls)
    return None if doc is None or doc.startswith(f"{cls.__name__}(") else doc
