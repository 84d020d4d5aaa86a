"""The values of a layer: from a column, or from a serializer field, to what a document holds.

A :class:`Column` is DRF's ``get_attribute`` and ``to_representation`` and the fit to the declared
type for one column. Where DRF's own code gives a known result for a known Python type, that is
written down here as an expression, for the functions that ``functions`` makes; everything else
asks the serializer field. Rule: the result is the same.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import inspect
import math
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import strawberry
from django.db import models
from django.db.models.query_utils import DeferredAttribute
from rest_framework import ISO_8601, relations, serializers
from rest_framework.fields import SkipField
from rest_framework.relations import PKOnlyObject
from rest_framework.settings import api_settings

from rxgraph.cache.rows.values import FaultyValue, coercion_of
from rxgraph.compile.scalars import BigInt
from rxgraph.compile.state_tree import ValueField

Cell = Callable[[Any], Any]
Fit = Callable[[Any], Any]
Field = Any  # a bound serializer field

_UTC = datetime.timezone.utc  # noqa: UP017 - the object that database backends use


@dataclass(frozen=True, slots=True)
class Fast:
    """Expressions over ``{v}``, the value of a column: *when* it holds, *then* is the result."""

    when: str
    then: str = "{v}"
    #: What else the expressions name, in braces.
    names: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Column:
    """A value that comes from the column *attname* alone. ``slow`` is right for all of them."""

    attname: str
    slow: Callable[[Any], Any]
    fast: Fast | None = None


def fit(value: ValueField) -> Fit:
    """Return what makes a rendered value one of the declared type, or raises FaultyValue."""
    name, nullable, coerce = value.name, value.nullable, coercion_of(value.type)

    def fitting(rendered: Any) -> Any:
        if rendered is None:
            if nullable:
                return None
            raise FaultyValue(f"{name}: found null, which its type does not allow")
        try:
            return coerce(rendered)
        except FaultyValue as error:
            if nullable and is_not_a_number(rendered):
                return None
            raise FaultyValue(f"{name}: {error}") from error

    return fitting


def is_not_a_number(value: Any) -> bool:
    """True for NaN and the infinities, which JSON does not have."""
    return isinstance(value, float | decimal.Decimal) and not math.isfinite(value)


def column_of_value(
    field: Field, model: type[models.Model], value: ValueField, fitting: Fit
) -> Column | None:
    """Return how a *value* comes that DRF's own *field* reads from a column, else None."""
    attname = _attname(field, model)
    if attname is None or not type(field).__module__.startswith("rest_framework."):
        return None
    is_key = isinstance(field, relations.RelatedField)

    def slow(found: Any) -> Any:
        if found is None:
            return fitting(None)
        return fitting(field.to_representation(PKOnlyObject(found) if is_key else found))

    for known, applies, make in _FAST:
        if type(field).to_representation is known and applies(field, value.type):
            return make(attname, slow)
    return Column(attname, slow)


def field_cell(field: Field, fitting: Fit) -> Cell:
    """Return the cell of a value that must be asked from *field*."""

    def cell(instance: models.Model) -> Any:
        try:
            found = field.get_attribute(instance)
        except SkipField:
            return fitting(None)
        is_none = (found.pk if isinstance(found, PKOnlyObject) else found) is None
        return fitting(None if is_none else field.to_representation(found))

    return cell


def _attname(field: Field, model: type[models.Model]) -> str | None:
    """Return the column that *field* reads without any code of the project, or None."""
    get = type(field).get_attribute
    is_key = (
        type(field).to_representation is relations.PrimaryKeyRelatedField.to_representation
        and get is relations.RelatedField.get_attribute
        and type(field).use_pk_only_optimization
        is relations.PrimaryKeyRelatedField.use_pk_only_optimization
    )
    if not is_key and get is not serializers.Field.get_attribute:
        return None
    for column in model._meta.concrete_fields:
        name = column.name if is_key else column.attname
        if field.source == name and is_key == column.is_relation:
            return str(column.attname) if is_plain_column(model, column.attname) else None
    return None


def is_plain_column(model: type[models.Model], attname: str) -> bool:
    """True when reading *attname* from an instance gives what is in the column."""
    descriptor = inspect.getattr_static(model, attname, None)
    return getattr(type(descriptor), "__get__", None) is DeferredAttribute.__get__


# -- known results: each takes (attname, the slow way) and gives a column

Make = Callable[[str, Callable[[Any], Any]], Column]


def _known(when: str, then: str = "{v}", **names: Any) -> Make:
    return lambda attname, slow: Column(attname, slow, Fast(when, then, names))


_text = _known("type({v}) is str")
_boolean = _known("{v} is True or {v} is False")
_integer = _known("type({v}) is int and -2147483648 <= {v} <= 2147483647")
_key = _known(
    "type({v}) is int or type({v}) is str or type({v}) is {UUID}", "str({v})", UUID=uuid.UUID
)
_long = _known("type({v}) is int", "str({v})")
_uuid = _known("type({v}) is {UUID}", "str({v})", UUID=uuid.UUID)
_number = _known("type({v}) is float and {isfinite}({v})", isfinite=math.isfinite)
_date = _known("type({v}) is {date}", "{v}.isoformat()", date=datetime.date)
_moment = _known(  # rendering is pinned to UTC
    "type({v}) is {datetime} and {v}.tzinfo is {UTC}",
    "{v}.isoformat()[:-6] + 'Z'",
    datetime=datetime.datetime,
    UTC=_UTC,
)


def _choice(attname: str, slow: Callable[[Any], Any]) -> Column:
    known: dict[str, Any] = {}
    numbers: dict[int, Any] = {}

    def choice(found: Any) -> Any:
        kind = type(found)
        answers: dict[Any, Any] | None = known if kind is str else numbers if kind is int else None
        if answers is None:
            return slow(found)
        try:
            return answers[found]
        except KeyError:
            answers[found] = answer = slow(found)  # what is no choice raises, and is not kept
            return answer

    fast = Fast("type({v}) is str and {v} in {known}", "{known}[{v}]", {"known": known})
    return Column(attname, choice, fast)


def _is(*types: Any) -> Callable[[Field, Any], bool]:
    return lambda field, declared: any(declared is type_ for type_ in types)


def _is_choice(field: Field, declared: Any) -> bool:
    return isinstance(declared, type) and issubclass(declared, enum.Enum)


def _is_iso(setting: str, type_: Any) -> Callable[[Field, Any], bool]:
    def applies(field: Field, declared: Any) -> bool:
        format_ = getattr(field, "format", getattr(api_settings, setting))
        is_iso = isinstance(format_, str) and format_.lower() == ISO_8601
        return declared is type_ and is_iso and not hasattr(field, "timezone")

    return applies


_BigIntegerField = getattr(serializers, "BigIntegerField", serializers.IntegerField)  # DRF < 3.17

#: DRF's method, when it counts, the column. Methods are compared, so overrides never match.
_FAST: tuple[tuple[Any, Callable[[Field, Any], bool], Make], ...] = (
    (serializers.CharField.to_representation, _is(str), _text),
    (serializers.ChoiceField.to_representation, _is_choice, _choice),
    (serializers.BooleanField.to_representation, _is(bool), _boolean),
    (serializers.IntegerField.to_representation, _is(int), _integer),
    (serializers.IntegerField.to_representation, _is(BigInt, strawberry.ID), _long),
    (_BigIntegerField.to_representation, _is(BigInt, strawberry.ID), _long),
    (serializers.FloatField.to_representation, _is(float), _number),
    (
        relations.PrimaryKeyRelatedField.to_representation,
        lambda field, declared: declared is strawberry.ID and field.pk_field is None,
        _key,
    ),
    (
        serializers.UUIDField.to_representation,
        lambda field, declared: declared is uuid.UUID and field.uuid_format == "hex_verbose",
        _uuid,
    ),
    (serializers.DateField.to_representation, _is_iso("DATE_FORMAT", datetime.date), _date),
    (
        serializers.DateTimeField.to_representation,
        _is_iso("DATETIME_FORMAT", datetime.datetime),
        _moment,
    ),
)
