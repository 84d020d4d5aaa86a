"""Heavy things take turns: between any two of the same kind everybody else has his.

An event loop does what is ready in rounds, and what becomes ready in one of them waits for the
rest of it. To begin an operation, or to compress and write a large first state, takes
milliseconds: a hundred that are ready at once would hold up everybody for as long as all of them
take. With one in a round, of each user and of each kind, nobody waits for more than that one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable

from rxgraph.serve.per_loop import per_loop

LARGE_CHARS = 32 * 1024
"""From this length on a message waits for its turn."""

LARGE_MESSAGE = "large message"


class Turns:
    """Whose turn it is, on one event loop."""

    def __init__(self) -> None:
        self._taken: set[Hashable] = set()  # in this round
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}
        self._is_coming = False

    async def take(self, kind: Hashable) -> None:
        """Return in the first round of the event loop in which nobody else of *kind* does."""
        loop = asyncio.get_running_loop()
        if not self._is_coming:
            self._is_coming = True
            loop.call_soon(self._next)
        if kind not in self._taken:
            self._taken.add(kind)
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.setdefault(kind, deque()).append(turn)
        await turn

    def _next(self) -> None:
        self._taken.clear()
        for kind, waiting in list(self._waiting.items()):
            while waiting and waiting[0].done():  # whoever waited was cancelled
                waiting.popleft()
            if waiting:
                self._taken.add(kind)
                waiting.popleft().set_result(None)
            else:
                del self._waiting[kind]
        self._is_coming = bool(self._taken)
        if self._is_coming:
            asyncio.get_running_loop().call_soon(self._next)


turns = per_loop(Turns)
"""Return the turns of the running event loop."""
