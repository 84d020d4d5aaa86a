"""The inputs of mutations: values of instances, parents, and the operations of a batch.

What holds the values of an instance is one type per layer and operation, shared by the channels;
where a new instance goes, and what a batch may hold, is the channel's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import strawberry

from rxgraph.compile import naming
from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.directives import DefaultDirective, RelationDirective
from rxgraph.compile.graphql_types import Given, input_type
from rxgraph.compile.requests import field_attribute, key_attribute
from rxgraph.compile.writing import InputField, WriteSpec
from rxgraph.declare.arguments import Argument
from rxgraph.declare.operations import Operation
from rxgraph.types import TypeName

DataTypes = Mapping[tuple[TypeName, Operation], type[Any]]

OWN_ARGUMENTS = frozenset(
    {"id", "parent", "data", "expectedVersion", "clientMutationId", "operations"}
)
"""Arguments of mutations themselves; a channel's own ``id`` is then called ``projectId``."""

EXPECTED_VERSION = "A cursor: refuse the write when the instance was changed after it."

_DATA = {
    Operation.SAVE: "What to change of one {}: what is left out stays as it is.",
    Operation.CREATE: "What a new {} begins with.",
}
_WHAT = {
    Operation.SAVE: "Change one {}.",
    Operation.CREATE: "Create one {}.",
    Operation.DELETE: "Delete one {}.",
}


def data_types(compiled: Iterable[CompiledChannel]) -> DataTypes:
    """Return (type name, operation) → the input that holds values; none where there are none."""
    specs: dict[tuple[TypeName, Operation], list[WriteSpec]] = {}
    for item in compiled:
        for spec in item.writes:
            specs.setdefault((spec.layer.typename, spec.operation), []).append(spec)
    return {
        (typename, operation): _data_type(typename, operation, fields)
        for (typename, operation), group in specs.items()
        if (fields := _union(group))
    }


def _union(specs: list[WriteSpec]) -> list[InputField]:
    """Return the fields of any of *specs*; required is what all of them require."""
    found: dict[str, InputField] = {}
    for spec in specs:
        for item in spec.inputs:
            known = found.get(item.name, item)
            found[item.name] = replace(known, required=known.required and item.required)
    return [
        replace(item, required=item.required and all(name in spec.fields for spec in specs))
        for name, item in found.items()
    ]


def _data_type(typename: TypeName, operation: Operation, fields: list[InputField]) -> type[Any]:
    return input_type(
        naming.data_type(operation.value, typename),
        [
            Given(
                field_attribute(item.name),
                item.graphql_name,
                item.type,
                item.description,
                required=item.required and not item.nullable,
                directives=(
                    *_about(typename, item.relations),
                    *(DefaultDirective(value=value) for value in item.defaults),
                ),
            )
            for item in fields
        ],
        description=_DATA[operation].format(typename),
    )


def _about(typename: TypeName, fields: Iterable[str]) -> tuple[RelationDirective, ...]:
    names = [f"{typename}.{name}" for name in fields]
    return (RelationDirective(fields=names),) if names else ()


def parent_type(compiled: CompiledChannel, spec: WriteSpec) -> type[Any] | None:
    """Return the input that says where a new instance goes, None where nothing is to be said."""
    if not spec.parents:
        return None
    return input_type(
        naming.parent_type(compiled.names.stem, spec.layer.typename),
        [
            Given(
                key_attribute(parent.key),
                parent.key,
                strawberry.ID,
                f"Id of the {parent.parent} whose {parent.relation.graphql_name} it joins."
                if parent.relation.many
                else f"Id of the {parent.parent} whose {parent.relation.graphql_name} it becomes.",
                directives=_about(parent.parent, parent.shown_by),
            )
            for parent in spec.parents
        ],
        description=f"Where a new {spec.layer.typename} goes: exactly one parent.",
        one_of=True,
    )


def operation_type(
    compiled: CompiledChannel,
    writes: Iterable[WriteSpec],
    data: DataTypes,
    parents: Mapping[WriteSpec, type[Any] | None],
) -> type[Any]:
    """Return the input that holds one operation of a batch."""
    stem = compiled.names.stem
    return input_type(
        naming.batch_type(stem, "Operation"),
        [
            Given(
                key_attribute(spec.batch_key),
                spec.batch_key,
                input_type(
                    naming.write_type(stem, spec.operation, spec.layer.typename, "Operation"),
                    operation_fields(spec, data, parents[spec]),
                    description=what(spec),
                ),
                what(spec),
            )
            for spec in writes
        ],
        description="One operation of a list: exactly one of its kinds.",
        one_of=True,
    )


def operation_fields(spec: WriteSpec, data: DataTypes, parent: type[Any] | None) -> list[Given]:
    """Return what a client says of one operation: the arguments of a mutation as well."""
    fields: list[Given] = []
    if spec.operation is not Operation.CREATE:
        fields.append(Given("id", "id", strawberry.ID, required=True))
    if parent is not None:
        fields.append(Given("parent", "parent", parent, required=True))
    values = data.get((spec.layer.typename, spec.operation))
    if values is not None:
        fields.append(Given("data", "data", values, required=True))
    if spec.operation is Operation.SAVE:
        fields.append(Given("expected_version", "expectedVersion", strawberry.ID, EXPECTED_VERSION))
    return fields


def mutation_arguments(compiled: CompiledChannel) -> tuple[Argument, ...]:
    """Return the channel's arguments, renamed where a mutation's own have their names."""
    field = compiled.names.field
    return tuple(
        replace(item, graphql_name=naming.write_argument(item.graphql_name, field, OWN_ARGUMENTS))
        for item in compiled.arguments
    )


def what(spec: WriteSpec) -> str:
    """Return what an operation does, for people."""
    return _WHAT[spec.operation].format(spec.layer.typename)
