"""The laws of the delta algebra, under Hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rxgraph.delta import State, apply, compose, diff, nest, see, see_change, see_since
from rxgraph.delta.visibility import ViewChange
from rxgraph.types import Document, InstanceKey, RemovalReason
from tests.simulation.database import TREE, Tables
from tests.sync.simulation import ROOT

KEYS = [InstanceKey(name, str(id_)) for name in ("Item", "Part", "Owner") for id_ in range(3)]


@st.composite
def documents(draw: st.DrawFn, key: InstanceKey, *, live: bool | None = None) -> Document:
    """Any document of *key*, tombstones included."""
    version = draw(st.integers(1, 5))
    if not (draw(st.booleans()) if live is None else live):
        return Document(key, version, removed=draw(st.sampled_from(list(RemovalReason))))
    return Document(key, version, {"id": key.id, "v": draw(st.integers(0, 3))})


@st.composite
def changes(draw: st.DrawFn, *, live: bool | None = None) -> dict[InstanceKey, Document]:
    """Any set of documents."""
    keys = draw(st.sets(st.sampled_from(KEYS)))
    return {key: draw(documents(key, live=live)) for key in sorted(keys)}


states = changes(live=True)


@given(states, states)
def test_applying_a_diff_leads_from_the_old_state_to_the_new(old: Any, new: Any) -> None:
    assert apply(old, diff(old, new)) == new


@given(states)
def test_a_state_does_not_differ_from_itself(state: Any) -> None:
    assert diff(state, state) == {}
    assert apply(state, {}) == state


@given(states, changes(), changes())
def test_composed_changes_do_what_both_do(state: Any, first: Any, second: Any) -> None:
    assert apply(apply(state, first), second) == apply(state, compose(first, second))


@given(changes(), changes(), changes())
def test_composition_is_associative(a: Any, b: Any, c: Any) -> None:
    assert compose(compose(a, b), c) == compose(a, compose(b, c))


@given(states, changes())
def test_nothing_is_changed_in_place(state: Any, change: Any) -> None:
    before, told = dict(state), dict(change)
    apply(state, change)
    assert state == before
    assert change == told


# -- views, on random tables of boards, items, parts and owners


@st.composite
def tables(draw: st.DrawFn) -> Tables:
    """Boards 1 and 2 with items that may belong to nobody."""
    owners = {f"o{n}": draw(st.integers(0, 2)) for n in range(draw(st.integers(0, 2)))}
    owner = st.sampled_from([*owners, None])
    board = st.sampled_from(["1", "2", None])
    items = {
        f"i{n}": (draw(board), draw(st.integers(0, 2)), draw(owner))
        for n in range(draw(st.integers(0, 4)))
    }
    parts = {
        f"p{n}": (draw(st.sampled_from(sorted(items))), draw(st.integers(0, 2)))
        for n in range(draw(st.integers(0, 3)) if items else 0)
    }
    return Tables(items=items, parts=parts, owners=owners)


def state_of(of: Tables) -> dict[InstanceKey, Document]:
    """Return board 1 as flat documents."""
    return {row.key: Document(row.key, 1, row.data, row.links) for row in of.tree("1")}


def drawn(of: Tables, key: InstanceKey = ROOT) -> dict[str, Any]:
    """Render board 1 as a nested serializer would."""
    row = of.row(key)
    assert row is not None
    data = dict(row.data)
    for name, typename in (("items", "Item"), ("parts", "Part")):
        if name in data:
            data[name] = [drawn(of, InstanceKey(typename, id_)) for id_ in data[name]]
    if data.get("owner") is not None:
        data["owner"] = drawn(of, InstanceKey("Owner", data["owner"]))
    return data


def told(state: State, change: ViewChange) -> dict[InstanceKey, Document]:
    """Return what a client holds that was told *change*."""
    held = dict(state)
    held.update({document.key: document for document in change.changed})
    for key in change.removed:
        held.pop(key, None)
    return held


@given(tables())
def test_nested_flat_documents_are_what_a_nested_serializer_renders(of: Tables) -> None:
    assert nest(see(TREE, ROOT, state_of(of), None)) == drawn(of)


@given(tables(), tables())
def test_a_view_told_of_a_change_arrives_at_the_next_view(old: Tables, new: Tables) -> None:
    before, after = state_of(old), state_of(new)
    change = diff(before, after)
    views = see(TREE, ROOT, before, None), see(TREE, ROOT, after, None)
    assert told(before, see_change(*views, change)) == after


@given(tables(), tables())
def test_a_client_that_resumes_arrives_at_the_present_view(old: Tables, new: Tables) -> None:
    before, after = state_of(old), state_of(new)
    change = diff(before, after)
    now = {k: Document(k, 2 if k in change else 1, d.data, d.links) for k, d in after.items()}
    tombstones = [
        Document(key, 2, removed=document.removed)
        for key, document in change.items()
        if not document.is_live
    ]
    view = see(TREE, ROOT, now, None)
    assert told(before, see_since(view, tombstones, 1, None)) == now
