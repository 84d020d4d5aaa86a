"""Constants that the server fills in on create, as a layer will show them.

Clients that show a new instance before the server has answered need them.
"""

from __future__ import annotations

import enum
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from rest_framework.fields import empty

from rxgraph.compile.scalars import BigInt
from rxgraph.compile.values import AnyField
from rxgraph.types import JSON

_PLAIN = (bool, int, float, str)


def constant_default(field: AnyField, model: type[models.Model], type_: Any) -> tuple[JSON, ...]:
    """Return the default of a serializer's *field*, or of its column; nothing where there is none.

    *type_* is what the field is in GraphQL: a member of an enum is given by its name. What is
    computed, null, or no plain value is left out.
    """
    value = _declared(field, model)
    if value is None or value is empty or callable(value):
        return ()
    if isinstance(type_, type) and issubclass(type_, enum.Enum):
        return tuple(name for name, item in type_.__members__.items() if item.value == value)
    try:
        shown = field.to_representation(value)
    except Exception:  # noqa: BLE001  # a default that its own field cannot show
        return ()
    if type(shown) not in _PLAIN:
        return ()
    return (str(shown),) if type_ is BigInt else (shown,)


def _declared(field: AnyField, model: type[models.Model]) -> Any:
    if field.default is not empty:
        return field.default
    try:
        column = model._meta.get_field(field.source or "")
    except FieldDoesNotExist:
        return None
    if not isinstance(column, models.Field) or not column.has_default():
        return None
    return None if callable(column.default) else column.default
