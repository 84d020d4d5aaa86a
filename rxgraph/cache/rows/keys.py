"""Primary keys as text and back, and any number of them in one query parameter."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import cache
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connections, models
from django.db.models.expressions import RawSQL

_LITERALS = 100  # above that, a list becomes one parameter, whatever the database's limit is


def parse_pk(model: type[models.Model], text: str, using: str = "default") -> Any:
    """Return the primary key that ``str`` writes as *text*, or None when there is none such.

    Only the canonical form counts (``"7"``, not ``"07"``), so that one row has one id.
    """
    field: Any = model._meta.pk
    try:
        value = field.to_python(text)
    except (ValidationError, ValueError, TypeError, OverflowError, ArithmeticError):
        return None
    if value is None or str(value) != text or "\x00" in text:
        return None
    if isinstance(value, int):
        low, high = _range(field, using)
        if (low is not None and value < low) or (high is not None and value > high):
            return None
    return value


def normal_id(model: type[models.Model], text: str) -> str | None:
    """Return the canonical id of the row of *model* that *text* may mean, or None."""
    field: Any = model._meta.pk
    try:
        value = field.to_python(text)
    except (ValidationError, ValueError, TypeError, OverflowError, ArithmeticError):
        return None
    found = str(value)
    return found if value is not None and parse_pk(model, found) is not None else None


def among(field: Any, values: Collection[Any], using: str) -> Any:
    """Return what to give ``field__in`` for *values*: Python values of the column.

    SQLite and PostgreSQL take one parameter for any number of values.
    """
    if len(values) <= _LITERALS:
        return list(values)
    connection = connections[using]
    target = field
    while target.is_relation:
        target = target.target_field
    prepared = [target.get_db_prep_value(value, connection, prepared=False) for value in values]
    if connection.vendor == "postgresql":
        return RawSQL(f"SELECT unnest(%s::{target.rel_db_type(connection)}[])", (prepared,))  # noqa: S611
    if connection.vendor == "sqlite" and _has_json(connection):
        kinds = {type(value) for value in prepared}
        if kinds <= {int, str}:
            return RawSQL("SELECT value FROM json_each(%s)", (json.dumps(prepared),))
    return list(values)


def _has_json(connection: Any) -> bool:
    built_in_since = (3, 38)
    version: tuple[int, ...] = connection.Database.sqlite_version_info
    return version >= built_in_since or bool(connection.features.supports_json_field)


def _range(field: Any, using: str) -> tuple[int | None, int | None]:
    target = field
    while target.is_relation:
        target = target.target_field
    return _integer_range(target.get_internal_type(), using)


@cache
def _integer_range(kind: str, using: str) -> tuple[int | None, int | None]:
    # Kept: on an event loop, every context that looks at a connection gets one of its own.
    try:
        found: tuple[int | None, int | None] = connections[using].ops.integer_field_range(kind)
    except KeyError:
        return None, None
    return found
