"""Keep for some seconds what nobody holds any more, in case somebody comes back for it.

Values in by key; each is handed to *drop* when its time is over, unless somebody ended its waiting.
Where room is needed, the one that has waited longest goes first.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lingering(Generic[T]):
    """What waits to be dropped, on one event loop."""

    def __init__(self, drop: Callable[[T], Awaitable[None]], seconds: float) -> None:
        self._drop, self._seconds = drop, seconds
        self._waiting: dict[Hashable, tuple[asyncio.TimerHandle, T]] = {}
        self._dropping: set[asyncio.Future[None]] = set()

    def begin(self, key: Hashable, value: T, most_seconds: float = math.inf) -> bool:
        """Drop *value* later, from now on; False: at once, it is not to be kept.

        *most_seconds*: for this one, it may be earlier than for others.
        """
        seconds = min(self._seconds, most_seconds)
        if seconds <= 0:
            return False
        self.end(key)
        timer = asyncio.get_running_loop().call_later(seconds, self._is_over, key)
        self._waiting[key] = timer, value
        return True

    def end(self, key: Hashable) -> bool:
        """Drop it not after all; answers whether it was waiting."""
        timer, _ = self._waiting.pop(key, (None, None))
        if timer is not None:
            timer.cancel()
        return timer is not None

    def drop_oldest(self) -> T | None:
        """Begin to drop what has waited longest, and return it; None: nothing waits."""
        key = next(iter(self._waiting), None)
        if key is None:
            return None
        value = self._waiting[key][1]
        self.end(key)
        self._start_to_drop(value)
        return value

    async def close(self) -> None:
        """Drop everything that waits now."""
        values = [value for _, value in self._waiting.values()]
        for key in list(self._waiting):
            self.end(key)
        await asyncio.gather(*map(self._drop, values), *self._dropping)

    def _is_over(self, key: Hashable) -> None:
        _, value = self._waiting.pop(key)
        self._start_to_drop(value)

    def _start_to_drop(self, value: T) -> None:
        task = asyncio.ensure_future(self._drop(value))
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)
