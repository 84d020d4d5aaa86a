"""About how many bytes replicas take, so that a process can keep within a bound.

Documents in, bytes out. A large state is estimated from some of its documents, evenly spaced; what
a batch changes is added and taken away exactly as it would have been counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from sys import getsizeof
from typing import Any

from rxgraph.delta import Changes, State
from rxgraph.types import AnchorKey, Document

_SAMPLE = 128
#: A document itself, its number, its place in a state, and what the allocator rounds up.
_DOCUMENT_BYTES = 170
#: A key of an instance: the pair and the name of its type.
_KEY_BYTES = 110


def weigh(document: Document) -> int:
    """Return about how many bytes *document* takes in memory."""
    links = getsizeof(document.links)
    for link in document.links:
        links += _KEY_BYTES + getsizeof(link.id)
    return _DOCUMENT_BYTES + _KEY_BYTES + getsizeof(document.key.id) + _size(document.data) + links


def weigh_all(documents: Mapping[Any, Document]) -> int:
    """Return about how many bytes *documents* take, from at most 128 of them."""
    count = len(documents)
    if not count:
        return 0
    step = -(-count // _SAMPLE)
    sizes = [weigh(document) for document in islice(documents.values(), 0, None, step)]
    return sum(sizes) * count // len(sizes)


def growth(state: State, tombstones: State, changes: Changes) -> int:
    """Return by how many bytes *changes* make a state and its tombstones larger, or smaller."""
    return sum(map(weigh, changes.values())) - sum(
        weigh(old)
        for key in changes
        for held in (state, tombstones)
        if (old := held.get(key)) is not None
    )


class Scales:
    """What all replicas of a process take, against a bound."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.total_bytes = 0
        self._sizes: dict[AnchorKey, int] = {}

    @property
    def is_over(self) -> bool:
        """True when it is more than there should be."""
        return self.total_bytes > self.limit_bytes

    def note(self, key: AnchorKey, size_bytes: int) -> None:
        """Take note of what one replica takes."""
        self.total_bytes += size_bytes - self._sizes.get(key, 0)
        self._sizes[key] = size_bytes

    def forget(self, key: AnchorKey) -> None:
        """Count a replica no longer."""
        self.total_bytes -= self._sizes.pop(key, 0)


def _size(value: Any) -> int:
    kind = type(value)
    if kind is dict:
        return getsizeof(value) + _sizes(value) + _sizes(value.values())
    if kind is list:
        return getsizeof(value) + _sizes(value)
    return getsizeof(value)


def _sizes(values: Iterable[Any]) -> int:
    return sum(map(_size, values))
