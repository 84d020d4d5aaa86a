"""What an answer costs: how many fields it may have, from what is selected and how long lists are.

The cost of a selection is the number of its fields, each with what is selected below it, times the
length of the list that it is. A *bill* is made once for a selection of a document; it becomes a
number by the lengths at hand: those of a cache, where there is one, else a default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
)

#: The length of the list in a field of a type; None: it is not known.
Length = Callable[[str, str], float | None]


class Bill:
    """What is selected in one place: plain fields, and what is selected below others."""

    __slots__ = ("__weakref__", "fields", "parts")

    def __init__(self) -> None:
        self.fields = 0
        #: What is below, and which list repeats it: type and field; None: nothing does.
        self.parts: list[tuple[Bill, tuple[str, str] | None]] = []

    def cost(self, length: Length, default: float) -> float:
        """Return the number of fields, where lists are as long as *length* says, else *default*."""
        known: dict[int, float] = {}

        def of(bill: Bill) -> float:
            found = known.get(id(bill))
            if found is None:
                found = float(bill.fields)
                for part, place in bill.parts:
                    times = 1.0
                    if place is not None:
                        said = length(*place)
                        times = default if said is None else said
                    found += times * of(part)
                known[id(bill)] = found
            return found

        return of(self)


def unknown(typename: str, field: str) -> None:
    """Say of no list how long it is."""


class Biller:
    """Makes the bills of one document: of a fragment one for each type, wherever it is used."""

    def __init__(self, schema: Any, fragments: Mapping[str, Any]) -> None:
        self._schema, self._fragments = schema, fragments
        self._made: dict[tuple[int, str], Bill] = {}

    def field(self, parent: Any, nodes: list[FieldNode]) -> Bill:
        """Return the bill of one field of the type *parent*, selected by all of *nodes*."""
        bill = Bill()
        for node in nodes:
            self._add(bill, parent, node)
        return bill

    def selections(self, parent: Any, selections: SelectionSetNode) -> Bill:
        """Return the bill of *selections* on the type *parent*, of a valid document."""
        key = id(selections), parent.name
        bill = self._made.get(key)
        if bill is None:
            bill = self._made[key] = Bill()
            for node in selections.selections:
                if isinstance(node, FieldNode):
                    self._add(bill, parent, node)
                elif isinstance(node, InlineFragmentNode):
                    bill.parts.append((self.selections(parent, node.selection_set), None))
                elif isinstance(node, FragmentSpreadNode) and node.name.value in self._fragments:
                    inner = self._fragments[node.name.value].selection_set
                    bill.parts.append((self.selections(parent, inner), None))
        return bill

    def _add(self, bill: Bill, parent: Any, node: FieldNode) -> None:
        bill.fields += 1
        field: GraphQLField | None = getattr(parent, "fields", {}).get(node.name.value)
        if field is None or node.selection_set is None:
            return
        below = self.selections(get_named_type(field.type), node.selection_set)
        is_list = is_list_type(field.type.of_type if is_non_null_type(field.type) else field.type)
        bill.parts.append((below, (parent.name, node.name.value) if is_list else None))
