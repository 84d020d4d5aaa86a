"""Layers whose rows are nothing but columns: read as tuples, rendered by one function.

Making model instances costs more than half of reading a large state. They are needed where code of
the project may see them, or may have changed what becomes of a column on its way: then a layer is
not bare, and neither is one that the code of another layer finds behind its foreign key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from django.db import models
from django.db.models.signals import post_init, pre_init

from rxgraph.cache.rows.cells import Column, is_plain_column
from rxgraph.cache.rows.functions import RenderRows, rows_function
from rxgraph.cache.rows.plan import AnyModel, IdsField, LayerPlan, Link, pk_field
from rxgraph.cache.rows.prepared import is_plain
from rxgraph.compile.state_tree import RelationKind
from rxgraph.types import TypeName

Values = tuple[Any, ...]

_DECIDING = ("__init__", "__getattribute__", "from_db")


@dataclass(frozen=True, eq=False)
class BareLayer:
    """The columns that are read, the primary key first, and what renders them."""

    attnames: tuple[str, ...]
    render: RenderRows


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Rows of a bare layer as they were read."""

    layer: BareLayer
    values: Sequence[Values]

    def column(self, attname: str) -> set[Any]:
        """Return the values of a column, None apart."""
        place = self.layer.attnames.index(attname)
        found = {row[place] for row in self.values}
        found.discard(None)
        return found

    def pairs(self, attname: str) -> Iterable[tuple[Any, Any]]:
        """Return the value of a column and the primary key of each row, in order."""
        place = self.layer.attnames.index(attname)
        return ((row[place], row[0]) for row in self.values)


_layers: WeakKeyDictionary[LayerPlan, BareLayer | None] = WeakKeyDictionary()


def bare_layer(plan: LayerPlan, plans: Mapping[TypeName, LayerPlan]) -> BareLayer | None:
    """Return how *plan* is read as columns; None: its rows must be instances."""
    if plan not in _layers:
        _layers[plan] = _layer(plan, plans)
    if any(signal.has_listeners(plan.model) for signal in (pre_init, post_init)):
        return None
    return _layers[plan]


def _layer(plan: LayerPlan, plans: Mapping[TypeName, LayerPlan]) -> BareLayer | None:
    if plan.is_custom or _is_followed(plan, plans):
        return None
    if plan.hides_rows or plan.select_related or plan.prefetch_related:
        return None
    if any(link.kind is RelationKind.PROPERTY for link in plan.outgoing):
        return None
    fields = _fields(plan)
    if fields is None or not _is_stock(plan.model):
        return None
    columns = [str(pk_field(plan.model).attname)]
    columns += [field.attname for _, field in fields if isinstance(field, Column)]
    columns += [link.parent_attname for link in plan.outgoing]
    columns += [link.child_attname for link in plan.incoming if link.child_attname]
    owner = plan.layer.user_key
    if owner:
        columns.append(owner)
    attnames = tuple(dict.fromkeys(columns))
    if not all(is_plain_column(plan.model, attname) for attname in attnames):
        return None
    known = {field.attname for field in plan.model._meta.concrete_fields}
    if not known.issuperset(attnames):
        return None
    typename = plan.layer.typename
    return BareLayer(attnames, rows_function(typename, fields, plan.outgoing, attnames, owner))


def _is_followed(plan: LayerPlan, plans: Mapping[TypeName, LayerPlan]) -> bool:
    """True when code of another layer may follow a foreign key to these rows."""
    pointing = [link.parent for link in plan.incoming if link.is_column]
    pointing += [
        link.child
        for link in plan.outgoing
        if link.kind is RelationKind.REVERSE and link.names_parent_pk
    ]
    return any(plans[layer.typename].is_custom for layer in pointing)


def _fields(plan: LayerPlan) -> list[tuple[str, Column | Link]] | None:
    """Return where each field comes from; None: one of them has no column."""
    links = {link.name: link for link in plan.outgoing}
    found: list[tuple[str, Column | Link]] = []
    for name, cell, _ in plan.cells:
        if isinstance(plan.flat.fields[name], IdsField):
            found.append((name, links[name]))
        elif isinstance(cell, Column):
            found.append((name, cell))
        else:
            return None
    return found


def _is_stock(model: AnyModel) -> bool:
    """True when Django alone makes instances of *model*, and nothing decides which."""
    return all(
        getattr(getattr(model, name), "__func__", getattr(model, name))
        is getattr(getattr(models.Model, name), "__func__", getattr(models.Model, name))
        for name in _DECIDING
    ) and all(is_plain(manager) for manager in (model._default_manager, model._base_manager))
