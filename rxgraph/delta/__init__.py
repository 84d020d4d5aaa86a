"""Pure algebra on flat instances: diff, apply, compose, see, nest."""

from rxgraph.delta.algebra import Changes, State, apply, compose, diff
from rxgraph.delta.nesting import nest
from rxgraph.delta.visibility import View, ViewChange, see, see_change, see_since

__all__ = [
    "Changes",
    "State",
    "View",
    "ViewChange",
    "apply",
    "compose",
    "diff",
    "nest",
    "see",
    "see_change",
    "see_since",
]
