"""The types of a channel's stream: entity, event, changes, runtime (schema/PROTOCOL.md)."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import strawberry

from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.directives import ChannelDirective
from rxgraph.compile.graphql_types import Field, object_type, or_null
from rxgraph.compile.runtime import runtime_fields
from rxgraph.compile.scalars import JSON, Cursor
from rxgraph.compile.walk import own_doc
from rxgraph.types import TypeName


@strawberry.enum(description="What an event of a channel tells.")
class ChannelEventKind(enum.Enum):
    """Kinds of events."""

    SNAPSHOT = strawberry.enum_value(
        "SNAPSHOT", description="The whole state; what was known before is void."
    )
    DELTA = strawberry.enum_value("DELTA", description="What one committed transaction changed.")
    RESET = strawberry.enum_value(
        "RESET", description="The stream cannot go on from here; see resetReason."
    )
    MESSAGE = strawberry.enum_value(
        "MESSAGE", description="Data that the server sent; the state is as it was."
    )


@strawberry.enum(description="Why a stream was reset.")
class ResetReason(enum.Enum):
    """Reasons of a RESET."""

    CURSOR_EXPIRED = strawberry.enum_value(
        "CURSOR_EXPIRED", description="The cursor is unknown or too old; a SNAPSHOT follows."
    )
    OVERFLOW = strawberry.enum_value(
        "OVERFLOW", description="The client was too slow; a SNAPSHOT follows."
    )
    PERMISSION_CHANGED = strawberry.enum_value(
        "PERMISSION_CHANGED", description="Access has ended; so does the stream."
    )
    CACHE_CLEARED = strawberry.enum_value(
        "CACHE_CLEARED", description="The server dropped its cache; a SNAPSHOT follows."
    )


@strawberry.enum(name="RemovalReason", description="Why an instance is no longer in the state.")
class GraphQLRemovalReason(enum.Enum):
    """Reasons that clients see; tombstones that nobody may see have none."""

    DELETED = strawberry.enum_value("DELETED", description="It was deleted.")
    LEFT = strawberry.enum_value("LEFT", description="Nothing in this state leads to it any more.")


RemovedInstance = object_type(
    "RemovedInstance",
    [
        Field("typename", "typename", str),
        Field("node_id", "nodeId", strawberry.ID),
        Field("reason", "reason", GraphQLRemovalReason),
    ],
    description="An instance that is no longer part of the state.",
)
ChannelNotification = object_type(
    "ChannelNotification",
    [Field("data", "data", JSON)],
    description="Data that the server sent along.",
)

SHARED_NAMES = frozenset(
    {"ChannelEventKind", "ResetReason", "RemovalReason", "RemovedInstance", "ChannelNotification"}
)


def channel_type(compiled: CompiledChannel, layers: Mapping[TypeName, type[Any]]) -> type[Any]:
    """Return the entity type of a channel: ``id``, ``cursor`` and ``state``."""
    root = layers[compiled.tree.root.typename]
    many = compiled.tree.many
    state: Any = list[root] if many else or_null(root, nullable=True)  # type: ignore[valid-type]
    return object_type(
        compiled.names.channel,
        [
            Field("id", "id", strawberry.ID, "Distinct for all arguments that change the state."),
            Field("cursor", "cursor", Cursor, "Where in the stream this state stands."),
            Field(
                "state",
                "state",
                state,
                "The anchors, in order." if many else "Null: deleted, or no longer permitted.",
            ),
        ],
        description=own_doc(compiled.channel),
        directives=[
            ChannelDirective(
                field=compiled.names.field, state=compiled.tree.root.typename, many=many
            )
        ],
    )


def changes_type(compiled: CompiledChannel, layers: Mapping[TypeName, type[Any]]) -> type[Any]:
    """Return the type with one list of whole instances per layer."""
    fields = []
    for typename, field in compiled.changes.items():
        layer = layers[typename]
        fields.append(Field(field, field, list[layer]))  # type: ignore[valid-type]
    return object_type(
        compiled.names.changes, fields, description="Whole instances, one list per layer."
    )


def runtime_type(compiled: CompiledChannel) -> type[Any] | None:
    """Return the type of ``RuntimeState``, None where the channel declares none."""
    if compiled.names.runtime is None:
        return None
    return object_type(
        compiled.names.runtime,
        runtime_fields(compiled.channel)[0],
        description="Values of the live context itself, always whole.",
    )


def event_type(
    compiled: CompiledChannel,
    changes: type[Any],
    channel: type[Any],
    query: type[Any],
) -> type[Any]:
    """Return the type of the events of a channel's subscription."""
    fields = [
        Field("kind", "kind", ChannelEventKind),
        Field("cursor", "cursor", Cursor, "Opaque; hand it back as `after` to resume."),
        Field("session", "session", strawberry.ID, "Addresses this live context for actions."),
        Field(
            "query",
            "query",
            or_null(query, nullable=True),
            "SNAPSHOT only: links the root field to the channel in a normalised cache.",
        ),
        Field(
            "channel",
            "channel",
            or_null(channel, nullable=True),
            "SNAPSHOT, and when membership is touched or the state emptied; else null.",
        ),
        Field(
            "changed",
            "changed",
            changes,
            "Whole instances, one list per layer; SNAPSHOT: all of them.",
        ),
        Field("removed", "removed", list[RemovedInstance]),  # type: ignore[valid-type]
        Field("notifications", "notifications", list[ChannelNotification]),  # type: ignore[valid-type]
        Field(
            "client_mutation_ids",
            "clientMutationIds",
            list[strawberry.ID],
            "The viewer's own writes contained in this event.",
        ),
        Field("reset_reason", "resetReason", or_null(ResetReason, nullable=True)),
    ]
    runtime = runtime_type(compiled)
    if runtime is not None:
        fields.append(Field("runtime", "runtime", runtime, "Always whole."))
    return object_type(compiled.names.event, fields, description="One event of a live context.")
