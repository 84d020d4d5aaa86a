"""Name rows: from primary keys and column values to the RowKeys that a change touches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import models

from rxgraph.cache.steps import chunks
from rxgraph.sync.tracking import End, Heir, Tracked
from rxgraph.types import RowKey

Values = Sequence[Any]
"""A primary key, then the values of ``Tracked.attnames`` in their order."""

KEYS_PER_QUERY = 500


def as_text(field: Any, value: Any) -> str:
    """Return *value* of the column *field* as keys are written: ``"5"`` for ``5`` and ``"05"``."""
    if type(value) is int:
        return str(value)
    while field.remote_field is not None:
        field = field.target_field
    return str(field.to_python(value))


def is_expression(value: Any) -> bool:
    """Return True for ``F()`` and the like: only the database knows what it comes to."""
    return hasattr(value, "resolve_expression")


def name_rows(
    tracked: Tracked, model: type[models.Model], using: str, found: Iterable[Values]
) -> set[RowKey]:
    """Return every row that is touched when the rows *found* of *model* change."""
    key: Any = model._meta.pk
    attnames = tracked.attnames
    ends = [(attnames.index(end.attname), end) for end in (*tracked.ends, *tracked.bases)]
    named: set[RowKey] = set()
    pks: set[Any] = set()
    to_resolve: dict[End, set[Any]] = {}
    for pk, *values in found:
        if pk is None:
            continue
        if tracked.labels:
            text = as_text(key, pk)
            named.update([RowKey(label, text) for label in tracked.labels])
        if tracked.heirs:
            pks.add(pk)
        for position, end in ends:
            value = values[position]
            if value is None:
                continue
            if end.to_attname is not None:
                to_resolve.setdefault(end, set()).add(value)
            else:
                text = as_text(end.target._meta.pk, value)
                named.update([RowKey(label, text) for label in end.labels])
    for end, wanted in to_resolve.items():
        named |= _resolved(end, wanted, using)
    for heir in tracked.heirs:
        named |= _inherited(heir, pks, using)
    return named


def read(
    tracked: Tracked, model: type[models.Model], using: str, pks: Iterable[Any]
) -> list[Values]:
    """Return the values of the rows *pks* as the database has them now."""
    found: list[Values] = []
    for part in chunks(pks, KEYS_PER_QUERY):
        rows = model._base_manager.using(using).filter(pk__in=part).order_by()
        found.extend(rows.values_list("pk", *tracked.attnames))
    return found


def _resolved(end: End, values: Iterable[Any], using: str) -> set[RowKey]:
    named = set()
    for part in chunks(values, KEYS_PER_QUERY):
        rows = end.target._base_manager.using(using).filter(**{f"{end.to_attname}__in": part})
        for pk in rows.order_by().values_list("pk", flat=True):
            text = as_text(end.target._meta.pk, pk)
            named.update([RowKey(label, text) for label in end.labels])
    return named


def _inherited(heir: Heir, pks: Iterable[Any], using: str) -> set[RowKey]:
    named = set()
    for part in chunks(pks, KEYS_PER_QUERY):
        rows = heir.model._base_manager.using(using).filter(**{f"{heir.link}__in": part})
        for pk in rows.order_by().values_list("pk", flat=True):
            named.add(RowKey(heir.label, as_text(heir.model._meta.pk, pk)))
    return named
