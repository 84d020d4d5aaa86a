"""Compile channels into one Strawberry schema; what the fields answer is supplied by serve.

A query field whose root value has ``resolve_channel`` is answered by it: that is how the ``query``
field of an event reads the very state the event is about.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Optional, Protocol

import strawberry
from graphql import parse, print_ast
from strawberry.schema.config import StrawberryConfig
from strawberry.types import Info

from rxgraph.compile.channel import CompiledChannel, is_served
from rxgraph.compile.channel_types import channel_type, event_type
from rxgraph.compile.collisions import schema_problems
from rxgraph.compile.graphql_types import resolve_attribute
from rxgraph.compile.object_types import object_types
from rxgraph.compile.scalars import SCALAR_MAP, Cursor
from rxgraph.compile.sdl import sort_document
from rxgraph.compile.walk import type_name
from rxgraph.declare.arguments import Argument
from rxgraph.declare.operations import Operation
from rxgraph.declare.problems import raise_errors
from rxgraph.errors import DeclarationError
from rxgraph.types import TypeName

AnyInfo = Info[Any, Any]


class Resolvers(Protocol):
    """What the fields of a schema answer.

    ``arguments`` are all arguments of the channel by their Python names, defaults filled in.
    """

    async def query(
        self, info: AnyInfo, compiled: CompiledChannel, arguments: dict[str, object]
    ) -> object:
        """Return the source of the channel's entity type."""

    async def subscribe(
        self,
        info: AnyInfo,
        compiled: CompiledChannel,
        arguments: dict[str, object],
        after: str | None,
    ) -> AsyncGenerator[object, None]:
        """Return the stream of event sources.

        What this coroutine raises is a GraphQL error before the first event.
        """


def build_schema(
    compiled: Sequence[CompiledChannel],
    resolvers: Resolvers,
    *,
    extensions: Iterable[Any] = (),
    schema_class: type[strawberry.Schema] = strawberry.Schema,
    **options: Any,
) -> strawberry.Schema:
    """Return the schema of all *compiled* channels; list channels are left out for now.

    *extensions* and *options* go to *schema_class* (``execution_context_class`` and the like).

    Raises:
        DeclarationError: there is no channel, or two of them claim one name.
    """
    raise_errors(schema_problems(compiled))
    # List channels come with a later release: their types compile, their fields are not served.
    served = [item for item in compiled if is_served(item)]
    if not served:
        raise DeclarationError(
            "The schema",
            "has no channel to serve",
            "declare a ContextChannel in channels.py of an installed app",
        )
    layers = object_types([item.tree for item in served], writable_types(served))
    channels = {item: channel_type(item, layers) for item in served}
    query = _root_type(
        "Query",
        {item.names.field: _query_field(item, channels[item], resolvers) for item in served},
    )
    events = {item: event_type(item, layers, channels[item], query) for item in served}
    subscription = _root_type(
        "Subscription",
        {item.names.field: _subscription_field(item, events[item], resolvers) for item in served},
    )
    return schema_class(
        query=query,
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
        arguments = _arguments(item, given)
        if root is not None and hasattr(root, "resolve_channel"):
            return root.resolve_channel(item, arguments)
        return resolvers.query(info, item, arguments)

    _sign(resolve, item.arguments, returns, root=True)
    return strawberry.field(
        resolver=resolve,
        name=item.names.field,
        description=f"One read of the state of {item.names.channel}.",
    )


def _subscription_field(item: CompiledChannel, event: type[Any], resolvers: Resolvers) -> Any:
    async def subscribe(info: AnyInfo, **given: Any) -> AsyncGenerator[object, None]:
        after = given.pop("after", None)
        # Awaited here, outside the generator: an error comes before the first event.
        return await resolvers.subscribe(
            info, item, _arguments(item, given), after if isinstance(after, str) else None
        )

    after = Argument("after", "after", Optional[Cursor], has_default=True)  # noqa: UP045
    _sign(subscribe, (*item.arguments, after), AsyncGenerator[event, None])  # type: ignore[valid-type]
    return strawberry.subscription(
        resolver=subscribe,
        name=item.names.field,
        description=f"The state of {item.names.channel}, then every committed change.",
    )


def _sign(
    function: Callable[..., Any],
    arguments: Sequence[Argument],
    returns: Any,
    *,
    root: bool = False,
) -> None:
    """Give *function* the signature that Strawberry reads the arguments from."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter("info", keyword, annotation=Info)]
    if root:
        parameters.insert(0, inspect.Parameter("root", keyword))
    for argument in arguments:
        parameters.append(
            inspect.Parameter(
                _parameter(argument),
                keyword,
                default=_default(argument),
                annotation=Annotated[
                    argument.annotation,
                    strawberry.argument(
                        name=argument.graphql_name, description=argument.description
                    ),
                ],
            )
        )
    function.__signature__ = inspect.Signature(parameters, return_annotation=returns)  # type: ignore[attr-defined]


def _parameter(argument: Argument) -> str:
    return "after" if argument.name == "after" else f"argument_{argument.name}"


def _default(argument: Argument) -> Any:
    if not argument.has_default:
        return inspect.Parameter.empty
    return strawberry.UNSET if argument.default is None else argument.default


def _arguments(item: CompiledChannel, given: Mapping[str, object]) -> dict[str, object]:
    found: dict[str, object] = {}
    for argument in item.arguments:
        value = given.get(_parameter(argument), strawberry.UNSET)
        found[argument.name] = argument.default if value is strawberry.UNSET else value
    return found
