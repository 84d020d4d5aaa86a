"""Following a list as one viewer sees it: never anything else than looking at all of it anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rxgraph.compile.state_tree import RelationKind, StateTree
from rxgraph.delta import View, apply, compose, see_change, see_list
from rxgraph.serve.views import see_after
from rxgraph.types import NOTICE, Document, InstanceKey, RemovalReason
from tests.sync.simulation import _layer, _relation

Documents = dict[InstanceKey, Document]

#: Boards with items (of one board each), private notes and labels that many boards share.
TREE = StateTree(
    {
        "Board": _layer(
            "Board",
            _relation("items", RelationKind.REVERSE, "Item", many=True),
            _relation("labels", RelationKind.MANY_TO_MANY, "Label", many=True),
            _relation("notes", RelationKind.REVERSE, "Note", many=True),
        ),
        "Item": _layer("Item", _relation("labels", RelationKind.MANY_TO_MANY, "Label", many=True)),
        "Note": replace(
            _layer("Note", _relation("pages", RelationKind.REVERSE, "Page", many=True)),
            user_key="owner_id",
        ),
        "Label": _layer("Label"),
        "Page": _layer("Page"),
    },
    many=True,
    fingerprint="views",
)
PRIVATE_ROOTS = StateTree(
    {**TREE.layers, "Board": replace(TREE.layers["Board"], user_key="owner_id")},
    many=True,
    fingerprint="private views",
)
_BELOW = {
    "Board": ("Item", "Label", "Note"),
    "Item": ("Label",),
    "Note": ("Page",),
    "Label": (),
    "Page": (),
}
_IDS = ("1", "2", "3")
_OWNERS = st.sampled_from(["ann", "bob", None])


def key_of(*names: str) -> st.SearchStrategy[InstanceKey]:
    return st.builds(InstanceKey, st.sampled_from(names), st.sampled_from(_IDS))


@st.composite
def document(draw: st.DrawFn, version: int, *, live: bool = False) -> Document:
    """Any document: links wherever the tree allows, to instances that may not be there."""
    key = draw(key_of(*_BELOW))
    if not live and draw(st.integers(0, 3)) == 0:
        return Document(key, version, removed=draw(st.sampled_from(list(RemovalReason))))
    below = _BELOW[key.typename]
    links = draw(st.lists(key_of(*below), max_size=4, unique=True)) if below else []
    data = {
        f"{name.lower()}s": [link.id for link in links if link.typename == name] for name in below
    }
    owner = draw(_OWNERS) if key.typename in ("Note", "Board") else None
    return Document(key, version, {"v": draw(st.integers(0, 1)), **data}, tuple(links), owner)


@st.composite
def batch(draw: st.DrawFn, version: int) -> Documents:
    """What one batch may write, notices among it."""
    found = {d.key: d for d in draw(st.lists(document(version), max_size=5))}
    for id_ in draw(st.sets(st.sampled_from(_IDS), max_size=1)):
        notice = InstanceKey(NOTICE, id_)
        found[notice] = Document(notice, version, removed=RemovalReason.NEVER)
    return found


_roots = st.lists(
    st.sampled_from([InstanceKey("Board", id_) for id_ in _IDS]), unique=True, max_size=3
).map(tuple)
_first = st.lists(document(1, live=True), max_size=14).map(lambda all_: {d.key: d for d in all_})
_batches = st.lists(st.integers(2, 9).flatmap(batch), max_size=6)
_trees = st.sampled_from([TREE, PRIVATE_ROOTS])


@given(_trees, _first, _roots, _batches, st.data())
def test_following_a_list_sees_what_looking_at_all_of_it_sees(tree, state, roots, batches, data):
    view = see_list(tree, roots, state, "ann")
    for changes in batches:
        if data.draw(st.booleans()):
            roots = data.draw(_roots)
            given_ = roots
        else:
            given_ = data.draw(st.sampled_from([None, roots]))
        state = apply(state, changes)
        view = see_after(view, state, changes, "ann", given_)
        assert view == see_list(tree, roots, state, "ann")


@given(_trees, _first, _roots, _batches, st.data())
def test_a_client_that_is_told_each_change_holds_what_the_viewer_sees(
    tree, state, roots, batches, data
):
    before = see_list(tree, roots, state, "ann")
    held = rendered(before)
    for changes in batches:
        roots = data.draw(_roots)
        state = apply(state, changes)
        after = see_after(before, state, changes, "ann", roots)
        change = see_change(before, after, changes)
        for document_ in change.changed:
            assert after.document(document_.key) is not None
            held[document_.key] = row(after, document_)
        for key in change.removed:
            assert after.document(key) is None
            held.pop(key, None)
        assert held == rendered(after)
        before = after


@given(_trees, _first, _roots, _batches, _roots)
def test_batches_told_as_one_lead_to_the_same_view(tree, state, roots, batches, last):
    before = see_list(tree, roots, state, "ann")
    together: Documents = {}
    for changes in batches:
        together = compose(together, changes)
        state = apply(state, changes)
    after = see_after(before, state, together, "ann", last)
    assert after == see_list(tree, last, state, "ann")
    held = rendered(before)
    change = see_change(before, after, together)
    held |= {document_.key: row(after, document_) for document_ in change.changed}
    for key in change.removed:
        held.pop(key, None)
    assert held == rendered(after)


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
