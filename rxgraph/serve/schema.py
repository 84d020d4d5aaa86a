"""The one schema of all declared channels, built on first use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Any

import strawberry
from django.conf import settings as django_settings
from graphql import (
    DocumentNode,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    parse,
)
from strawberry.extensions import SchemaExtension

from rxgraph.compile.channel import CompiledChannel, served_channels
from rxgraph.compile.schema import Resolvers, build_schema
from rxgraph.counters import OPERATIONS
from rxgraph.serve.errors import to_graphql_error
from rxgraph.serve.executing import Executor
from rxgraph.serve.plans import give_plans
from rxgraph.serve.resolvers import ChannelResolvers
from rxgraph.settings import get_settings

_DOCUMENTS = 512


class ChannelSchema(strawberry.Schema):
    """A schema whose errors are all made fit for clients."""

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """Replace every error by what the client may see; log what it may not."""
        errors[:] = [to_graphql_error(error) for error in errors]


class Documents(SchemaExtension):
    """Parse and validate a document once, however many clients send it."""

    def on_parse(self) -> Iterator[None]:
        """Take the parsed document where it is known; errors are left to the stock parser."""
        context = self.execution_context
        if context.query:
            try:
                context.graphql_document = _parse(context.query)
            except GraphQLError:
                context.graphql_document = None
        yield

    def on_validate(self) -> Iterator[None]:
        """Skip validation where this document was valid before."""
        context = self.execution_context
        if context._provided_operation_name is None and _has_choice(context.graphql_document):
            # Strawberry would take the first (GraphQL spec §6.1, GetOperation).
            context.pre_execution_errors = [
                GraphQLError("The document has several operations; name one in operationName")
            ]
        OPERATIONS.add(context.operation_type.value.lower())
        if not may_explore():
            context.validation_rules += (NoSchemaIntrospectionCustomRule,)
        valid = _valid_documents(context.schema)
        key = (context.query, may_explore())
        if key in valid:
            context.validation_rules = ()
        yield
        if context.pre_execution_errors == []:
            if len(valid) >= _DOCUMENTS:
                valid.clear()
            valid.add(key)


@lru_cache(maxsize=_DOCUMENTS)
def _parse(query: str) -> DocumentNode:
    return parse(query)


def _has_choice(document: DocumentNode | None) -> bool:
    """True where a document has more than one operation."""
    nodes = document.definitions if document is not None else ()
    return sum(isinstance(node, OperationDefinitionNode) for node in nodes) > 1


def _valid_documents(schema: Any) -> set[tuple[str | None, bool]]:
    found = vars(schema).setdefault("rxgraph_valid_documents", set())
    assert isinstance(found, set)
    return found


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
        extensions=[Documents],
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
