"""Rules of isolation, broken one at a time: the runs have to notice each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rxgraph.delta import visibility
from rxgraph.delta.visibility import View, ViewChange
from rxgraph.serve import access, cohorts, gate, stream, views
from rxgraph.serve.actions import Actions
from rxgraph.serve.broadcasts import Broadcasts
from rxgraph.serve.stream import LiveStream
from rxgraph.sync.writing.membership import Membership
from rxgraph.types import RemovalReason

Break = Callable[[pytest.MonkeyPatch], None]


def cohorts_are_shared_across_users(patch: pytest.MonkeyPatch) -> None:
    """Those who see other things are told the same."""
    patch.setattr(LiveStream, "sight", property(lambda self: self.compiled))


def user_key_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Everybody owns everything."""
    patch.setattr(visibility, "owns", lambda tree, document, user_id: True)


def user_key_is_forgotten_in_deltas(patch: pytest.MonkeyPatch) -> None:
    """A delta tells all that changed."""

    def tell_all(before: View, after: View, changes: Any) -> ViewChange:
        live = tuple(document for document in changes.values() if document.is_live)
        return replace(visibility.see_change(before, after, changes), changed=live)

    for module in (stream, cohorts):
        patch.setattr(module, "see_change", tell_all)


def removals_name_everything(patch: pytest.MonkeyPatch) -> None:
    """A delta names all that was removed."""

    def tell_all(before: View, after: View, changes: Any) -> ViewChange:
        gone = {
            key: RemovalReason.DELETED
            for key, document in changes.items()
            if not document.is_live and key in before.state
        }
        found = visibility.see_change(before, after, changes)
        return replace(found, removed={**gone, **found.removed})

    for module in (stream, cohorts):
        patch.setattr(module, "see_change", tell_all)


def parents_list_what_is_hidden(patch: pytest.MonkeyPatch) -> None:
    """Ids in lists are those of the document."""
    see_list = visibility.see_list

    def see_all(tree: Any, roots: Any, state: Any, user_id: Any) -> View:
        found = see_list(tree, roots, state, user_id)
        links = {key for shown in found.visible or () for key in state[key_of(shown)].links}
        return replace(
            found, visible=(found.visible or frozenset()) | {k for k in links if k in state}
        )

    def key_of(key: Any) -> Any:
        return key

    patch.setattr(visibility, "see_list", see_all)
    for module in (access, views):
        patch.setattr(module, "see_list", see_all)


def lists_show_the_roots_of_all(patch: pytest.MonkeyPatch) -> None:
    """A list is all that the cache holds."""
    see_list = visibility.see_list

    def see_all(tree: Any, roots: Any, state: Any, user_id: Any) -> View:
        every = tuple(key for key in state if key.typename == tree.root.typename)
        return see_list(tree, every, state, user_id)

    for module in (access, views):
        patch.setattr(module, "see_list", see_all)


def other_people_s_writes_are_named(patch: pytest.MonkeyPatch) -> None:
    """Each event names the mutations of everybody in it."""
    patch.setattr(stream, "marked_by", lambda user_id, marks: _named(marks))
    patch.setattr(cohorts, "users_marked", lambda marks: _Everybody())


class _Everybody(frozenset[str]):
    def __contains__(self, item: object) -> bool:
        return True

    def __bool__(self) -> bool:
        return True


def _named(marks: Any) -> Any:
    from rxgraph import types

    users = types.users_marked(marks)
    return tuple(name for user in users for name in types.marked_by(user, marks))


def notifications_reach_everybody(patch: pytest.MonkeyPatch) -> None:
    """What is for one user is told to all who watch."""

    def notify(self: Any, signal: Any) -> None:
        for live in self._contexts.of_anchor(signal.key):
            live.tell(signal.body["data"])

    patch.setattr(Broadcasts, "_notify", notify)


def actions_run_on_the_contexts_of_others(patch: pytest.MonkeyPatch) -> None:
    """A session is anybody's who knows it."""
    patch.setattr(Actions, "_held", lambda self, address: self._contexts.find(address["session"]))


def access_that_was_revoked_goes_on(patch: pytest.MonkeyPatch) -> None:
    """Nobody is asked again."""
    patch.setattr(LiveStream, "doubt", lambda self: None)


def secrets_are_told_apart(patch: pytest.MonkeyPatch) -> None:
    """FORBIDDEN says that there is something."""
    patch.setattr(gate, "_reveals", lambda error: False)


def writes_reach_what_is_hidden(patch: pytest.MonkeyPatch) -> None:
    """Whatever the cache holds can be written, and is answered with."""
    see_roots = access.see_roots

    def see_all(tree: Any, roots: Any, state: Any, user_id: str) -> View:
        return replace(see_roots(tree, roots, state, user_id), visible=frozenset(state))

    patch.setattr("rxgraph.serve.mutations.see_roots", see_all)
    patch.setattr(Membership, "keeps", lambda self, layer, row: True)


BREAKS: list[Break] = [
    cohorts_are_shared_across_users,
    user_key_is_forgotten,
    user_key_is_forgotten_in_deltas,
    removals_name_everything,
    parents_list_what_is_hidden,
    lists_show_the_roots_of_all,
    other_people_s_writes_are_named,
    notifications_reach_everybody,
    actions_run_on_the_contexts_of_others,
    access_that_was_revoked_goes_on,
    secrets_are_told_apart,
    writes_reach_what_is_hidden,
]
