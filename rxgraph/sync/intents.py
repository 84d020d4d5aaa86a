"""The intent log: which rows committed transactions may have changed, until live state followed.

Plain SQL on the caller's connection, in whatever transaction it has open. An alias without the
table (no ``migrate`` yet, or a router that keeps it away) is reported once and gone without.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Count, Min
from django.db.models.signals import post_migrate
from django.utils import timezone

from rxgraph.cache.steps import chunks
from rxgraph.models import Intent, new_intent_id
from rxgraph.types import RowKey

logger = logging.getLogger("rxgraph.sync")

KEYS_PER_INTENT = 10_000
IDS_PER_DELETE = 500
_RETRY_SECONDS = 60.0

_known: set[str] = set()
_missing_since: dict[str, float] = {}

Found = list[tuple[UUID, frozenset[RowKey]]]


def write(connection: BaseDatabaseWrapper, rows: Collection[RowKey]) -> tuple[UUID, ...]:
    """Insert intents that name *rows* and return their ids; more than 10,000 rows need several."""
    if not is_there(connection):
        return ()
    table, id_, rows_, created_at = _names(connection)
    moment = "clock_timestamp()" if _has_own_clock(connection) else "%s"
    sql = f"INSERT INTO {table} ({id_}, {rows_}, {created_at}) VALUES (%s, %s, {moment})"  # noqa: S608
    written = []
    with connection.cursor() as cursor:
        for part in chunks(rows, KEYS_PER_INTENT):
            intent = new_intent_id()
            values = [_adapt("id", intent, connection), _encode(part)]
            if not _has_own_clock(connection):
                values.append(_adapt("created_at", timezone.now(), connection))
            cursor.execute(sql, values)
            written.append(intent)
    return tuple(written)


def outstanding(using: str, limit: int | None = None) -> Found:
    """Return the intents that the caller's snapshot shows, oldest first, at most *limit*."""
    return _select(connections[using], "", [], limit)


def select_two(using: str) -> str | None:
    """Return a SELECT of what the two oldest intents hold; None: there is no log."""
    connection = connections[using]
    if not is_there(connection):
        return None
    table, id_, rows_, _ = _names(connection)
    return f"SELECT {rows_} FROM {table} ORDER BY {id_} LIMIT 2"  # noqa: S608


def rows_in(text: str) -> frozenset[RowKey]:
    """Return the rows that the text of an intent names."""
    return frozenset(_decode(text))


def rows(using: str, limit: int | None = None) -> frozenset[RowKey]:
    """Return the rows that the outstanding intents name, of the *limit* oldest of them."""
    return frozenset().union(*(found for _, found in outstanding(using, limit)))


def left_over(using: str, older_than_seconds: float, limit: int | None = None) -> Found:
    """Return the intents that are at least this old, by the clock that wrote them.

    That is the database's on PostgreSQL, and this machine's elsewhere.
    """
    connection = connections[using]
    created_at = connection.ops.quote_name("created_at")
    if _has_own_clock(connection):
        where = f"WHERE {created_at} <= clock_timestamp() - %s * interval '1 second'"
        return _select(connection, where, [older_than_seconds], limit)
    latest = timezone.now() - timedelta(seconds=older_than_seconds)
    return _select(
        connection, f"WHERE {created_at} <= %s", [_adapt("created_at", latest, connection)], limit
    )


def backlog(using: str) -> tuple[int, float | None]:
    """Return how many intents wait, and the age of the oldest in seconds; None: there is none."""
    if not is_there(connections[using]):
        return 0, None
    found = Intent._default_manager.using(using).aggregate(
        waiting=Count("pk"), oldest=Min("created_at")
    )
    if found["oldest"] is None:
        return 0, None
    return found["waiting"], max(0.0, (timezone.now() - found["oldest"]).total_seconds())


def forget(using: str, ids: Iterable[UUID]) -> None:
    """Delete the intents *ids*; those that are gone already do not matter."""
    connection = connections[using]
    if not is_there(connection):
        return
    table, id_, _, _ = _names(connection)
    for part in chunks(ids, IDS_PER_DELETE):
        places = ", ".join(["%s"] * len(part))
        with connection.cursor() as cursor:
            cursor.execute(
                f"DELETE FROM {table} WHERE {id_} IN ({places})",  # noqa: S608
                [_adapt("id", intent, connection) for intent in part],
            )


def is_there(connection: BaseDatabaseWrapper) -> bool:
    """Return whether this database has the table; its absence is logged once."""
    alias = connection.alias
    if alias in _known:
        return True
    since = _missing_since.get(alias)
    if since is not None and time.monotonic() - since < _RETRY_SECONDS:
        return False
    with connection.cursor() as cursor:
        if Intent._meta.db_table in connection.introspection.table_names(cursor):
            _known.add(alias)
            return True
    if since is None:
        logger.warning(
            "The database %r has no table %s, so its changes have no intent log: run "
            "`manage.py migrate rxgraph --database %s` and let your router allow it",
            alias,
            Intent._meta.db_table,
            alias,
        )
    _missing_since[alias] = time.monotonic()
    return False


def look_again(**kwargs: Any) -> None:
    """Forget which databases have the table; connected to ``post_migrate``."""
    _known.clear()
    _missing_since.clear()


post_migrate.connect(look_again, dispatch_uid="rxgraph.intents")


def _select(
    connection: BaseDatabaseWrapper, where: str, params: list[Any], limit: int | None
) -> Found:
    if not is_there(connection):
        return []
    table, id_, rows_, _ = _names(connection)
    sql = f"SELECT {id_}, {rows_} FROM {table} {where} ORDER BY {id_}"  # noqa: S608
    if limit is not None:
        sql += f" LIMIT {int(limit)}"
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return [
            (found if isinstance(found, UUID) else UUID(found), frozenset(_decode(text)))
            for found, text in cursor.fetchall()
        ]


def _encode(part: list[RowKey]) -> str:
    return orjson.dumps([[row.model, row.pk] for row in part]).decode()


def _decode(text: str) -> Iterator[RowKey]:
    for model, pk in orjson.loads(text):
        yield RowKey(model, pk)


def _names(connection: BaseDatabaseWrapper) -> tuple[str, str, str, str]:
    quote = connection.ops.quote_name
    return quote(Intent._meta.db_table), quote("id"), quote("rows"), quote("created_at")


def _adapt(name: str, value: Any, connection: BaseDatabaseWrapper) -> Any:
    field: Any = Intent._meta.get_field(name)
    return field.get_db_prep_save(value, connection)


def _has_own_clock(connection: BaseDatabaseWrapper) -> bool:
    return connection.vendor == "postgresql"
