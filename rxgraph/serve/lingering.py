"""Keep for some seconds what nobody holds any more, in case somebody comes back for it.

Values in by key; each is handed to *drop* when its time is over, unless somebody ended its waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lingering(Generic[T]):
    """What waits to be dropped, on one event loop."""

    def __init__(self, drop: Callable[[T], Awaitable[None]], seconds: float) -> None:
        self._drop, self._seconds = drop, seconds
        self._waiting: dict[Hashable, tuple[asyncio.TimerHandle, T]] = {}
        self._dropping: set[asyncio.Future[None]] = set()

    def begin(self, key: Hashable, value: T) -> bool:
        """Drop *value* later, from now on; False: at once, it is not to be kept."""
        if self._seconds <= 0:
            return False
        self.end(key)
        timer = asyncio.get_running_loop().call_later(self._seconds, self._is_over, key)
        self._waiting[key] = timer, value
        return True

    def end(self, key: Hashable) -> bool:
        """Drop it not after all; answers whether it was waiting."""
        timer, _ = self._waiting.pop(key, (None, None))
        if timer is not None:
            timer.cancel()
        return timer is not None

    async def close(self) -> None:
        """Drop everything that waits now."""
        values = [value for _, value in self._waiting.values()]
        for key in list(self._waiting):
            self.end(key)
        await asyncio.gather(*map(self._drop, values))

    def _is_over(self, key: Hashable) -> None:
        _, value = self._waiting.pop(key)
        task = asyncio.ensure_future(self._drop(value))
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)
