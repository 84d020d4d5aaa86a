"""The mutations of channels: one per declared operation, one for a list of them, the actions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional

import strawberry

from rxgraph.compile import naming
from rxgraph.compile.action_fields import action_fields
from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.graphql_types import Given
from rxgraph.compile.inputs import (
    DataTypes,
    data_types,
    mutation_arguments,
    operation_fields,
    operation_type,
    parent_type,
    what,
)
from rxgraph.compile.payloads import batch_payload_type, payload_type
from rxgraph.compile.requests import read_batch, read_request
from rxgraph.compile.resolvers import Resolvers
from rxgraph.compile.signing import AnyInfo, channel_values, sign
from rxgraph.compile.writing import WriteSpec
from rxgraph.declare.arguments import Argument
from rxgraph.types import TypeName

_CLIENT_MUTATION_ID = Argument(
    "client_mutation_id",
    "clientMutationId",
    Optional[strawberry.ID],  # noqa: UP045
    has_default=True,
    description="Yours: a repeated write with the same id answers the first result.",
)


def mutation_fields(
    compiled: Sequence[CompiledChannel],
    layers: Mapping[TypeName, type[Any]],
    changes: Mapping[CompiledChannel, type[Any]],
    resolvers: Resolvers,
) -> dict[str, Any]:
    """Return the fields of Mutation by their names; none where clients can do nothing."""
    data = data_types(compiled)
    found: dict[str, Any] = {}
    for item in compiled:
        parents = {spec: parent_type(item, spec) for spec in item.writes}
        for spec in item.writes:
            payload = payload_type(item, spec, layers[spec.layer.typename], changes[item])
            own = operation_fields(spec, data, parents[spec])
            found[spec.field_name] = _write_field(item, spec, own, payload, resolvers)
        if item.batch_writes:
            found[naming.batch_field(item.names.field)] = _batch_field(
                item, data, parents, changes[item], resolvers
            )
        found.update(action_fields(item, resolvers))
    return found


def _write_field(
    item: CompiledChannel,
    spec: WriteSpec,
    own: Iterable[Given],
    payload: type[Any],
    resolvers: Resolvers,
) -> Any:
    arguments = mutation_arguments(item) if item.takes_arguments(spec) else None

    async def write(info: AnyInfo, **given: Any) -> object:
        values = None if arguments is None else channel_values(arguments, given)
        request = read_request(spec, given)
        return await resolvers.write(
            info, item, values, (request,), _client_mutation_id(given), batch=False
        )

    sign(write, arguments or (), payload, own=[*map(_argument, own), _CLIENT_MUTATION_ID])
    return strawberry.mutation(resolver=write, name=spec.field_name, description=what(spec))


def _batch_field(
    item: CompiledChannel,
    data: DataTypes,
    parents: Mapping[WriteSpec, type[Any] | None],
    changes: type[Any],
    resolvers: Resolvers,
) -> Any:
    writes = item.batch_writes
    keys = {spec.batch_key: spec for spec in writes}
    arguments = mutation_arguments(item)

    async def write(info: AnyInfo, operations: list[Any], **given: Any) -> object:
        values = channel_values(arguments, given)
        requests = tuple(read_batch(keys, operations))
        return await resolvers.write(
            info, item, values, requests, _client_mutation_id(given), batch=True
        )

    operation = operation_type(item, writes, data, parents)
    operations = Argument("operations", "operations", list[operation])  # type: ignore[valid-type]
    sign(
        write,
        arguments,
        batch_payload_type(item, changes),
        own=[operations, _CLIENT_MUTATION_ID],
    )
    return strawberry.mutation(
        resolver=write,
        name=naming.batch_field(item.names.field),
        description="Write all of a list, in order and as one change, or nothing of it.",
    )


def _argument(given: Given) -> Argument:
    annotation = given.annotation if given.required else Optional[given.annotation]  # noqa: UP045
    return Argument(
        given.attribute,
        given.graphql_name,
        annotation,
        has_default=not given.required,
        description=given.description,
    )


def _client_mutation_id(given: Mapping[str, object]) -> str | None:
    value = given.get("client_mutation_id")
    return value if isinstance(value, str) else None
