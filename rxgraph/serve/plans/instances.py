"""Instances under one selection as JSON text, many at a time.

The text of an instance is kept with its document (``texts``). Where viewers may see differently, at
relations to private layers or with more than identities below, it has a hole, which is filled for
each view: first all children of all parents are written, each once, then they are put in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from sys import getsizeof
from typing import Any

from rxgraph.delta import State, View
from rxgraph.serve.plans.refusals import Unplanned
from rxgraph.serve.plans.rows import Constant, Hole, RowField, Value, compile_rows
from rxgraph.serve.plans.texts import Book, Selection, Shelf, book_of
from rxgraph.types import FOREST, Document


class Sight:
    """What one viewer sees, and where the texts of it are kept."""

    __slots__ = ("book", "has_all", "state", "view", "visible")

    def __init__(self, view: View) -> None:
        self.view, self.state = view, view.state
        #: What may be shown is in here.
        self.visible: Any = view.state if view.visible is None else view.visible
        self.has_all = _having(view.state) if view.visible is None else view.visible.issuperset
        self.book: Book = book_of(view.tree, FOREST if view.tree.many else view.root.id)
        self.book.at(view.state)


def _having(state: State) -> Callable[[Iterable[Any]], bool]:
    def has_all(keys: Iterable[Any]) -> bool:
        for key in keys:  # noqa: SIM110 - a generator costs more than what it runs over
            if key not in state:
                return False
        return True

    return has_all


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
        lists = [document.data.get(self.attribute) or () for document in documents]
        texts = self._children(sight, chain.from_iterable(lists))
        if not texts:
            return ["[]"] * len(lists)
        return [f"[{','.join([texts[id_] for id_ in ids if id_ in texts])}]" for ids in lists]

    def _ones(self, sight: Sight, documents: Sequence[Document]) -> list[str]:
        ids = [document.data.get(self.attribute) for document in documents]
        texts = self._children(sight, ids)
        found = [texts.get(id_, "null") for id_ in ids]
        if not self.nullable and "null" in found:
            raise Unplanned("null in non-null")
        return found

    def _children(self, sight: Sight, ids: Iterable[Any]) -> Mapping[Any, str]:
        """Return the text of each of the children *ids* that the viewer sees."""
        target, state, visible = self.target, sight.state, sight.visible
        keys: Any = [key for id_ in dict.fromkeys(ids) if (key := (target, id_)) in visible]
        children = [state[key] for key in keys]
        texts = self.selection.texts(sight, children)
        return {key[1]: text for key, text in zip(keys, texts, strict=True)}


class InstanceSelection(Selection):
    """What is selected of the instances of one type."""

    def __init__(self, fields: Sequence[RowField | Below], public: Collection[str] | None) -> None:
        """Take what is selected, in its order, and which layers are *public*; None: all."""
        super().__init__()
        self._write = compile_rows(
            [Hole(field.name) if isinstance(field, Below) else field for field in fields], public
        )
        self._below = [field for field in fields if isinstance(field, Below)]
        self.has_holes = bool(self._below)
        #: True where a text depends on which children are there, but on none of their values.
        self.is_shallow = all(below.selection.is_identity for below in self._below)
        #: True where a text says who an instance is, and nothing else.
        self.is_identity: bool = all(
            isinstance(field, Constant) or (isinstance(field, Value) and field.attribute is None)
            for field in fields
        )
        self._join = _joining(len(self._below))

    def texts(self, sight: Sight, documents: Sequence[Document]) -> list[str]:
        """Return the text of each of *documents*, which the viewer sees.

        Raises:
            Unplanned: a value is not as its type says.
        """
        if not documents:
            return []
        pieces = self._pieces(sight, sight.book.shelf(self), documents)
        if not self._below:
            return pieces
        return self._join(pieces, [below.texts(sight, documents) for below in self._below])

    def _pieces(self, sight: Sight, shelf: Shelf, documents: Sequence[Document]) -> list[Any]:
        """Return the text or the pieces of each; writes those that are not known."""
        get = shelf.entries.get
        known = [
            entry
            for document in documents
            if (entry := get(document.key)) is not None and entry[0] is document
        ]
        if not known:
            return self._written(sight, shelf, documents)
        if len(known) == len(documents):
            shown = chain.from_iterable([entry[2] for entry in known])
            if sight.has_all(shown):
                return [entry[1] for entry in known]
        good = {id(entry[0]): entry[1] for entry in known if sight.has_all(entry[2])}
        missing = [document for document in documents if id(document) not in good]
        pieces = self._written(sight, shelf, missing)
        good.update(zip(map(id, missing), pieces, strict=True))
        return [good[id(document)] for document in documents]

    def _written(self, sight: Sight, shelf: Shelf, documents: Sequence[Document]) -> list[Any]:
        """Write them, and keep what holds for whoever sees the children."""
        shelf.sweep(sight.state)
        found: list[Any] = []
        self._write(documents, sight.visible, sight.has_all, shelf.entries, found.append)
        texts = chain.from_iterable(found) if self._below else found
        shelf.grow(len(found), sum(map(getsizeof, texts)))
        return found


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
