"""What only RxGraph can be asked: to save as if it were not installed, and to heat an anchor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rxgraph.cache.turns import join_anchor
from rxgraph.sync import capture, engine
from rxgraph.sync.heating import Warmth
from rxgraph.types import AnchorKey

WATCHER = "benchmark"


@contextmanager
def plain() -> Iterator[None]:
    """Let saves be Django's own."""
    capture.uninstall()
    try:
        yield
    finally:
        capture.install()


def heat(project: int) -> None:
    """Make a project HOT, with one process that seems to watch it."""
    (channel,) = engine.trees()
    key = AnchorKey(channel, str(project))
    running = engine.get_engine()
    running.run(join_anchor(key, WATCHER))
    warmth = running.heat(key)
    if warmth is not Warmth.HOT:
        raise RuntimeError(f"{key} is {warmth}")
