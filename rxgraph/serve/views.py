"""Follow a replica as one viewer sees it, without looking at everything at every move.

What is visible depends on which instances exist, what they link to and who owns them, on nothing
else; a move that leaves these alone leaves the set of visible instances alone.
"""

from __future__ import annotations

from dataclasses import replace

from rxgraph.delta import Changes, State, View, see


def see_after(before: View, state: State, changes: Changes, user_id: str | None) -> View:
    """Return *state*, to which *changes* led from ``before.state``, as the viewer sees it."""
    if _is_same_shape(before.state, changes):
        return replace(before, state=state)
    return see(before.tree, before.root, state, user_id)


def _is_same_shape(state: State, changes: Changes) -> bool:
    for key, document in changes.items():
        old = state.get(key)
        if old is None or not document.is_live:
            return False
        if old.links != document.links or old.owner != document.owner:
            return False
    return True
