"""Hand the signals that reach this process to whoever asked for their kind.

``signals.on("rxgraph.revoke", handler)`` registers; a handler is called on the event loop, in the
order in which signals come, and what it awaits runs beside everything else. Its errors are logged.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from rxgraph.serve.ending import ended
from rxgraph.sync.signals import Signal
from rxgraph.types import PROCESS_CHANNEL, process_key

logger = logging.getLogger("rxgraph.signals")

Handler = Callable[[Signal], Awaitable[None] | None]

_REMEMBERED = 10_000


class Signals:
    """The handlers of one event loop, and what they are at."""

    def __init__(self, session: str) -> None:
        """Prepare; *session* names this process."""
        self._own = process_key(session)
        self._handlers: dict[str, list[Handler]] = {}
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def on(self, kind: str, handler: Handler) -> None:
        """Call *handler*, ``def`` or ``async def``, with every signal of this kind."""
        self._handlers.setdefault(kind, []).append(handler)

    def deliver(self, signal: Signal) -> None:
        """Call the handlers of *signal*, unless it is another process's or has been here."""
        if signal.key.channel == PROCESS_CHANNEL and signal.key != self._own:
            return
        if signal.id in self._seen:  # what is sent here comes by two ways, or was sent again
            return
        self._seen[signal.id] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        for handler in self._handlers.get(signal.kind, ()):
            try:
                waiting = handler(signal)
            except Exception:
                logger.exception("the signal %s could not be handled", signal.kind)
                continue
            if waiting is not None and inspect.isawaitable(waiting):
                task = asyncio.ensure_future(self._finish(signal, waiting))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _finish(self, signal: Signal, waiting: Awaitable[None]) -> None:
        try:
            await waiting
        except Exception:
            logger.exception("the signal %s could not be handled", signal.kind)

    async def close(self) -> None:
        """End what is still being done."""
        self._handlers.clear()
        await ended(list(self._tasks))
