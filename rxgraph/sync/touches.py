"""Gather what a transaction touches; on its commit, log the intent and hand it on once.

``touch`` → ``Touch`` entries among the connection's commit hooks, one per set of savepoints, so
that Django itself drops those of savepoints that are rolled back → just before ``COMMIT`` one
intent names every surviving row → after it one ``Committed`` goes to the flush callback.

Where triggers write the intents (``triggered``), they are asked for there instead of written.

Law: a transaction that commits touched rows commits their intent with them, or neither.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from rxgraph import tracing
from rxgraph.faults import fault
from rxgraph.settings import get_settings
from rxgraph.sync import intents
from rxgraph.sync.triggers import presence
from rxgraph.types import RowKey

logger = logging.getLogger("rxgraph.sync")

Columns = Mapping[str, str | None]
_STATE = "_rxgraph_touches"
_IN_ERROR = 3  # libpq's PQTRANS_INERROR, the same in psycopg 2 and 3
_order = count()


@dataclass(frozen=True, slots=True)
class Committed:
    """What one committed transaction touched.

    ``columns`` are hints: for rows whose last change was a save, foreign keys as it wrote them
    (attname → key of the parent as text). ``intents`` are to be forgotten when all is done.
    """

    using: str
    rows: frozenset[RowKey]
    columns: Mapping[RowKey, Columns] = field(default_factory=dict)
    intents: tuple[UUID, ...] = ()
    #: ``traceparent`` of each of the commits; none: they are not traced.
    traces: tuple[str, ...] = ()


class Touch:
    """The rows touched under one set of savepoints; a commit hook that waits to be collected."""

    __slots__ = ("intents", "is_manual", "is_triggered", "rows", "spent", "trace", "using")

    def __init__(self, using: str, *, is_manual: bool) -> None:
        self.using = using
        #: Autocommit is off, so that ``commit()`` will not be followed by Django's hooks.
        self.is_manual = is_manual
        #: Triggers write intents of their own, which are asked for before the commit.
        self.is_triggered = False
        self.rows: dict[RowKey, tuple[int, Columns | None]] = {}
        self.intents: tuple[UUID, ...] | None = None
        self.spent = False
        self.trace = ""

    def add(self, rows: Iterable[RowKey], columns: Mapping[RowKey, Columns]) -> None:
        """Add rows; the last touch of a row decides about its hints."""
        order = next(_order)
        for row in rows:
            self.rows[row] = (order, columns.get(row))

    def __call__(self) -> None:
        """Flush alone: what ``TestCase.captureOnCommitCallbacks(execute=True)`` does."""
        if not self.spent:
            if self.is_triggered and self.intents is None:
                _ask_triggers(connections[self.using], [self])
            deliver(collect([self]))


_callback: Callable[[Committed], None] | None = None
_wants_triggered: Callable[[], bool] = bool


def on_commit(
    callback: Callable[[Committed], None] | None,
    wants_triggered: Callable[[], bool] = lambda: True,
) -> Callable[[Committed], None] | None:
    """Let *callback* receive every commit, and return the one that did until now.

    None: leave the intents to a sweeper. *wants_triggered* says whether it is to receive those that
    triggers see as well; else who listens to the database does them.

    It is called in the committing thread, outside of any transaction (inside a ``TestCase``: in
    the one of the test). What it raises is logged, never raised into the application's save.
    """
    global _callback, _wants_triggered
    former, _callback = _callback, callback
    _wants_triggered = wants_triggered
    return former


def deliver(committed: Committed) -> None:
    """Hand *committed* to the callback."""
    fault("after commit")
    if _callback is None or not committed.rows:  # triggers may have seen nothing
        return
    try:
        _callback(committed)
    except Exception:
        outlook = "a sweeper will" if committed.intents else "no intent was logged that would"
        logger.exception(
            "%d rows committed on %r did not reach live state; %s repeat it",
            len(committed.rows),
            committed.using,
            outlook,
        )


def touch(
    using: str, rows: Iterable[RowKey], columns: Mapping[RowKey, Columns] | None = None
) -> None:
    """Note that *rows* of the database *using* may have changed in the current transaction.

    Outside of one they are handed on at once, after their intent is written.
    """
    rows = list(rows)
    if not rows:
        return
    with atomically(using):
        connection = connections[using]
        if connection.in_atomic_block or not connection.get_autocommit():
            _touch_of(connection).add(rows, columns or {})
            return
    alone = Touch(using, is_manual=False)  # in autocommit, without an intent log
    alone.add(rows, columns or {})
    alone()


@contextmanager
def triggered(using: str, hints: Callable[[], Mapping[RowKey, Columns]] = dict) -> Iterator[None]:
    """Note that what is changed inside is seen by triggers, and hand it on at the commit.

    *hints* are asked for afterwards.
    """
    if _callback is None or not _wants_triggered():
        yield
        return
    with atomically(using):
        yield
        columns = hints()
        found = _touch_of(connections[using])
        found.is_triggered = True
        found.add(columns, columns)


def atomically(using: str, *, reads: bool = False) -> AbstractContextManager[Any]:
    """Return a context that keeps a change and its intent in one transaction.

    Inside a transaction there is nothing to do, so an exception that the application catches
    leaves that transaction as it would be without us. In autocommit one is opened, but only when
    there is an intent to write, or something to read that the change must find as it was. One
    transaction of a change and its intent is also cheaper than two.
    """
    connection = connections[using]
    if connection.in_atomic_block or not connection.get_autocommit():
        return nullcontext()
    if not reads and not get_settings().outbox:
        return nullcontext()
    return transaction.atomic(using=using, savepoint=False)


def _touch_of(connection: BaseDatabaseWrapper) -> Touch:
    """Return the open Touch of the savepoints that are active now.

    The entries are appended to ``run_on_commit`` itself, because ``connection.on_commit`` refuses
    to work with autocommit off. Django replaces that list whenever it drops entries, so what is
    remembered about a list holds as long as it is the same list.
    """
    sids = frozenset(connection.savepoint_ids)
    hooks = connection.run_on_commit
    state = connection.__dict__.get(_STATE)
    if state is None or state[0] is not hooks:
        known = {frozenset(entry[0]): entry[1] for entry in hooks if type(entry[1]) is Touch}
        state = connection.__dict__[_STATE] = (hooks, known)
    found: Touch | None = state[1].get(sids)
    if found is None or found.spent or found.intents is not None or _in_test_case(connection):
        is_manual = not (connection.in_atomic_block and connection.commit_on_exit)
        found = state[1][sids] = Touch(connection.alias, is_manual=is_manual)
        hooks.append((set(sids), found, False))  # type: ignore[arg-type] # robust: since 4.2
    return found


def _in_test_case(connection: BaseDatabaseWrapper) -> bool:
    """Return True inside a TestCase's transaction.

    It never commits; ``captureOnCommitCallbacks`` looks for hooks that are new since its start, so
    each change needs one of its own there.
    """
    blocks = connection.atomic_blocks
    return bool(blocks) and bool(getattr(blocks[0], "_from_testcase", False))


def pending(connection: BaseDatabaseWrapper) -> list[Touch]:
    """Return what waits for the commit of *connection*."""
    return [entry[1] for entry in connection.run_on_commit if type(entry[1]) is Touch]


def take(connection: BaseDatabaseWrapper) -> list[Touch]:
    """Remove and return what waits for the commit of *connection*."""
    found = pending(connection)
    if found:
        connection.run_on_commit = [
            entry for entry in connection.run_on_commit if type(entry[1]) is not Touch
        ]
    return found


def collect(touches: Iterable[Touch]) -> Committed:
    """Return all of *touches* as one, and mark them as done."""
    last: dict[RowKey, tuple[int, Columns | None]] = {}
    ids: list[UUID] = []
    using = ""
    for found in touches:
        using, found.spent = found.using, True
        ids.extend(found.intents or ())
        for row, noted in found.rows.items():
            if row not in last or last[row][0] < noted[0]:
                last[row] = noted
    columns = {row: hints for row, (_, hints) in last.items() if hints is not None}
    traces = tuple(found.trace for found in touches if found.trace)
    return Committed(using, frozenset(last), columns, tuple(ids), traces)


# -- what surrounds a connection's own methods


def commit(original: Callable[[Any], None], connection: BaseDatabaseWrapper) -> None:
    """Write the intent of the transaction, then commit it.

    With autocommit off Django runs its hooks only when it is turned on again; we hand on now.
    """
    touches = pending(connection) if connection.run_on_commit else []
    if touches and not connection.in_atomic_block:
        if _is_aborted(connection):  # PostgreSQL will answer COMMIT with ROLLBACK
            take(connection)
            touches = []
        else:
            _log_intent(connection, touches)
            fault("before commit")
    original(connection)
    if touches and touches[0].is_manual:
        _deliver_in_autocommit(connection, collect(take(connection)))


def run_and_clear_commit_hooks(
    original: Callable[[Any], None], connection: BaseDatabaseWrapper
) -> None:
    """Run the application's hooks, then hand on the commit, also when one of them raises."""
    connection.validate_no_atomic_block()
    touches = take(connection) if connection.run_on_commit else []
    if not touches:
        original(connection)
        return
    committed = collect(touches)
    try:
        original(connection)
    finally:
        deliver(committed)


def _log_intent(connection: BaseDatabaseWrapper, touches: list[Touch]) -> None:
    broken = connection.needs_rollback
    try:
        if not get_settings().outbox:
            return
        fresh = [found for found in touches if found.intents is None]
        is_triggered = any(found.is_triggered for found in fresh)
        rows = {row for found in fresh for row in found.rows}
        if not is_triggered and not rows:
            return
        connection.needs_rollback = False  # whoever commits by hand in spite of it means it
        noted = {"rxgraph.database": connection.alias, "rxgraph.rows": len(rows)}
        with tracing.span("rxgraph.capture", noted):
            if is_triggered:
                _ask_triggers(connection, fresh)
            else:
                _write(connection, fresh, frozenset())
            fresh[0].trace = tracing.current()
    except DatabaseError:
        raise
    except Exception as error:
        # Atomic rolls back on nothing but a DatabaseError of its commit.
        raise DatabaseError(f"the intent log could not be written: {error}") from error
    finally:
        connection.needs_rollback = broken


def _write(connection: BaseDatabaseWrapper, fresh: list[Touch], seen: frozenset[RowKey]) -> None:
    """Write the intent of *fresh*; of *seen* there are intents already.

    It names both: who sees one part of the transaction needs to know of the other.
    """
    rows = {row for found in fresh for row in found.rows}
    ids = intents.write(connection, rows | seen) if rows - seen else ()
    for found in fresh:
        found.intents = ()
    fresh[0].intents = ids


def _ask_triggers(connection: BaseDatabaseWrapper, fresh: list[Touch]) -> None:
    """Add what triggers saw in this transaction; where that is too much, a sweeper does it all."""
    own = presence.own(connection)
    rows = frozenset[RowKey]().union(*(named for _, named in own))
    if len(own) != 1:  # any of the other statements may know better
        for found in fresh:
            known = found.rows.items()
            found.rows = {row: (order, None) for row, (order, hints) in known if hints is None}
    _write(connection, fresh, rows)
    first = fresh[0]
    first.intents = (*(first.intents or ()), *(id_ for id_, _ in own))
    for row in rows:
        first.rows.setdefault(row, (-1, None))


def _is_aborted(connection: BaseDatabaseWrapper) -> bool:
    if connection.vendor != "postgresql" or connection.connection is None:
        return False
    return int(connection.connection.info.transaction_status) == _IN_ERROR


def _deliver_in_autocommit(connection: BaseDatabaseWrapper, committed: Committed) -> None:
    """Hand on with autocommit on for the moment, and with the application's hooks left alone."""
    if _callback is None or not committed.rows:
        return
    runs_hooks = connection.run_commit_hooks_on_set_autocommit_on
    connection.run_commit_hooks_on_set_autocommit_on = False
    hooks, connection.run_on_commit = connection.run_on_commit, []
    connection.set_autocommit(True)
    try:
        deliver(committed)
    finally:
        connection.set_autocommit(False)
        connection.run_on_commit = hooks + connection.run_on_commit
        connection.run_commit_hooks_on_set_autocommit_on = runs_hooks
