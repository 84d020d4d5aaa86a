"""What is kept of texts: for whom, how long, and how much of it."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from graphql import GraphQLString

from rxgraph.delta import View, see
from rxgraph.serve.plans.instances import InstanceSelection, Sight
from rxgraph.serve.plans.rows import Constant, Identities, Value
from rxgraph.serve.plans.texts import Book, Selection, book_of, forget_books, ledger
from rxgraph.types import Document, InstanceKey
from tests.serve.shop import ANN, ROOT, TREE, album, shelf, track


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    forget_books()
    gc.collect()


def selection() -> InstanceSelection:
    """Return ``{ __typename tracks { id } }``."""
    tracks = Identities("tracks", "tracks", "Track", True, False, (("id", None),))
    return InstanceSelection(
        [Constant("__typename", "Album"), tracks], frozenset({"Album", "Track"})
    )


def view(*more: Document, state: dict[InstanceKey, Document] | None = None) -> View:
    """Return the shelf as Ann sees it."""
    documents = shelf() if state is None else state
    return see(TREE, ROOT, documents | {item.key: item for item in more}, str(ANN.pk))


def test_a_text_is_written_once_for_a_document() -> None:
    book, chosen, document = book_of(TREE, "7"), selection(), album()
    (first,) = chosen.texts(Sight(view(document)), [document])
    (again,) = chosen.texts(Sight(view(document)), [document])
    assert first is again
    assert first == '{"__typename":"Album","tracks":[{"id":"0"}]}'
    twin = album()  # equal, but another
    assert chosen.texts(Sight(view(twin)), [twin])[0] is not first
    assert len(book.shelf(chosen).entries) == 1


def test_a_text_holds_only_where_its_children_are() -> None:
    kept, chosen, document = book_of(TREE, "7"), selection(), album()
    chosen.texts(Sight(view(document)), [document])
    state = shelf() | {document.key: document}
    del state[track(0).key]
    (text,) = chosen.texts(Sight(view(state=state)), [document])
    assert text == '{"__typename":"Album","tracks":[]}'
    (text,) = chosen.texts(Sight(view(document)), [document])
    assert text == '{"__typename":"Album","tracks":[{"id":"0"}]}'
    assert list(kept.shelf(chosen).entries) == [ROOT]


def test_a_book_is_gone_with_whoever_holds_it() -> None:
    before = ledger.bytes
    book, chosen = book_of(TREE, "7"), selection()
    chosen.texts(Sight(view()), [view().state[ROOT]])
    assert ledger.bytes > before
    gone, book = weakref.ref(book), Book()
    assert gone() is None
    assert ledger.bytes == before


def test_shelves_go_with_their_selection() -> None:
    before = ledger.bytes
    book, chosen = book_of(TREE, "7"), selection()
    chosen.texts(Sight(view()), [view().state[ROOT]])
    del chosen
    gc.collect()
    assert (len(book._shelves), ledger.bytes) == (0, before)


def test_what_was_used_longest_ago_is_emptied_first(settings: Any) -> None:
    settings.RXGRAPH = {**settings.RXGRAPH, "PLAN_MEMORY_MB": 1}
    book = Book()
    some = [Selection() for _ in range(4)]
    for chosen in some[:3]:
        book.keep_whole(chosen, view(), "x" * 300_000)
    known = view()
    book.keep_whole(some[0], known, "y" * 300_000)  # used again
    assert ledger.bytes <= 2**20
    assert book.whole(some[0], known) == "y" * 300_000
    assert not book.shelf(some[1]).whole
    book.keep_whole(some[3], known, "z" * 2_000_000)  # too large alone
    assert book.whole(some[3], known) is None
    assert ledger.bytes <= 2**20


def test_a_whole_state_is_told_for_as_long_as_it_is_that_very_state() -> None:
    book, chosen, shown = Book(), Selection(), view()
    book.at(shown.state)
    book.keep_whole(chosen, shown, "text")
    assert book.whole(chosen, shown) == "text"
    assert book.whole(chosen, view()) is None  # equal, but another
    other = View(TREE, shown.roots, shown.state, frozenset())
    assert book.whole(chosen, other) is None  # somebody else's
    book.at(view().state)
    assert book.whole(chosen, shown) is None


def test_texts_of_instances_that_are_gone_are_swept() -> None:
    book = book_of(TREE, "7")
    chosen = InstanceSelection([Value("title", "title", GraphQLString)], None)
    for number in range(3000):
        document = track(number)
        chosen.texts(Sight(view(document)), [document])
    assert len(book.shelf(chosen).entries) < 2100
