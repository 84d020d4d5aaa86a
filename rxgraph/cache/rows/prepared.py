"""One row by its primary key, with SQL that is made once for a model.

The ORM spends more on making such a query than the database on answering it. Only queries that
nothing but the key can change are kept: a manager of the project's own may decide anew each time,
and then the query is made each time, as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connections, models
from django.db.models.manager import BaseManager

Query = models.QuerySet[Any]

#: What a queryset of the project's own may not have changed.
_DECIDING = (
    *("__init__", "__iter__", "_fetch_all", "_chain", "_clone", "filter", "_filter_or_exclude"),
    *("using", "order_by", "select_for_update", "all"),
)
_MOST = 2000

_kept: dict[Hashable, _Prepared | None] = {}


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A compiled query with the key as its one parameter."""

    sql: str
    attnames: tuple[str, ...]
    #: By place in the row: what makes of a raw value what the ORM would, and its column.
    converters: Mapping[int, tuple[Any, Any]]


def row_by_key(
    manager: models.Manager[Any],
    pk: Any,
    using: str,
    narrow: Callable[[Query], Query] = lambda rows: rows,
    name: str = "",
) -> models.Model | None:
    """Return the row *pk* as *manager* shows it on *using*; None: it is not there.

    *narrow* is applied to the query, and always the same for *name*.
    """
    prepared = _prepared(manager, pk, using, narrow, name) if is_plain(manager) else None
    if prepared is None:
        found: models.Model | None = next(iter(_query(manager, pk, using, narrow)), None)
        return found
    connection = connections[using]
    with connection.cursor() as cursor:
        cursor.execute(prepared.sql, (_as_parameter(manager.model, pk, connection),))
        row: Any = cursor.fetchone()
    return None if row is None else _made(manager, using, prepared, row)


def _made(manager: models.Manager[Any], using: str, prepared: _Prepared, row: Any) -> models.Model:
    if prepared.converters:
        connection = connections[using]
        row = list(row)
        for place, (converters, column) in prepared.converters.items():
            for convert in converters:
                row[place] = convert(row[place], column, connection)
    instance: models.Model = manager.model.from_db(using, prepared.attnames, row)
    return instance


def row_and_column(
    manager: models.Manager[Any], pk: Any, using: str, select: str
) -> tuple[models.Model | None, list[Any]] | None:
    """Return the row *pk* and what *select* yields, which has one column, in one statement.

    None: what *manager* shows is for the project to decide.
    """
    prepared = _prepared(manager, pk, using, lambda rows: rows, "") if is_plain(manager) else None
    if prepared is None:
        return None
    connection = connections[using]
    sql = (
        f"SELECT other.*, own.* FROM (SELECT 1) one"  # noqa: S608
        f" LEFT JOIN ({prepared.sql}) own ON 1 = 1 LEFT JOIN ({select}) other ON 1 = 1"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, (_as_parameter(manager.model, pk, connection),))
        found: Any = cursor.fetchall()
    key = prepared.attnames.index(manager.model._meta.pk.attname)
    own = found[0][1:]
    instance = None if own[key] is None else _made(manager, using, prepared, own)
    return instance, [line[0] for line in found if line[0] is not None]


def is_plain(manager: models.Manager[Any]) -> bool:
    """True when nothing of the project's decides what *manager* shows."""
    kind: Any = manager._queryset_class  # type: ignore[attr-defined]
    is_stock = type(manager).get_queryset is BaseManager.get_queryset
    return is_stock and all(
        getattr(kind, name) is getattr(models.QuerySet, name) for name in _DECIDING
    )


def _query(
    manager: models.Manager[Any], pk: Any, using: str, narrow: Callable[[Query], Query]
) -> Query:
    return narrow(manager.using(using).filter(pk=pk).order_by())


def _prepared(
    manager: models.Manager[Any],
    pk: Any,
    using: str,
    narrow: Callable[[Query], Query],
    name: str,
) -> _Prepared | None:
    model: Any = manager.model
    key = (model, model._meta.db_table, type(manager), using, connections[using].vendor, name)
    try:
        return _kept[key]
    except KeyError:
        if len(_kept) >= _MOST:
            _kept.clear()
        found = _kept[key] = _prepare(manager, pk, using, narrow)
        return found


def _prepare(
    manager: models.Manager[Any], pk: Any, using: str, narrow: Callable[[Query], Query]
) -> _Prepared | None:
    connection = connections[using]
    query: Any = _query(manager, pk, using, narrow).query
    compiler = query.get_compiler(using)
    sql, params = compiler.as_sql()
    columns = compiler.select
    is_whole = compiler.klass_info is not None and not compiler.klass_info.get(
        "related_klass_infos"
    )
    if not is_whole or compiler.annotation_col_map or query.deferred_loading[0]:
        return None
    if list(params) != [_as_parameter(manager.model, pk, connection)]:
        return None
    return _Prepared(
        sql,
        tuple(column[0].target.attname for column in columns),
        compiler.get_converters([column[0] for column in columns]),
    )


def _as_parameter(model: type[models.Model], pk: Any, connection: Any) -> Any:
    field: Any = model._meta.pk
    while field.is_relation:
        field = field.target_field
    return field.get_db_prep_value(pk, connection, prepared=False)
