"""What happens at the fault points of a process that a run has started.

An order waits for its point to be passed a number of times, and is carried out once.
"""

from __future__ import annotations

import os
import signal
import time
from threading import Lock

_orders: dict[str, tuple[int, str, float]] = {}
_passed: dict[str, int] = {}
_lock = Lock()


def order(point: str, action: str, skip: int = 0, seconds: float = 0.0) -> None:
    """Have *action* done when *point* is passed, after letting it pass *skip* times.

    ``kill``: the process ends at once. ``stop``: it stands still until somebody lets it go on.
    ``pause``: the thread that came by sleeps for *seconds*.
    """
    with _lock:
        _orders[point] = (skip, action, seconds)


def disarm() -> dict[str, int]:
    """Forget every order; answer how often each point was passed since the last time."""
    with _lock:
        _orders.clear()
        passed = dict(_passed)
        _passed.clear()
    return passed


def strike(point: str) -> None:
    """Pass a fault point."""
    with _lock:
        _passed[point] = _passed.get(point, 0) + 1
        if point not in _orders:
            return
        skip, action, seconds = _orders[point]
        if skip:
            _orders[point] = (skip - 1, action, seconds)
            return
        del _orders[point]
    match action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case _:
            time.sleep(seconds)
