"""Sort a schema document, so that SDL never depends on the order of imports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graphql import DocumentNode, Node, Visitor, visit

_SORTED = ("fields", "arguments", "values", "interfaces", "types", "locations")


class _Sorter(Visitor):
    """Sorts what has names, innermost first."""

    def leave(self, node: Node, *_: Any) -> Node:
        found: dict[str, Any] = {
            key: tuple(sorted(items, key=_name))
            for key in _SORTED
            if (items := getattr(node, key, None)) and isinstance(items, (list, tuple))
        }
        return replace(node, **found) if found else node


def sort_document(document: DocumentNode) -> DocumentNode:
    """Return *document* with everything that has a name in order of names; directives first."""
    sorted_document: DocumentNode = visit(document, _Sorter())
    definitions = sorted(sorted_document.definitions, key=lambda node: (_rank(node), _name(node)))
    return replace(sorted_document, definitions=tuple(definitions))


def _rank(node: Any) -> int:
    return {"schema_definition": 0, "directive_definition": 1}.get(node.kind, 2)


def _name(node: Any) -> str:
    name = getattr(node, "name", node)
    return str(getattr(name, "value", ""))
