"""Layers as Strawberry object types: one type per serializer class of a schema.

Objects that reach the resolvers are *sources*: anything with ``resolve(self, name) -> object``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import strawberry

from rxgraph.compile.directives import LayerDirective
from rxgraph.compile.graphql_types import Field, object_type, or_null
from rxgraph.compile.state_tree import Layer, StateTree
from rxgraph.declare.operations import Operation
from rxgraph.types import TypeName

ID_DESCRIPTION = "Primary key of the instance."


def object_types(
    trees: Iterable[StateTree],
    writable: dict[TypeName, frozenset[Operation]],
) -> dict[TypeName, type[Any]]:
    """Return type name → object type for all layers of *trees*; layers that occur twice are one.

    *writable* says what any channel grants for a type.
    """
    all_trees = list(trees)
    parents = _parent_relations(all_trees)
    made: dict[TypeName, type[Any]] = {}
    for tree in all_trees:
        for layer in reversed(list(tree.layers.values())):  # children first
            if layer.typename not in made:
                directive = _directive(
                    layer, writable.get(layer.typename, frozenset()), parents[layer.typename]
                )
                made[layer.typename] = _object_type(layer, made, directive)
    return made


def _object_type(
    layer: Layer, made: dict[TypeName, type[Any]], directive: LayerDirective
) -> type[Any]:
    fields = [
        Field(
            value.name, value.graphql_name, or_null(value.type, value.nullable), value.description
        )
        for value in layer.values
    ]
    if not any(field.graphql_name == "id" for field in fields):
        fields.insert(0, Field("id", "id", strawberry.ID, ID_DESCRIPTION))
    for relation in layer.relations:
        target = made[relation.target]
        annotation = list[target] if relation.many else or_null(target, relation.nullable)  # type: ignore[valid-type]
        fields.append(Field(relation.name, relation.graphql_name, annotation, relation.description))
    return object_type(
        layer.typename, fields, description=layer.description, directives=[directive]
    )


def _directive(
    layer: Layer, granted: frozenset[Operation], parent_relations: set[str]
) -> LayerDirective:
    return LayerDirective(
        writable=[operation for operation in Operation if operation in granted],
        optimistic=layer.optimistic,
        optimistic_timeout=math.ceil(layer.optimistic_timeout_seconds),
        parent_relations=sorted(parent_relations),
    )


def _parent_relations(trees: Iterable[StateTree]) -> dict[TypeName, set[str]]:
    found: dict[TypeName, set[str]] = {}
    for tree in trees:
        for name, parents in tree.parents.items():
            found.setdefault(name, set()).update(
                f"{parent.typename}.{relation.graphql_name}" for parent, relation in parents
            )
    return found
