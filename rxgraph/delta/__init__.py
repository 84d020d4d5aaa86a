"""Pure algebra on flat instances: diff, apply, compose, see, nest."""

from rxgraph.delta.algebra import Changes, State, apply, compose, diff
from rxgraph.delta.nesting import nest, nest_list
from rxgraph.delta.visibility import View, ViewChange, see, see_change, see_list, see_since

__all__ = [
    "Changes",
    "State",
    "View",
    "ViewChange",
    "apply",
    "compose",
    "diff",
    "nest",
    "nest_list",
    "see",
    "see_change",
    "see_list",
    "see_since",
]
