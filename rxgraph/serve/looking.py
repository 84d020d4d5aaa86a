"""What metrics say of store and databases: looked up in the background, and shown from memory.

A scrape never waits for a store or a database, and as many as there are cost them nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from django.db import DatabaseError, InterfaceError

from rxgraph.errors import BackendError
from rxgraph.sync.engine import Engine
from rxgraph.sync.sweeping import Backlog, backlog
from rxgraph.types import AnchorKey, is_duty

SECONDS = 10.0
"""Between two looks; what is older than three of these is not shown."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was found; what did not answer is missing."""

    at: float = 0.0  # monotonic seconds
    #: Records by channel and phase.
    phases: Mapping[tuple[str, str], int] = field(default_factory=dict)
    #: By database: what waits there.
    backlogs: Mapping[str, Backlog] = field(default_factory=dict)

    @property
    def is_fresh(self) -> bool:
        """True while it may be shown."""
        return bool(self.at) and time.monotonic() - self.at < 3 * SECONDS


def look(engine: Engine) -> Look:
    """Ask the store and every database; blocking."""
    return Look(time.monotonic(), _phases(engine), _backlogs(engine))


def _phases(engine: Engine) -> dict[tuple[str, str], int]:
    try:
        found = engine.store.count_phases()
    except BackendError:
        return {}
    return {
        place: number for place, number in found.items() if not is_duty(AnchorKey(place[0], ""))
    }


def _backlogs(engine: Engine) -> dict[str, Backlog]:
    found = {}
    for alias in engine.swept_databases():
        with suppress(DatabaseError, InterfaceError):
            found[alias] = backlog(alias)
    return found
