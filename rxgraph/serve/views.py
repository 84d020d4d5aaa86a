"""Follow a replica as one viewer sees it, without looking at everything at every move.

What is visible depends on the roots of the view, on which instances exist, what they link to and
who owns them, on nothing else; a move that leaves these alone leaves the set of visible instances
alone, and one that only adds to them costs what it adds. The rest is looked at anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rxgraph.delta import Changes, State, View, see, see_list
from rxgraph.delta.visibility import owns
from rxgraph.types import NOTICE, Document, InstanceKey

Roots = tuple[InstanceKey, ...]


def see_after(
    before: View, state: State, changes: Changes, user_id: str | None, roots: Roots | None = None
) -> View:
    """Return *state*, to which *changes* led from ``before.state``, as the viewer sees it.

    *roots* are those of a list from now on; None: as before.
    """
    if before.tree.many:
        return _see_list_after(before, state, changes, user_id, roots)
    if all(_is_same(before, key, document) for key, document in changes.items()):
        return replace(before, state=state)
    return see(before.tree, before.root, state, user_id)


def _is_same(before: View, key: InstanceKey, document: Document) -> bool:
    old = before.state.get(key)
    if old is None or not document.is_live:
        return False
    return old.links == document.links and old.owner == document.owner


# -- lists: most of the state is not this viewer's, so most changes are none of his business


def _see_list_after(
    before: View, state: State, changes: Changes, user_id: str | None, roots: Roots | None
) -> View:
    if roots is None or roots == before.roots:
        roots = before.roots  # the very same, so that who compares is quick
    added = _added(before.roots, roots)
    entrances = None if added is None else _entrances(before, changes, user_id)
    if added is None or entrances is None:
        return see_list(before.tree, roots, state, user_id)
    visible = before.visible or frozenset()
    entered = _entered(before, state, user_id, {*added, *entrances})
    return View(before.tree, roots, state, visible | entered if entered else visible)


def _added(before: Roots, after: Roots) -> Roots | None:
    """Return the roots that came before or after all others; None: some left, or moved."""
    if after is before:
        return ()
    more = len(after) - len(before)
    if more >= 0 and after[more:] == before:
        return after[:more]
    if more >= 0 and after[: len(before)] == before:
        return after[len(before) :]
    return None


def _entrances(before: View, changes: Changes, user_id: str | None) -> set[InstanceKey] | None:
    """Return where *changes* make more of the state visible; None: they may hide some of it."""
    visible = before.visible or frozenset()
    tree, root = before.tree, before.tree.root.typename
    found: set[InstanceKey] = set()
    unsure: set[InstanceKey] = set()  # visible if anything visible linked to it all along
    linked: set[InstanceKey] | None = None
    for key, document in changes.items():
        old = before.state.get(key)
        if key in visible:
            if old is None or not document.is_live or old.owner != document.owner:
                return None
            if old.links != document.links:
                fresh = set(document.links)
                if not fresh.issuperset(old.links):
                    return None
                found |= fresh
        elif (
            key.typename == NOTICE
            or not document.is_live
            or not owns(tree, document, user_id)
            or (old and old.owner == document.owner)
        ):
            continue
        elif key.typename == root:
            if key in before.roots:
                found.add(key)
        else:
            # Who links to it has changed too, and is visible or not; unless it was hidden, or
            # listed before it could be rendered.
            if linked is None:
                linked = _newly_linked(before.state, changes)
            if old is not None or key not in linked or key.typename not in tree.single_parent:
                unsure.add(key)
    if unsure:
        links = (before.state[key].links for key in visible)
        found.update(key for some in links for key in unsure.intersection(some))
    return found


def _entered(
    before: View, state: State, user_id: str | None, entrances: Iterable[InstanceKey]
) -> set[InstanceKey]:
    """Return what is newly visible from *entrances* on."""
    visible = before.visible or frozenset()
    entered: set[InstanceKey] = set()
    frontier = list(entrances)
    while frontier:
        key = frontier.pop()
        if key in visible or key in entered:
            continue
        document = state.get(key)
        if document is not None and owns(before.tree, document, user_id):
            entered.add(key)
            frontier.extend(document.links)
    return entered


def _newly_linked(state: State, changes: Changes) -> set[InstanceKey]:
    found: set[InstanceKey] = set()
    for key, document in changes.items():
        old = state.get(key)
        if old is None or old.links != document.links:
            found.update(document.links)
    return found
