"""Names that two declarations of one schema claim."""

from __future__ import annotations

import enum
import typing
from collections.abc import Iterable, Iterator
from typing import Any

from rxgraph.compile import naming
from rxgraph.compile.actions import ActionSpec
from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.channel_types import SHARED_NAMES
from rxgraph.compile.hints import made_types
from rxgraph.compile.inputs import mutation_arguments
from rxgraph.compile.runtime import runtime_fields
from rxgraph.compile.scalars import SCALAR_MAP
from rxgraph.compile.writing import WriteSpec
from rxgraph.declare.problems import Problem, dotted

RESERVED = (
    frozenset({"Query", "Mutation", "Subscription", "Operation", "OperationMessage"})
    | frozenset({"OperationMessageKind"})
    | frozenset({"String", "Int", "Float", "Boolean", "ID", "JSON"})
    | frozenset(scalar.name for scalar in SCALAR_MAP.values())
    | SHARED_NAMES
)
"""Type names that belong to GraphQL or to RxGraph."""


class _Claim(typing.NamedTuple):
    name: str
    thing: Any  # equal things may share a name
    subject: str
    code: str
    hint: str
    obj: Any


def schema_problems(compiled: Iterable[CompiledChannel]) -> list[Problem]:
    """Return the names that cannot stand together in one schema."""
    problems: list[Problem] = []
    fields: dict[str, CompiledChannel] = {}
    types: dict[str, _Claim] = {}
    mutations: dict[str, str] = {}
    for item in compiled:
        channel = item.channel
        other = fields.setdefault(item.names.field, item)
        if other is not item:
            problems.append(
                Problem(
                    "E015",
                    item.name,
                    f"claims the field {item.names.field}, as {other.name} does",
                    'set graphql_name = "..." in Meta of one of them',
                    channel,
                )
            )
            continue
        if not naming.is_valid_name(item.names.field):
            problems.append(
                Problem(
                    "E014",
                    item.name,
                    f"makes the field {item.names.field!r}, which GraphQL does not allow",
                    'set graphql_name = "..." in Meta',
                    channel,
                )
            )
        problems += _type_problems(item, types)
        problems += _mutation_problems(item, mutations)
        problems += runtime_fields(channel)[1]
    return problems


def _type_problems(item: CompiledChannel, types: dict[str, _Claim]) -> Iterator[Problem]:
    for claim in _claims(item):
        if claim.name in RESERVED:
            yield Problem(
                "E014",
                claim.subject,
                f"makes the type name {claim.name}, which is taken by the schema itself",
                claim.hint,
                claim.obj,
            )
            continue
        other = types.setdefault(claim.name, claim)
        if other.thing != claim.thing:
            yield Problem(
                claim.code,
                claim.subject,
                f"claims the type name {claim.name}, as {other.subject} does",
                claim.hint,
                claim.obj,
            )


def _mutation_problems(item: CompiledChannel, known: dict[str, str]) -> Iterator[Problem]:
    fields = [spec.field_name for spec in item.writes]
    if item.batch_writes:
        fields.append(naming.batch_field(item.names.field))
    made = [(field, item.name) for field in fields]
    made += [(spec.field_name, f"{item.name}.{spec.method}") for spec in item.actions]
    for field, subject in made:
        other = known.setdefault(field, subject)
        if other != subject:
            is_method = subject != item.name
            yield Problem(
                "E020",
                subject,
                f"makes the mutation {field}, as {other} does",
                "give the method another name"
                if is_method
                else 'set graphql_name = "..." in Meta of one of them',
                item.channel,
            )
    names = [argument.graphql_name for argument in mutation_arguments(item)] if fields else []
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(
            "E020",
            item.name,
            f"has two arguments that its mutations call {name}",
            "give one of the parameters another name",
            item.channel,
        )


def _claims(item: CompiledChannel) -> Iterator[_Claim]:
    channel, names = item.channel, item.names
    for name in (names.channel, names.event, names.changes, names.runtime):
        if name is not None:
            hint = 'set graphql_name = "..." in Meta of the channel'
            yield _Claim(name, (channel, name), item.name, "E015", hint, channel)
    for layer in item.tree.layers.values():
        serializer = type(layer.serializer)
        subject = dotted(serializer)
        hint = 'set graphql_name = "..." in Meta of the serializer'
        yield _Claim(layer.typename, serializer, subject, "E005", hint, serializer)
        for value in layer.values:
            for made in _enums(value.type):
                yield _Claim(
                    made.__name__, made, f"{subject}.{value.name}", "E005", hint, serializer
                )
    for write in item.writes:
        yield from _write_claims(item, write)
    for role in ("Operation", "Payload", "Result") if item.batch_writes else ():
        name = naming.batch_type(names.stem, role)
        hint = 'set graphql_name = "..." in Meta of the channel'
        yield _Claim(name, (channel, name), item.name, "E015", hint, channel)
    for spec in item.actions:
        yield from _action_claims(item, spec)
    for argument in item.arguments:
        for made in _enums(argument.base):
            hint = "give the enum another name"
            yield _Claim(
                made.__name__, made, f"{item.name}({argument.name})", "E005", hint, channel
            )


def _write_claims(item: CompiledChannel, spec: WriteSpec) -> Iterator[_Claim]:
    channel, stem, typename = item.channel, item.names.stem, spec.layer.typename
    names = [naming.write_type(stem, spec.operation, typename, "Payload")]
    if not spec.makes_root:
        names.append(naming.write_type(stem, spec.operation, typename, "Operation"))
    if spec.parents:
        names.append(naming.parent_type(stem, typename))
    hint = 'set graphql_name = "..." in Meta of the channel'
    for name in names:
        yield _Claim(name, (channel, name), item.name, "E015", hint, channel)
    serializer = type(spec.layer.serializer)
    hint = 'set graphql_name = "..." in Meta of the serializer'
    if spec.inputs:
        name = naming.data_type(spec.operation, typename)
        yield _Claim(name, (serializer, name), dotted(serializer), "E005", hint, serializer)
    for input_ in spec.inputs:
        for made in _enums(input_.type):
            subject = f"{dotted(serializer)}.{input_.name}"
            yield _Claim(made.__name__, made, subject, "E005", hint, serializer)


def _action_claims(item: CompiledChannel, spec: ActionSpec) -> Iterator[_Claim]:
    hint = "give one of the classes another name"
    for shape in (*(parameter.shape for parameter in spec.parameters), spec.result):
        for made in made_types(shape):
            subject = f"{item.name}.{spec.method}"
            yield _Claim(made.__name__, made, subject, "E005", hint, item.channel)


def _enums(annotation: Any) -> list[type[enum.Enum]]:
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return [annotation]
    return [made for part in typing.get_args(annotation) for made in _enums(part)]
