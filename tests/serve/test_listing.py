"""The roots of one list: what code adds and removes, and what ``list_instances`` says."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from rxgraph.serve.listing import Listing

IDS = ["a", "b", "c", "d", "e"]


def test_added_roots_go_to_the_end_or_the_beginning_once():
    listing = Listing(["a"])
    listing.add("b", at_beginning=False)
    listing.add("c", at_beginning=True)
    assert list(listing.ids) == ["c", "a", "b"]
    before = listing.ids
    listing.add("b", at_beginning=True)
    assert listing.ids is before


def test_roots_join_at_the_beginning_the_last_of_those_asked_first():
    listing = Listing(["a"])
    listing.follow(["b", "c", "b"], frozenset("bc"), joins=True)
    assert list(listing.ids) == ["c", "b", "a"]
    listing.follow(["d"], frozenset("d"), joins=False)
    assert list(listing.ids) == ["c", "b", "a"]


def test_a_root_that_is_not_listed_any_more_leaves_and_may_come_back():
    listing = Listing(["a", "b"])
    listing.follow(["a"], frozenset(), joins=False)
    assert list(listing.ids) == ["b"]
    listing.follow(["a"], frozenset("a"), joins=True)
    assert list(listing.ids) == ["a", "b"]


def test_what_code_added_stays_whatever_list_instances_says_until_it_is_deleted():
    listing = Listing([])
    listing.add("a", at_beginning=False)
    listing.follow(["a"], frozenset(), joins=True)
    assert list(listing.ids) == ["a"]
    listing.forget(["a"])
    assert list(listing.ids) == []
    listing.follow(["a"], frozenset("a"), joins=True)  # another row with the same key
    assert list(listing.ids) == ["a"]
    listing.follow(["a"], frozenset(), joins=True)
    assert list(listing.ids) == []


def test_what_code_removed_stays_away_until_code_adds_it():
    listing = Listing(["a"])
    listing.remove(["a"])
    listing.follow(["a"], frozenset("a"), joins=True)
    assert list(listing.ids) == []
    listing.add("a", at_beginning=False)
    assert list(listing.ids) == ["a"]


@dataclass
class Model:
    """The rules in the plainest words: sets beside the order."""

    ids: list[str]
    added: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)

    def add(self, id_: str, at_beginning: bool) -> None:
        """Add a root by code."""
        self.removed.discard(id_)
        self.added.add(id_)
        if id_ not in self.ids:
            self.ids.insert(0 if at_beginning else len(self.ids), id_)

    def remove(self, gone: list[str]) -> None:
        """Remove roots by code."""
        for id_ in gone:
            self.added.discard(id_)
            self.removed.add(id_)
            if id_ in self.ids:
                self.ids.remove(id_)

    def forget(self, gone: list[str]) -> None:
        """Remove deleted roots."""
        self.remove(gone)
        self.removed -= set(gone)

    def follow(self, asked: list[str], visible: frozenset[str], joins: bool) -> None:
        """Believe ``list_instances``."""
        for id_ in dict.fromkeys(asked):
            if id_ in visible:
                if joins and id_ not in self.ids and id_ not in self.removed:
                    self.ids.insert(0, id_)
            elif id_ in self.ids and id_ not in self.added:
                self.ids.remove(id_)


_id = st.sampled_from(IDS)
_ids = st.lists(_id, max_size=4)
_steps = st.one_of(
    st.tuples(st.just("add"), _id, st.booleans()),
    st.tuples(st.just("remove"), _ids),
    st.tuples(st.just("forget"), _ids),
    st.tuples(st.just("follow"), _ids, st.frozensets(_id), st.booleans()),
)


@given(st.lists(_id, unique=True), st.lists(_steps, max_size=25))
def test_a_list_follows_its_rules_and_is_another_tuple_only_when_it_changed(first, steps):
    listing, model = Listing(first), Model(list(first))
    for name, *given_ in steps:
        before = listing.ids
        if name == "add":
            id_, at_beginning = given_
            listing.add(id_, at_beginning=at_beginning)
            model.add(id_, at_beginning)
        elif name == "follow":
            asked, visible, joins = given_
            joining = listing.joining(asked, visible) if joins else []
            listing.follow(asked, visible, joins=joins)
            model.follow(asked, visible, joins)
            assert set(joining) == set(listing.ids) - set(before)
        else:
            getattr(listing, name)(given_[0])
            getattr(model, name)(given_[0])
        assert list(listing.ids) == model.ids
        assert len(set(listing.ids)) == len(listing.ids)
        assert (listing.ids is before) == (listing.ids == before)
