"""What is known about a state tree before the first row is read.

A :class:`Link` says which column of the parent equals which column of the child (or of the table
between them), so that reading knows no kinds of foreign keys, only values that match.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast
from weakref import WeakKeyDictionary

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models.manager import BaseManager
from rest_framework import relations, serializers

from rxgraph.cache.rows.cells import Cell, Column, Fit, column_of_value, fit
from rxgraph.cache.rows.functions import data_function
from rxgraph.compile.state_tree import (
    Dependency,
    Layer,
    Relation,
    RelationKind,
    StateTree,
    label_of,
)
from rxgraph.types import TypeName

AnyModel = type[models.Model]
AnyField = Any


@dataclass(frozen=True, eq=False)
class Link:
    """One relation between two layers, as columns.

    ``parent_attname`` of the parent equals ``child_attname`` of the child; for MANY_TO_MANY
    each equals its column of the through table. A PROPERTY has neither.
    """

    parent: Layer
    child: Layer
    relation: Relation
    parent_attname: str = ""
    child_attname: str = ""

    @property
    def name(self) -> str:
        """Field name in the parent's data."""
        return self.relation.name

    @property
    def kind(self) -> RelationKind:
        """How the parent leads to the child."""
        return self.relation.kind

    @cached_property
    def shows_all(self) -> bool:
        """True where Django reads the relation through the base manager, which hides nothing."""
        return self.kind in (RelationKind.FORWARD, RelationKind.PROPERTY) or not self.relation.many

    @cached_property
    def is_column(self) -> bool:
        """True when the parent's column holds the id of the one child."""
        return self.kind is RelationKind.FORWARD and self.names_child_pk

    @cached_property
    def names_parent_pk(self) -> bool:
        """True unless the columns refer to another unique column of the parent (``to_field``)."""
        return self.parent_attname == str(pk_field(self.parent.model).attname)

    @cached_property
    def names_child_pk(self) -> bool:
        """True unless the columns refer to another unique column of the child (``to_field``)."""
        return self.child_attname == str(pk_field(self.child.model).attname)


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """How rows of one layer are found and rendered."""

    layer: Layer
    incoming: tuple[Link, ...]
    outgoing: tuple[Link, ...]

    @property
    def model(self) -> AnyModel:
        """The model whose rows these are."""
        return self.layer.model

    @cached_property
    def hides_rows(self) -> bool:
        """True when the default manager may show other rows, or other columns, than the base."""
        plain = BaseManager.get_queryset
        managers = (self.model._default_manager, self.model._base_manager)
        return any(type(manager).get_queryset is not plain for manager in managers)

    @cached_property
    def flat(self) -> serializers.ModelSerializer[Any]:
        """The layer's serializer with its nested ones replaced by the ids they lead to."""
        flat = copy.deepcopy(self.layer.serializer)
        for link in self.outgoing:
            flat.fields[link.name] = IdsField(link.name)
        return flat

    @cached_property
    def is_custom(self) -> bool:
        """True when rendering runs code of the project, which may read the database."""
        return not self.is_regular or any(
            isinstance(field, serializers.SerializerMethodField)
            or not type(field).__module__.startswith(("rest_framework.", __package__))
            or column_of(self.model, field.source) is None
            for field in self.readable
            if not isinstance(field, IdsField)
        )

    @cached_property
    def dependencies(self) -> tuple[Dependency, ...]:
        """Other rows that go into a value or a computed relation."""
        values = [dependency for value in self.layer.values for dependency in value.dependencies]
        values += [found for link in self.outgoing for found in link.relation.dependencies]
        return tuple(dict.fromkeys(values))

    @cached_property
    def named_parents(self) -> tuple[Link, ...]:
        """The incoming relations whose column is on these rows."""
        return tuple(link for link in self.incoming if link.kind is RelationKind.REVERSE)

    @property
    def readable(self) -> list[serializers.Field[Any, Any, Any, Any]]:
        """The fields that appear in the output."""
        return [field for field in self.flat.fields.values() if not field.write_only]

    @cached_property
    def is_regular(self) -> bool:
        """True when DRF's own loop over the fields renders the rows."""
        return (
            type(self.flat).to_representation is serializers.Serializer.to_representation
            and type(self.flat)._readable_fields is serializers.Serializer._readable_fields
        )

    @cached_property
    def fits(self) -> tuple[tuple[str, Fit], ...]:
        """Name of each value, and what makes it fit its declared type."""
        return tuple((value.name, fit(value)) for value in self.layer.values)

    @cached_property
    def cells(self) -> tuple[tuple[str, Column | Cell | None, Fit], ...]:
        """Name, where it comes from, and fit of every field in its order.

        None: the serializer must be asked. Only of regular layers.
        """
        values = {value.name: value for value in self.layer.values}
        found: list[tuple[str, Column | Cell | None, Fit]] = []
        for name, field in self.flat.fields.items():
            if isinstance(field, IdsField):
                found.append((name, field.get_attribute, _same))
            elif name in values:
                fitting = fit(values[name])
                column = column_of_value(field, self.model, values[name], fitting)
                found.append((name, column, fitting))
        return tuple(found)

    @cached_property
    def data(self) -> Callable[[Any, Sequence[Cell]], dict[str, Any]]:
        """The function from an instance, and the cells of the fields without one, to its data."""
        return data_function(self.layer.typename, [(name, cell) for name, cell, _ in self.cells])

    @cached_property
    def select_related(self) -> tuple[str, ...]:
        """Relations to one row that values are read through (``source="owner.username"``)."""
        paths = (
            _path_to_one(self.model, field)
            for field in self.readable
            if field.source_attrs and not isinstance(field, IdsField)
        )
        return tuple(dict.fromkeys(path for path in paths if path))

    @cached_property
    def prefetch_related(self) -> tuple[str, ...]:
        """To-many relations that are rendered as plain lists."""
        to_many: set[str | None] = {field.name for field in self.model._meta.many_to_many}
        to_many |= {
            relation.get_accessor_name()
            for relation in self.model._meta.related_objects
            if relation.multiple
        }
        return tuple(
            str(field.source)
            for field in self.readable
            if isinstance(field, relations.ManyRelatedField) and field.source in to_many
        )


class IdsField(serializers.Field[Any, Any, Any, Any]):
    """Stands in for a nested serializer: gives the ids that were read for it."""

    def __init__(self, relation: str) -> None:
        super().__init__(read_only=True)
        self.relation = relation

    def get_attribute(self, instance: models.Model) -> Any:
        """Return what :func:`set_ids` left, or raise it."""
        found = ids_of(instance)[self.relation]
        if isinstance(found, Exception):
            raise found
        return found

    def to_representation(self, value: Any) -> Any:
        """Return *value*: it is as it shall be."""
        return value


def _same(value: Any) -> Any:
    return value


def ids_of(instance: models.Model) -> dict[str, Any]:
    """Return the ids of the relations of *instance*; kept on it, so that threads do not meet."""
    ids: dict[str, Any] = instance.__dict__.setdefault("_rxgraph_ids", {})
    return ids


_plans: WeakKeyDictionary[StateTree, dict[TypeName, LayerPlan]] = WeakKeyDictionary()


def plan_of(tree: StateTree) -> Mapping[TypeName, LayerPlan]:
    """Return the plans of *tree*'s layers, parents before children."""
    found = _plans.get(tree)
    if found is None:
        found = _plans[tree] = _plan(tree)
    return found


def _plan(tree: StateTree) -> dict[TypeName, LayerPlan]:
    links = [
        _link(layer, tree.layers[relation.target], relation)
        for layer in tree.layers.values()
        for relation in layer.relations
    ]
    return {
        name: LayerPlan(
            layer,
            incoming=tuple(link for link in links if link.child is layer),
            outgoing=tuple(link for link in links if link.parent is layer),
        )
        for name, layer in tree.layers.items()
    }


def _link(parent: Layer, child: Layer, relation: Relation) -> Link:
    if relation.kind is RelationKind.FORWARD:
        assert relation.column
        target = by_attname(parent.model, relation.column).target_field
        return Link(parent, child, relation, relation.column, _held_by(child.model, target))
    if relation.kind is RelationKind.REVERSE:
        assert relation.column
        target = by_attname(child.model, relation.column).target_field
        return Link(parent, child, relation, _held_by(parent.model, target), relation.column)
    if relation.kind is RelationKind.MANY_TO_MANY:
        assert relation.through is not None
        ends = (
            _held_by(layer.model, by_attname(relation.through, name or "").target_field)
            for layer, name in (
                (parent, relation.through_parent),
                (child, relation.through_child),
            )
        )
        return Link(parent, child, relation, *ends)
    return Link(parent, child, relation)


def _held_by(model: AnyModel, target: Any) -> str:
    """Return the attname on *model* of a column that a foreign key refers to.

    The model may be a parent, by inheritance, of the one that the key was declared to.
    """
    if any(field.attname == target.attname for field in model._meta.concrete_fields):
        return str(target.attname)
    return str(pk_field(model).attname)


def by_attname(model: AnyModel, attname: str) -> Any:
    """Return the concrete field of *model* with this column name."""
    for field in model._meta.concrete_fields:
        if field.attname == attname:
            return field
    raise FieldDoesNotExist(f"{model._meta.label} has no column {attname!r}")


def column_of(model: AnyModel, source: str | None) -> AnyField | None:
    """Return the concrete field that an attribute named *source* reads, or None."""
    for field in model._meta.concrete_fields:
        if source in (field.name, field.attname):
            return field
    return model._meta.pk if source == "pk" else None


def pk_field(model: AnyModel) -> Any:
    """Return the primary key of *model*."""
    return model._meta.pk


def same_rows(model: AnyModel) -> frozenset[str]:
    """Return the labels of the models that share rows (and keys) with *model* by inheritance."""
    family = {model}
    frontier = [model]
    while frontier:
        current = frontier.pop()
        near = [
            parent for parent, link in current._meta.parents.items() if link and link.primary_key
        ]
        near += [
            relation.related_model
            for relation in current._meta.related_objects
            if relation.parent_link and relation.field.primary_key
        ]
        for other in near:
            if other not in family:
                family.add(other)
                frontier.append(other)
    return frozenset(label_of(member) for member in family)


def _path_to_one(model: AnyModel, field: serializers.Field[Any, Any, Any, Any]) -> str:
    """Return the lookup of the rows besides its own that *field* reads, as far as it is to one."""
    path: list[str] = []
    current: Any = model
    last = len(field.source_attrs) - 1
    for place, attribute in enumerate(field.source_attrs):
        step = _to_one(current, attribute)
        if step is None or (place == last and not isinstance(field, relations.RelatedField)):
            break
        name, target, is_column = step
        is_end = place == last and isinstance(field, relations.RelatedField)
        if is_end and is_column and field.use_pk_only_optimization():  # type: ignore[attr-defined]
            break
        path.append(name)
        current = target
    return "__".join(path)


def _to_one(model: AnyModel, attribute: str) -> tuple[str, AnyModel, bool] | None:
    """Return the lookup, the target, and whether the relation is a column of *model*."""
    for field in model._meta.concrete_fields:
        if field.name == attribute and field.is_relation:
            return attribute, cast("AnyModel", field.related_model), True
    for relation in model._meta.related_objects:
        if relation.one_to_one and relation.get_accessor_name() == attribute:
            return relation.name, relation.related_model, False
    return None
