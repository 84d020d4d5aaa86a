"""Do in one go what tasks ask for in the same moment, on one event loop.

A dashboard attaches a hundred anchors at once: what each of them asks the store for is asked for
all together. Rule: nobody waits for a moment to pass. What is asked before the event loop comes
round again is one group; a group waits only while as many others as may be are under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

A = TypeVar("A")
K = TypeVar("K")
R = TypeVar("R")

_GROUPS_AT_ONCE = 8
_MOST = 200  # of one group: what is small need not wait for everything that is large


class Together(Generic[K, A, R]):
    """Answers single requests from *do*, which takes several: key → argument to key → answer."""

    def __init__(
        self,
        do: Callable[[Mapping[K, A]], Awaitable[Mapping[K, R]]],
        *,
        groups_at_once: int = _GROUPS_AT_ONCE,
        most: int = _MOST,
        is_shared: bool = False,
    ) -> None:
        """Prepare; *is_shared*: what is asked twice before it is begun is done once."""
        self._do, self._groups_at_once, self._most = do, groups_at_once, most
        self._is_shared = is_shared
        self._waiting: list[dict[K, tuple[A, asyncio.Future[R | None]]]] = []
        self._open: dict[K, asyncio.Future[R | None]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._is_coming = False

    async def ask(self, key: K, argument: A) -> R | None:
        """Return what *do* answers for *key*; None: it left that out.

        The work goes on when whoever asked is cancelled: see ``over``.
        """
        if self._is_shared:
            for group in self._waiting:
                if key in group:
                    return await asyncio.shield(group[key][1])
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R | None] = loop.create_future()
        self._group_without(key)[key] = argument, future
        self._open[key] = future
        future.add_done_callback(lambda done: self._close(key, done))
        if not self._is_coming:
            self._is_coming = True
            loop.call_soon(self._begin)
        return await asyncio.shield(future)

    async def over(self, key: K) -> None:
        """Return when nothing that was asked for *key* is under way any more."""
        while (future := self._open.get(key)) is not None:
            await asyncio.wait([future])

    async def close(self) -> None:
        """Wait for what is under way; what waits for its turn is done, too."""
        while self._open:
            await asyncio.wait(list(self._open.values()))

    def _group_without(self, key: K) -> dict[K, tuple[A, asyncio.Future[R | None]]]:
        for group in self._waiting:
            if key not in group and len(group) < self._most:
                return group
        self._waiting.append({})
        return self._waiting[-1]

    def _begin(self) -> None:
        self._is_coming = False
        while self._waiting and len(self._running) < self._groups_at_once:
            task = asyncio.ensure_future(self._work(self._waiting.pop(0)))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._begin()

    async def _work(self, group: Mapping[K, tuple[A, asyncio.Future[R | None]]]) -> None:
        try:
            answers = await self._do({key: argument for key, (argument, _) in group.items()})
        except Exception as error:  # noqa: BLE001 - it is theirs who asked
            for _, future in group.values():
                future.set_exception(error)
        except BaseException:
            for _, future in group.values():
                future.cancel()
            raise
        else:
            for key, (_, future) in group.items():
                future.set_result(answers.get(key))

    def _close(self, key: K, future: asyncio.Future[R | None]) -> None:
        if self._open.get(key) is future:
            del self._open[key]
        if not future.cancelled():
            future.exception()  # whoever asked may be gone: nobody has to be told then
