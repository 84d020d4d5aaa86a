"""What somebody owned once is named to him only where he may have seen it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rxgraph.compile.channel import compile_channel
from rxgraph.compile.state_tree import StateTree
from rxgraph.delta import see, see_list, see_since
from rxgraph.types import Document, InstanceKey, RemovalReason
from tests.isolation.worlds import World, channels_of
from tests.serve.live import declared
from tests.serve.shop import ANN, BOB, HIS, MINE, ROOT, TREE, album, memo, track

KEYS = [InstanceKey(name, "7") for name in ("OwnProject", "OwnTask", "OwnComment")]


def tree_of(private: list[str], channel: str) -> StateTree:
    """Return projects, tasks and comments, of which some are *private*."""
    channels = channels_of(World(tuple(private), ("comment",), is_secret=False, looks_up=False))
    with declared(*channels):
        [found] = [item for item in channels if item.__qualname__ == channel]
        return compile_channel(found).tree


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


@pytest.mark.parametrize(
    ("private", "is_named"), [(["comment"], True), (["task", "comment"], False)]
)
def test_it_is_not_named_to_an_owner_who_may_never_have_seen_it(
    private: list[str], is_named: bool
) -> None:
    tree = tree_of(private, "VaultChannel")
    root, task, comment = KEYS
    state = {
        root: Document(root, 3, links=(task,)),
        task: Document(task, 3, owner=str(BOB.pk) if "task" in private else None),
    }
    deleted = Document(comment, 9, owner=str(ANN.pk), removed=RemovalReason.DELETED)
    view = see(tree, root, state, str(ANN.pk))
    change = see_since(view, [deleted], 5, str(ANN.pk))
    assert change.removed == ({comment: RemovalReason.DELETED} if is_named else {})
    state[task] = Document(task, 9, links=(comment,), owner=str(ANN.pk))
    state[comment] = Document(comment, 9, owner=str(BOB.pk), former_owners=(str(ANN.pk),))
    view = see(tree, root, state, str(ANN.pk))
    change = see_since(view, [], 5, str(ANN.pk))  # given away, and moved to a task of hers
    assert change.removed == ({comment: RemovalReason.LEFT} if is_named else {})


def test_in_a_list_what_came_from_the_root_of_somebody_else_is_not_named() -> None:
    tree = tree_of(["comment"], "ShelfChannel")
    root, task, comment = KEYS
    state = {
        root: Document(root, 3, links=(task,)),
        task: Document(task, 9, links=(comment,)),
        comment: Document(comment, 9, owner=str(BOB.pk), former_owners=(str(ANN.pk),)),
    }
    change = see_since(see_list(tree, (root,), state, str(ANN.pk)), [], 5, str(ANN.pk))
    assert [document.key for document in change.changed] == [root, task]
    assert change.removed == {}
