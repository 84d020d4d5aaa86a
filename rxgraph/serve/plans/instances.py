"""Instances under one selection as JSON text, many at a time.

The text of an instance is kept with its document (``texts``). Where viewers may see differently, at
relations to private layers or with more than identities below, it has a hole, which is filled for
each view: first all children of all parents are written, each once, then they are put in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from sys import getsizeof
from typing import Any

from rxgraph.delta import View
from rxgraph.serve.plans.refusals import Unplanned
from rxgraph.serve.plans.rows import Hole, RowField, compile_rows, cut, texts_of
from rxgraph.serve.plans.texts import Book, Entry, Shelf, book_of
from rxgraph.types import FOREST, Document

_BATCH = 2000  # rows that are written at once


class Sight:
    """What one viewer sees, and where the texts of it are kept."""

    __slots__ = ("book", "has", "state", "view", "visible")

    def __init__(self, view: View) -> None:
        self.view, self.state = view, view.state
        #: What may be shown is in here.
        self.visible: Any = view.state if view.visible is None else view.visible
        self.has: Callable[[object], bool] = self.visible.__contains__
        self.book: Book = book_of(view.tree, FOREST if view.tree.many else view.root.id)
        self.book.at(view.state)


@dataclass(frozen=True)
class Below:
    """A relation that fills a hole: the instances of *selection* it leads to."""

    name: str
    attribute: str
    target: str
    many: bool
    nullable: bool
    selection: InstanceSelection

    def texts(self, sight: Sight, documents: Sequence[Document]) -> list[str]:
        """Return the text of the relation for each of *documents*."""
        return (self._lists if self.many else self._ones)(sight, documents)

    def _lists(self, sight: Sight, documents: Sequence[Document]) -> list[str]:
        name, target, visible = self.attribute, self.target, sight.visible
        lists = [
            [key for id_ in document.data.get(name) or () if (key := (target, id_)) in visible]
            for document in documents
        ]
        texts = self._children(sight, chain.from_iterable(lists))
        return [f"[{','.join([texts[key] for key in keys])}]" if keys else "[]" for keys in lists]

    def _ones(self, sight: Sight, documents: Sequence[Document]) -> list[str]:
        ids = [document.data.get(self.attribute) for document in documents]
        keys = [(self.target, id_) for id_ in ids if id_ is not None]
        texts = self._children(sight, [key for key in keys if key in sight.visible])
        found = [texts.get((self.target, id_), "null") for id_ in ids]
        if not self.nullable and "null" in found:
            raise Unplanned("null in non-null")
        return found

    def _children(
        self, sight: Sight, keys: Iterable[tuple[Any, str]]
    ) -> Mapping[tuple[Any, Any], str]:
        state = sight.state
        children = [state[key] for key in dict.fromkeys(keys)]  # type: ignore[index]
        texts = self.selection.texts(sight, children)
        return dict(zip([child.key for child in children], texts, strict=True))


class InstanceSelection:
    """What is selected of the instances of one type."""

    def __init__(self, fields: Sequence[RowField | Below]) -> None:
        """Take what is selected, in its order."""
        self._rows = compile_rows(
            [Hole(field.name) if isinstance(field, Below) else field for field in fields]
        )
        self._below = [field for field in fields if isinstance(field, Below)]
        self._join = _joining(len(self._below))

    def texts(self, sight: Sight, documents: Sequence[Document]) -> list[str]:
        """Return the text of each of *documents*, which the viewer sees.

        Raises:
            Unplanned: a value is not as its type says.
        """
        if not documents:
            return []
        pieces = self._known(sight, documents) or self._completed(sight, documents)
        if not self._below:
            return pieces
        return self._join(pieces, [below.texts(sight, documents) for below in self._below])

    def _known(self, sight: Sight, documents: Sequence[Document]) -> list[Any] | None:
        """Return what is kept of each; None: it does not do for all of them."""
        get = sight.book.shelf(self).entries.get
        known = [
            entry
            for document in documents
            if (entry := get(document.key)) is not None and entry[0] is document
        ]
        if len(known) < len(documents):
            return None
        shown = chain.from_iterable([entry[2] for entry in known])
        return [entry[1] for entry in known] if all(map(sight.has, shown)) else None

    def _completed(self, sight: Sight, documents: Sequence[Document]) -> list[Any]:
        """Return the texts or pieces of each, of which some have to be written first."""
        shelf, has = sight.book.shelf(self), sight.has
        get = shelf.entries.get
        found: list[Any] = []
        missing: list[int] = []
        for place, document in enumerate(documents):
            entry = get(document.key)
            if entry is None or entry[0] is not document or not all(map(has, entry[2])):
                missing.append(place)
                found.append(None)
            else:
                found.append(entry[1])
        for start in range(0, len(missing), _BATCH):
            places = missing[start : start + _BATCH]
            pieces = self._write(sight, shelf, [documents[place] for place in places])
            for place, piece in zip(places, pieces, strict=True):
                found[place] = piece
        return found

    def _write(self, sight: Sight, shelf: Shelf, documents: Sequence[Document]) -> list[Any]:
        """Write them, and keep what holds for whoever sees the children."""
        rows: list[Any] = []
        shown: list[Any] = []
        self._rows(documents, sight.visible, rows.append, shown.append)
        texts = texts_of(rows)
        pieces: list[Any] = [cut(text) for text in texts] if self._below else texts
        fresh: list[Entry] = [
            (document, piece, document.links if children == document.links else children)
            for document, piece, children in zip(documents, pieces, shown, strict=True)
            if children is not None
        ]
        shelf.put(fresh, sum(map(getsizeof, texts)), sight.state)
        return pieces


Join = Callable[[Sequence[Sequence[str]], Sequence[Sequence[str]]], list[str]]


def _joining(holes: int) -> Join:
    """Return what puts *holes* columns of texts between the pieces of rows."""
    if holes == 1:
        return lambda pieces, columns: [
            f"{first}{text}{last}" for (first, last), text in zip(pieces, columns[0], strict=True)
        ]

    def join(pieces: Sequence[Sequence[str]], columns: Sequence[Sequence[str]]) -> list[str]:
        found = []
        for row, *texts in zip(pieces, *columns, strict=True):
            parts = [row[0]]
            for text, piece in zip(texts, row[1:], strict=True):
                parts += (text, piece)
            found.append("".join(parts))
        return found

    return join
