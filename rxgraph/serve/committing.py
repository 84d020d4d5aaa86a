"""Run a write on a thread, and return when the stream shows it.

For its client a write is over when the replica has moved past the commit. What the thread still
does then (other contexts that hold the rows, the intent log) keeps nobody waiting; the backend
waits for it before it closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable

from rxgraph.serve.backend import Backend
from rxgraph.serve.replica import Move
from rxgraph.sync.writing import Outcome

logger = logging.getLogger("rxgraph.writes")


#: Marks of the writes that clients of this process wait for, and the connections these are on.
_writing: dict[str, object | None] = {}


def is_written_elsewhere(marks: Iterable[str], connection: object | None) -> bool:
    """True when somebody waits for a write among *marks*, but nobody on this *connection*."""
    waiting = [_writing[text] for text in marks if text in _writing]
    return bool(waiting) and not any(writer is connection for writer in waiting)


class Committing:
    """One write: it is done when its thread is, or when a move carries one of its marks."""

    def __init__(self, backend: Backend, *marks: str, connection: object | None = None) -> None:
        self._backend, self._marks = backend, frozenset(marks)
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._seen = asyncio.Event()
        self._ready: Outcome | None = None

    def receive(self, move: Move) -> None:
        """Take a move of the replica at the moment it happens."""
        if not self._marks.isdisjoint(move.marks):
            self._seen.set()
            if self._ready is not None:
                self._end()

    def prepare(self, outcome: Outcome) -> None:
        """Remember what the write comes to if it is committed; called on its thread."""
        self._ready = outcome

    async def run(self, work: Callable[[], Outcome], patience_seconds: float) -> Outcome:
        """Return what *work* comes to, when the replica shows it; see :meth:`is_shown`.

        A write that is committed and not shown after *patience_seconds* is returned all the same.
        """
        for text in self._marks:
            _writing[text] = self._connection
        try:
            task = self._backend.start_on_thread(work)
            task.add_done_callback(self._finish)
            await self._done
        finally:
            for text in self._marks:
                del _writing[text]
        if not task.done() and self._ready is not None:
            return self._ready  # its mark proves that it was committed
        outcome = await task
        if outcome.results and not self._seen.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience_seconds):
                    await self._seen.wait()
        return outcome

    @property
    def is_shown(self) -> bool:
        """True when the replica's state contains the write."""
        return self._seen.is_set()

    def _finish(self, task: asyncio.Task[Outcome]) -> None:
        if self._done.done() and not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a write failed that nobody waits for any more", exc_info=error)
        self._end()

    def _end(self) -> None:
        if not self._done.done():
            self._done.set_result(None)
