"""Answer a repeated mutation with what the first one did.

The row that claims a client mutation id is written in the transaction of the write and before it:
a second one waits for it on the unique constraint, and a write that failed leaves none. It is
written with what is expected to come of the write, which mostly is what comes of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, ProgrammingError, connections
from django.db.models.constants import OnConflict
from django.utils import timezone

from rxgraph.errors import BackendError
from rxgraph.models import Mutation
from rxgraph.sync.writing.outcome import Outcome, Refused, Written, error, from_json, to_json

ID_LENGTH = 200
_ATTEMPTS = 3
_REST = ("fingerprint", "outcome", "created_at")


class Claim:
    """One client mutation id of one user, claimed for the transaction that is open."""

    def __init__(self, using: str, user_id: str, client_mutation_id: str, content: bytes) -> None:
        self.using = using
        self._rows = Mutation.objects.using(using).filter(
            user=user_id, client_mutation_id=client_mutation_id
        )
        self._names = (user_id, client_mutation_id)
        self._fingerprint = hashlib.sha256(content).hexdigest()
        self._kept = ""

    def find(self, window_seconds: float) -> Outcome | None:
        """Return the first outcome where this is a repeat; None: the id is nobody's.

        Raises:
            Refused: the id was used for something else.
            BackendError: the database has no table for that.
        """
        with self._table():
            found = self._rows.first()
        is_known = found is not None and found.created_at > _oldest(window_seconds)
        return self._repeated(found) if found is not None and is_known else None

    def take(self, expected: Iterable[Written], window_seconds: float) -> Outcome | None:
        """Return the first outcome where this is a repeat, else None: the id is ours now.

        *expected* is what will be written if nothing surprising happens; see :meth:`keep`.

        Raises:
            Refused: the id was used for something else.
            BackendError: the database has no table for that.
        """
        self._kept = _text(expected)
        for _ in range(_ATTEMPTS):
            if self._insert():
                return None
            found = self._rows.first()
            if found is None:
                continue
            if found.created_at > _oldest(window_seconds):
                return self._repeated(found)
            held = self._rows.select_for_update().first()
            if held is not None and held.created_at <= _oldest(window_seconds):
                self._rows.update(
                    fingerprint=self._fingerprint, outcome=self._kept, created_at=timezone.now()
                )
                return None
        raise _used()

    def keep(self, results: Iterable[Written]) -> None:
        """Note what was written, for repeats, unless it is what was expected."""
        outcome = _text(results)
        if outcome != self._kept:
            self._rows.update(outcome=outcome)

    def _repeated(self, found: Mutation) -> Outcome:
        if found.fingerprint != self._fingerprint:
            raise _used()
        return Outcome(from_json(json.loads(found.outcome)), is_repeat=True)

    def _insert(self) -> bool:
        """Insert the row unless there is one; one that is not committed yet is waited for."""
        connection = connections[self.using]
        statement = _insert_statement(self.using)
        created_at: Any = Mutation._meta.get_field("created_at")
        now = created_at.get_db_prep_save(timezone.now(), connection)
        with self._table(), connection.cursor() as cursor:
            cursor.execute(statement, [*self._names, self._fingerprint, self._kept, now])
            return bool(cursor.rowcount)

    @contextmanager
    def _table(self) -> Iterator[None]:
        try:
            yield
        except (ProgrammingError, OperationalError) as cause:
            if Mutation._meta.db_table not in str(cause):
                raise
            raise BackendError(_missing(self.using)) from cause


def _insert_statement(using: str) -> str:
    """Return what inserts a row, in the words of this database, or does nothing for a second."""
    operations = connections[using].ops
    quote, names = operations.quote_name, ("user", "client_mutation_id", *_REST)
    columns = ", ".join(map(quote, names))
    verb = operations.insert_statement(on_conflict=OnConflict.IGNORE)
    end = operations.on_conflict_suffix_sql((), OnConflict.IGNORE, (), ())
    table, places = quote(Mutation._meta.db_table), ", ".join(["%s"] * len(names))
    return f"{verb} {table} ({columns}) VALUES ({places}) {end}"


def _oldest(window_seconds: float) -> datetime:
    return timezone.now() - timedelta(seconds=window_seconds)


def _text(results: Iterable[Written]) -> str:
    return json.dumps(to_json(results))


def _used() -> Refused:
    return error("CONFLICT", "This clientMutationId was used for another write")


def forget_mutations(using: str, older_than_seconds: float) -> int:
    """Delete what was kept for repeats at least that long ago; answer how many rows that were."""
    latest = timezone.now() - timedelta(seconds=older_than_seconds)
    rows = Mutation.objects.using(using).filter(created_at__lte=latest)
    return rows.delete()[0]


def _missing(using: str) -> str:
    return (
        f"the database {using!r} has no table {Mutation._meta.db_table}, so that a repeated"
        f" mutation could not be told; run `manage.py migrate rxgraph --database {using}`"
    )
