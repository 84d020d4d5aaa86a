"""The operations of a channel: its query, its subscription, its mutations and actions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from graphql import GraphQLArgument, GraphQLField, print_ast
from graphql.utilities import get_default_value_ast

from rxgraph.compile import naming
from rxgraph.compile.documents.selections import answer_lines, event_lines, indent, is_value
from rxgraph.compile.documents.shapes import ChannelShape, Layers, object_of


def query_text(channel: ChannelShape, name: str | None = None) -> str:
    """Return the query of *channel*: the whole nested state, read once."""
    given = channel.arguments
    return _operation(
        f"query {name or channel.operation}",
        channel.definition.args,
        given,
        f"{_call(channel.field, given)} {{",
        [f"__typename id cursor state {{ ...{channel.root}Tree }}"],
    )


def subscription_text(channel: ChannelShape) -> str:
    """Return the subscription of *channel*, with everything that it can tell."""
    given = list(channel.definition.args)
    return _operation(
        f"subscription {channel.operation}Live",
        channel.definition.args,
        given,
        f"{_call(channel.field, given)} {{",
        event_lines(channel, _call(channel.field, channel.arguments)),
    )


def mutation_text(
    field: str,
    definition: GraphQLField,
    layers: Layers,
    wanted: Callable[[str], bool] = lambda typename: True,
) -> str:
    """Return the document of one mutation, with everything that its answer can tell.

    *wanted* says of which layers to select ``parents``, by their type names.
    """
    given = list(definition.args)
    head = f"mutation {naming.upper_first(field)}"
    if is_value(definition):
        return _operation(head, definition.args, given, _call(field, given), [])
    lines = answer_lines(object_of(definition), layers, wanted)
    return _operation(head, definition.args, given, f"{_call(field, given)} {{", lines)


def _operation(
    head: str,
    arguments: Mapping[str, GraphQLArgument],
    given: Iterable[str],
    call: str,
    selection: Iterable[str],
) -> str:
    wanted = [f"${name}: {_declaration(arguments[name])}" for name in given]
    variables = f"({', '.join(wanted)})" if wanted else ""
    lines = [call, *([indent(selection), "}"] if call.endswith("{") else [])]
    return f"{head}{variables} {{\n{indent(lines)}\n}}"


def _declaration(argument: GraphQLArgument) -> str:
    """Return the type of a variable; with the argument's default, so that it may be left out."""
    default = get_default_value_ast(argument)
    return str(argument.type) if default is None else f"{argument.type} = {print_ast(default)}"


def _call(field: str, names: Iterable[str]) -> str:
    given = ", ".join(f"{name}: ${name}" for name in names)
    return f"{field}({given})" if given else field
