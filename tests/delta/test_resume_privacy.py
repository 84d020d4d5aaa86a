"""Who comes back is told no id of what is private and gone: he may never have seen it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rxgraph.compile.channel import compile_channel
from rxgraph.compile.state_tree import StateTree
from rxgraph.delta import see, see_list, see_since
from rxgraph.types import Document, InstanceKey, RemovalReason
from tests.isolation.worlds import World, channels_of
from tests.serve.live import declared
from tests.serve.shop import ANN, BOB, HIS, MINE, ROOT, TREE, User, album, memo, track

KEYS = [InstanceKey(name, "7") for name in ("OwnProject", "OwnTask", "OwnComment")]


def tree_of(private: list[str], channel: str) -> StateTree:
    """Return projects, tasks and comments, of which some are *private*."""
    channels = channels_of(World(tuple(private), ("comment",), is_secret=False, looks_up=False))
    with declared(*channels):
        [found] = [item for item in channels if item.__qualname__ == channel]
        return compile_channel(found).tree


@pytest.mark.parametrize("user", [ANN, BOB])
def test_a_private_row_that_was_deleted_or_given_away_is_named_to_nobody(user: User) -> None:
    given = replace(memo(MINE, BOB, version=9), former_owners=("1",))
    state = {item.key: item for item in (album(), track(0), given)}
    deleted = replace(memo(HIS, BOB, version=9), removed=RemovalReason.DELETED)
    change = see_since(see(TREE, ROOT, state, str(user.pk)), [deleted], 5, str(user.pk))
    assert change.removed == {}
    assert ROOT in {document.key for document in change.changed}  # which lists them no longer


def test_a_row_that_nobody_owns_is_named() -> None:
    deleted = replace(track(0), version=9, removed=RemovalReason.DELETED)
    view = see(TREE, ROOT, {ROOT: album()}, str(ANN.pk))
    assert see_since(view, [deleted], 5, str(ANN.pk)).removed == {
        deleted.key: RemovalReason.DELETED
    }


def test_a_row_below_a_private_one_is_named_to_nobody() -> None:
    tree = tree_of(["task"], "VaultChannel")
    root, task, comment = KEYS
    state = {root: Document(root, 3, links=(task,)), task: Document(task, 3, owner=str(ANN.pk))}
    deleted = Document(comment, 9, removed=RemovalReason.DELETED)
    view = see(tree, root, state, str(ANN.pk))
    assert see_since(view, [deleted], 5, str(ANN.pk)).removed == {}


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
