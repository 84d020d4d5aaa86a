"""What is wrong with ``Meta.writable``, as far as the serializers of the state can tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rest_framework import serializers

from rxgraph.compile import naming
from rxgraph.compile.input_fields import column_of, is_file, overrides, settable_fields
from rxgraph.compile.write_specs import columns_set, needed_columns
from rxgraph.compile.writing import WriteSpec
from rxgraph.declare.channel import ContextChannel
from rxgraph.declare.operations import Operation
from rxgraph.declare.problems import Problem, dotted


def write_problems(channel: type[ContextChannel], writes: Iterable[WriteSpec]) -> list[Problem]:
    """Return the problems of what *channel* lets clients write; warnings among them."""
    found: list[Problem] = []
    for spec in writes:
        found += _grant_problems(channel, spec)
        if spec.operation is not Operation.DELETE:
            found += _name_problems(spec)
            found += _file_problems(spec)
        if spec.operation is Operation.CREATE:
            found += _need_problems(spec)
    return found


def _grant_problems(channel: type[ContextChannel], spec: WriteSpec) -> Iterator[Problem]:
    serializer = type(spec.layer.serializer)
    subject = f"{channel.name}.Meta.writable"
    if spec.operation is Operation.SAVE and not spec.inputs:
        yield Problem(
            "E021",
            subject,
            f"grants SAVE for {serializer.__name__}, which has no field that a client may set",
            "declare a field that is not read-only, or take SAVE away",
            channel,
        )
    if spec.operation is Operation.CREATE and not spec.is_root and not spec.parents:
        yield Problem(
            "E022",
            subject,
            f"grants CREATE for {serializer.__name__}, but no relation of the state can hold a new"
            " one",
            "nest it on a foreign key, a reverse relation or a many-to-many field, or take CREATE"
            " away",
            channel,
        )


def _name_problems(spec: WriteSpec) -> Iterator[Problem]:
    """Judge the names of write-only fields: the walk sees the others."""
    serializer = type(spec.layer.serializer)
    taken = {item.graphql_name: item.name for item in spec.layer.values}
    taken |= {item.graphql_name: item.name for item in spec.layer.relations}
    for item in spec.inputs:
        subject = f"{dotted(serializer)}.{item.name}"
        other = taken.setdefault(item.graphql_name, item.name)
        if other != item.name:
            yield Problem(
                "E013",
                subject,
                f"becomes {item.graphql_name} in GraphQL, as {other} does",
                'give one of them another name and set source="..."',
                serializer,
            )
        if not naming.is_valid_name(item.graphql_name):
            yield Problem(
                "E014",
                subject,
                f"makes the field {item.graphql_name!r}, which GraphQL or Python reserves",
                'give it another name and set source="..."',
                serializer,
            )


def _file_problems(spec: WriteSpec) -> Iterator[Problem]:
    serializer = type(spec.layer.serializer)
    for name, field in settable_fields(spec.layer, spec.operation):
        if is_file(field):
            yield Problem(
                "W004",
                f"{dotted(serializer)}.{name}",
                "is a file, which mutations do not take: it is left out of the inputs",
                "make it read_only=True, and upload files by a view of your own",
                serializer,
            )


def _need_problems(spec: WriteSpec) -> Iterator[Problem]:
    layer, serializer = spec.layer, type(spec.layer.serializer)
    _, by_parent = columns_set(spec.parents)
    known = set(spec.fields)
    filled = {*by_parent, *([layer.user_key] if layer.user_key else [])}
    asked: set[str] = set()
    for name, field in layer.serializer.fields.items():
        column = column_of(field, layer.model)
        if column is not None and (name in known or isinstance(field, serializers.HiddenField)):
            filled.add(column)
        if not field.required or field.read_only or isinstance(field, serializers.HiddenField):
            continue
        if name in known or column in filled:
            continue
        if column is not None:
            asked.add(column)
        yield Problem(
            "W003",
            f"{dotted(serializer)}.{name}",
            "is required to CREATE, and clients cannot set it",
            "make it read_only=True or required=False, or use a HiddenField with a default",
            serializer,
        )
    if overrides(layer, Operation.CREATE):
        return  # it may well know what to fill in
    for column in needed_columns(layer.model):
        if column not in filled | asked:
            yield Problem(
                "W003",
                dotted(serializer),
                f"can CREATE, but nothing sets {layer.model._meta.label}.{column}, which has no"
                " default",
                "declare a field for it that is not read-only, or a HiddenField with a default",
                serializer,
            )
