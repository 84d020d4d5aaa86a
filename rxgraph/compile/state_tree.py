"""The state tree: a nested serializer as frozen values.

A *layer* is one serializer class of the tree, however often it occurs; layers form a directed
graph without cycles, root first. Everything behind compiling (cache, sync, serve) reads this and
never the serializer's own fields again, except to render a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from rest_framework import serializers

from rxgraph.types import TypeName


class RelationKind(Enum):
    """How a parent row leads to its children, which decides whose change alters the list."""

    FORWARD = "forward"  # a foreign key or one-to-one column of the parent
    REVERSE = "reverse"  # a foreign key or one-to-one column of the child
    MANY_TO_MANY = "many_to_many"  # rows of a through table, from either side
    PROPERTY = "property"  # @related_property: computed by the parent


@dataclass(frozen=True)
class ValueField:
    """A field that is not a nested serializer.

    ``type`` is the Python annotation Strawberry compiles (never wrapped in Optional: see
    ``nullable``); an ``enum.Enum`` class means: the document holds the raw choice value.
    """

    name: str  # serializer field name, the key in Document.data
    graphql_name: str
    type: Any
    nullable: bool
    description: str | None = None
    #: Lookup paths from this layer's model to other models whose rows this value depends on,
    #: such as ``"owner"`` for ``source="owner.username"`` or ``"labels"`` for a plain list of ids.
    dependencies: tuple[Dependency, ...] = ()


@dataclass(frozen=True)
class Dependency:
    """Rows of *model* reached by the ORM lookup *path* go into a value of the layer."""

    model: type[models.Model]
    path: str


@dataclass(frozen=True)
class Relation:
    """A nested serializer field: where it leads and how the database says so.

    ``column``: FORWARD: attname on the parent (``"assignee_id"``); REVERSE: attname on the child
    that points at the parent (``"project_id"``). ``query_path``: lookup from the child model back
    to the parent, usable in ``child.filter(**{path + "__in": ...})`` (REVERSE, MANY_TO_MANY, and
    PROPERTY where ``reverse`` was declared). ``through``: MANY_TO_MANY: the through model with
    ``through_parent`` / ``through_child`` attnames. ``source``: attribute on the parent instance.
    ``parent_attname``: REVERSE: the parent's column that ``column`` refers to (its pk unless
    ``to_field``). ``target_attname``: FORWARD: the child's column that ``column`` refers to.
    ``dependencies``: PROPERTY: rows on the way of its accessor, the children's own included.
    """

    name: str
    graphql_name: str
    source: str
    kind: RelationKind
    target: TypeName
    many: bool
    nullable: bool
    description: str | None = None
    column: str | None = None
    query_path: str | None = None
    through: type[models.Model] | None = None
    through_parent: str | None = None
    through_child: str | None = None
    parent_attname: str | None = None
    target_attname: str | None = None
    dependencies: tuple[Dependency, ...] = ()


@dataclass(frozen=True, eq=False)
class Layer:
    """One serializer class of the tree."""

    typename: TypeName
    serializer: serializers.ModelSerializer[Any]  # unbound prototype, read-only
    model: type[models.Model]
    values: tuple[ValueField, ...]
    relations: tuple[Relation, ...]
    description: str | None = None
    user_key: str | None = None  # attname on the model that holds the owner's id
    optimistic: bool = False
    optimistic_timeout_seconds: float = 3.0

    @cached_property
    def model_label(self) -> str:
        """Lower-case label of the concrete model: ``"board.task"``."""
        return label_of(self.model)


@dataclass(frozen=True, eq=False)
class StateTree:
    """All layers of one state, parents before children; the first is the root."""

    layers: Mapping[TypeName, Layer]
    many: bool
    fingerprint: str  # changes when anything that shapes the cached documents changes
    #: Column of the root model that is true while a root may be live (``optimize_anchors``).
    anchor_mark: str | None = None
    #: Rows of the root model that are touched may join lists or leave them by themselves.
    auto_update: bool = False

    @cached_property
    def root(self) -> Layer:
        """The layer of the anchor."""
        return next(iter(self.layers.values()))

    @cached_property
    def by_model(self) -> Mapping[str, tuple[Layer, ...]]:
        """Model label → the layers that render rows of that model."""
        found: dict[str, tuple[Layer, ...]] = {}
        for layer in self.layers.values():
            found[layer.model_label] = (*found.get(layer.model_label, ()), layer)
        return found

    @cached_property
    def parents(self) -> Mapping[TypeName, tuple[tuple[Layer, Relation], ...]]:
        """Type name → the relations that lead to it, with the layers that hold them."""
        found: dict[TypeName, list[tuple[Layer, Relation]]] = {name: [] for name in self.layers}
        for layer in self.layers.values():
            for relation in layer.relations:
                found[relation.target].append((layer, relation))
        return {name: tuple(pairs) for name, pairs in found.items()}

    @cached_property
    def single_parent(self) -> frozenset[TypeName]:
        """Layers of which each instance is listed by one parent at most: it names that itself."""
        return frozenset(
            name
            for name, pairs in self.parents.items()
            if len(pairs) == 1 and pairs[0][1].kind is RelationKind.REVERSE
        )

    @cached_property
    def has_private_layers(self) -> bool:
        """True when some layer has a ``user_key``: viewers then see different states."""
        return any(layer.user_key for layer in self.layers.values())

    @cached_property
    def tainted(self) -> frozenset[TypeName]:
        """Layers that are private or reachable through a private one.

        That such an instance existed may be somebody's secret.
        """
        found: set[TypeName] = set()
        for name, layer in self.layers.items():  # parents come first
            if layer.user_key or name in found:
                found |= {name, *(relation.target for relation in layer.relations)}
        return frozenset(found)

    @cached_property
    def listing(self) -> tuple[tuple[type[models.Model], str], ...]:
        """Models whose rows may decide who lists which root, where roots join by themselves.

        Each with its attname that names the root.
        """
        return joining_ends(self.root.model) if self.auto_update else ()

    @cached_property
    def tracked_models(self) -> frozenset[type[models.Model]]:
        """Concrete models whose changes can alter this state, through tables included."""
        found: set[type[models.Model]] = set()
        for layer in self.layers.values():
            found.add(concrete(layer.model))
            for relation in layer.relations:
                if relation.through is not None:
                    found.add(concrete(relation.through))
                found |= {concrete(dependency.model) for dependency in relation.dependencies}
            for value in layer.values:
                found |= {concrete(dependency.model) for dependency in value.dependencies}
        found |= {concrete(through) for through, _ in self.listing}
        return frozenset(found)

    @cached_property
    def tracked_labels(self) -> frozenset[str]:
        """Labels of ``tracked_models``, as row keys carry them."""
        return frozenset(label_of(model) for model in self.tracked_models)


def concrete(model: type[models.Model]) -> type[models.Model]:
    """Return the model behind a proxy."""
    return model._meta.concrete_model or model


def label_of(model: type[models.Model]) -> str:
    """Return the lower-case label of the concrete model."""
    return concrete(model)._meta.label_lower


def joining_ends(model: type[models.Model]) -> tuple[tuple[type[models.Model], str], ...]:
    """Return the models whose rows give instances of *model* to users, as far as can be told.

    Those are the through models of its many-to-many relations, from either side, and models that
    join a row of it and a user by required foreign keys. Each comes with the attname of its column
    that names the row of *model*.
    """
    found: dict[tuple[type[models.Model], str], None] = {}
    for field in model._meta.many_to_many:
        through: Any = field.remote_field.through
        found[through, through._meta.get_field(field.m2m_field_name()).attname] = None
    for relation in model._meta.related_objects:
        far: Any = relation.field
        if relation.many_to_many:
            through = far.remote_field.through
            name = far.m2m_reverse_field_name()
            found[through, through._meta.get_field(name).attname] = None
        elif relation.one_to_many and not far.null and _names_a_user(far.model):
            found[far.model, far.attname] = None
    return tuple(found)


def _names_a_user(model: type[models.Model]) -> bool:
    user = get_user_model()
    return any(
        field.many_to_one and not field.null and field.related_model is user
        for field in model._meta.concrete_fields
    )
