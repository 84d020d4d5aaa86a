"""Copy a row, so that code of the project may do with the copy what it likes."""

from __future__ import annotations

import copy
import datetime
import decimal
import uuid
from typing import Any

from django.db import models

#: Values that nobody can change, and that a copy may therefore share.
_FIXED = frozenset(
    {
        *(type(None), bool, int, float, complex, str, bytes, decimal.Decimal, uuid.UUID),
        *(datetime.date, datetime.datetime, datetime.time, datetime.timedelta),
    }
)


_OWN_WAYS = ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__")


def copy_of(row: Any) -> Any:
    """Return *row* as ``copy.deepcopy`` does, at a fraction of the price."""
    kind: Any = type(row)
    if not isinstance(row, models.Model) or hasattr(kind, "__deepcopy__"):
        return copy.deepcopy(row)
    if any(getattr(kind, name) is not getattr(models.Model, name) for name in _OWN_WAYS):
        return copy.deepcopy(row)
    if row._state.fields_cache:  # related instances hang on it, which may lead back to it
        return copy.deepcopy(row)
    found = kind.__new__(kind)
    found.__dict__.update(
        (name, value if type(value) in _FIXED else copy.deepcopy(value))
        for name, value in vars(row).items()
    )
    return found
