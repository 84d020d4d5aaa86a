"""What a process knows of anchors without asking the store.

Its replicas are copies of documents as of a number, so a batch that begins at that very number need
not read them again; and the record of an anchor, as it was last seen, saves the look at it, since a
swap succeeds only if it has not changed. A process without a replica, which only writes, remembers
the documents of its last batches for the same purpose: the same rows are often written again.
Rule: being out of date costs a request, never a mistake.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from rxgraph.cache.anchor import Anchor
from rxgraph.cache.phases import Phase
from rxgraph.cache.steps import Peek, Recall, Remember
from rxgraph.types import AnchorKey, Document, InstanceKey

_MOST = 2000  # replicas to look through for a row; with more of them the store is asked
_MOST_OF_ONE = 200  # documents that are remembered of an anchor
_MOST_REMEMBERED = 4000  # of all


@dataclass(frozen=True, slots=True)
class Mirror:
    """The documents of one generation as of ``position``, tombstones apart."""

    generation: int
    position: int
    state: Mapping[InstanceKey, Document]
    tombstones: Mapping[InstanceKey, Document]


@dataclass(frozen=True, slots=True)
class _Part:
    """Some documents of one generation as of ``position``; None: known not to be there."""

    generation: int
    position: int
    documents: Mapping[InstanceKey, Document | None]


class Mirrors:
    """The mirrors of a process; put by its event loop, used by the threads that write."""

    def __init__(self) -> None:
        self._mirrors: dict[AnchorKey, Mirror] = {}
        self._records: dict[AnchorKey, Anchor] = {}
        self._lock = Lock()
        self._parts: OrderedDict[AnchorKey, _Part] = OrderedDict()
        self._remembered = 0

    def put(self, key: AnchorKey, mirror: Mirror) -> None:
        """Know the documents of *key* by *mirror* from now on."""
        self._mirrors[key] = mirror
        with self._lock:
            self._forget(key)

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
        if mirror is None:
            return self._peek_part(step)
        if (mirror.generation, mirror.position) != (step.generation, step.number):
            return None
        found = {}
        for key in step.wanted:
            document = mirror.state.get(key) or mirror.tombstones.get(key)
            if document is not None:
                found[key] = document
        return found

    def _peek_part(self, step: Peek) -> dict[InstanceKey, Document] | None:
        part = self._parts.get(step.key)
        if part is None or (part.generation, part.position) != (step.generation, step.number):
            return None
        if not step.wanted <= part.documents.keys():
            return None
        found = {key: part.documents[key] for key in step.wanted}
        return {key: document for key, document in found.items() if document is not None}

    def remember(self, step: Remember) -> None:
        """Answer ``Remember``; where there is a mirror, that knows all of it."""
        documents = dict(step.documents)
        with self._lock:
            part = self._forget(step.key)
            if step.key in self._mirrors or len(documents) > _MOST_OF_ONE:
                return
            if part is not None and (part.generation, part.position) == (
                step.generation,
                step.previous,
            ):
                # The batch has left alone what it does not tell of. The newest come last.
                older = [item for item in part.documents.items() if item[0] not in documents]
                room = _MOST_OF_ONE - len(documents)
                documents = dict(older[max(0, len(older) - room) :]) | documents
            self._parts[step.key] = _Part(step.generation, step.number, documents)
            self._remembered += len(documents)
            while self._remembered > _MOST_REMEMBERED:
                self._forget(next(iter(self._parts)))

    def _forget(self, key: AnchorKey) -> _Part | None:
        part = self._parts.pop(key, None)
        if part is not None:
            self._remembered -= len(part.documents)
        return part
