"""What a serializer field accepts, in words: for the descriptions of inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rest_framework import serializers

_FORMS: tuple[tuple[type[Any], str], ...] = (
    (serializers.EmailField, "An e-mail address."),
    (serializers.URLField, "A URL."),
    (serializers.SlugField, "Letters, digits, hyphens and underscores."),
)
_COLUMN_RANGES = frozenset(sign * 2**bits - (sign > 0) for bits in (15, 31, 63) for sign in (1, -1))
"""Ends of integer columns: they depend on the database, and a contract must not."""


def limits(field: Any) -> str | None:
    """Return what *field* accepts, such as ``At most 80 characters.``, or None."""
    parts = list(_parts(field))
    return " ".join(parts) if parts else None


def _parts(field: Any) -> Iterator[str]:
    for kind, text in _FORMS:
        if isinstance(field, kind):
            yield text
            break
    is_list = isinstance(field, (serializers.ListField, serializers.DictField))
    unit = "items" if is_list else "characters"
    least, most = getattr(field, "min_length", None), getattr(field, "max_length", None)
    if least is not None and most is not None:
        yield f"{least} to {most} {unit}."
    elif most is not None:
        yield f"At most {most} {unit}."
    elif least is not None:
        yield f"At least {least} {unit}."
    low, high = _bound(field, "min_value"), _bound(field, "max_value")
    if low is not None and high is not None:
        yield f"From {low} to {high}."
    elif low is not None:
        yield f"At least {low}."
    elif high is not None:
        yield f"At most {high}."
    if isinstance(field, serializers.DecimalField) and field.max_digits is not None:
        yield f"At most {field.max_digits} digits, {field.decimal_places} of them decimals."


def _bound(field: Any, name: str) -> object:
    value = getattr(field, name, None)
    return None if callable(value) or value in _COLUMN_RANGES else value
