"""What is committed and may not be in a cache yet.

Asked before somebody is shown a cache whom the database has just let in: what was hidden in the
transaction that let him in, or before it, he must not see there. Rule: first the intents, then the
record. A transaction that was committed before is either still named by its intents, or it was
pushed before those were deleted, and the record tells.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from rxgraph.cache.anchor import Anchor
from rxgraph.cache.phases import Phase
from rxgraph.cache.rows.snapshot import answering
from rxgraph.compile.state_tree import StateTree
from rxgraph.sync import intents
from rxgraph.sync.forest import Place
from rxgraph.types import InstanceKey, RowKey

MOST = 500
"""Intents that are looked through; where more wait, they may be about anything."""

MOMENTS = (0.005, 0.02)
"""Seconds to wait before asking again: a writer tells first, and forgets its intents then."""


@dataclass(frozen=True, slots=True)
class Named:
    """The rows that intents name."""

    rows: frozenset[RowKey] = frozenset()
    is_all: bool = True  # False: there are more

    @property
    def is_nothing(self) -> bool:
        """True when there are no intents."""
        return self.is_all and not self.rows


@dataclass(frozen=True, slots=True)
class Outstanding:
    """What one anchor may not contain yet of all that was committed by the time of asking."""

    named: Named
    anchor: Anchor  # as it was read after *named*

    def is_nothing(self, generation: int, position: int) -> bool:
        """True when the state of that place contains everything."""
        return self.is_settled(generation, position) and self.named.is_nothing

    def is_settled(self, generation: int, position: int) -> bool:
        """True when that place contains all that was pushed, and no batch is under way."""
        anchor = self.anchor
        return (
            anchor.phase is Phase.HOT
            and anchor.generation == generation
            and not anchor.is_unfinished
            and not anchor.pending
            and anchor.done <= position
        )

    @property
    def place(self) -> Place | None:
        """From where on the anchor contains all that was pushed; None: it is not cached."""
        anchor = self.anchor
        return (
            Place(anchor.generation, anchor.seq + bool(anchor.pending)) if anchor.is_live else None
        )

    def names(self, tree: StateTree, keys: Collection[InstanceKey]) -> bool:
        """True when intents may name one of *keys*, which nobody may have pushed yet."""
        named = self.named
        return not named.is_all or any(_renders(tree, row, keys) for row in named.rows)


def read_named(aliases: Iterable[str]) -> Named:
    """Return what the intents of some databases name now.

    Raises:
        BackendError: one of them does not answer.
    """
    rows: set[RowKey] = set()
    is_all = True
    for alias in aliases:
        with answering(alias):
            found = intents.distinct(alias, MOST)
        rows.update(*found)
        is_all &= len(found) < MOST
    return Named(frozenset(rows), is_all)


def _renders(tree: StateTree, row: RowKey, keys: Collection[InstanceKey]) -> bool:
    """True when *row* may be part of one of *keys*: it is one, or no layer's and yet tracked."""
    layers = tree.by_model.get(row.model)
    if layers is None:
        return row.model in tree.tracked_labels
    return any(InstanceKey(layer.typename, row.pk) in keys for layer in layers)
