"""End tasks for good.

A driver may swallow a cancellation that comes together with its answer: ``asyncio.wait_for`` of
Python 3.11 does, which asynchronous clients of stores are built on. The task then goes on as if
nobody had said anything, and whoever waits for its end waits for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_SECONDS = 0.5  # time enough for a task that heard it to clean up


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel *tasks*, again where it has to be, and return when all of them have ended.

    The caller's own task is passed over. What they raised is retrieved and forgotten.
    """
    own = asyncio.current_task()
    running = {task for task in tasks if task is not own}
    over: set[asyncio.Task[Any]] = set()
    while running:
        for task in running:
            task.cancel()
        done, running = await asyncio.wait(running, timeout=AGAIN_SECONDS)
        over |= done
    for task in over:
        if not task.cancelled():
            task.exception()
