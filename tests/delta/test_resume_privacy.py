"""What somebody owned once is named to him only where he may have seen it."""

from __future__ import annotations

from dataclasses import replace

from rxgraph.delta import see, see_since
from rxgraph.types import RemovalReason
from tests.serve.shop import ANN, BOB, HIS, MINE, ROOT, TREE, album, memo, track


def test_a_private_row_that_was_given_away_is_named_where_its_list_is_visible() -> None:
    given = replace(memo(MINE, BOB, version=9), former_owners=("1",))
    state = {item.key: item for item in (album(), track(0), given, memo(HIS, BOB))}
    change = see_since(see(TREE, ROOT, state, str(ANN.pk)), [], 5, str(ANN.pk))
    assert change.removed == {MINE: RemovalReason.LEFT}


def test_it_is_not_named_where_nothing_that_he_sees_lists_it() -> None:
    given = replace(memo(MINE, BOB, version=9), former_owners=("1",))
    root = replace(album(), links=(HIS,))
    state = {item.key: item for item in (root, given, memo(HIS, BOB))}
    change = see_since(see(TREE, ROOT, state, str(ANN.pk)), [], 5, str(ANN.pk))
    assert change.removed == {}


def test_what_was_deleted_meanwhile_is_named_to_its_owner_alone() -> None:
    state = {item.key: item for item in (replace(album(), links=(HIS,)), memo(HIS, BOB))}
    deleted = replace(memo(MINE, BOB, version=9), removed=RemovalReason.DELETED)
    for user, removed in ((BOB, {MINE: RemovalReason.DELETED}), (ANN, {})):
        view = see(TREE, ROOT, state, str(user.pk))
        assert see_since(view, [deleted], 5, str(user.pk)).removed == removed
