"""Texts that are kept, so that a first state is a join and a delta writes only what changed.

A :class:`Book` has the texts of one anchor: of each instance, for as long as its document is the
same object (documents are never changed), and of whole states, for as long as the state is the same
object. Whoever holds the states of an anchor holds its book (:func:`book_of`); with him it is gone.
All books of the process together stay below ``RXGRAPH["PLAN_MEMORY_MB"]``: a *shelf*, the texts of
one selection in one book, is emptied as a whole, the one that was used longest ago first.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from time import monotonic

from rxgraph.compile.state_tree import StateTree
from rxgraph.delta import State, View
from rxgraph.settings import get_settings
from rxgraph.types import Document, InstanceKey

_WHOLE_KEPT = 4  # texts of one state as different viewers see it, per selection
ENTRY_BYTES = 250  # what an entry takes besides its characters: tuples, its place in a dict


Entry = tuple[Document, str | Sequence[str], Sequence[tuple[str, str]]]
"""An instance, its text (or the pieces between what viewers see differently), and the children that
this shows: it holds where all of them are there."""


class Shelf:
    """The texts of one selection in one book, by instance."""

    __slots__ = ("__weakref__", "bytes", "entries", "layout", "stored", "used_at", "whole")

    def __init__(self) -> None:
        self.entries: dict[InstanceKey, Entry] = {}
        self.whole: list[tuple[View, str]] = []
        self.layout: object = None  # of a whole state (``changes``)
        self.bytes = 0
        self.used_at = 0.0  # by a clock
        self.stored = 0  # entries since it was last swept

    def clear(self) -> None:
        """Forget everything."""
        self.entries, self.whole, self.layout = {}, [], None
        self.bytes = self.stored = 0

    def grow(self, count: int, bytes_: int) -> None:
        """Note that *count* entries were added whose texts take *bytes_*."""
        self.stored += count
        ledger.charge(self, bytes_ + ENTRY_BYTES * count)

    def resize(self, bytes_: int) -> None:
        """Note that the layout takes *bytes_*; a shelf that has one has no entries."""
        whole = sum(_bytes_of(text) for _, text in self.whole)
        ledger.settle(self, whole + bytes_)

    def sweep(self, state: State) -> None:
        """Drop what *state* has no more, when it may be as much as what it has."""
        if self.stored <= len(state) + 1000:
            return
        get = state.get
        living = {k: e for k, e in list(self.entries.items()) if get(k) is e[0]}
        self.entries, self.stored = living, 0
        pieces = sum(_bytes_of_all(entry[1]) for entry in living.values())
        whole = sum(_bytes_of(text) for _, text in self.whole)
        ledger.settle(self, pieces + whole + ENTRY_BYTES * len(living))


class Ledger:
    """What all shelves of the process take; safe on every thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._shelves: dict[int, weakref.ref[Shelf]] = {}
        self._bytes: dict[int, int] = {}
        self.bytes = 0

    def open(self, shelf: Shelf) -> None:
        """Count a new *shelf*, until it is gone."""
        key = id(shelf)
        with self._lock:
            self._shelves[key] = weakref.ref(shelf, lambda _: self._close(key))
            self._bytes[key] = 0

    def charge(self, shelf: Shelf, bytes_: int) -> None:
        """Count *bytes_* more on *shelf*; empties others, and it too if it is too large alone."""
        self.settle(shelf, shelf.bytes + bytes_)

    def settle(self, shelf: Shelf, bytes_: int) -> None:
        """Count *bytes_* on *shelf*, whatever it was before."""
        limit = get_settings().plan_memory_mb * 2**20
        with self._lock:
            self._count(shelf, bytes_)
            if self.bytes > limit:
                self._empty(limit)

    def _empty(self, limit: int) -> None:
        found = [shelf for ref in list(self._shelves.values()) if (shelf := ref()) is not None]
        for shelf in sorted(found, key=lambda shelf: shelf.used_at):
            if self.bytes <= limit:
                break
            shelf.clear()
            self._count(shelf, 0)

    def _count(self, shelf: Shelf, bytes_: int) -> None:
        more = bytes_ - self._bytes[id(shelf)]
        self._bytes[id(shelf)] = shelf.bytes = bytes_
        self.bytes += more

    def _close(self, key: int) -> None:
        with self._lock:
            self._shelves.pop(key, None)
            less = self._bytes.pop(key, 0)
            self.bytes -= less


ledger = Ledger()


class Selection:
    """What texts are of; shelves go with it."""

    def __init__(self) -> None:
        self.ref = weakref.ref(self)


class Book:
    """The texts of one anchor."""

    __slots__ = ("__weakref__", "_shelves", "_state")

    def __init__(self) -> None:
        self._shelves: dict[weakref.ref[Selection], Shelf] = {}
        self._state: State | None = None

    def at(self, state: State) -> None:
        """Note that *state* is shown now: texts of whole states before it are of no more use."""
        if self._state is not state:
            self._state = state
            for shelf in list(self._shelves.values()):
                if shelf.whole:
                    gone = sum(_bytes_of(text) for _, text in shelf.whole)
                    shelf.whole = []
                    ledger.settle(shelf, max(0, shelf.bytes - gone))

    def shelf(self, selection: Selection) -> Shelf:
        """Return the texts of *selection*."""
        found = self._shelves.get(selection.ref)
        if found is None:
            found, book = Shelf(), weakref.ref(self)
            self._shelves[weakref.ref(selection, lambda ref: _drop(book, ref))] = found
            ledger.open(found)
        found.used_at = monotonic()
        return found

    def whole(self, selection: Selection, view: View) -> str | None:
        """Return the text of all that *selection* shows of *view*, if it is known."""
        for known, text in self.shelf(selection).whole:
            if known.state is not view.state or known.roots != view.roots:
                continue
            if known.visible is view.visible or known.visible == view.visible:
                return text
        return None

    def keep_whole(self, selection: Selection, view: View, text: str) -> None:
        """Keep *text* until the state moves on."""
        shelf = self.shelf(selection)
        dropped = shelf.whole[: 1 - _WHOLE_KEPT]
        shelf.whole = [*shelf.whole[1 - _WHOLE_KEPT :], (view, text)]
        ledger.charge(shelf, _bytes_of(text) - sum(_bytes_of(old) for _, old in dropped))


def _drop(book: weakref.ref[Book], selection: weakref.ref[Selection]) -> None:
    if (found := book()) is not None:
        found._shelves.pop(selection, None)


def _bytes_of(text: str) -> int:
    return text.__sizeof__()


def _bytes_of_all(pieces: str | Sequence[str]) -> int:
    return sum(map(_bytes_of, (pieces,) if isinstance(pieces, str) else pieces))


_books: weakref.WeakValueDictionary[tuple[StateTree, str], Book] = weakref.WeakValueDictionary()


def book_of(tree: StateTree, anchor_id: str) -> Book:
    """Return the book of an anchor, the same for as long as somebody holds it."""
    found = _books.get((tree, anchor_id))
    if found is None:
        found = _books[tree, anchor_id] = Book()
    return found


def forget_books() -> None:
    """Let every anchor begin another book; for tests."""
    _books.clear()
