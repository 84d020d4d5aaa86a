"""What waits for one subscriber, bounded.

Moves come in as the hub tells them; the stream takes them when the client is ready. When too much
waits, or the next delta has waited too long (a slow client, or a server at its limit), neighbouring
deltas become one: it goes out in the place of the newest, because in an older place it would show
newer instances before other contexts' older ones. If messages in between leave too little to merge,
everything that waits is dropped for RESET(OVERFLOW) and a fresh SNAPSHOT.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from rxgraph.compile.channel_types import ResetReason
from rxgraph.delta import compose
from rxgraph.serve.hub import Move, MoveKind
from rxgraph.serve.scope import Place
from rxgraph.types import JSON

LAG_SECONDS = 1.0
"""How long a delta may wait before what waits behind it goes out with it."""


@dataclass(frozen=True, slots=True)
class Delta:
    """A move to be told, in its place."""

    move: Move
    place: Place
    since: float = 0.0  # when it began to wait


@dataclass(frozen=True, slots=True)
class Restart:
    """A RESET, then a SNAPSHOT of the move's state."""

    move: Move
    reason: ResetReason
    places: tuple[Place, Place]


@dataclass(frozen=True, slots=True)
class Message:
    """Data that the server sent."""

    data: JSON
    place: Place


@dataclass(frozen=True, slots=True)
class RuntimeChange:
    """``RuntimeState``, whole, as it is from here on."""

    values: Mapping[str, JSON]
    place: Place


@dataclass(frozen=True, slots=True)
class Lost:
    """The replica has ended: the root is gone, or (with a state left) something failed."""

    move: Move
    place: Place


Pending: TypeAlias = Delta | Restart | Message | RuntimeChange | Lost


class Backlog:
    """Pending events in order; *limit* of them at most, but for those that cannot be dropped."""

    def __init__(
        self,
        limit: int,
        reserve: Callable[[], Place],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = max(2, limit)
        self._reserve, self._clock = reserve, clock
        self._items: deque[Pending] = deque()
        self._newest: Move | None = None
        self._has_ended = False

    def begin(self, move: Move) -> None:
        """Start from the state of *move*; what was added before it is part of it."""
        self.clear()
        self._newest = move

    def __len__(self) -> int:
        return len(self._items)

    def move(self, move: Move) -> None:
        """Add a move of the replica; called at the moment it happens."""
        if self._has_ended:
            return
        if move.kind is MoveKind.CHANGES:
            self._newest = move
            self._items.append(Delta(move, self._reserve(), self._clock()))
            self._bound()
        elif move.kind is MoveKind.RESTART:
            self._newest = move
            self._drop(lambda item: isinstance(item, Delta | Restart))
            self._restart(move, ResetReason.CACHE_CLEARED)
            self._bound()
        else:
            self._has_ended = True
            self._items.append(Lost(move, self._reserve()))

    def message(self, data: JSON) -> None:
        """Add a message; nothing comes after the end."""
        if self._has_ended:
            return
        self._items.append(Message(data, self._reserve()))
        self._bound()

    def runtime(self, values: Mapping[str, JSON]) -> None:
        """Add a change of the runtime state; nothing comes after the end."""
        if self._has_ended:
            return
        self._items.append(RuntimeChange(values, self._reserve()))
        self._bound()

    def take(self) -> Pending | None:
        """Return what is next, or None."""
        if not self._items:
            return None
        item = self._items.popleft()
        if isinstance(item, Delta) and self._clock() - item.since > LAG_SECONDS:
            while self._items and isinstance(following := self._items[0], Delta):
                item = _merged(item, following)
                self._items.popleft()
        return item

    def clear(self) -> None:
        """Drop everything that waits."""
        self._drop(lambda item: True)

    def _bound(self) -> None:
        if len(self._items) <= self._limit:
            return
        # Each tells the whole: the last one is enough.
        runtime = [item for item in self._items if isinstance(item, RuntimeChange)][-1:]
        self._drop(lambda item: isinstance(item, RuntimeChange) and item is not runtime[0])
        self._merge()
        if len(self._items) > self._limit // 2 and self._newest is not None:
            self._drop(lambda item: True)
            self._restart(self._newest, ResetReason.OVERFLOW)
            self._items += [replace(item, place=self._reserve()) for item in runtime]

    def _merge(self) -> None:
        merged: deque[Pending] = deque()
        for item in self._items:
            last = merged[-1] if merged else None
            if isinstance(item, Delta) and isinstance(last, Delta):
                merged[-1] = _merged(last, item)
            else:
                merged.append(item)
        self._items = merged

    def _restart(self, move: Move, reason: ResetReason) -> None:
        self._items.append(Restart(move, reason, (self._reserve(), self._reserve())))

    def _drop(self, is_void: Callable[[Pending], bool]) -> None:
        kept: deque[Pending] = deque()
        for item in self._items:
            if not is_void(item):
                kept.append(item)
            elif isinstance(item, Restart):
                for place in item.places:
                    place.release()
            else:
                item.place.release()
        self._items = kept


def _merged(first: Delta, second: Delta) -> Delta:
    changes = compose(first.move.changes, second.move.changes)
    marks = (*first.move.marks, *second.move.marks)
    first.place.release()
    return Delta(replace(second.move, changes=changes, marks=marks), second.place, first.since)
