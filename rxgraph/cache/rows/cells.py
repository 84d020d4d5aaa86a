"""One function per value of a layer: from a model instance to what its document holds.

``cell(instance)`` is DRF's ``get_attribute`` and ``to_representation`` and the fit to the declared
type in one call. Where DRF's own code on a column gives a known result for a known Python type,
that is written down here; everything else asks the serializer field. Rule: the result is the same.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import inspect
import math
import uuid
from collections.abc import Callable, Mapping
from operator import attrgetter
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
_INT_MIN, _INT_MAX = -(2**31), 2**31 - 1


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


def column_cell(
    field: Field, model: type[models.Model], value: ValueField, fitting: Fit
) -> Cell | None:
    """Return the cell of a *value* that DRF's own *field* reads from a column, else None."""
    attname = _attname(field, model)
    if attname is None or not type(field).__module__.startswith("rest_framework."):
        return None
    read: Callable[[Any], Any] = attrgetter(attname)
    is_key = isinstance(field, relations.RelatedField)

    def slow(found: Any) -> Any:
        if found is None:
            return fitting(None)
        return fitting(field.to_representation(PKOnlyObject(found) if is_key else found))

    for known, applies, make in _FAST:
        if type(field).to_representation is known and applies(field, value.type):
            return make(read, slow)
    return lambda instance: slow(read(instance))


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
            descriptor = inspect.getattr_static(model, column.attname, None)
            if getattr(type(descriptor), "__get__", None) is DeferredAttribute.__get__:
                return str(column.attname)
    return None


# -- known results: each takes (read the column, the slow way) and gives a cell


def _text(read: Callable[[Any], Any], slow: Callable[[Any], Any]) -> Cell:
    def cell(instance: models.Model) -> Any:
        found = read(instance)
        return found if type(found) is str else slow(found)

    return cell


def _boolean(read: Callable[[Any], Any], slow: Callable[[Any], Any]) -> Cell:
    def cell(instance: models.Model) -> Any:
        found = read(instance)
        return found if type(found) is bool else slow(found)

    return cell


def _integer(read: Callable[[Any], Any], slow: Callable[[Any], Any]) -> Cell:
    def cell(instance: models.Model) -> Any:
        found = read(instance)
        if type(found) is int and _INT_MIN <= found <= _INT_MAX:
            return found
        return slow(found)

    return cell


def _written(*kinds: type) -> Callable[[Callable[[Any], Any], Callable[[Any], Any]], Cell]:
    def make(read: Callable[[Any], Any], slow: Callable[[Any], Any]) -> Cell:
        def cell(instance: models.Model) -> Any:
            found = read(instance)
            return str(found) if type(found) in kinds else slow(found)

        return cell

    return make


def _number(read: Callable[[Any], Any], slow: Callable[[Any], Any]) -> Cell:
    def cell(instance: models.Model) -> Any:
        found = read(instance)
        return found if type(found) is float and math.isfinite(found) else slow(found)

    return cell


def _date(read: Callable[[Any], Any], slow: Callable[[Any], Any]) -> Cell:
    def cell(instance: models.Model) -> Any:
        found = read(instance)
        return found.isoformat() if type(found) is datetime.date else slow(found)

    return cell


def _moment(read: Callable[[Any], Any], slow: Callable[[Any], Any]) -> Cell:
    def cell(instance: models.Model) -> Any:
        found = read(instance)
        if type(found) is datetime.datetime and found.tzinfo is _UTC:
            return found.isoformat()[:-6] + "Z"  # rendering is pinned to UTC
        return slow(found)

    return cell


def _choice(read: Callable[[Any], Any], slow: Callable[[Any], Any]) -> Cell:
    known: Mapping[type, dict[Any, Any]] = {str: {}, int: {}}

    def cell(instance: models.Model) -> Any:
        found = read(instance)
        answers = known.get(type(found))
        if answers is None:
            return slow(found)
        try:
            return answers[found]
        except KeyError:
            answers[found] = answer = slow(found)  # what is no choice raises, and is not kept
            return answer

    return cell


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

#: DRF's method, when it counts, the cell; the method itself is compared, so overrides never match.
_FAST: tuple[tuple[Any, Callable[[Field, Any], bool], Callable[[Any, Any], Cell]], ...] = (
    (serializers.CharField.to_representation, _is(str), _text),
    (serializers.ChoiceField.to_representation, _is_choice, _choice),
    (serializers.BooleanField.to_representation, _is(bool), _boolean),
    (serializers.IntegerField.to_representation, _is(int), _integer),
    (serializers.IntegerField.to_representation, _is(BigInt, strawberry.ID), _written(int)),
    (_BigIntegerField.to_representation, _is(BigInt, strawberry.ID), _written(int)),
    (serializers.FloatField.to_representation, _is(float), _number),
    (
        relations.PrimaryKeyRelatedField.to_representation,
        lambda field, declared: declared is strawberry.ID and field.pk_field is None,
        _written(int, str, uuid.UUID),
    ),
    (
        serializers.UUIDField.to_representation,
        lambda field, declared: declared is uuid.UUID and field.uuid_format == "hex_verbose",
        _written(uuid.UUID),
    ),
    (serializers.DateField.to_representation, _is_iso("DATE_FORMAT", datetime.date), _date),
    (
        serializers.DateTimeField.to_representation,
        _is_iso("DATETIME_FORMAT", datetime.datetime),
        _moment,
    ),
)
