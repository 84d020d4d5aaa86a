"""Where the time of a mutation goes, by wrapping the places it comes through.

Fills ``counting.seconds``: *write* (on its thread, the flush included), *flush* (from the commit to
the published wake-up), *hop* (from there until the replica is woken, through Redis), *step …* (of
a procedure, by its name).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.project.board.counting import seconds
from rxgraph.cache.steps import Performer
from rxgraph.serve import mutations
from rxgraph.serve.hub import Replica
from rxgraph.sync.engine import Engine

_published: dict[tuple[Any, int], float] = {}


def start() -> None:
    """Begin to measure; before the first engine is made."""
    mutations.write = _timed("write", mutations.write)  # type: ignore[attr-defined]
    Engine.flush = _timed("flush", Engine.flush)  # type: ignore[method-assign]
    Performer.__call__ = _step(Performer.__call__)  # type: ignore[method-assign]
    make, wake = Engine.__init__, Replica.wake

    def made(self: Engine, settings: Any, store: Any, bus: Any) -> None:
        publish = bus.publish

        def published(wakeup: Any) -> None:
            _published[wakeup.key, wakeup.seq] = time.perf_counter()
            publish(wakeup)

        bus.publish = published
        make(self, settings, store, bus)

    def woken(self: Replica, wakeup: Any) -> None:
        began = _published.pop((wakeup.key, wakeup.seq), None)
        if began is not None:
            seconds["hop"] += time.perf_counter() - began
        wake(self, wakeup)

    Engine.__init__ = made  # type: ignore[method-assign]
    Replica.wake = woken  # type: ignore[method-assign]


def _step(perform: Callable[..., Any]) -> Callable[..., Any]:
    def timed(self: Performer, step: Any) -> Any:
        before = time.perf_counter()
        try:
            return perform(self, step)
        finally:
            seconds[f"step {type(step).__name__}"] += time.perf_counter() - before

    return timed


def _timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def timed(*args: Any, **kwargs: Any) -> Any:
        before = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            seconds[name] += time.perf_counter() - before

    return timed
