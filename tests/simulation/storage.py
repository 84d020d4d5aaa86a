"""The real memory store, in a world where it is away at times and loses what it had.

An outage fails requests before they are done, or after: whoever asked cannot know. What is lost is
everything, the records, the documents, all of one anchor, or whatever came after some moment.
"""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

from rxgraph.cache import steps
from rxgraph.cache.memory import MemoryStore
from rxgraph.errors import BackendError
from rxgraph.types import AnchorKey
from tests.simulation.choices import Choices
from tests.simulation.scheduling import Scheduler

_PARTS = ("_anchors", "_heating", "_generations", "_holders", "_packs", "_heartbeats", "_claims")
_DOCUMENTS = ("_generations", "_holders", "_packs")


class Storage:
    """The one store of a world."""

    def __init__(self, choices: Choices, scheduler: Scheduler, faults: Counter[str]) -> None:
        self._choices, self._scheduler, self._faults = choices, scheduler, faults
        self.memory = MemoryStore(lambda: scheduler.now)
        self.away_until = 0.0
        self.has_lost = False

    def ask(self, request: Any) -> Any:
        """Do *request*, a step or a function of the memory store.

        Raises:
            BackendError: the store is away.
        """
        if self._scheduler.now >= self.away_until:
            return self._do(request)
        self._faults["request failed"] += 1
        if self._choices.chance(0.5):
            self._do(request)
            self._faults["request done, answer lost"] += 1
        raise BackendError("the simulated store is away")

    def _do(self, request: Any) -> Any:
        return self.memory.perform(request) if isinstance(request, steps.Step) else request()

    # -- losing data

    def lose_everything(self) -> None:
        """Begin anew, as after a disk that is gone."""
        self._put(_contents(MemoryStore()))

    def lose_records(self) -> None:
        """Lose the collection of records."""
        self._put(_contents(MemoryStore(), ("_anchors", "_heating")))

    def lose_documents(self) -> None:
        """Lose the collection of documents, but not who holds what."""
        self._put(_contents(MemoryStore(), _DOCUMENTS))

    def lose_sessions(self) -> None:
        """Lose the heartbeats."""
        self._put(_contents(MemoryStore(), ("_heartbeats",)))

    def lose(self, key: AnchorKey) -> None:
        """Lose everything of one anchor."""
        self.has_lost = True
        memory: Any = self.memory
        memory._anchors.pop(key, None)
        memory._heating[key.channel].discard(key)
        memory._generations.pop(key, None)
        memory._packs.pop(key, None)
        for holders in memory._holders.values():
            holders -= {holder for holder in holders if holder[0] == key}

    def _put(self, contents: dict[str, Any]) -> None:
        self.has_lost = True
        for name, value in contents.items():
            setattr(self.memory, name, value)


def _contents(memory: MemoryStore, names: tuple[str, ...] = _PARTS) -> dict[str, Any]:
    return {name: _copy(getattr(memory, name)) for name in names}


def _copy(value: Any) -> Any:
    """Copy containers; records and documents are values."""
    if isinstance(value, dict):
        made = copy.copy(value)
        for key, item in value.items():
            made[key] = _copy(item)
        return made
    if isinstance(value, set):
        return set(value)
    if hasattr(value, "documents") and hasattr(value, "parents"):
        return type(value)(dict(value.documents), _copy(value.parents))
    return value
