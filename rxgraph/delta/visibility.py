"""What one viewer sees of a state.

An instance is visible if it is a root of the view, or a visible instance links to it, and, where
its layer has a ``user_key``, the viewer owns it. Lists then show visible ids only. A change of
visibility is itself a change: what becomes visible is sent whole with its parents, what stops is
removed. The state of a list channel holds the roots of all its viewers; a view names its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rxgraph.compile.state_tree import StateTree
from rxgraph.delta.algebra import Changes, State
from rxgraph.types import Document, InstanceKey, RemovalReason


@dataclass(frozen=True, slots=True)
class View:
    """A state as one viewer sees it: ``visible`` is None where everybody sees all of it."""

    tree: StateTree
    #: One; for a list channel any number, in the order of the list.
    roots: tuple[InstanceKey, ...]
    state: State
    visible: frozenset[InstanceKey] | None

    @property
    def root(self) -> InstanceKey:
        """The one root of a view that is no list."""
        (root,) = self.roots
        return root

    @property
    def shown_roots(self) -> tuple[InstanceKey, ...]:
        """The roots that the viewer sees."""
        if self.visible is not None:
            return tuple(root for root in self.roots if root in self.visible)
        return tuple(root for root in self.roots if root in self.state)

    def document(self, key: InstanceKey) -> Document | None:
        """Return a document the viewer may see, or None."""
        if self.visible is not None and key not in self.visible:
            return None
        return self.state.get(key)

    def keys(self) -> Iterable[InstanceKey]:
        """Return every key the viewer may see."""
        return self.state.keys() if self.visible is None else self.visible


@dataclass(frozen=True, slots=True)
class ViewChange:
    """What one viewer is told: whole instances, and what is gone."""

    changed: tuple[Document, ...]
    removed: Mapping[InstanceKey, RemovalReason]

    def __bool__(self) -> bool:
        return bool(self.changed or self.removed)


def see(tree: StateTree, root: InstanceKey, state: State, user_id: str | None) -> View:
    """Return *state* as the viewer *user_id* sees it."""
    if not tree.has_private_layers:
        return View(tree, (root,), state, None)
    return see_list(tree, (root,), state, user_id)


def see_list(
    tree: StateTree, roots: Sequence[InstanceKey], state: State, user_id: str | None
) -> View:
    """Return what the viewer *user_id* sees of *state* from *roots* on, and nothing else."""
    visible: set[InstanceKey] = set()
    frontier = list(roots)
    while frontier:
        key = frontier.pop()
        document = state.get(key)
        if document is None or key in visible or not owns(tree, document, user_id):
            continue
        visible.add(key)
        frontier.extend(document.links)
    return View(tree, tuple(roots), state, frozenset(visible))


def see_change(before: View, after: View, changes: Changes) -> ViewChange:
    """Return what *changes* mean to the viewer of both views.

    Parents of instances that entered or left the view are included even where their documents
    stayed as they were, since their visible lists did not.
    """
    if after.visible is None or before.visible is None:
        return _public_change(before, after, changes)
    if after.visible is before.visible:
        told_ = [after.state[key] for key in sorted(changes) if key in after.visible]
        return ViewChange(tuple(told_), {})
    entered = after.visible - before.visible
    left = before.visible - after.visible
    told = {key for key in changes if key in after.visible} | entered
    if unexplained := _unexplained(before, after, changes, entered, left):
        for key in after.visible:
            if key not in told and not unexplained.isdisjoint(after.state[key].links):
                told.add(key)
    removed = {key: _reason(changes, key) for key in left}
    return ViewChange(tuple(after.state[key] for key in sorted(told)), removed)


def _unexplained(
    before: View,
    after: View,
    changes: Changes,
    entered: frozenset[InstanceKey],
    left: frozenset[InstanceKey],
) -> set[InstanceKey]:
    """Return what crossed though a document that stayed as it was may have linked to it always.

    Such an instance was, or is now, somebody else's, or could not be rendered.
    """
    tree, root = before.tree, before.tree.root.typename
    crossed = [(key, before.state) for key in entered] + [(key, after.state) for key in left]
    suspects = [
        key
        for key, other in crossed
        if key.typename != root
        and (key not in other or tree.layers[key.typename].user_key is not None)
    ]
    if not suspects:
        return set()
    explained: set[InstanceKey] = set()
    for key in (*changes, *entered, *left):
        for state in (before.state, after.state):
            if (document := state.get(key)) is not None:
                explained.update(document.links)
    return {
        key for key in suspects if key not in explained or key.typename not in tree.single_parent
    }


def _public_change(before: View, after: View, changes: Changes) -> ViewChange:
    changed = tuple(document for document in changes.values() if document.is_live)
    removed = {
        key: document.removed
        for key, document in changes.items()
        if document.removed is not None
        and document.removed is not RemovalReason.NEVER
        and key in before.state
    }
    fresh = {document.key for document in changed if document.key not in before.state}
    announced = {child for document in changed for child in document.links}
    unannounced = fresh - announced - set(after.roots)
    if unannounced:
        # Their parents listed them before they could be shown (they failed to render).
        told = {document.key for document in changed}
        parents = tuple(
            document
            for key, document in after.state.items()
            if key not in told and not unannounced.isdisjoint(document.links)
        )
        changed = (*changed, *parents)
    return ViewChange(changed, removed)


def owns(tree: StateTree, document: Document, user_id: str | None) -> bool:
    """True unless *document* is of a private layer and somebody else's."""
    if tree.layers[document.key.typename].user_key is None:
        return True
    return document.owner is not None and document.owner == user_id


def _reason(changes: Changes, key: InstanceKey) -> RemovalReason:
    document = changes.get(key)
    if document is not None and document.removed is RemovalReason.DELETED:
        return RemovalReason.DELETED
    return RemovalReason.LEFT


def see_since(
    view: View, tombstones: Iterable[Document], since: int, user_id: str | None
) -> ViewChange:
    """Return what a viewer who left at number *since* has to be told to arrive at *view*.

    Every instance written since is told, also where its value is back to what it was. Removals of
    what is private, or below that, are told to nobody: whoever owned it may have been let in only
    after that, and never have seen it; those of a list channel's state neither, since most of it is
    somebody else's. Leaving them out is harmless, because every list that showed them is told. What
    came from somebody else's roots to the viewer's was not written by that, but a document that
    links to it was.
    """
    told = {key for key in view.keys() if view.state[key].version > since}  # noqa: SIM118
    if view.tree.many:
        told = _with_all_below(view, told)
    lost = _lost(view, since, user_id)
    tombstones = [document for document in tombstones if document.version > since]
    # Who lists them need not have been written: what has another owner, or fails to render, or does
    # so no longer, comes and goes without that.
    written = told | lost | {document.key for document in tombstones}
    told |= {key for key in view.keys() if not written.isdisjoint(view.state[key].links)}  # noqa: SIM118
    changed = tuple(view.state[key] for key in sorted(told))
    if view.tree.many:
        return ViewChange(changed, {})
    removed = {
        document.key: document.removed
        for document in tombstones
        if document.removed is not None
        and document.removed is not RemovalReason.NEVER
        and document.key.typename not in view.tree.tainted
    }
    return ViewChange(changed, removed)


def _lost(view: View, since: int, user_id: str | None) -> set[InstanceKey]:
    """Return what was the viewer's and is, since a number, somebody else's."""
    if view.visible is None:
        return set()
    return {
        key
        for key, document in view.state.items()
        if document.version > since
        and user_id in document.former_owners
        and key not in view.visible
    }


def _with_all_below(view: View, keys: set[InstanceKey]) -> set[InstanceKey]:
    found = set(keys)
    frontier = list(keys)
    while frontier:
        for key in view.state[frontier.pop()].links:
            if key not in found and view.document(key) is not None:
                found.add(key)
                frontier.append(key)
    return found
