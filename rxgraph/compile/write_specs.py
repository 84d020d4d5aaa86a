"""Compile ``Meta.writable``: one spec per layer and operation, and where new instances can go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import models
from django.utils import translation

from rxgraph.compile import naming
from rxgraph.compile.input_fields import input_fields
from rxgraph.compile.state_tree import Layer, Relation, RelationKind, StateTree
from rxgraph.compile.writing import InputField, ParentRelation, WriteSpec
from rxgraph.declare.channel import ContextChannel
from rxgraph.declare.operations import Operation


def compile_writes(channel: type[ContextChannel], tree: StateTree) -> tuple[WriteSpec, ...]:
    """Return what *channel* lets clients write, in the order of the layers and operations.

    Serializers that are not part of *tree* are left out; a system check reports them.
    """
    writable = channel.options.writable
    with translation.override(None):  # labels in the source language
        return tuple(
            _spec(channel.field_name, tree, layer, operation)
            for layer in tree.layers.values()
            for operation in Operation
            if operation in writable.get(type(layer.serializer), ())
        )


def _spec(field: str, tree: StateTree, layer: Layer, operation: Operation) -> WriteSpec:
    is_root = layer is tree.root
    parents = parent_relations(tree, layer) if operation is Operation.CREATE else ()
    inputs: tuple[InputField, ...] = ()
    if operation is not Operation.DELETE:
        always, sometimes = columns_set(parents)
        inputs = input_fields(layer, operation, given=always, optional=sometimes)
    return WriteSpec(
        operation=operation,
        layer=layer,
        is_root=is_root,
        field_name=naming.write_field(field, operation.value, layer.typename),
        fields=tuple(item.name for item in inputs),
        parents=parents,
        inputs=inputs,
    )


def parent_relations(tree: StateTree, layer: Layer) -> tuple[ParentRelation, ...]:
    """Return the relations of *tree* under which a new instance of *layer* can be created."""
    found: dict[tuple[str, str], list[Relation]] = {}
    for parent, relation in tree.parents[layer.typename]:
        if can_hold(relation):  # two fields that render one relation are one place
            found.setdefault((parent.typename, relation.source), []).append(relation)
    count = Counter(name for name, _ in found)
    return tuple(
        ParentRelation(
            key=naming.parent_key(name, first.graphql_name if count[name] > 1 else None),
            parent=name,
            relation=first,
            shown_by=(first.graphql_name, *(item.graphql_name for item in others)),
        )
        for (name, _), (first, *others) in found.items()
    )


def can_hold(relation: Relation) -> bool:
    """True when an instance can be put under *relation* by the columns it stands on alone."""
    if relation.kind is RelationKind.PROPERTY:
        return False
    if relation.through is None:
        return True
    known = {relation.through_parent, relation.through_child}
    return not [column for column in needed_columns(relation.through) if column not in known]


def columns_set(parents: Iterable[ParentRelation]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the columns of a new instance that every parent sets, and those that any one sets."""
    each = [
        {parent.relation.column}
        if parent.relation.kind is RelationKind.REVERSE and parent.relation.column
        else set()
        for parent in parents
    ]
    if not each:
        return frozenset(), frozenset()
    return frozenset(set.intersection(*each)), frozenset(set.union(*each))


def needed_columns(model: type[models.Model]) -> Iterator[str]:
    """Yield the columns that a row of *model* cannot be without and that nothing fills in."""
    for column in model._meta.concrete_fields:
        filled: Any = (
            column.null
            or column.has_default()
            or column.primary_key
            or column.empty_strings_allowed
            or isinstance(column, models.GeneratedField)
            or getattr(column, "auto_now", False)
            or getattr(column, "auto_now_add", False)
            or getattr(column, "db_default", models.NOT_PROVIDED) is not models.NOT_PROVIDED
        )
        if not filled:
            yield column.attname
