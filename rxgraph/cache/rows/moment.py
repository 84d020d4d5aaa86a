"""What was read at one moment of the database, for everybody who shows it.

Several anchors, of one channel or of several, may hold the same row. Within one moment it is the
same for all of them, so that it is read and rendered once for all layers that render it alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from rxgraph.cache.rows.plan import LayerPlan
from rxgraph.cache.steps import Row
from rxgraph.compile.fingerprint import fingerprint
from rxgraph.types import InstanceKey, RowKey, TypeName

Wanted = frozenset[InstanceKey]
Intents = tuple[frozenset[RowKey], ...]

_likenesses: WeakKeyDictionary[LayerPlan, Hashable] = WeakKeyDictionary()


@dataclass
class Moment:
    """What is known of one moment by now."""

    #: Layer, as ``likeness`` tells it, to the rows that were asked for; None: it is not there.
    _rows: dict[Hashable, dict[InstanceKey, Row | None]] = field(default_factory=dict)
    _intents: dict[str, Intents] = field(default_factory=dict)

    def rows(
        self,
        layers: Mapping[TypeName, LayerPlan],
        wanted: Wanted,
        read: Callable[[Wanted], Mapping[InstanceKey, Row]],
    ) -> dict[InstanceKey, Row]:
        """Return the rows of *wanted* that are there; *read* is asked for those nobody has read."""
        known = {
            typename: self._rows.setdefault(likeness(layers[typename]), {})
            for typename in {key.typename for key in wanted}
            if typename in layers
        }
        missing = frozenset(key for key in wanted if key not in known.get(key.typename, {}))
        if missing:
            found = read(missing)
            for key in missing:
                if key.typename in known:
                    known[key.typename][key] = found.get(key)
        rows = ((key, known[key.typename][key]) for key in wanted if key.typename in known)
        return {key: row for key, row in rows if row is not None}

    def intents(self, alias: str, read: Callable[[str], Iterable[frozenset[RowKey]]]) -> Intents:
        """Return the rows that each outstanding intent of a database names."""
        found = self._intents.get(alias)
        if found is None:
            found = self._intents[alias] = tuple(read(alias))
        return found


def likeness(plan: LayerPlan) -> Hashable:
    """Return what is equal for layers that make equal rows of equal instances.

    The parents that a row names are a part of it. A serializer that was given a context of its own
    is like no other.
    """
    found = _likenesses.get(plan)
    if found is None:
        found = _likenesses[plan] = _likeness(plan)
    return found


def _likeness(plan: LayerPlan) -> Hashable:
    if plan.layer.serializer.context:
        return object()
    parents = [
        [link.parent.typename, link.parent_attname, link.child_attname]
        for link in plan.named_parents
    ]
    return fingerprint([plan.layer]), json.dumps(parents)
