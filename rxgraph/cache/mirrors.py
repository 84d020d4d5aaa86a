"""What a process that shows anchors knows of them without asking the store.

Its replicas are copies of documents as of a number, so a batch that begins at that very number need
not read them again; and the record of an anchor, as it was last seen, saves the look at it, since a
swap succeeds only if it has not changed. Rule: being out of date costs a request, never a mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rxgraph.cache.anchor import Anchor
from rxgraph.cache.phases import Phase
from rxgraph.cache.steps import Peek, Recall
from rxgraph.types import AnchorKey, Document, InstanceKey

_MOST = 2000  # replicas to look through for a row; with more of them the store is asked


@dataclass(frozen=True, slots=True)
class Mirror:
    """The documents of one generation as of ``position``, tombstones apart."""

    generation: int
    position: int
    state: Mapping[InstanceKey, Document]
    tombstones: Mapping[InstanceKey, Document]


class Mirrors:
    """The mirrors of a process; put by its event loop, used by the threads that write."""

    def __init__(self) -> None:
        self._mirrors: dict[AnchorKey, Mirror] = {}
        self._records: dict[AnchorKey, Anchor] = {}

    def put(self, key: AnchorKey, mirror: Mirror) -> None:
        """Know the documents of *key* by *mirror* from now on."""
        self._mirrors[key] = mirror

    def drop(self, key: AnchorKey) -> None:
        """Know nothing of *key* any more."""
        self._mirrors.pop(key, None)
        self._records.pop(key, None)

    def note(self, key: AnchorKey, record: Anchor) -> None:
        """Remember the stored record of an anchor that has a mirror."""
        if key in self._mirrors:
            self._records[key] = record

    def recall(self, step: Recall) -> dict[AnchorKey, Anchor | None]:
        """Answer ``Recall``."""
        found: dict[AnchorKey, Anchor | None] = {}
        if len(self._mirrors) > _MOST:
            return found
        for key, mirror in list(self._mirrors.items()):
            if any(wanted in mirror.state for wanted in step.wanted.get(key.channel, ())):
                record = self._records.get(key)
                # Only of a HOT one every decision of a writer ends in a swap, which finds out.
                is_hot = record is not None and record.phase is Phase.HOT
                found[key] = record if is_hot else None
        return found

    def peek(self, step: Peek) -> dict[InstanceKey, Document] | None:
        """Answer ``Peek``."""
        mirror = self._mirrors.get(step.key)
        if mirror is None or (mirror.generation, mirror.position) != (step.generation, step.number):
            return None
        found = {}
        for key in step.wanted:
            document = mirror.state.get(key) or mirror.tombstones.get(key)
            if document is not None:
                found[key] = document
        return found
