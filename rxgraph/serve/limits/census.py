"""How long the lists of a live state are, as far as costs need it.

A state in, mean lengths out. Counting all of a large state takes a millisecond, so what was found
stays until the state has grown or shrunk by an eighth.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from weakref import WeakKeyDictionary

from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.state_tree import StateTree
from rxgraph.delta import State, View
from rxgraph.serve.limits.cost import Bill, Length

_SAMPLE = 64  # instances of a layer whose lists are counted
_SLACK = 16


class Census:
    """What is known of one state: instances by layer, and the mean length of each list."""

    __slots__ = ("costs", "counts", "generation", "lengths", "size")

    def __init__(
        self,
        generation: int,
        size: int,
        counts: Mapping[str, int],
        lengths: Mapping[tuple[str, str], float],
    ) -> None:
        self.generation, self.size = generation, size
        self.counts, self.lengths = counts, lengths
        #: What whoever sees all of the state is billed for.
        self.costs: WeakKeyDictionary[Bill, float] = WeakKeyDictionary()

    def fits(self, generation: int, size: int) -> bool:
        """True while a state with *size* instances is about the same."""
        return generation == self.generation and abs(size - self.size) <= self.size // 8 + _SLACK

    def seen_by(self, compiled: CompiledChannel, view: View) -> Length:
        """Return the length of each list in the first event of *view*."""
        share = 1.0 if view.visible is None else len(view.visible) / max(1, self.size)
        names = compiled.names
        layers = {field: typename for typename, field in compiled.changes.items()}

        def length(typename: str, field: str) -> float | None:
            if typename == names.changes:
                return self.counts.get(layers[field], 0) * share
            if typename == names.channel:
                return float(len(view.roots))
            if typename == names.event:
                return 0.0  # nothing is removed or said in a first event
            return self.lengths.get((typename, field))

        return length


def take_census(tree: StateTree, generation: int, state: State) -> Census:
    """Return what is known of *state*."""
    lists = {
        name: [
            (relation.name, relation.graphql_name) for relation in layer.relations if relation.many
        ]
        for name, layer in tree.layers.items()
    }
    counts: dict[str, int] = defaultdict(int)
    looked: dict[str, int] = defaultdict(int)
    links: dict[tuple[str, str], int] = defaultdict(int)
    step = -(-len(state) // (8 * _SAMPLE)) or 1
    for index, (key, document) in enumerate(state.items()):
        typename = key.typename
        counts[typename] += 1
        if looked[typename] < _SAMPLE or not index % step:
            looked[typename] += 1
            for name, graphql_name in lists[typename]:
                links[typename, graphql_name] += len(document.data.get(name) or ())
    lengths = {
        (typename, name): links[typename, name] / max(1, looked[typename])
        for typename, names in lists.items()
        for _, name in names
    }
    return Census(generation, len(state), counts, lengths)
