"""Following a list as one viewer sees it: never anything else than looking at all of it anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rxgraph.compile.state_tree import RelationKind, StateTree
from rxgraph.delta import (
    View,
    ViewChange,
    apply,
    compose,
    diff,
    see_change,
    see_list,
    see_since,
)
from rxgraph.serve.views import see_after
from rxgraph.types import NOTICE, Document, InstanceKey, RemovalReason
from tests.simulation.database import layer, relation

Documents = dict[InstanceKey, Document]

#: Boards with items (of one board each), private notes and labels that many boards share.
TREE = StateTree(
    {
        "Board": layer(
            "Board",
            relation("items", RelationKind.REVERSE, "Item", many=True),
            relation("labels", RelationKind.MANY_TO_MANY, "Label", many=True),
            relation("notes", RelationKind.REVERSE, "Note", many=True),
        ),
        "Item": layer("Item", relation("labels", RelationKind.MANY_TO_MANY, "Label", many=True)),
        "Note": replace(
            layer("Note", relation("pages", RelationKind.REVERSE, "Page", many=True)),
            user_key="owner_id",
        ),
        "Label": layer("Label"),
        "Page": layer("Page"),
    },
    many=True,
    fingerprint="views",
)
PRIVATE_ROOTS = StateTree(
    {**TREE.layers, "Board": replace(TREE.layers["Board"], user_key="owner_id")},
    many=True,
    fingerprint="private views",
)
IDS = ("1", "2", "3")
LABELS = ("1", "2")
PEOPLE = ("ann", "bob")


@dataclass
class Tables:
    """Rows: who belongs to whom, who owns what, and which cannot be rendered."""

    boards: dict[str, tuple[int, str]] = field(default_factory=dict)  # value, owner
    items: dict[str, str] = field(default_factory=dict)  # board
    notes: dict[str, tuple[str, str]] = field(default_factory=dict)  # board, owner
    pages: dict[str, str] = field(default_factory=dict)  # note
    labels: set[tuple[str, str, str]] = field(default_factory=set)  # typename, id, label
    names: dict[str, int] = field(default_factory=dict)  # of labels
    broken: set[InstanceKey] = field(default_factory=set)

    def rows(self) -> Iterator[tuple[InstanceKey, Any, tuple[InstanceKey, ...], str | None]]:
        """Yield key, value, links and owner of each row."""

        def keys(typename: str, ids: Iterable[str]) -> list[InstanceKey]:
            return [InstanceKey(typename, id_) for id_ in sorted(ids)]

        def labels(typename: str, id_: str) -> list[InstanceKey]:
            mine = (label for name, of, label in self.labels if (name, of) == (typename, id_))
            return keys("Label", mine)

        for id_, (value, owner) in self.boards.items():
            items = keys("Item", (i for i, board in self.items.items() if board == id_))
            notes = keys("Note", (i for i, (board, _) in self.notes.items() if board == id_))
            links = (*items, *labels("Board", id_), *notes)
            yield InstanceKey("Board", id_), value, links, owner
        for id_ in self.items:
            yield InstanceKey("Item", id_), 0, tuple(labels("Item", id_)), None
        for id_, (_, owner) in self.notes.items():
            pages = keys("Page", (i for i, note in self.pages.items() if note == id_))
            yield InstanceKey("Note", id_), 0, tuple(pages), owner
        for id_ in self.pages:
            yield InstanceKey("Page", id_), 0, (), None
        for id_, value in self.names.items():
            yield InstanceKey("Label", id_), value, (), None

    def state(self, held: frozenset[str], private: bool) -> Documents:
        """Return what a forest holds that shows the boards *held*."""
        rows = {
            key: Document(
                key, 1, {"v": value}, links, owner if private or key[0] == "Note" else None
            )
            for key, value, links, owner in self.rows()
            if key not in self.broken
        }
        found: Documents = {}
        frontier = [InstanceKey("Board", id_) for id_ in held]
        while frontier:
            key = frontier.pop()
            if key in rows and key not in found:
                found[key] = rows[key]
                frontier.extend(rows[key].links)
        return found


@st.composite
def tables(draw: st.DrawFn) -> Tables:
    """Any tables in which every row belongs to one that is there."""
    found = Tables()
    found.boards = {id_: (draw(_number), draw(_person)) for id_ in draw(_some)}
    board = st.sampled_from(sorted(found.boards) or ["none"])
    if found.boards:
        found.items = {id_: draw(board) for id_ in draw(_some)}
        found.notes = {id_: (draw(board), draw(_person)) for id_ in draw(_some)}
    if found.notes:
        note = st.sampled_from(sorted(found.notes))
        found.pages = {id_: draw(note) for id_ in draw(_some)}
    found.names = {id_: draw(_number) for id_ in draw(st.sets(st.sampled_from(LABELS)))}
    labelled = [("Board", id_) for id_ in found.boards] + [("Item", id_) for id_ in found.items]
    if labelled and found.names:
        pair = st.tuples(st.sampled_from(labelled), st.sampled_from(sorted(found.names)))
        found.labels = {(*row_, label) for row_, label in draw(st.sets(pair, max_size=4))}
    keys = [key for key, *_ in found.rows()]
    if keys:
        found.broken = draw(st.sets(st.sampled_from(keys), max_size=2))
    return found


_number = st.integers(0, 1)
_person = st.sampled_from(PEOPLE)
_some = st.sets(st.sampled_from(IDS))
_roots = st.lists(st.sampled_from(IDS), unique=True, max_size=3).map(
    lambda ids: tuple(InstanceKey("Board", id_) for id_ in ids)
)
_trees = st.sampled_from([TREE, PRIVATE_ROOTS])
_steps = st.lists(
    st.tuples(tables(), _roots, st.sets(st.sampled_from(IDS)), _some), min_size=2, max_size=5
)


def walk(tree: StateTree, steps: Any) -> Iterator[tuple[Documents, Documents, Any]]:
    """Yield the changes, the state and the roots of each step; tell more than differs."""
    state: Documents = {}
    for tables_, roots, others, noticed in steps:
        held = frozenset({root.id for root in roots} | others)
        after = tables_.state(held, private=tree is PRIVATE_ROOTS)
        changes = diff(state, after)
        for id_ in noticed:  # told again without need
            key = InstanceKey("Board", id_)
            if key in after:
                changes[key] = after[key]
            notice = InstanceKey(NOTICE, id_)
            changes[notice] = Document(notice, 1, removed=RemovalReason.NEVER)
        state = after
        yield changes, state, roots


@given(_trees, _steps)
def test_following_a_list_sees_what_looking_at_all_of_it_sees(tree, steps):
    view = see_list(tree, (), {}, "ann")
    for changes, state, roots in walk(tree, steps):
        same = roots if roots != view.roots else None
        view = see_after(view, state, changes, "ann", same)
        assert view == see_list(tree, roots, state, "ann")


@given(_trees, _steps)
def test_a_client_that_is_told_each_change_holds_what_the_viewer_sees(tree, steps):
    before = see_list(tree, (), {}, "ann")
    held = rendered(before)
    for changes, state, roots in walk(tree, steps):
        after = see_after(before, state, changes, "ann", roots)
        hold(held, after, see_change(before, after, changes))
        assert held == rendered(after)
        before = after


@given(_trees, _steps)
def test_batches_told_as_one_lead_to_the_same_view(tree, steps):
    first, *others = walk(tree, steps)
    _, state, roots = first
    before = see_list(tree, roots, state, "ann")
    held = rendered(before)
    together: Documents = {}
    for changes, state, roots in others:  # noqa: B007
        together = compose(together, changes)
    after = see_after(before, state, together, "ann", roots)
    assert after == see_list(tree, roots, state, "ann")
    hold(held, after, see_change(before, after, together))
    assert held == rendered(after)


@given(_trees, _steps)
def test_who_comes_back_to_the_same_list_is_told_what_he_lacks(tree, steps):
    steps = [(tables_, steps[0][1], others, noticed) for tables_, _, others, noticed in steps]
    held: dict[InstanceKey, Any] | None = None
    versions: Documents = {}
    for number, (changes, state, roots) in enumerate(walk(tree, steps), start=1):
        for key, document in changes.items():
            former = owners_of(versions.get(key), document)
            versions[key] = replace(document, version=number, former_owners=former)
        current = {key: versions[key] for key in state}
        view = see_list(tree, roots, current, "ann")
        if held is None:
            held = rendered(view)
    assert held is not None
    tombstones = [document for document in versions.values() if not document.is_live]
    hold(held, view, see_since(view, tombstones, 1, "ann"))
    wanted = rendered(view)
    assert {key: held.get(key) for key in wanted} == wanted  # what nothing links to may stay


def owners_of(before: Document | None, after: Document) -> tuple[str, ...]:
    """Return who owned an instance before its owner now, as writers note it."""
    if before is None:
        return ()
    gave_up = before.owner not in (None, after.owner)
    return (*before.former_owners, before.owner) if gave_up else before.former_owners  # type: ignore[arg-type]


def hold(held: dict[InstanceKey, Any], view: View, change: ViewChange) -> None:
    """Do what a client does that is told *change*."""
    for document_ in change.changed:
        assert view.document(document_.key) is not None
        held[document_.key] = row(view, document_)
    for key in change.removed:
        assert view.document(key) is None
        held.pop(key, None)


def rendered(view: View) -> dict[InstanceKey, Any]:
    """Return every instance as the viewer is shown it."""
    found = {}
    for key in view.keys():  # noqa: SIM118
        document_ = view.document(key)
        assert document_ is not None
        found[key] = row(view, document_)
    return found


def row(view: View, document_: Document) -> Any:
    """Return an instance with lists of what the viewer sees."""
    links = [link for link in document_.links if view.document(link) is not None]
    return document_.data["v"], links


def test_changes_of_others_leave_the_very_same_set_visible():
    mine, other = InstanceKey("Board", "1"), InstanceKey("Board", "2")
    state = {key: Document(key, 1, {"v": 0}) for key in (mine, other)}
    view = see_list(TREE, (mine,), state, "ann")
    item = InstanceKey("Item", "1")
    changes = {
        other: Document(other, 2, {"v": 1}, (item,)),
        item: Document(item, 2, {"v": 0}),
        InstanceKey(NOTICE, "2"): Document(
            InstanceKey(NOTICE, "2"), 2, removed=RemovalReason.NEVER
        ),
    }
    after = see_after(view, apply(state, changes), changes, "ann")
    assert after.visible is view.visible


def test_a_root_that_joins_adds_to_what_is_visible_and_one_that_leaves_takes_its_own():
    one, two, three = (InstanceKey("Board", id_) for id_ in IDS)
    label, item = InstanceKey("Label", "1"), InstanceKey("Item", "1")
    state = {
        one: Document(one, 1, {"v": 0}, (label,)),
        two: Document(two, 1, {"v": 0}, (label, item)),
        three: Document(three, 1, {"v": 0}),
        item: Document(item, 1, {"v": 0}, (label,)),
        label: Document(label, 1, {"v": 0}),
    }
    view = see_list(TREE, (one,), state, "ann")
    more = see_after(view, state, {}, "ann", (two, one))
    assert set(more.keys()) == {one, two, item, label}
    assert see_after(more, state, {}, "ann", (two, one, three)).shown_roots == (two, one, three)
    less = see_after(more, state, {}, "ann", (one,))
    assert set(less.keys()) == {one, label}


def test_who_comes_back_is_told_what_moved_to_him_from_somebody_else_s_root_unwritten():
    mine, other, item = (
        InstanceKey(*key) for key in (("Board", "1"), ("Board", "2"), ("Item", "1"))
    )
    label = InstanceKey("Label", "1")
    state = {
        mine: Document(mine, 5, {"v": 0}, (item,)),  # written when the item came
        other: Document(other, 5, {"v": 0}),
        item: Document(item, 2, {"v": 0}, (label,)),
        label: Document(label, 1, {"v": 0}),
    }
    view = see_list(TREE, (mine,), state, "ann")
    told = {document_.key for document_ in see_since(view, (), 3, "ann").changed}
    assert told == {mine, item, label}
    assert not see_since(view, (), 5, "ann").changed
