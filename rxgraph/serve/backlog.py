"""What waits for one subscriber, bounded.

Moves come in as the hub tells them; the stream takes them when the client is ready. When too much
waits, or the next delta has waited too long (a slow client, or a server at its limit), neighbouring
deltas become one: it goes out in the place of the newest, because in an older place it would show
newer instances before other contexts' older ones. If messages in between leave too little to merge,
everything that waits is dropped for RESET(OVERFLOW) and a fresh SNAPSHOT.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from rxgraph.compile.channel_types import ResetReason
from rxgraph.delta import compose
from rxgraph.serve.replica import Move, MoveKind
from rxgraph.serve.scope import Place
from rxgraph.serve.views import Roots
from rxgraph.types import JSON, Document, InstanceKey

LAG_SECONDS = 1.0
"""How long a delta may wait before what waits behind it goes out with it."""


@dataclass(frozen=True, slots=True)
class Delta:
    """A move to be told, in its place."""

    move: Move
    place: Place
    since: float = 0.0  # when it began to wait
    roots: Roots | None = None  # of a list from here on; None: as before


@dataclass(frozen=True, slots=True)
class Restart:
    """A RESET, then a SNAPSHOT of the move's state."""

    move: Move
    reason: ResetReason
    places: tuple[Place, Place]
    roots: Roots | None = None


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

    __slots__ = (
        "_clock",
        "_has_ended",
        "_items",
        "_limit",
        "_newest",
        "_reserve",
        "_roots",
    )

    def __init__(
        self,
        limit: int,
        reserve: Callable[[], Place],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = max(2, limit)
        self._reserve, self._clock = reserve, clock
        self._items: list[Pending] = []  # an empty deque would take 0.7 KB
        self._newest: Move | None = None
        self._roots: Roots | None = None  # the newest
        self._has_ended = False

    def begin(self, move: Move) -> None:
        """Start from the state of *move*; what was added before it is part of it."""
        self.clear()
        self._newest = move

    def __len__(self) -> int:
        return len(self._items)

    def move(self, move: Move, place: Place | None = None, roots: Roots | None = None) -> None:
        """Add a move of the replica in the *place* reserved when it happened (None: now).

        *roots* are those of a list from this move on.
        """
        if self._has_ended:
            if place is not None:
                place.release()
            return
        self._roots = self._roots if roots is None else roots
        if move.kind is MoveKind.CHANGES:
            self._newest = move
            place = self._reserve() if place is None else place
            self._add(Delta(move, place, self._clock(), roots))
            return
        if place is not None:
            place.release()
        if move.kind is MoveKind.RESTART:
            self.restart(move, ResetReason.CACHE_CLEARED)
        else:
            self._has_ended = True
            self._items.append(Lost(move, self._reserve()))

    def _add(self, delta: Delta) -> None:
        """Add *delta*; behind one that waits for long already, as a part of it.

        Whoever reads nothing keeps no more than a second of single deltas, and what has changed
        since by instance; when that is too much, what waits is a restart.
        """
        last = self._items[-1] if self._items else None
        if isinstance(last, Delta) and delta.since - self._oldest.since > LAG_SECONDS:
            merged = self._items[-1] = _merged(last, delta)
            if len(merged.move.changes) > self._limit or len(merged.move.marks) > self._limit:
                self._overflow()
            return
        self._items.append(delta)
        self._bound()

    @property
    def _oldest(self) -> Delta:
        """The delta that waits for the longest; there is one."""
        return next(item for item in self._items if isinstance(item, Delta))

    def restart(self, move: Move, reason: ResetReason) -> None:
        """Add a RESET and a SNAPSHOT of the state of *move*, in place of what changed before."""
        self._newest = move
        self._drop(lambda item: isinstance(item, Delta | Restart))
        self._restart(move, reason)
        self._bound()

    @property
    def newest(self) -> Move:
        """Where everything that was added leads, as a move that leads nowhere else."""
        assert self._newest is not None  # there is a beginning
        return replace(nowhere(self._newest), kind=MoveKind.CHANGES)

    @property
    def _moves(self) -> list[Move]:
        return [item.move for item in self._items if isinstance(item, Delta)]

    @property
    def shown_roots(self) -> set[InstanceKey]:
        """The roots of a list that something here shows."""
        lists = {
            id(item.roots): item.roots
            for item in self._items
            if isinstance(item, Delta | Restart) and item.roots is not None
        }
        return {root for roots in lists.values() for root in roots}

    def relist(self, roots: Roots | None) -> None:
        """Say that a list has these *roots* from the next restart on."""
        self._roots = roots

    def collapse(self, waiting: Iterable[Move], move: Move, roots: Roots | None) -> None:
        """Make one delta of all that waits, here and in *waiting*: up to *move*, with *roots*.

        A restart among them stays one. For a viewer who must not be told the steps in between.
        """
        if self._has_ended:
            return
        self.relist(roots)
        restarts = [item for item in self._items if isinstance(item, Restart)]
        moves = [*self._moves, *waiting]
        if restarts or any(found.kind is MoveKind.RESTART for found in moves):
            reason = restarts[-1].reason if restarts else ResetReason.CACHE_CLEARED
            self.restart(move, reason)
            return
        self._drop(lambda item: isinstance(item, Delta))
        self.move(_after_all(moves, move), roots=roots)

    def skip_to_end(self, root: InstanceKey) -> bool:
        """Leave of what waits only that *root* is gone; False: that is not known here yet."""
        if root in self.newest.state and not self._has_ended:
            return False
        moves = self._moves
        if self._items and isinstance(last := self._items[-1], Lost):
            self._drop(lambda item: item is not last)
            self._items = [replace(last, move=_after_all(moves, last.move))]
        else:
            self._drop(lambda item: isinstance(item, Message | RuntimeChange))
            self.collapse((), self.newest, None)
        return True

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
        item = self._items.pop(0)
        if isinstance(item, Delta) and self._clock() - item.since > LAG_SECONDS:
            while self._items and isinstance(following := self._items[0], Delta):
                item = _merged(item, following)
                del self._items[0]
        return item

    def clear(self) -> None:
        """Drop everything that waits."""
        self._drop(lambda item: True)

    def _bound(self) -> None:
        if len(self._items) <= self._limit:
            return
        runtime = self._last_runtime()
        self._drop(lambda item: isinstance(item, RuntimeChange) and item is not runtime[0])
        self._merge()
        if len(self._items) > self._limit // 2 and self._newest is not None:
            self._overflow()

    def _overflow(self) -> None:
        """Drop what waits, for a RESET and a SNAPSHOT of the newest state."""
        assert self._newest is not None  # something has moved
        runtime = self._last_runtime()
        self._drop(lambda item: True)
        self._restart(self._newest, ResetReason.OVERFLOW)
        self._items += [replace(item, place=self._reserve()) for item in runtime]

    def _last_runtime(self) -> list[RuntimeChange]:
        """Return the last one that waits: each tells the whole."""
        return [item for item in self._items if isinstance(item, RuntimeChange)][-1:]

    def _merge(self) -> None:
        merged: list[Pending] = []
        for item in self._items:
            last = merged[-1] if merged else None
            if isinstance(item, Delta) and isinstance(last, Delta):
                merged[-1] = _merged(last, item)
            else:
                merged.append(item)
        self._items = merged

    def _restart(self, move: Move, reason: ResetReason) -> None:
        places = (self._reserve(), self._reserve())
        self._items.append(Restart(move, reason, places, self._roots))

    def _drop(self, is_void: Callable[[Pending], bool]) -> None:
        kept: list[Pending] = []
        for item in self._items:
            if not is_void(item):
                kept.append(item)
            elif isinstance(item, Restart):
                for place in item.places:
                    place.release()
            else:
                item.place.release()
        self._items = kept


def nowhere(move: Move) -> Move:
    """Return a move that stands where *move* has led."""
    return replace(move, changes={}, marks=())


class _Changes(dict[InstanceKey, Document]):
    """Changes that belong to one merged delta: what comes next is put into them."""


def _merged(first: Delta, second: Delta) -> Delta:
    first.place.release()
    roots = first.roots if second.roots is None else second.roots
    return Delta(_after(first.move, second.move), second.place, first.since, roots)


def _after_all(moves: Sequence[Move], move: Move) -> Move:
    """Return *move* with what *moves* changed before it; they are not to be used any more."""
    for found in reversed(moves):
        move = _after(found, move)
    return move


def _after(first: Move, second: Move) -> Move:
    """Return *second* with what *first* changed before it; *first* is not to be used any more.

    A stalled reader merges every move: copying what waits each time would cost the others.
    """
    changes = first.changes
    if isinstance(changes, _Changes):
        changes.update(second.changes)
    else:
        changes = _Changes(compose(changes, second.changes))
    marks = (*first.marks, *second.marks)
    return replace(second, changes=changes, marks=marks, since=first.since or second.since)
