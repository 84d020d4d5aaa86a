"""Read rows by key with one query per layer, and what reading a whole tree needs as well.

Values are matched in memory (see ``plan.Link``), so a layer that several relations lead to is read
once, and a relation may cross databases. Lists have the order that DRF shows: that of the child's
default manager, ties broken by primary key so that it is the same whichever way a list is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models.manager import BaseManager
from rest_framework.fields import get_attribute

from rxgraph.cache.rows.keys import among, parse_pk
from rxgraph.cache.rows.plan import (
    AnyModel,
    LayerPlan,
    Link,
    by_attname,
    column_of,
    ids_of,
    pk_field,
)
from rxgraph.cache.rows.prepared import row_by_key
from rxgraph.cache.rows.rendering import ParentIds, Report, hide, pinned, render_rows
from rxgraph.cache.rows.snapshot import alias_of
from rxgraph.cache.steps import Row
from rxgraph.compile.state_tree import RelationKind
from rxgraph.types import InstanceKey, TypeName

Query = models.QuerySet[Any]
Instances = dict[Any, Any]  # primary key → instance, in the order of the layer's lists
Values = dict[str, set[Any]]  # column of the layer → the values wanted

_PREFETCH_AT_ONCE = 5000  # Django gives each row of a prefetch a parameter of its own


def read_rows(
    layers: Mapping[TypeName, LayerPlan],
    wanted: Iterable[InstanceKey],
    report: Report,
    lists: Mapping[InstanceKey, Mapping[str, list[str]]] = {},
) -> dict[InstanceKey, Row]:
    """Return the rows of *wanted* that exist and can be rendered.

    *lists*, by instance and relation, are not read.
    """
    by_type: dict[TypeName, set[Any]] = {}
    for key in wanted:
        plan = layers.get(key.typename)
        if plan is not None:
            pk = parse_pk(plan.model, key.id, alias_of(plan.model))
            if pk is not None:
                by_type.setdefault(key.typename, set()).add(pk)
    rows: dict[InstanceKey, Row] = {}
    for typename, plan in layers.items():
        if typename not in by_type:
            continue
        instances = load(plan, {}, {pk_field(plan.model).attname: by_type[typename]})
        rows |= {row.key: row for row in render_instances(plan, instances, report, lists)}
    return rows


def render_instances(
    plan: LayerPlan,
    instances: Instances,
    report: Report,
    lists: Mapping[InstanceKey, Mapping[str, list[str]]] = {},
) -> list[Row]:
    """Render instances that are at hand, by primary key; the ids of their relations are read.

    *lists*, by instance and relation, are not.
    """
    for link in plan.outgoing:
        if link.kind is RelationKind.PROPERTY:
            for instance in instances.values():
                computed(link, instance)
        elif link.kind is RelationKind.FORWARD and link.names_child_pk:
            note(link, instances, None)
        else:
            rest = _without_known(link, instances, lists)
            values = column(rest.values(), link.parent_attname)
            note(link, rest, _pairs(link, values) if values else [])
    return render(plan, list(instances.values()), report)


def existing(
    layers: Mapping[TypeName, LayerPlan], wanted: Iterable[InstanceKey]
) -> frozenset[InstanceKey]:
    """Return those of *wanted* whose row is in the database, visible or not."""
    by_model: dict[AnyModel, dict[Any, list[InstanceKey]]] = {}
    for key in wanted:
        plan = layers.get(key.typename)
        if plan is not None:
            pk = parse_pk(plan.model, key.id, alias_of(plan.model))
            if pk is not None:
                by_model.setdefault(plan.model, {}).setdefault(pk, []).append(key)
    found: set[InstanceKey] = set()
    for model, keys in by_model.items():
        alias = alias_of(model)
        query = model._base_manager.using(alias).order_by()
        rows = query.filter(pk__in=among(pk_field(model), keys, alias))
        for pk in rows.values_list("pk", flat=True):
            found.update(keys[pk])
    return frozenset(found)


# -- instances


def load(plan: LayerPlan, listed: Values, named: Values, *, in_order: bool = False) -> Instances:
    """Return the instances whose column holds any of the values.

    *listed* rows are found by the default manager, *named* ones by the base manager where that
    one does not show them. Only rows of lists need to come in order.
    """
    alias = alias_of(plan.model)
    if not listed and (found := _load_one(plan, named, alias)) is not None:
        return found
    both = {name: listed.get(name, set()) | named.get(name, set()) for name in {**listed, **named}}
    found = {}
    for instance in select(plan, plan.model._default_manager, both, alias, in_order):
        found.setdefault(instance.pk, instance)
    if plan.hides_rows:
        shown = found.values()
        rest = {name: values - column(shown, name) for name, values in named.items()}
        for instance in select(plan, plan.model._base_manager, rest, alias, in_order):
            if instance.pk not in found:
                hide(instance)
                found[instance.pk] = instance
    if plan.prefetch_related:
        instances = list(found.values())
        for start in range(0, len(instances), _PREFETCH_AT_ONCE):
            models.prefetch_related_objects(
                instances[start : start + _PREFETCH_AT_ONCE], *plan.prefetch_related
            )
    return found


def _load_one(plan: LayerPlan, named: Values, alias: str) -> Instances | None:
    """Return one instance that is wanted by its key alone; None: it is not as simple as that."""
    if plan.hides_rows or plan.select_related or plan.prefetch_related:
        return None
    ((name, values),) = named.items() if len(named) == 1 else ((None, ()),)
    if name != pk_field(plan.model).attname or len(values) != 1:
        return None
    (pk,) = values
    found = row_by_key(plan.model._default_manager, pk, alias)
    return {} if found is None else {found.pk: found}


def select(
    plan: LayerPlan, manager: models.Manager[Any], wanted: Values, alias: str, in_order: bool
) -> Query:
    """Return the query of the rows whose column holds any of the values, each in its column."""
    condition = models.Q()
    for name, values in wanted.items():
        if values:
            field = by_attname(plan.model, name)
            condition |= models.Q(**{f"{name}__in": among(field, values, alias)})
    if not condition:
        return manager.using(alias).none()
    query = manager.using(alias).filter(condition)
    query = ordered(query) if in_order else query.order_by()
    return query.select_related(*plan.select_related) if plan.select_related else query


def ordered(query: Query) -> Query:
    """Return *query* in its own order, ties broken by primary key."""
    if query.query.extra_order_by or query.query.is_sliced:
        return query
    terms: Collection[Any] = query.query.order_by
    if not terms and query.query.default_ordering:
        terms = query.model._meta.ordering or ()
    return query.order_by(*terms, "pk")


def column(instances: Iterable[models.Model], attname: str) -> set[Any]:
    values = {getattr(instance, attname) for instance in instances}
    values.discard(None)
    return values


# -- relations: pairs of (value of the parent's column, primary key of the child)

Pairs = Iterable[tuple[Any, Any]]


def _pairs(link: Link, values: Collection[Any]) -> Pairs:
    """Read the pairs of *values* in the child's order."""
    model, alias = link.child.model, alias_of(link.child.model)
    manager = model._base_manager if link.shows_all else model._default_manager
    query = manager.using(alias)
    if link.kind is not RelationKind.MANY_TO_MANY:
        field = by_attname(model, link.child_attname)
        rows = query.filter(**{f"{link.child_attname}__in": among(field, values, alias)})
        return dict.fromkeys(ordered(rows).values_list(link.child_attname, "pk"))
    joined = join(link, values)
    children = {child for _, child in joined}
    field = by_attname(model, link.child_attname)
    rows = query.filter(**{f"{link.child_attname}__in": among(field, children, alias)})
    return sort_pairs(joined, dict(ordered(rows).values_list(link.child_attname, "pk")))


def join(link: Link, values: Collection[Any]) -> list[tuple[Any, Any]]:
    """Read the rows of the table between parents with *values* and their children."""
    relation = link.relation
    assert relation.through is not None
    assert relation.through_parent is not None
    assert relation.through_child is not None
    alias = alias_of(relation.through)
    field = by_attname(relation.through, relation.through_parent)
    rows = relation.through._base_manager.using(alias).filter(
        **{f"{relation.through_parent}__in": among(field, values, alias)}
    )
    return list(rows.order_by().values_list(relation.through_parent, relation.through_child))


def sort_pairs(joined: Pairs, children: Mapping[Any, Any]) -> Pairs:
    """Return *joined* with primary keys for the children's values, in the order of *children*."""
    position = {value: place for place, value in enumerate(children)}
    shown = [pair for pair in joined if pair[1] in position]
    shown.sort(key=lambda pair: position[pair[1]])
    return [(parent, children[child]) for parent, child in shown]


def note(link: Link, parents: Instances, pairs: Pairs | None) -> None:
    """Leave the ids of *link* on its parents; without *pairs* the parent's column is the id."""
    if link.kind is RelationKind.PROPERTY:
        return  # noted when it was computed
    name, attname = link.name, link.parent_attname
    if pairs is None:
        for parent in parents.values():
            value = getattr(parent, attname)
            ids_of(parent)[name] = None if value is None else str(value)
        return
    found: dict[Any, list[str]] = {}
    for value, pk in pairs:
        found.setdefault(value, []).append(str(pk))
    for parent in parents.values():
        ids = found.get(getattr(parent, attname), [])
        if link.relation.many:
            ids_of(parent)[name] = list(ids)
        else:
            ids_of(parent)[name] = ids[0] if ids else None


def _without_known(
    link: Link, parents: Instances, lists: Mapping[InstanceKey, Mapping[str, list[str]]]
) -> Instances:
    """Leave the ids in *lists* on their parents; return the other parents."""
    if not lists:
        return parents
    rest: Instances = {}
    for pk, parent in parents.items():
        known = lists.get(InstanceKey(link.parent.typename, str(pk)), {})
        if link.name in known:
            ids_of(parent)[link.name] = list(known[link.name])
        else:
            rest[pk] = parent
    return rest


def computed(link: Link, parent: models.Model) -> list[Any]:
    """Note what a ``@related_property`` gives; return the children's primary keys."""
    with pinned():
        try:
            value = get_attribute(parent, link.relation.source.split("."))
            if isinstance(value, BaseManager):
                value = value.all()
            if not link.relation.many:
                value = () if value is None else (value,)
            pks = [child.pk for child in value or ()]
            if None in pks:
                raise ValueError(f"{link.relation.source} holds an instance that is not saved")
        except ObjectDoesNotExist:
            pks = []
        except Exception as error:  # noqa: BLE001 - code of the project
            ids_of(parent)[link.name] = error
            return []
    ids = [str(pk) for pk in pks]
    ids_of(parent)[link.name] = ids if link.relation.many else (ids[0] if ids else None)
    return pks


# -- rows


def render(plan: LayerPlan, instances: list[Any], report: Report) -> list[Row]:
    alias = alias_of(plan.model)
    with pinned():
        return render_rows(plan, instances, _parent_ids(plan, instances), report, alias)


def _parent_ids(plan: LayerPlan, instances: list[Any]) -> ParentIds:
    found: ParentIds = {}
    for link in plan.named_parents:
        if not link.names_parent_pk:
            values = column(instances, link.child_attname)
            found[link] = parents_by_value(link, values)
    return found


def parents_by_value(
    link: Link, values: Collection[Any], using: str | None = None
) -> dict[Any, str]:
    """Return the ids of the parents whose ``to_field`` column holds *values*."""
    if not values:
        return {}
    model = link.parent.model
    alias = using or alias_of(model)
    field = column_of(model, link.parent_attname)
    query = model._base_manager.using(alias).order_by()
    rows = query.filter(**{f"{link.parent_attname}__in": among(field, values, alias)})
    return {value: str(pk) for value, pk in rows.values_list(link.parent_attname, "pk")}
