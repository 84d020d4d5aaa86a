"""What a schema says of its channels, as far as documents need to know.

A channel is recognised by its shape alone: a subscription whose events have ``channel`` and
``changed``. So a schema that was only read from SDL does as well as one that is served.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)

from rxgraph.compile import naming
from rxgraph.declare.operations import Operation

Layers = Mapping[str, GraphQLObjectType]
"""Type name → the object type of a layer."""


@dataclass(frozen=True)
class WriteShape:
    """One mutation that writes; ``target`` is the layer it writes, None for a batch."""

    definition: GraphQLField
    target: str | None


@dataclass(frozen=True)
class ChannelShape:
    """One channel of a schema.

    ``lists`` maps the list fields of ``changed`` to their type names (``{"tasks": "Task"}``),
    ``writes`` and ``actions`` are by the fields of Mutation, in the schema's order.
    """

    field: str
    definition: GraphQLField  # of the subscription: its arguments are the query's, and ``after``
    event: GraphQLObjectType
    root: str
    lists: Mapping[str, str]
    layers: Layers
    writes: Mapping[str, WriteShape]
    actions: Mapping[str, GraphQLField]

    @property
    def arguments(self) -> list[str]:
        """Names of the arguments that say which state is meant."""
        return [name for name in self.definition.args if name != "after"]

    @property
    def operation(self) -> str:
        """Name of the query: ``Project``."""
        return naming.upper_first(self.field)

    def parents_of(self, typename: str) -> frozenset[str]:
        """Return the layers that hold instances of *typename*."""
        return frozenset(
            name
            for name, layer in self.layers.items()
            if any(target == typename for _, target in relations(layer, self.layers))
        )


def read_channels(schema: GraphQLSchema) -> dict[str, ChannelShape]:
    """Return the channels of *schema* by their fields, in its order."""
    subscriptions = schema.subscription_type.fields if schema.subscription_type else {}
    fields = {name: item for name, item in subscriptions.items() if _is_channel(item)}
    mutations = dict(schema.mutation_type.fields) if schema.mutation_type else {}
    actions = _actions(mutations, fields)
    return {
        name: _shape(name, definition, mutations, actions[name])
        for name, definition in fields.items()
    }


def read_channel(schema: GraphQLSchema, field: str | None) -> ChannelShape:
    """Return the channel of *field*, which need not be named where there is only one.

    Raises:
        ValueError: there is no such channel, or there are several.
    """
    channels = read_channels(schema)
    if not channels:
        raise ValueError("The schema has no subscription to a channel")
    if field is None:
        if len(channels) > 1:
            raise ValueError(f"Name one of {', '.join(channels)}")
        field = next(iter(channels))
    if field not in channels:
        raise ValueError(f"{field} is none of {', '.join(channels)}")
    return channels[field]


def named(field: GraphQLField) -> GraphQLNamedType:
    """Return the type of *field* without lists and null."""
    return get_named_type(field.type)


def object_of(field: GraphQLField) -> GraphQLObjectType:
    """Return the object type of *field*."""
    found = named(field)
    assert isinstance(found, GraphQLObjectType)
    return found


def leaves(type_: GraphQLObjectType) -> list[str]:
    """Return the fields of *type_* that hold values, in its order."""
    return [name for name, field in type_.fields.items() if is_leaf_type(named(field))]


def relations(type_: GraphQLObjectType, layers: Layers) -> Iterator[tuple[str, str]]:
    """Yield field and type name of what *type_* holds of other *layers*."""
    for name, field in type_.fields.items():
        if (target := named(field).name) in layers:
            yield name, target


def _is_channel(field: GraphQLField) -> bool:
    event = named(field)
    return isinstance(event, GraphQLObjectType) and {"channel", "changed"} <= set(event.fields)


def _shape(
    name: str,
    definition: GraphQLField,
    mutations: Mapping[str, GraphQLField],
    actions: Iterable[str],
) -> ChannelShape:
    event = object_of(definition)
    lists = object_of(event.fields["changed"]).fields
    layers = {object_of(item).name: object_of(item) for item in lists.values()}
    targets: dict[str, str | None] = {
        naming.write_field(name, operation.value, typename): typename
        for typename in layers
        for operation in Operation
    } | {naming.batch_field(name): None}
    return ChannelShape(
        field=name,
        definition=definition,
        event=event,
        root=object_of(object_of(event.fields["channel"]).fields["state"]).name,
        lists={key: object_of(item).name for key, item in lists.items()},
        layers=layers,
        writes={
            key: WriteShape(item, targets[key]) for key, item in mutations.items() if key in targets
        },
        actions={key: mutations[key] for key in actions},
    )


def _actions(
    mutations: Mapping[str, GraphQLField], channels: Iterable[str]
) -> dict[str, list[str]]:
    """Return channel → its actions: ``@action`` says whose they are.

    Schemas that were not read from SDL show no directives; there the names have to do, by which
    ``projectListRename`` is of ``projectList`` where there is one, though ``project`` fits too.
    """
    found: dict[str, list[str]] = {name: [] for name in channels}
    for name, field in mutations.items():
        if "session" not in field.args:
            continue
        owners = [_declared_channel(field)] if field.ast_node else found
        fitting = [key for key in owners if key in found and name.startswith(key) and name != key]
        if fitting:
            found[max(fitting, key=len)].append(name)
    return found


def _declared_channel(field: GraphQLField) -> str:
    """Return the channel that ``@action`` names on *field*, or nothing."""
    for directive in field.ast_node.directives or () if field.ast_node else ():
        if directive.name.value == "action":
            for argument in directive.arguments or ():
                if argument.name.value == "channel":
                    return str(getattr(argument.value, "value", ""))
    return ""
