"""Problems that only compiling finds: one run over all channels, nothing raised."""

from __future__ import annotations

from rxgraph.compile.tree import examine_state
from rxgraph.declare import registry
from rxgraph.declare.problems import Problem


def examine() -> list[Problem]:
    """Return every problem in the states of the declared channels."""
    problems: list[Problem] = []
    for channel in registry.channels():
        problems += examine_state(channel.options.state, many=channel.options.many)[1]
    return problems
