"""Schema directives: with them the SDL alone is enough to generate clients."""

from __future__ import annotations

import strawberry
from strawberry.schema_directive import Location

from rxgraph.compile.scalars import JSON
from rxgraph.declare.operations import Operation

strawberry.enum(Operation, description="What a client may do with an instance.")


@strawberry.schema_directive(
    locations=[Location.OBJECT],
    name="channel",
    description="A live context: the root field that serves it and the layer of its anchor.",
)
class ChannelDirective:
    """Marks the entity type of a channel."""

    field: str
    state: str
    many: bool


@strawberry.schema_directive(
    locations=[Location.OBJECT],
    name="layer",
    description="Instances of one serializer: what clients may write, and which lists hold them.",
)
class LayerDirective:
    """Marks the object type of a layer."""

    writable: list[Operation]
    optimistic: bool
    optimistic_timeout: int
    parent_relations: list[str]


@strawberry.schema_directive(
    locations=[Location.INPUT_FIELD_DEFINITION],
    name="relation",
    description="Relations that an id is about: those it sets, or those a new instance joins.",
)
class RelationDirective:
    """Marks an input field whose ids show in a relation; ``fields`` are like ``Task.assignee``."""

    fields: list[str]


@strawberry.schema_directive(
    locations=[Location.INPUT_FIELD_DEFINITION],
    name="default",
    description="What a new instance has where its creator says nothing.",
)
class DefaultDirective:
    """Marks an input field that the server fills in with a constant."""

    value: JSON


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="action",
    description="A method of a live context: the root field of its channel.",
)
class ActionDirective:
    """Marks the mutation of an action."""

    channel: str
