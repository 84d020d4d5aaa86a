"""The one schema of all declared channels, built on first use.

What comes in passes here whichever transport brought it: how often its sender asks, how large his
document is, and whether it may be asked at all, before anything of it is parsed or executed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import strawberry
from django.conf import settings as django_settings
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode
from strawberry.extensions import SchemaExtension
from strawberry.types.execution import PreExecutionError

from rxgraph.compile.channel import CompiledChannel, served_channels
from rxgraph.compile.schema import Resolvers, build_schema
from rxgraph.counters import OPERATIONS
from rxgraph.errors import RequestError
from rxgraph.serve.documents import Known, documents_of, read
from rxgraph.serve.errors import to_graphql_error
from rxgraph.serve.executing import Executor
from rxgraph.serve.limits.guard import guard
from rxgraph.serve.limits.measures import is_longer
from rxgraph.serve.plans import give_plans
from rxgraph.serve.resolvers import ChannelResolvers
from rxgraph.settings import RxGraphSettings, get_settings

_LONG = 2048  # characters of a document that takes some milliseconds
#: Reads long documents, one after the other: what strangers send has one thread, and no more.
_reader = ThreadPoolExecutor(1, thread_name_prefix="rxgraph documents")
_SUGGESTION = re.compile(r" Did you mean [^\n]*\?(?=$|\n)")


class ChannelSchema(strawberry.Schema):
    """A schema that keeps limits, and whose errors are all made fit for clients."""

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """Replace every error by what the client may see; log what it may not."""
        found = [to_graphql_error(error) for error in errors]
        errors[:] = found if may_explore() else [_without_suggestion(error) for error in found]

    async def execute(self, query: str | None, *args: Any, **options: Any) -> Any:
        """Run one operation, where its sender may have it."""
        refusal = await self._refusal(query, args, options)
        if refusal is not None:
            return refusal
        return await super().execute(query, *args, **options)

    async def stream(self, query: str | None, *args: Any, **options: Any) -> Any:
        """Run one operation result by result, where its sender may have it."""
        refusal = await self._refusal(query, args, options)
        if refusal is not None:
            return _only(refusal)
        return await super().stream(query, *args, **options)

    async def _refusal(
        self, query: str | None, args: Sequence[Any], options: Mapping[str, Any]
    ) -> PreExecutionError | None:
        """Return why *query* is not even looked at; None: it is a document within the limits."""
        context = args[1] if len(args) > 1 else options.get("context_value")
        if not query:
            return None
        settings, documents = get_settings(), documents_of(self)
        try:
            is_new = documents.get(query, settings) is None
            most = settings.document_bytes
            is_read = is_new and (most is None or not is_longer(query, most))
            await guard().begin(context, len(query) if is_read else 0)
            if is_new:
                documents.keep(query, await self._read(query, settings))
        except (GraphQLError, RequestError) as error:
            return PreExecutionError(data=None, errors=[to_graphql_error(error)])
        return None

    async def _read(self, query: str, settings: RxGraphSettings) -> Known:
        """Parse a document, and validate it where that takes long: then on a thread.

        The interpreter gives others their turn every few milliseconds there; on the event loop
        everybody would wait until it is done.
        """
        if len(query) < _LONG:
            return read(query, settings)
        loop, explores = asyncio.get_running_loop(), may_explore()

        def work() -> Known:
            known = read(query, settings)
            known.validate(self._schema, may_explore=explores)
            return known

        return await loop.run_in_executor(_reader, work)


async def _only(result: PreExecutionError) -> AsyncGenerator[PreExecutionError, None]:
    yield result


def _without_suggestion(error: GraphQLError) -> GraphQLError:
    message = _SUGGESTION.sub("", error.message)
    if message != error.message:
        error.message = message
    return error


class KnownDocuments(SchemaExtension):
    """Take documents as they were parsed and validated before."""

    def on_parse(self) -> Iterator[None]:
        """Take the parsed document where it is known; errors are left to the stock parser."""
        context = self.execution_context
        if context.query:
            known = documents_of(context.schema).get(context.query)
            context.graphql_document = None if known is None else known.document
        yield

    def on_validate(self) -> Iterator[None]:
        """Validate a document once."""
        context = self.execution_context
        if context._provided_operation_name is None and _has_choice(context.graphql_document):
            # Strawberry would take the first (GraphQL spec §6.1, GetOperation).
            context.pre_execution_errors = [
                GraphQLError("The document has several operations; name one in operationName")
            ]
        OPERATIONS.add(context.operation_type.value.lower())
        known = documents_of(context.schema).get(context.query or "")
        if known is not None and context.pre_execution_errors is None:
            found = known.validate(context.schema._schema, may_explore=may_explore())
            context.pre_execution_errors = list(found)
        yield


def _has_choice(document: DocumentNode | None) -> bool:
    """True where a document has more than one operation."""
    nodes = document.definitions if document is not None else ()
    return sum(isinstance(node, OperationDefinitionNode) for node in nodes) > 1


def may_explore() -> bool:
    """True when introspection and the page for people are served."""
    explore = get_settings().explore
    return bool(django_settings.DEBUG) if explore is None else explore


def make_schema(
    compiled: Sequence[CompiledChannel], resolvers: Resolvers | None = None
) -> strawberry.Schema:
    """Return the schema of *compiled*, as it is served.

    Raises:
        DeclarationError: there is nothing to serve, or two channels claim one name.
    """
    schema = build_schema(
        compiled,
        ChannelResolvers() if resolvers is None else resolvers,
        extensions=[KnownDocuments],
        schema_class=ChannelSchema,
        execution_context_class=Executor,
    )
    give_plans(schema._schema, compiled)
    return schema


@cache
def get_schema() -> strawberry.Schema:
    """Return the schema of every declared channel; the same object every time.

    Raises:
        DeclarationError: a channel is declared wrongly, or there is none.
    """
    return make_schema(served_channels())
