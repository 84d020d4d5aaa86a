"""Which fields of a serializer clients may set, and how each is typed in an input."""

from __future__ import annotations

import datetime
import inspect
import typing
from collections.abc import Collection, Iterator
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from rest_framework import ISO_8601, serializers
from rest_framework.settings import api_settings

from rxgraph.compile import naming
from rxgraph.compile.annotations import UNKNOWN, Typed, typed
from rxgraph.compile.defaults import constant_default
from rxgraph.compile.limits import limits
from rxgraph.compile.scalars import JSON
from rxgraph.compile.sources import walk
from rxgraph.compile.state_tree import Layer
from rxgraph.compile.values import AnyField, description_of, drf_type, enum_owner, vars_of
from rxgraph.compile.walk import is_primary_key
from rxgraph.compile.writing import InputField
from rxgraph.declare.operations import Operation

_DATES: tuple[tuple[type[Any], str, Any], ...] = (
    (serializers.DateTimeField, "DATETIME_INPUT_FORMATS", datetime.datetime),
    (serializers.DateField, "DATE_INPUT_FORMATS", datetime.date),
    (serializers.TimeField, "TIME_INPUT_FORMATS", datetime.time),
)
_METHODS = {Operation.SAVE: "update", Operation.CREATE: "create"}


def input_fields(
    layer: Layer,
    operation: Operation,
    *,
    given: Collection[str] = (),
    optional: Collection[str] = (),
) -> tuple[InputField, ...]:
    """Return what a client may set on an instance of *layer*, in the order of the serializer.

    *given*: columns that the server sets; *optional*: columns that it sets at times.
    """
    found: list[InputField] = []
    for name, field in settable_fields(layer, operation, given):
        input_ = _input(name, field, layer)
        if input_ is not None:
            column = column_of(field, layer.model)
            required = operation is Operation.CREATE and field.required and column not in optional
            found.append(
                InputField(
                    name=name,
                    graphql_name=naming.camel_case(name),
                    type=input_.type,
                    nullable=input_.nullable,
                    required=required,
                    description=_described(field, layer.model),
                    relations=tuple(
                        relation.graphql_name
                        for relation in layer.relations
                        if relation.source == field.source
                    ),
                    defaults=constant_default(field, layer.model, input_.type)
                    if operation is Operation.CREATE
                    else (),
                )
            )
    return tuple(found)


def settable_fields(
    layer: Layer, operation: Operation, given: Collection[str] = ()
) -> Iterator[tuple[str, AnyField]]:
    """Yield the fields of the serializer that a client may set, files among them."""
    for name, field in layer.serializer.fields.items():
        if field.read_only or isinstance(
            field, (serializers.HiddenField, serializers.BaseSerializer)
        ):
            continue
        if name == "id" or is_primary_key(field, layer.model):
            continue
        column = column_of(field, layer.model)
        if column is not None and (column == layer.user_key or column in given):
            continue
        if "." in (field.source or "") and not overrides(layer, operation):
            continue  # DRF refuses to write through a relation by itself
        yield name, field


def overrides(layer: Layer, operation: Operation) -> bool:
    """True when the serializer has its own way to apply *operation*."""
    return vars_of(type(layer.serializer), _METHODS[operation]) is not None


def is_file(field: AnyField) -> bool:
    """True for files and lists of files: uploads are off."""
    child = getattr(field, "child", None)
    return isinstance(field, serializers.FileField) or (child is not None and is_file(child))


def column_of(field: AnyField, model: type[models.Model]) -> str | None:
    """Return the attname of the column that *field* writes, None when it is not one column."""
    try:
        column = model._meta.get_field(field.source or "")
    except FieldDoesNotExist:
        return None
    return getattr(column, "attname", None)


def _input(name: str, field: AnyField, layer: Layer) -> Typed | None:
    if is_file(field):
        return None
    own = _parsed(field)
    if own is not UNKNOWN:
        return Typed(own.type, own.nullable or field.allow_null)
    for kind, setting, type_ in _DATES:
        if isinstance(field, kind):
            formats = getattr(field, "input_formats", getattr(api_settings, setting))
            is_iso = ISO_8601 in [str(item).lower() for item in formats]
            return Typed(type_ if is_iso else str, field.allow_null)
    owner = enum_owner(type(layer.serializer), layer.model, layer.typename)
    found = drf_type(name, field, walk(layer.model, field.source_attrs), owner)
    return Typed(JSON if found is None else found, field.allow_null)


def _parsed(field: AnyField) -> Typed:
    """Return what a field of the project itself says that it parses."""
    parse = vars_of(type(field), "to_internal_value")
    if parse is None:
        return UNKNOWN
    try:
        hints = typing.get_type_hints(parse)
        name = list(inspect.signature(parse).parameters)[1]
    except Exception:  # noqa: BLE001  # an annotation that only a type checker can read
        return UNKNOWN
    return typed(hints[name]) if name in hints else UNKNOWN


def _described(field: AnyField, model: type[models.Model]) -> str | None:
    source = walk(model, field.source_attrs)
    parts = [description_of(field, source), limits(field)]
    return " ".join(part for part in parts if part) or None
