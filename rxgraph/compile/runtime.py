"""``RuntimeState``: a flat TypedDict of a channel as fields, every one nullable."""

from __future__ import annotations

import keyword
import typing

from rxgraph.compile import naming
from rxgraph.compile.annotations import typed
from rxgraph.compile.graphql_types import Field, or_null
from rxgraph.declare.channel import ContextChannel
from rxgraph.declare.problems import Problem


def runtime_fields(channel: type[ContextChannel]) -> tuple[list[Field], list[Problem]]:
    """Return the fields of the channel's runtime type, and what is wrong with the others."""
    declared = channel.options.runtime_state
    if declared is None:
        return [], []
    subject = f"{channel.name}.RuntimeState"
    try:
        hints = typing.get_type_hints(declared)
    except Exception as error:  # noqa: BLE001  # a name that does not exist, in whatever way
        found = f"has annotations that cannot be read: {error}"
        hint = "import what they name at run time"
        return [], [Problem("E018", subject, found, hint, channel)]
    fields: dict[str, Field] = {}
    problems: list[Problem] = []
    if not hints:
        problems.append(
            Problem("E018", subject, "is empty", "declare a value, or drop it", channel)
        )
    for name, hint_ in hints.items():
        graphql_name = naming.camel_case(name)
        if not naming.is_valid_name(graphql_name) or keyword.iskeyword(name) or name == "id":
            found = f"has the value {name}, which GraphQL, Python or RxGraph reserves"
            hint = "give it another name"
            problems.append(Problem("E014", subject, found, hint, channel))
        elif graphql_name in fields:
            found = f"has {name} and {fields[graphql_name].attribute}, both {graphql_name}"
            hint = "give one of them another name"
            problems.append(Problem("E013", subject, found, hint, channel))
        else:
            type_ = or_null(typed(hint_).type, nullable=True)
            fields[graphql_name] = Field(name, graphql_name, type_)
    return list(fields.values()), problems
