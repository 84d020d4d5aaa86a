"""The intent log: which rows committed transactions may have changed, until live state followed.

Plain SQL on the caller's connection, in whatever transaction it has open. An alias without the
table (no ``migrate`` yet, or a router that keeps it away) is reported once and gone without. A row
that cannot be read is reported once, names nothing, and is left to the sweeper (``sweeping``).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case, Count, F, Min, TextField, When
from django.db.models.functions import Length
from django.db.models.signals import post_migrate
from django.utils import timezone

from rxgraph.cache.steps import chunks
from rxgraph.models import Intent, new_intent_id
from rxgraph.sync.intent_codec import decode, encode
from rxgraph.types import RowKey

logger = logging.getLogger("rxgraph.sync")

KEYS_PER_INTENT = 100_000
IDS_PER_DELETE = 500
SMALL_CHARS = 20_000  # of an intent that is read along with others
_RETRY_SECONDS = 60.0

_known: set[str] = set()
_missing_since: dict[str, float] = {}
_unreadable: set[str] = set()

Found = list[tuple[UUID, frozenset[RowKey]]]


@dataclass(frozen=True, slots=True)
class LeftOver:
    """An intent that its writer has not done."""

    id: UUID
    rows: frozenset[RowKey]
    #: When it was written, by the clock of the database, or of the machine.
    created_at: datetime
    #: Why its rows cannot be read; None: they can.
    problem: str | None = None


def write(connection: BaseDatabaseWrapper, rows: Collection[RowKey]) -> tuple[UUID, ...]:
    """Insert intents that name *rows* and return their ids; more than 100,000 rows need several."""
    if not is_there(connection):
        return ()
    table, id_, rows_, created_at = _names(connection)
    moment = "clock_timestamp()" if _has_own_clock(connection) else "%s"
    sql = f"INSERT INTO {table} ({id_}, {rows_}, {created_at}) VALUES (%s, %s, {moment})"  # noqa: S608
    written = []
    with connection.cursor() as cursor:
        for part in chunks(rows, KEYS_PER_INTENT):
            intent = new_intent_id()
            values = [_adapt("id", intent, connection), encode(part)]
            if not _has_own_clock(connection):
                values.append(_adapt("created_at", timezone.now(), connection))
            cursor.execute(sql, values)
            written.append(intent)
    return tuple(written)


def outstanding(using: str, limit: int | None = None) -> Found:
    """Return the intents that the caller's snapshot shows, oldest first, at most *limit*."""
    connection = connections[using]
    if not is_there(connection):
        return []
    table, id_, rows_, _ = _names(connection)
    sql = f"SELECT {id_}, {rows_} FROM {table} ORDER BY {id_}"  # noqa: S608
    if limit is not None:
        sql += f" LIMIT {int(limit)}"
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [
            (found if isinstance(found, UUID) else UUID(found), rows_in(text))
            for found, text in cursor.fetchall()
        ]


def distinct(using: str, limit: int | None = None) -> list[frozenset[RowKey]]:
    """Return what the intents name that the caller's snapshot shows, equal ones once.

    After an outage many thousands may wait that name the same few rows over and over. At most
    *limit* are returned.
    """
    connection = connections[using]
    if not is_there(connection):
        return []
    table, _, rows_, _ = _names(connection)
    with connection.cursor() as cursor:
        sql = f"SELECT DISTINCT {rows_} FROM {table}"  # noqa: S608
        cursor.execute(sql if limit is None else f"{sql} LIMIT {int(limit)}")
        return [rows_in(text) for (text,) in cursor.fetchall()]


def select_two(using: str) -> str | None:
    """Return a SELECT of what the two oldest intents hold; None: there is no log."""
    connection = connections[using]
    if not is_there(connection):
        return None
    table, id_, rows_, _ = _names(connection)
    return f"SELECT {rows_} FROM {table} ORDER BY {id_} LIMIT 2"  # noqa: S608


def rows_in(text: str) -> frozenset[RowKey]:
    """Return the rows that the text of an intent names; one that cannot be read names nothing."""
    try:
        return decode(text)
    except ValueError as error:
        if text[:200] not in _unreadable:
            _unreadable.add(text[:200])
            logger.error("an intent cannot be read (%s): %.200s", error, text)
        return frozenset()


def rows(using: str, limit: int | None = None) -> frozenset[RowKey]:
    """Return the rows that the outstanding intents name, of the *limit* oldest of them."""
    return frozenset().union(*(found for _, found in outstanding(using, limit)))


def left_over(
    using: str, older_than_seconds: float, limit: int, after: UUID | None = None
) -> tuple[list[LeftOver], bool]:
    """Return intents of at least this age, oldest first, and whether there may be more.

    Those past *after*, at most *limit*; fewer where they are large, so that they fit into memory.
    The age is by the clock that wrote them: the database's on PostgreSQL, this machine's elsewhere.
    """
    connection = connections[using]
    if not is_there(connection):
        return [], False
    waiting = Intent._default_manager.using(using).order_by("id")
    if older_than_seconds > 0:
        latest = _now(connection) - timedelta(seconds=older_than_seconds)
        waiting = waiting.filter(created_at__lte=latest)
    if after is not None:
        waiting = waiting.filter(id__gt=after)
    small = Case(When(size__lte=SMALL_CHARS, then=F("rows")), output_field=TextField())
    sized = waiting.annotate(size=Length("rows")).annotate(text=small)
    found: list[LeftOver] = []
    page = list(sized.values_list("id", "created_at", "text")[:limit])
    for id_, created_at, text in page:
        if text is None and found:
            return found, True
        if text is None:
            large = Intent._default_manager.using(using).filter(pk=id_).first()
            return [_left_over(id_, created_at, large.rows if large else "{}")], True
        found.append(_left_over(id_, created_at, text))
    return found, len(page) == limit


def age(using: str, item: LeftOver) -> float:
    """Return for how many seconds an intent has been waiting."""
    return (_now(connections[using]) - item.created_at).total_seconds()


def backlog(using: str) -> tuple[int, float | None]:
    """Return how many intents wait, and the age of the oldest in seconds; None: there is none."""
    connection = connections[using]
    if not is_there(connection):
        return 0, None
    found = Intent._default_manager.using(using).aggregate(
        waiting=Count("pk"), oldest=Min("created_at")
    )
    if found["oldest"] is None:
        return 0, None
    return found["waiting"], max(0.0, (_now(connection) - found["oldest"]).total_seconds())


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


def _left_over(id_: UUID, created_at: datetime, text: str) -> LeftOver:
    try:
        return LeftOver(id_, decode(text), created_at)
    except ValueError as error:
        return LeftOver(id_, frozenset(), created_at, f"its rows cannot be read: {error}")


def _names(connection: BaseDatabaseWrapper) -> tuple[str, str, str, str]:
    quote = connection.ops.quote_name
    return quote(Intent._meta.db_table), quote("id"), quote("rows"), quote("created_at")


def _adapt(name: str, value: Any, connection: BaseDatabaseWrapper) -> Any:
    field: Any = Intent._meta.get_field(name)
    return field.get_db_prep_save(value, connection)


def _now(connection: BaseDatabaseWrapper) -> datetime:
    """Return the time by the clock that writes ``created_at``."""
    if not _has_own_clock(connection):
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found


def _has_own_clock(connection: BaseDatabaseWrapper) -> bool:
    return connection.vendor == "postgresql"
