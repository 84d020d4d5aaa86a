"""Answer the steps that read the database (or mark anchors there), with blocking functions.

A procedure opens a snapshot, reads and closes it on one thread; Django's connections belong to
threads, so a step on another thread is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.db import InterfaceError, OperationalError

from rxgraph.cache.rows.anchor_marks import set_marks
from rxgraph.cache.rows.glance import Glance as Glanced
from rxgraph.cache.rows.glance import IntentLog, glance
from rxgraph.cache.rows.locating import dependents, locate
from rxgraph.cache.rows.reading import existing, read_rows
from rxgraph.cache.rows.snapshot import Snapshot, open_snapshot
from rxgraph.cache.rows.tree import read_tree
from rxgraph.cache.steps import (
    Beyond,
    CloseSnapshot,
    Glance,
    Locate,
    MarkAnchors,
    OpenSnapshot,
    ReadDependents,
    ReadExisting,
    ReadIntents,
    ReadMore,
    ReadRows,
    ReadTree,
    Row,
    Step,
)
from rxgraph.compile.state_tree import StateTree
from rxgraph.errors import BackendError
from rxgraph.types import Document, InstanceKey, RowKey

logger = logging.getLogger("rxgraph.rows")

_REPORTS = 10_000  # keys remembered as reported, before all may be reported again


class Database:
    """Reads rows for the steps of procedures.

    *trees* gives the state tree of every channel by name; *intents* the rows named by each of the
    intents that are outstanding in the current transaction of a database; *log* says how they are
    read along with a row.
    """

    def __init__(
        self,
        trees: Callable[[], Mapping[str, StateTree]],
        intents: Callable[[str], Iterable[frozenset[RowKey]]] = lambda using: (),
        log: IntentLog | None = None,
    ) -> None:
        self._trees = trees
        self._intents = intents
        self._log = log
        self._reported: set[tuple[str, InstanceKey]] = set()
        handlers: dict[type[Step[Any]], Callable[[Any], Any]] = {
            Locate: self.locate,
            Glance: self.glance,
            OpenSnapshot: self.open_snapshot,
            CloseSnapshot: self.close_snapshot,
            ReadIntents: self.read_intents,
            ReadTree: self.read_tree,
            ReadMore: self.read_more,
            MarkAnchors: self.mark_anchors,
            ReadRows: self.read_rows,
            ReadExisting: self.read_existing,
            ReadDependents: self.read_dependents,
        }
        self.handlers = {kind: _answering(handler) for kind, handler in handlers.items()}

    def locate(self, step: Locate) -> dict[str, frozenset[InstanceKey]]:
        """Per channel, the instances to look for in caches."""
        return locate(self._trees(), step.rows, step.columns, step.using)

    def glance(self, step: Glance) -> Glanced | None:
        """One row and the intents, in one statement."""
        if self._log is None:
            return None
        return glance(step.channel, self._trees()[step.channel], step.rows, self._log)

    def open_snapshot(self, step: OpenSnapshot) -> Snapshot:
        """Begin one consistent read."""
        return open_snapshot(step.channel, self._trees()[step.channel], step.beside)

    def close_snapshot(self, step: CloseSnapshot) -> None:
        """End it."""
        step.snapshot.check()
        step.snapshot.close()

    def read_intents(self, step: ReadIntents) -> tuple[frozenset[RowKey], ...]:
        """Rows named by each of the intents that the snapshot shows."""
        if isinstance(step.snapshot, Glanced):
            return step.snapshot.intents
        snapshot = _open(step.snapshot)
        return tuple(
            rows
            for alias in snapshot.aliases
            for rows in snapshot.moment.intents(alias, self._intents)
        )

    def read_tree(self, step: ReadTree) -> Iterator[list[Document]]:
        """Documents below one root, as ``read_more`` takes them."""
        snapshot = _open(step.snapshot)
        return read_tree(snapshot.layers, step.anchor_id, step.version, self._report(snapshot))

    def read_more(self, step: ReadMore) -> list[Document]:
        """Some more of them."""
        _open(step.snapshot)
        return next((part for part in step.tree if part), [])

    def mark_anchors(self, step: MarkAnchors) -> None:
        """Mark root rows as possibly live."""
        set_marks(self._trees()[step.channel], step.ids, value=True)

    def read_rows(self, step: ReadRows) -> dict[InstanceKey, Row]:
        """Some rows by key."""
        if isinstance(step.snapshot, Glanced):
            report = self._report(step.snapshot)
            rows = step.snapshot.rows(step.wanted, step.lists, report)
            return {row.key: row for row in rows}
        snapshot = _open(step.snapshot)
        report = self._report(snapshot)

        def read(wanted: frozenset[InstanceKey]) -> dict[InstanceKey, Row]:
            return read_rows(snapshot.layers, wanted, report, step.lists)

        return snapshot.moment.rows(snapshot.layers, step.wanted, read)

    def read_existing(self, step: ReadExisting) -> frozenset[InstanceKey]:
        """Those whose row exists."""
        if isinstance(step.snapshot, Glanced):
            raise Beyond
        return existing(_open(step.snapshot).layers, step.wanted)

    def read_dependents(self, step: ReadDependents) -> frozenset[InstanceKey]:
        """Instances that show the rows without being them."""
        if isinstance(step.snapshot, Glanced):
            return step.snapshot.dependents(step.rows)
        snapshot = _open(step.snapshot)
        return dependents(snapshot.tree, step.rows)

    def _report(self, snapshot: Snapshot | Glanced) -> Callable[[InstanceKey, Exception], None]:
        def report(key: InstanceKey, error: Exception) -> None:
            if (snapshot.channel, key) in self._reported:
                return
            if len(self._reported) >= _REPORTS:
                self._reported.clear()
            self._reported.add((snapshot.channel, key))
            logger.error(
                "%s %s of %s cannot be rendered and is left out: %s: %s",
                key.typename,
                key.id,
                snapshot.channel,
                type(error).__name__,
                error,
                exc_info=error,
            )

        return report


def _answering(handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return *handler*, telling of a database that went away as of any backend: try again."""

    def answer(step: Any) -> Any:
        try:
            return handler(step)
        except (OperationalError, InterfaceError) as error:
            raise BackendError(f"the database did not answer: {error}") from error

    return answer


def _open(snapshot: Snapshot) -> Snapshot:
    snapshot.check()
    return snapshot
