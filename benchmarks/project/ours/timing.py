"""Where the time of a mutation goes, by wrapping the places it comes through.

Fills ``counting.seconds``: *write* (on its thread, the flush included), *flush* (from the commit
on), *step …* (of a procedure, by its name), *late …* (of one that nobody waits for: after the
wake-up of the replica).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from benchmarks.project.board.counting import seconds
from rxgraph.cache.steps import Locate, Performer, Publish
from rxgraph.serve import mutations
from rxgraph.sync.engine import Engine


def start() -> None:
    """Begin to measure; before the first engine is made."""
    mutations.write = _timed("write", mutations.write)  # type: ignore[attr-defined]
    Engine.flush = _timed("flush", Engine.flush)  # type: ignore[method-assign]
    Performer.__call__ = _step(Performer.__call__)  # type: ignore[method-assign]


class _Flush(threading.local):
    """Of each thread: whether the flush at hand has woken the replica of this process."""

    is_told = False


_flush = _Flush()


def _step(perform: Callable[..., Any]) -> Callable[..., Any]:
    def timed(self: Performer, step: Any) -> Any:
        if isinstance(step, Locate):  # a flush begins
            _flush.is_told = False
        kind = "late" if _flush.is_told else "step"
        before = time.perf_counter()
        try:
            return perform(self, step)
        finally:
            seconds[f"{kind} {type(step).__name__}"] += time.perf_counter() - before
            _flush.is_told |= isinstance(step, Publish)

    return timed


def _timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def timed(*args: Any, **kwargs: Any) -> Any:
        before = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            seconds[name] += time.perf_counter() - before

    return timed
