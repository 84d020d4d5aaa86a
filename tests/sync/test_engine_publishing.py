"""A batch is told over the channel layer only where another process shows the anchor."""

from __future__ import annotations

from typing import Any

import pytest

from rxgraph.cache.memory import MemoryStore
from rxgraph.cache.steps import Publish, Wakeup
from rxgraph.settings import RxGraphSettings
from rxgraph.sync.engine import Engine
from rxgraph.types import AnchorKey

WAKEUP = Wakeup(AnchorKey("board", "1"), 1, 1, 2, 0.0, ())


class Bus:
    """Records what leaves the process."""

    def __init__(self) -> None:
        self.published: list[Any] = []

    def publish(self, told: Any) -> None:
        self.published.append(told)

    def close(self, timeout_seconds: float = 2.0) -> bool:
        """Do nothing; everything was sent."""
        return True


@pytest.mark.parametrize(
    ("sessions", "is_told_elsewhere"),
    [((), False), (("mine",), False), (("mine", "yours"), True), (("yours",), True)],
)
def test_a_process_that_alone_shows_the_anchor_tells_nobody_else(
    sessions: tuple[str, ...], is_told_elsewhere: bool
) -> None:
    bus = Bus()
    heard: list[Any] = []
    engine = Engine(RxGraphSettings(store="mongodb://nowhere/x"), MemoryStore(), bus)
    engine.listeners.append(heard.append)
    engine.sessions.add("mine")
    engine.perform(Publish(WAKEUP, frozenset(sessions)))
    assert heard == [WAKEUP]
    assert bus.published == [WAKEUP] * is_told_elsewhere


def test_a_process_that_listens_to_its_bus_alone_is_told_over_it() -> None:
    bus = Bus()
    engine = Engine(RxGraphSettings(), MemoryStore(), bus)
    engine.perform(Publish(WAKEUP, frozenset()))
    assert bus.published == [WAKEUP]
