"""End a server without anybody noticing: SIGTERM closes its connections over some seconds.

A *drain* spreads the closings (1012, a moment of its own for each connection), so that the clients
do not all come back at once; waits for the writes and actions that run; and refuses what is new
meanwhile. ``hook_sigterm`` holds the server's own handler back until the drain is over: uvicorn
would close everything at one moment. A second signal passes at once.
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from types import FrameType
from typing import Any

from rxgraph.serve.sockets import RESTARTING, Sockets, sockets
from rxgraph.settings import get_settings

logger = logging.getLogger("rxgraph.serve")

SECONDS_EACH = 0.01
"""How long one connection takes at most: a few are closed sooner than in the whole time."""

_STEP_SECONDS = 0.05
_GONE_SECONDS = 6.0  # for those that were closed to be gone: an unread last frame takes five

Handler = Callable[[int, FrameType | None], Any]


def moments(count: int, longest_seconds: float, jitter: Sequence[float]) -> list[float]:
    """Return when to close each of *count* connections, in seconds from now, in order.

    Evenly spread, each at random within its share: *jitter* has a number of [0, 1) for each.

    >>> moments(4, 0.02, [0.0, 0.5, 0.0, 0.5])
    [0.0, 0.0075, 0.01, 0.0175]
    """
    share = min(longest_seconds / max(1, count), SECONDS_EACH)
    return [(number + jitter[number]) * share for number in range(count)]


async def drain(
    here: Sockets,
    seconds: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    rng: random.Random = random.Random(),  # noqa: S311, B008
) -> None:
    """Close what is open over at most *seconds*; what is busy then gets as long again.

    Returns when all of it has given back what it took, or does not end.
    """
    here.is_draining = True
    began = clock()
    order = list(here)
    rng.shuffle(order)
    due = moments(len(order), seconds, [rng.random() for _ in order])
    waiting = dict(zip(order, due, strict=True))
    while len(here) and (passed := clock() - began) < 2 * seconds + _GONE_SECONDS:
        due_now = {socket for socket, moment in waiting.items() if moment <= passed}
        for socket in due_now | here.hurried:
            if passed >= 2 * seconds or not socket.is_busy:
                waiting.pop(socket, None)
                here.hurried.discard(socket)
                socket.let_go(*RESTARTING)
        await sleep(_STEP_SECONDS)


async def shut_down() -> None:
    """Drain what is open on the running event loop, as the settings say."""
    here = sockets()
    began, count = time.monotonic(), len(here)
    here.is_draining = True
    if count:
        seconds = get_settings().drain_seconds
        logger.info("closing %d connections over at most %g s", count, seconds)
        await drain(here, seconds)
        logger.info("%d connections were closed in %.1f s", count, time.monotonic() - began)


class Hook:
    """Stands before the handler of SIGTERM that the server has set."""

    def __init__(self, loop: asyncio.AbstractEventLoop, before: Handler) -> None:
        self._loop, self._before = loop, before
        self._task: asyncio.Task[None] | None = None
        self._is_told = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Begin to drain; pass the signal on when that is done, or when it comes again."""
        if self._is_told or self._loop.is_closed():
            self._before(number, frame)
            return
        self._is_told = True
        self._loop.call_soon_threadsafe(self._begin, number)

    def _begin(self, number: int) -> None:
        self._task = asyncio.ensure_future(self._drain(number))

    async def _drain(self, number: int) -> None:
        try:
            await shut_down()
        except Exception:
            logger.exception("connections could not be closed in order")
        finally:
            self._before(number, None)

    def remove(self) -> None:
        """Give the signal back to the server."""
        current: object = signal.getsignal(signal.SIGTERM)
        if current is self:
            signal.signal(signal.SIGTERM, self._before)


def hook_sigterm() -> Hook | None:
    """Drain the running event loop when SIGTERM comes; None: it cannot be done here.

    Only the main thread may handle signals, and only what the server handles is taken up: where
    nobody does, SIGTERM ends the process at once, as before.
    """
    if threading.current_thread() is not threading.main_thread():
        return None
    before = signal.getsignal(signal.SIGTERM)
    if isinstance(before, Hook) or not callable(before):
        return None
    hook = Hook(asyncio.get_running_loop(), before)
    signal.signal(signal.SIGTERM, hook)
    return hook
