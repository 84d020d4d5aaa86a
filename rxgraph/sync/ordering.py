"""Whether a changed row may have moved within the lists that show it.

A list is ordered by the child model's ``Meta.ordering``, or by its default manager. Where every
ordering column is also a field of the layer, comparing old and new data tells; elsewhere the
parents are read again.
"""

from __future__ import annotations

from functools import cache

from django.db.models import F, OrderBy
from django.db.models.manager import BaseManager

from rxgraph.compile.state_tree import Layer, Relation, RelationKind, StateTree
from rxgraph.types import TypeName


@cache
def order_fields(layer: Layer) -> tuple[str, ...] | None:
    """Return the data fields that decide the order of *layer*'s rows in a list.

    None: the order depends on something that the layer does not show. Empty: on the key alone,
    which never changes.
    """
    if _manager_has_its_own_queryset(layer):
        return None
    meta = layer.model._meta
    sources = {field.source: name for name, field in layer.serializer.fields.items()}
    found: list[str] = []
    for term in meta.ordering or ():
        column = _column(term)
        if column in ("pk", meta.pk.name):
            continue
        if column is None or column not in sources:
            return None
        if sources[column] not in {value.name for value in layer.values}:
            return None
        found.append(sources[column])
    return tuple(found)


@cache
def lists_of(tree: StateTree, typename: TypeName) -> tuple[str, ...]:
    """Return the relations of a layer that other rows than its own decide about."""
    relations = tree.layers[typename].relations
    return tuple(r.name for r in relations if r.kind is not RelationKind.FORWARD)


@cache
def steady_lists(tree: StateTree, typename: TypeName) -> tuple[Relation, ...]:
    """Return the lists of a layer that change only when a row of the child model does.

    Members and order are decided by columns of the children alone, and those are tracked.
    """
    layer = tree.layers[typename]
    return tuple(
        relation
        for relation in layer.relations
        if relation.kind is RelationKind.REVERSE
        and relation.many
        and relation.parent_attname in (None, _pk_attname(layer))
        and order_fields(tree.layers[relation.target]) is not None
    )


def _pk_attname(layer: Layer) -> str | None:
    return getattr(layer.model._meta.pk, "attname", None)


def _manager_has_its_own_queryset(layer: Layer) -> bool:
    manager = getattr(layer.model, "_default_manager", None)
    return manager is not None and type(manager).get_queryset is not BaseManager.get_queryset


def _column(term: object) -> str | None:
    if isinstance(term, OrderBy):
        term = term.expression
    if isinstance(term, F):
        term = getattr(term, "name", None)
    if not isinstance(term, str) or term == "?":
        return None
    return term.lstrip("-+")
