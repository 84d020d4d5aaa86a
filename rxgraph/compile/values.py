"""Type a serializer field that is not a nested model serializer.

The documents hold what DRF renders, so the DRF field decides the type and the model decides
whether null can occur.
"""

from __future__ import annotations

import datetime
import decimal
import functools
import inspect
import typing
import uuid
from typing import Any, NamedTuple, TypeAlias

import strawberry
from django.db import models
from rest_framework import ISO_8601, relations, serializers
from rest_framework.settings import api_settings

from rxgraph.compile import enums, naming
from rxgraph.compile.annotations import UNKNOWN, Typed, returned
from rxgraph.compile.columns import BIG, column_type
from rxgraph.compile.scalars import JSON, BigInt
from rxgraph.compile.sources import Source, end_dependencies, walk
from rxgraph.compile.state_tree import Dependency, ValueField

AnyField: TypeAlias = "serializers.Field[Any, Any, Any, Any]"


class EnumOwner(NamedTuple):
    """What the names of a layer's enums begin with."""

    model: str  # choices of the model: shared by all layers that show them
    typename: str  # choices that only this serializer knows


def enum_owner(serializer: type[Any], model: type[models.Model], typename: str) -> EnumOwner:
    """Return what the names of the enums of *serializer*, which makes *typename*, begin with."""
    explicit = getattr(getattr(serializer, "Meta", None), "graphql_name", None)
    return EnumOwner(explicit or model.__name__, typename)


#: DRF field → type; the first that fits counts.
_FIELDS: tuple[tuple[type[Any], Any], ...] = (
    (serializers.BooleanField, bool),
    (serializers.UUIDField, uuid.UUID),
    (serializers.IntegerField, int),
    (serializers.FloatField, float),
    (serializers.DurationField, datetime.timedelta),
    (serializers.DictField, JSON),
    (serializers.JSONField, JSON),
    (serializers.CharField, str),
    (serializers.FileField, str),
    (serializers.IPAddressField, str),
)
_FORMATTED: tuple[tuple[type[Any], str, Any], ...] = (
    (serializers.DateTimeField, "DATETIME_FORMAT", datetime.datetime),
    (serializers.DateField, "DATE_FORMAT", datetime.date),
    (serializers.TimeField, "TIME_FORMAT", datetime.time),
)


def compile_value(
    name: str,
    field: AnyField,
    model: type[models.Model],
    owner: EnumOwner,
) -> ValueField:
    """Return the value that *field* of a serializer of *model* renders as *name*.

    *owner* begins the name of its enum.
    """
    source = walk(model, field.source_attrs)
    dependencies = source.dependencies
    if _reads_related_rows(field, source):
        dependencies += end_dependencies(source)
    found = _typed(name, field, source, owner)
    return ValueField(
        name=name,
        graphql_name=naming.camel_case(name),
        type=found.type,
        nullable=found.nullable,
        description=description_of(field, source),
        dependencies=_unique(dependencies),
    )


def _typed(name: str, field: AnyField, source: Source, owner: EnumOwner) -> Typed:
    if isinstance(field, serializers.SerializerMethodField):
        method = field.method_name or f"get_{name}"
        return returned(getattr(type(field.parent), method, None))
    own = returned(vars_of(type(field), "to_representation"))
    if own is not UNKNOWN:
        return Typed(own.type, own.nullable or _nullable(field, source))
    computed = _computed(source)
    if isinstance(field, serializers.ReadOnlyField):
        if source.field is not None:
            return Typed(column_type(source.field), _nullable(field, source))
        return Typed(computed.type, computed.nullable or source.is_optional)
    type_ = drf_type(name, field, source, owner)
    if type_ is None:
        return UNKNOWN
    return Typed(type_, _nullable(field, source))


def drf_type(name: str, field: AnyField, source: Source, owner: EnumOwner) -> Any:
    """Return the type that DRF's own *field* renders, None when it is not one of DRF's."""
    if isinstance(field, relations.ManyRelatedField):
        return list[drf_type(name, field.child_relation, source, owner)]  # type: ignore[misc]
    if isinstance(field, relations.PrimaryKeyRelatedField):
        return strawberry.ID
    if isinstance(field, relations.RelatedField):
        return str
    if isinstance(field, serializers.FilePathField):
        return str
    if isinstance(field, serializers.ChoiceField):
        made = _choices(name, field, source, owner)
        return list[made] if isinstance(field, serializers.MultipleChoiceField) else made  # type: ignore[valid-type]
    if isinstance(field, serializers.ListField):
        return list[_child_type(name, field.child, owner)]  # type: ignore[misc]
    if isinstance(field, serializers.BaseSerializer):
        return JSON  # not of a model: a value with parts
    column = source.field
    if name == "id" or (isinstance(column, models.ForeignKey)):
        return strawberry.ID
    if isinstance(field, serializers.DecimalField):
        coerced = getattr(field, "coerce_to_string", api_settings.COERCE_DECIMAL_TO_STRING)
        return decimal.Decimal if coerced else float
    for kind, setting, type_ in _FORMATTED:
        if isinstance(field, kind):
            format_ = getattr(field, "format", getattr(api_settings, setting))
            return type_ if format_ is None or format_.lower() == ISO_8601 else str
    if isinstance(field, getattr(serializers, "BigIntegerField", ())):
        return BigInt
    if isinstance(field, serializers.IntegerField) and isinstance(column, BIG):
        return BigInt
    for kind, type_ in _FIELDS:
        if isinstance(field, kind):
            return type_
    if isinstance(field, serializers.ModelField):
        return column_type(field.model_field)
    return None


def _child_type(name: str, child: Any, owner: EnumOwner) -> Any:
    nowhere = Source(None, None, (), "", False)
    type_ = drf_type(name if name != "id" else "item", child, nowhere, owner)
    if type_ is None or type_ is JSON:
        return typing.Optional[JSON]  # noqa: UP045
    return typing.Optional[type_] if child.allow_null else type_  # noqa: UP045


def _choices(name: str, field: serializers.ChoiceField, source: Source, owner: EnumOwner) -> Any:
    choices = [(value, str(label)) for value, label in field.choices.items() if value is not None]
    if not choices:
        return str
    column = source.field
    values = {value for value, _ in choices}
    of_column: Any = getattr(column, "flatchoices", None) or ()
    is_blank = field.allow_blank or (of_column and getattr(column, "blank", False))
    if is_blank and "" not in values and all(isinstance(value, str) for value in values):
        choices.append(("", ""))
    of_column = {value for value, _ in of_column} - {None, ""}
    if column is not None and values - {""} == of_column:
        enum_name = naming.enum_type(owner.model, column.name)
    else:
        enum_name = naming.enum_type(owner.typename, name)
    return enums.choice_enum(enum_name, tuple(choices))


def _nullable(field: AnyField, source: Source) -> bool:
    """Return whether null can be rendered: what the database allows counts."""
    if isinstance(field, relations.ManyRelatedField):
        return source.is_optional
    if field.source == "*":
        return field.allow_null
    if source.is_optional:
        return True
    column: Any = source.field
    if column is None:
        return _computed(source).nullable or field.allow_null
    if isinstance(column, models.Field):
        if isinstance(column, models.FileField):
            return column.blank or column.null
        if isinstance(column, models.GeneratedField):
            return True
        return column.null
    return not (column.one_to_many or column.many_to_many)


def _computed(source: Source) -> Typed:
    """Return the type that a property or method of the model is annotated with."""
    attribute = source.attribute
    if isinstance(attribute, property):
        return returned(attribute.fget)
    if isinstance(attribute, (functools.cached_property,)) or hasattr(attribute, "func"):
        return returned(attribute.func)
    if inspect.isfunction(attribute):
        return returned(attribute)
    return UNKNOWN


def _reads_related_rows(field: AnyField, source: Source) -> bool:
    if isinstance(field, relations.ManyRelatedField):
        return True
    if not isinstance(field, relations.RelatedField) or field.source == "*":
        return False
    own_column = isinstance(source.field, models.ForeignKey)
    return not (isinstance(field, relations.PrimaryKeyRelatedField) and own_column)


def description_of(field: AnyField, source: Source) -> str | None:
    """Return the help text of *field*, its column or the code that computes it."""
    if field.help_text:
        return str(field.help_text)
    help_text = getattr(source.field, "help_text", "") if not source.path else ""
    if help_text:
        return str(help_text)
    if isinstance(field, serializers.SerializerMethodField):
        method = getattr(type(field.parent), field.method_name or "", None)
        return inspect.getdoc(method)
    getter = getattr(source.attribute, "fget", getattr(source.attribute, "func", None))
    return inspect.getdoc(getter) if getter is not None else None


def vars_of(cls: type, name: str) -> Any:
    """Return the function *name* as the nearest class outside DRF defines it, or None."""
    for base in cls.__mro__:
        if name in vars(base):
            return None if base.__module__.startswith("rest_framework.") else vars(base)[name]
    return None


def _unique(found: tuple[Dependency, ...]) -> tuple[Dependency, ...]:
    return tuple(dict.fromkeys(found))
