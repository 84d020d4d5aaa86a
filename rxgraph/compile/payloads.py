"""What mutations answer: flat payloads, so that a normalised cache takes them as they are.

A payload source is asked for ``node`` (the saved or created instance), ``deleted_id``,
``parents``, ``cursor``, ``client_mutation_id`` and ``messages``; that of a batch for ``results``
(each with ``index``, ``typename``, ``node_id``, ``deleted``) and ``changed`` instead of the first
three. ``parents`` and ``changed`` are asked for the list fields of the changes type.
"""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry_django.fields.types import OperationMessage

from rxgraph.compile import naming
from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.graphql_types import Field, object_type, or_null
from rxgraph.compile.scalars import Cursor
from rxgraph.compile.writing import WriteSpec
from rxgraph.declare.operations import Operation

_COMMON = ("id", "parents", "cursor", "clientMutationId", "messages", "deletedId")
_PARENTS = {
    Operation.SAVE: "Parents whose lists the change altered, each whole, with the new order.",
    Operation.CREATE: "The parents, each whole, with the new instance in its list.",
    Operation.DELETE: "The parents, each whole, without the instance in its list.",
}


def payload_type(
    compiled: CompiledChannel, spec: WriteSpec, layer: type[Any], changes: type[Any]
) -> type[Any]:
    """Return the payload of one operation."""
    typename = spec.layer.typename
    if spec.operation is Operation.DELETE:
        subject = Field("deleted_id", "deletedId", or_null(strawberry.ID, nullable=True))
    else:
        field = naming.node_field(typename, _COMMON)
        subject = Field("node", field, or_null(layer, nullable=True), "Null: see messages.")
    parents = Field("parents", "parents", or_null(changes, nullable=True), _PARENTS[spec.operation])
    return object_type(
        naming.write_type(compiled.names.stem, spec.operation, typename, "Payload"),
        [subject, parents, *_common_fields()],
        description=f"What {spec.field_name} did.",
    )


def batch_payload_type(compiled: CompiledChannel, changes: type[Any]) -> type[Any]:
    """Return the payload of a batch."""
    stem = compiled.names.stem
    result = object_type(
        naming.batch_type(stem, "Result"),
        [
            Field("index", "index", int, "Which of the operations, from 0."),
            Field("typename", "typename", str),
            Field("node_id", "nodeId", strawberry.ID),
            Field("deleted", "deleted", bool),
        ],
        description="What one operation of a list did.",
    )
    return object_type(
        naming.batch_type(stem, "Payload"),
        [
            Field("results", "results", list[result], "In order; none: see messages."),  # type: ignore[valid-type]
            Field(
                "changed",
                "changed",
                or_null(changes, nullable=True),
                "Whole instances: what was written, and parents with their new lists.",
            ),
            *_common_fields(),
        ],
        description=f"What {naming.batch_field(compiled.names.field)} did: all of it, or nothing.",
    )


def _common_fields() -> list[Field]:
    return [
        Field(
            "cursor",
            "cursor",
            or_null(Cursor, nullable=True),
            "From here on the stream contains the write.",
        ),
        Field(
            "client_mutation_id",
            "clientMutationId",
            or_null(strawberry.ID, nullable=True),
            "As it was given; the event that contains the write names it, too.",
        ),
        Field(
            "messages",
            "messages",
            list[OperationMessage],
            "Why nothing was written; empty when it was.",
        ),
    ]
