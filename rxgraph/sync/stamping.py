"""When the changes that are merged now were committed: it travels with the wake-ups.

The number is for metrics, which want to know how late an event is; nothing is decided by it. Where
somebody's batch takes along what others pushed while he was at the batch before, it tells when that
one began: too early rather than too late.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

from rxgraph.types import AnchorKey


class Stamping(threading.local):
    """The times of what this thread merges."""

    def __init__(self) -> None:
        self._committed_at = self._began_at = 0.0  # 0: nobody knows
        #: Of anchors told already: what to stamp the next wake-up with, and when its batch began.
        self._places: dict[AnchorKey, tuple[float, float]] = {}

    @contextmanager
    def merging(self, committed_at: float) -> Iterator[None]:
        """Stamp what this thread tells meanwhile."""
        self._committed_at, self._began_at, self._places = committed_at, time.time(), {}
        try:
            yield
        finally:
            self._committed_at = 0.0

    def since(self, key: AnchorKey) -> float:
        """Return what to write into a wake-up of *key* that is sent now."""
        if not self._committed_at:
            return 0.0
        stamp, began_at = self._places.get(key, (self._committed_at, self._began_at))
        self._places[key] = began_at, time.time()
        return stamp


def committed_at(intents: Iterable[UUID]) -> float:
    """Return when the oldest of *intents* was written, by its own id; now, if none says so.

    Ids of version 7 begin with the time in milliseconds (RFC 9562, §5.7).
    """
    times = [(intent.int >> 80) / 1000 for intent in intents if intent.version == 7]
    return min(times, default=0.0) or time.time()
