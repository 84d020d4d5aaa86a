"""Whole instances by layer: the lists of ``changed`` and ``parents``.

The text of a whole state is made from that of the state before it, where only values differ: then
the same instances are in the same places, and only those that changed are written and put in.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import is_

from rxgraph.delta import View
from rxgraph.serve.plans.instances import InstanceSelection, Sight
from rxgraph.serve.plans.texts import Selection
from rxgraph.serve.sources import ChangesSource
from rxgraph.types import Document, TypeName

_PLACE_BYTES = 24  # what the place of one instance takes in a layout


class Changes(Selection):
    """Writes lists of whole instances by layer."""

    def __init__(self, lists: Sequence[tuple[str, TypeName, InstanceSelection | None]]) -> None:
        """Take response names with a layer and what is selected of it; without: with a text."""
        super().__init__()
        self._empty = [
            f'"{name}":"{typename}"' if selection is None else f'"{name}":[]'
            for name, typename, selection in lists
        ]
        self._lists: dict[TypeName, list[tuple[int, str, InstanceSelection]]] = {}
        for place, (name, typename, selection) in enumerate(lists):
            if selection is not None:
                self._lists.setdefault(typename, []).append((place, f'"{name}":[', selection))
        self._is_shallow = all(one is None or one.is_shallow for _, _, one in lists)

    def __call__(self, source: ChangesSource) -> str:
        """Return the text of *source*."""
        sight = Sight(source.view)
        if not source.is_whole:
            return self._text(sight, source)
        known = sight.book.whole(self, source.view)
        if known is None:
            known = self._laid_out(sight, source) if self._is_shallow else self._text(sight, source)
            sight.book.keep_whole(self, source.view, known)
        return known

    def _text(self, sight: Sight, source: ChangesSource) -> str:
        lists = {
            place: (start, selection.texts(sight, documents))
            for typename, documents in source.by_type().items()
            for place, start, selection in self._lists.get(typename, ())
        }
        return self._joined(lists)

    def _joined(self, lists: Mapping[int, tuple[str, Sequence[str]]]) -> str:
        """Return the object with *lists* by their places; no long text is copied twice."""
        flat: list[str] = []
        for place, empty in enumerate(self._empty):
            if place in lists:
                start, texts = lists[place]
                first = len(flat)
                flat += texts
                flat[first] = start + flat[first]
                flat[-1] += "]"
            else:
                flat.append(empty)
        flat[0] = "{" + flat[0]
        flat[-1] += "}"
        return ",".join(flat)

    # -- whole states

    def _laid_out(self, sight: Sight, source: ChangesSource) -> str:
        shelf = sight.book.shelf(self)
        view, documents = source.view, list(source.view.state.values())
        layout, before = None, shelf.layout
        if isinstance(before, Layout) and before.has_room_for(view, documents):
            layout = self._moved(sight, before, documents)
        if layout is None:
            layout = self._laid(sight, view, documents)
            shelf.resize(layout.bytes)
        shelf.layout = layout
        return self._joined({one.place: (one.start, one.texts) for one in layout.columns})

    def _laid(self, sight: Sight, view: View, documents: list[Document]) -> Layout:
        """Write everything."""
        places: dict[TypeName, array[int]] = {name: array("L") for name in self._lists}
        visible = sight.visible
        for place, key in enumerate(view.state):
            if key in visible and key[0] in places:
                places[key[0]].append(place)
        columns = [
            Column(number, start, selection, places[typename], texts)
            for typename, lists in self._lists.items()
            if (shown := [documents[place] for place in places[typename]])
            for number, start, selection in lists
            if (texts := selection.texts(sight, shown))
        ]
        return Layout(view, documents, columns)

    def _moved(self, sight: Sight, before: Layout, documents: list[Document]) -> Layout | None:
        """Write what differs from *before*; None: other instances are there now."""
        changed: dict[TypeName, list[int]] = {}
        same = map(is_, documents, before.documents)
        for place in [place for place, is_same in enumerate(same) if not is_same]:
            key = documents[place].key
            if key != before.documents[place].key:
                return None
            changed.setdefault(key.typename, []).append(place)
        columns = [
            column.moved(sight, documents, changed.get(column.selection_of(documents), ()))
            for column in before.columns
        ]
        return Layout(sight.view, documents, columns)


@dataclass(frozen=True, slots=True)
class Column:
    """The texts of one list, and the places of its instances in the state, in order."""

    place: int
    start: str
    selection: InstanceSelection
    places: array[int]
    texts: list[str]

    def selection_of(self, documents: Sequence[Document]) -> TypeName:
        """Return the layer."""
        return documents[self.places[0]].key.typename

    def moved(self, sight: Sight, documents: Sequence[Document], changed: Sequence[int]) -> Column:
        """Return the column with the instances at the places *changed* written anew."""
        rows = [(bisect_left(self.places, place), place) for place in changed]
        rows = [(row, at) for row, at in rows if row < len(self.places) and self.places[row] == at]
        if not rows:
            return self
        texts = list(self.texts)
        fresh = self.selection.texts(sight, [documents[place] for _, place in rows])
        for (row, _), text in zip(rows, fresh, strict=True):
            texts[row] = text
        return Column(self.place, self.start, self.selection, self.places, texts)


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole state, as it was written last."""

    view: View
    documents: list[Document]
    columns: list[Column]

    def has_room_for(self, view: View, documents: list[Document]) -> bool:
        """True unless the viewer of *view* sees other instances, or there are others."""
        ours, theirs = self.view.visible, view.visible
        return len(documents) == len(self.documents) and (ours is theirs or ours == theirs)

    @property
    def bytes(self) -> int:
        """What it takes; texts with holes are its own, the others are kept with the instances."""
        own = [c.texts for c in self.columns if c.selection.has_holes]
        return _PLACE_BYTES * len(self.documents) + sum(len(text) for one in own for text in one)
