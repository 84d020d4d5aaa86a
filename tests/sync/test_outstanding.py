"""What an anchor may lack of all that is committed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rxgraph.cache.anchor import Anchor
from rxgraph.cache.phases import Phase
from rxgraph.sync.outstanding import Named, Outstanding
from rxgraph.types import InstanceKey, RowKey
from tests.simulation.database import TREE, row_key

HERE = Anchor(phase=Phase.HOT, generation=3, seq=7, done=7)
SHOWN = frozenset({InstanceKey("Board", "1"), InstanceKey("Item", "i0")})
NOTHING = Named()


def concerns(outstanding: Outstanding, position: int = 7) -> bool:
    return not outstanding.is_settled(3, position) or outstanding.names(TREE, SHOWN)


def test_nothing_is_outstanding_where_all_was_pushed_and_done() -> None:
    assert Outstanding(NOTHING, HERE).is_nothing(3, 7)
    assert not concerns(Outstanding(NOTHING, HERE))


@pytest.mark.parametrize(
    "anchor",
    [
        replace(HERE, generation=4),
        replace(HERE, done=8, seq=8),
        replace(HERE, seq=8),  # a batch is under way
        replace(HERE, phase=Phase.HEATING),
        replace(HERE, phase=Phase.COLD),
        Anchor(),
    ],
)
def test_another_place_may_differ_in_anything(anchor: Anchor) -> None:
    assert not Outstanding(NOTHING, anchor).is_nothing(3, 7)
    assert concerns(Outstanding(NOTHING, anchor))


@pytest.mark.parametrize(("pk", "is_shown"), [("i0", True), ("i1", False)])
def test_rows_concern_who_sees_them(pk: str, is_shown: bool) -> None:
    rows = frozenset({row_key("Item", pk)})
    assert not Outstanding(Named(rows), HERE).is_nothing(3, 7)
    assert concerns(Outstanding(Named(rows), HERE)) is is_shown
    # What is pushed may be read already, and bring in what is not shown yet.
    assert not Outstanding(NOTHING, replace(HERE, pending=rows)).is_nothing(3, 7)
    assert concerns(Outstanding(NOTHING, replace(HERE, pending=rows)))


def test_rows_of_other_models_concern_nobody() -> None:
    other = frozenset({RowKey("elsewhere.thing", "1")})
    assert not concerns(Outstanding(Named(other), HERE))
    assert "elsewhere.thing" not in TREE.tracked_labels


def test_more_intents_than_are_looked_through_may_name_anything() -> None:
    assert concerns(Outstanding(Named(is_all=False), HERE))


def test_a_state_that_is_further_on_contains_it() -> None:
    assert Outstanding(NOTHING, HERE).is_nothing(3, 8)
