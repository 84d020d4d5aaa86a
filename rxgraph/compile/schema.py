"""Compile channels into one Strawberry schema; what the fields answer is supplied by serve.

A query field whose root value has ``resolve_channel`` is answered by it: that is how the ``query``
field of an event reads the very state the event is about.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Any, Optional

import strawberry
from graphql import parse, print_ast
from strawberry.schema.config import StrawberryConfig

from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.channel_types import changes_type, channel_type, event_type
from rxgraph.compile.collisions import schema_problems
from rxgraph.compile.graphql_types import resolve_attribute
from rxgraph.compile.mutations import mutation_fields
from rxgraph.compile.object_types import object_types
from rxgraph.compile.resolvers import Resolvers
from rxgraph.compile.scalars import SCALAR_MAP, Cursor
from rxgraph.compile.sdl import sort_document
from rxgraph.compile.signing import AnyInfo, channel_values, sign
from rxgraph.compile.walk import type_name
from rxgraph.declare.arguments import Argument
from rxgraph.declare.operations import Operation
from rxgraph.declare.problems import raise_errors
from rxgraph.errors import DeclarationError
from rxgraph.types import TypeName


def build_schema(
    compiled: Sequence[CompiledChannel],
    resolvers: Resolvers,
    *,
    extensions: Iterable[Any] = (),
    schema_class: type[strawberry.Schema] = strawberry.Schema,
    **options: Any,
) -> strawberry.Schema:
    """Return the schema of all *compiled* channels.

    *extensions* and *options* go to *schema_class* (``execution_context_class`` and the like).

    Raises:
        DeclarationError: there is no channel, or two of them claim one name.
    """
    raise_errors(schema_problems(compiled))
    if not compiled:
        raise DeclarationError(
            "The schema",
            "has no channel to serve",
            "declare a ContextChannel in channels.py of an installed app",
        )
    layers = object_types([item.tree for item in compiled], writable_types(compiled))
    channels = {item: channel_type(item, layers) for item in compiled}
    query = _root_type(
        "Query",
        {item.names.field: _query_field(item, channels[item], resolvers) for item in compiled},
    )
    changes = {item: changes_type(item, layers) for item in compiled}
    events = {item: event_type(item, changes[item], channels[item], query) for item in compiled}
    subscription = _root_type(
        "Subscription",
        {item.names.field: _subscription_field(item, events[item], resolvers) for item in compiled},
    )
    mutations = mutation_fields(compiled, layers, changes, resolvers)
    return schema_class(
        query=query,
        mutation=_root_type("Mutation", mutations) if mutations else None,
        subscription=subscription,
        extensions=list(extensions),
        config=StrawberryConfig(scalar_map=SCALAR_MAP, default_resolver=resolve_attribute),
        **options,
    )


def print_schema(schema: strawberry.Schema) -> str:
    """Return the SDL of *schema*, sorted: the same text wherever and whenever it is printed."""
    return print_ast(sort_document(parse(schema.as_str()))) + "\n"


def writable_types(compiled: Iterable[CompiledChannel]) -> dict[TypeName, frozenset[Operation]]:
    """Return type name → the operations that any of the channels grants."""
    found: dict[TypeName, frozenset[Operation]] = {}
    for item in compiled:
        for serializer, operations in item.channel.options.writable.items():
            name = type_name(serializer)
            found[name] = found.get(name, frozenset()) | operations
    return found


def _root_type(name: str, fields: Mapping[str, Any]) -> type[Any]:
    return strawberry.type(type(name, (), dict(fields)), name=name)


def _query_field(item: CompiledChannel, returns: type[Any], resolvers: Resolvers) -> Any:
    def resolve(root: Any, info: AnyInfo, **given: object) -> object:
        arguments = channel_values(item.arguments, given)
        if root is not None and hasattr(root, "resolve_channel"):
            return root.resolve_channel(item, arguments)
        return resolvers.query(info, item, arguments)

    sign(resolve, item.arguments, returns, root=True)
    return strawberry.field(
        resolver=resolve,
        name=item.names.field,
        description=f"One read of the state of {item.names.channel}.",
    )


def _subscription_field(item: CompiledChannel, event: type[Any], resolvers: Resolvers) -> Any:
    async def subscribe(info: AnyInfo, **given: Any) -> AsyncGenerator[object, None]:
        after = given.pop("after", None)
        arguments = channel_values(item.arguments, given)
        # Awaited here, outside the generator: an error comes before the first event.
        return await resolvers.subscribe(
            info, item, arguments, after if isinstance(after, str) else None
        )

    after = Argument("after", "after", Optional[Cursor], has_default=True)  # noqa: UP045
    sign(subscribe, item.arguments, AsyncGenerator[event, None], own=[after])  # type: ignore[valid-type]
    return strawberry.subscription(
        resolver=subscribe,
        name=item.names.field,
        description=f"The state of {item.names.channel}, then every committed change.",
    )


__all__ = ["AnyInfo", "Resolvers", "build_schema", "print_schema", "writable_types"]
