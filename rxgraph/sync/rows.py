"""Name rows: from primary keys and column values to the RowKeys that a change touches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connections, models

from rxgraph.cache.steps import chunks
from rxgraph.compile.state_tree import label_of
from rxgraph.sync import tracking
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


def name_dropped(
    model: type[models.Model],
    using: str,
    pks: Iterable[Any],
    gone: frozenset[RowKey] = frozenset(),
) -> set[RowKey]:
    """Return what is touched when the database deletes or empties rows along with *pks*.

    *gone* are rows that are known to go already: rows may point at each other in a circle.
    """
    named: set[RowKey] = set()
    pks = list(pks)
    gone |= {RowKey(label_of(model), str(pk)) for pk in pks}
    for drop in tracking.current().drops.get(label_of(model), ()):
        tracked = tracking.find(drop.model)
        attnames = tracked.attnames if tracked else ()
        found: list[Values] = []
        for part in chunks(pks, KEYS_PER_QUERY):
            rows = drop.model._base_manager.using(using).filter(**{f"{drop.name}__pk__in": part})
            found.extend(rows.order_by().values_list("pk", *attnames))
        if tracked is not None:
            named |= name_rows(tracked, drop.model, using, found)
        if drop.cascades:
            label = label_of(drop.model)
            further = [pk for pk, *_ in found if RowKey(label, str(pk)) not in gone]
            if further:
                named |= name_dropped(drop.model, using, further, gone)
    return named


def read(
    tracked: Tracked,
    model: type[models.Model],
    using: str,
    pks: Iterable[Any],
    *,
    before_write: bool = False,
) -> list[Values]:
    """Return the values of the rows *pks* as the database has them now.

    *before_write*: they are about to change in this transaction, so nobody else may change them.
    """
    if before_write:
        hold(model, using)
    found: list[Values] = []
    for part in chunks(pks, KEYS_PER_QUERY):
        rows = model._base_manager.using(using).filter(pk__in=part).order_by()
        if before_write and connections[using].features.has_select_for_update:
            rows = rows.select_for_update()
        found.extend(rows.values_list("pk", *tracked.attnames))
    return found


def hold(model: type[models.Model], using: str) -> None:
    """Take SQLite's write lock by a write of nothing, where a transaction reads before it writes.

    Otherwise it would fail with "database is locked", without waiting, when somebody else has
    written since the read.
    """
    connection = connections[using]
    if connection.vendor != "sqlite":
        return
    quote = connection.ops.quote_name
    key: Any = model._meta.pk
    table, column = quote(key.model._meta.db_table), quote(key.column)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = {column} WHERE 0")  # noqa: S608


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
