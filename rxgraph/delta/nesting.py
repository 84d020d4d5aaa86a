"""Nest flat documents into the shape that DRF renders.

Law: for every viewer, ``nest`` of the cached documents equals the nested serializer's own data.
"""

from __future__ import annotations

from typing import Any

from rxgraph.delta.visibility import View
from rxgraph.types import InstanceKey


def nest(view: View, key: InstanceKey | None = None) -> dict[str, Any] | None:
    """Return the instance *key* (default: the root) with everything below it; None: not visible.

    Invisible instances are missing from lists and ``None`` in single relations.
    """
    document = view.document(view.root if key is None else key)
    if document is None:
        return None
    data = dict(document.data)
    for relation in view.tree.layers[document.key.typename].relations:
        value = data.get(relation.name)
        if relation.many:
            children = (nest(view, InstanceKey(relation.target, id_)) for id_ in value or ())
            data[relation.name] = [child for child in children if child is not None]
        else:
            data[relation.name] = (
                None if value is None else nest(view, InstanceKey(relation.target, value))
            )
    return data


def nest_list(view: View) -> list[dict[str, Any]]:
    """Return every root of a list channel's *view* with everything below it, in order."""
    nested = (nest(view, root) for root in view.roots)
    return [item for item in nested if item is not None]
