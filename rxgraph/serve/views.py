"""Follow a replica as one viewer sees it, without looking at everything at every move.

What is visible depends on the roots of the view, on which instances exist, what they link to and
who owns them, on nothing else; a move that leaves these alone leaves the set of visible instances
alone.
"""

from __future__ import annotations

from dataclasses import replace

from rxgraph.delta import Changes, State, View, see, see_list
from rxgraph.types import NOTICE, Document, InstanceKey

Roots = tuple[InstanceKey, ...]


def see_after(
    before: View, state: State, changes: Changes, user_id: str | None, roots: Roots | None = None
) -> View:
    """Return *state*, to which *changes* led from ``before.state``, as the viewer sees it.

    *roots* are those of a list from now on; None: as before.
    """
    is_same = _is_same_list if before.tree.many else _is_same_shape
    if roots is None or roots == before.roots:
        roots = before.roots
        if is_same(before, changes):
            return replace(before, state=state)
    if before.tree.many:
        return see_list(before.tree, roots, state, user_id)
    return see(before.tree, before.root, state, user_id)


def _is_same_shape(before: View, changes: Changes) -> bool:
    return all(_is_same(before, key, document) for key, document in changes.items())


def _is_same(before: View, key: InstanceKey, document: Document) -> bool:
    old = before.state.get(key)
    if old is None or not document.is_live:
        return False
    return old.links == document.links and old.owner == document.owner


def _is_same_list(before: View, changes: Changes) -> bool:
    """True where nothing of *changes* makes more or less of the state visible.

    Most of a list channel's state is not this viewer's, so most changes are none of his business.
    """
    visible = before.visible or frozenset()
    root = before.tree.root.typename
    linked = None
    for key, document in changes.items():
        if key in visible:
            if not _is_same(before, key, document):
                return False
        elif key.typename == NOTICE or not document.is_live:
            continue
        elif key.typename == root:
            if key in before.roots:
                return False
        elif (old := before.state.get(key)) is None:
            # Who links to it has changed too, and is visible or not; unless it was listed before
            # it could be rendered.
            if linked is None:
                linked = _newly_linked(before.state, changes)
            if key not in linked:
                return False
        elif old.owner != document.owner:
            return False
    return True


def _newly_linked(state: State, changes: Changes) -> set[InstanceKey]:
    found: set[InstanceKey] = set()
    for key, document in changes.items():
        old = state.get(key)
        if old is None or old.links != document.links:
            found.update(document.links)
    return found
