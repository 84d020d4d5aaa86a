"""Flush together what is committed together.

Of the threads of a process that commit at the same time, one works for all: what is committed
while it is at it waits, and is then merged in one go by the next, with one set of requests to the
store and one snapshot of the database. Alone, a thread waits for nobody.

Law: every commit is flushed once, by its own thread or by one that it waits for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Event, Lock

from rxgraph.sync.touches import Columns, Committed
from rxgraph.types import RowKey

PATIENCE_SECONDS = 0.1  # then a thread flushes for itself: the other may be at something large
_MOST_ROWS = 1000  # of a commit that lets others wait for it


class _Waiting:
    """A commit in the queue and the thread that waits for it."""

    __slots__ = ("committed", "flushed", "is_taken", "leads", "stirred")

    def __init__(self, committed: Committed) -> None:
        self.committed = committed
        self.is_taken = False  # somebody flushes it
        self.leads = False  # nobody does, and it is its own thread's turn
        self.stirred = Event()  # one of the two
        self.flushed = Event()


class Sharing:
    """Runs *flush* for the commits of many threads, for as many at once as there are."""

    def __init__(
        self, flush: Callable[[Committed], None], patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._flush, self._patience_seconds = flush, patience_seconds
        self._lock = Lock()
        self._queue: list[_Waiting] = []
        self._leaders = 0

    def flush(self, committed: Committed) -> None:
        """Return when *committed* is flushed, by this thread or by another."""
        if len(committed.rows) > _MOST_ROWS:
            self._flush(committed)
            return
        mine = _Waiting(committed)
        with self._lock:
            self._queue.append(mine)
            leads = mine.leads = not self._leaders
            self._leaders += leads
        if leads or self._must_lead(mine):
            self._lead()
        mine.flushed.wait()  # another may have taken it the moment before

    def _must_lead(self, mine: _Waiting) -> bool:
        """Wait until *mine* is flushed; True: its own thread has to do it."""
        if not mine.stirred.wait(self._patience_seconds):
            with self._lock:
                if not (mine.is_taken or mine.leads):
                    self._leaders += 1
                    mine.leads = True
                    return True
            mine.stirred.wait()
        return mine.leads

    def _lead(self) -> None:
        with self._lock:
            taken, self._queue = self._queue, []
            for waiting in taken:
                waiting.is_taken = True
        try:
            for committed in together(waiting.committed for waiting in taken):
                self._flush(committed)
        finally:
            with self._lock:
                following = next((item for item in self._queue if not item.leads), None)
                if following is not None:
                    following.leads = True
                    following.stirred.set()
                else:
                    self._leaders -= 1
            for waiting in taken:
                waiting.flushed.set()
                waiting.stirred.set()


def together(commits: Iterable[Committed]) -> list[Committed]:
    """Return all of *commits* as one for each database.

    Of a row that was written more than once nobody knows the newest columns: they are left out.
    """
    by_database: dict[str, list[Committed]] = {}
    for committed in commits:
        by_database.setdefault(committed.using, []).append(committed)
    return [
        found[0] if len(found) == 1 else _together(using, found)
        for using, found in by_database.items()
    ]


def _together(using: str, commits: list[Committed]) -> Committed:
    rows: set[RowKey] = set()
    columns: dict[RowKey, Columns] = {}
    for committed in commits:
        for row in committed.rows & rows:
            columns.pop(row, None)
        columns |= {row: found for row, found in committed.columns.items() if row not in rows}
        rows |= committed.rows
    intents = tuple(intent for committed in commits for intent in committed.intents)
    traces = tuple(trace for committed in commits for trace in committed.traces)
    return Committed(using, frozenset(rows), columns, intents, traces)
