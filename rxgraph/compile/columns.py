"""Types of the columns of models, for fields that pass a column's value through."""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import Any

import strawberry
from django.db import models

from rxgraph.compile.scalars import JSON, BigInt

BIG = (models.BigIntegerField, models.BigAutoField)  # PositiveBigIntegerField is one, too

_COLUMNS: tuple[tuple[type[Any], Any], ...] = (
    (models.BooleanField, bool),
    (models.UUIDField, uuid.UUID),
    (BIG[0], BigInt),
    (BIG[1], BigInt),
    (models.IntegerField, int),
    (models.FloatField, float),
    (models.DecimalField, decimal.Decimal),
    (models.DateTimeField, datetime.datetime),
    (models.DateField, datetime.date),
    (models.TimeField, datetime.time),
    (models.DurationField, datetime.timedelta),
    (models.JSONField, JSON),
    (models.CharField, str),
    (models.TextField, str),
    (models.FileField, str),
    (models.GenericIPAddressField, str),
)


def column_type(column: Any) -> Any:
    """Return the type of a model's field, for DRF fields that pass its value through."""
    if isinstance(column, models.GeneratedField):
        column = column.output_field
    if column.is_relation:
        return strawberry.ID
    if column.primary_key and column.name == "id":
        return strawberry.ID
    for kind, type_ in _COLUMNS:
        if isinstance(column, kind):
            return type_
    return JSON
