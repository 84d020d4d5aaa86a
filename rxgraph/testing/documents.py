"""Write the full documents of a channel, so that nobody writes them by hand.

From a compiled channel, a schema or its SDL; text out. The subscription selects every field of
every layer in ``changed``, which is what the promises of schema/PROTOCOL.md ask for, and a mutation
every field of its payload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import strawberry
from graphql import GraphQLSchema, build_schema

from rxgraph.compile.documents import (
    Relations,
    fragments,
    layers_of,
    mutation_text,
    query_text,
    read_channel,
    subscription_text,
)

if TYPE_CHECKING:  # a client with the SDL alone needs no Django
    from rxgraph.compile.channel import CompiledChannel

Source: TypeAlias = "CompiledChannel | strawberry.Schema | GraphQLSchema | str"


def document_for(source: Source, field: str | None = None) -> str:
    """Return the subscription document of a channel, with everything that it can tell.

    *source*: a compiled channel, a schema, or SDL. *field*: name of the subscription field
    (``"project"``); not needed where there is only one.

    Variables are the arguments of the field, ``after`` included.
    """
    channel = read_channel(*_schema(source, field))
    return _document(subscription_text(channel), *fragments(channel.layers, [Relations.ROW]))


def query_for(source: Source, field: str | None = None) -> str:
    """Return the query document of a channel: the whole nested state, read once."""
    channel = read_channel(*_schema(source, field))
    return _document(query_text(channel), *fragments(channel.layers, [Relations.TREE]))


def mutation_for(source: Source, field: str) -> str:
    """Return the document of one mutation, with everything that it can answer.

    *source*: a compiled channel, a schema, or SDL. *field*: ``"projectSaveTask"``. Instances come
    with all their own fields, relations as ids: what a normalised cache needs.

    Variables are the arguments of the field; those that are not given are left out of the request.
    """
    schema, _ = _schema(source, None)
    root = schema.mutation_type
    fields = {} if root is None else root.fields
    if field not in fields:
        raise ValueError(
            f"{field} is none of the mutations {', '.join(fields) or '(there are none)'}"
        )
    layers = layers_of(fields[field])
    text = mutation_text(field, fields[field], layers)
    return _document(text, *fragments(layers, [Relations.ROW]))


def _document(operation: str, *definitions: str) -> str:
    return "\n".join([operation, *(["", *definitions] if definitions else [])]) + "\n"


def _schema(source: Source, field: str | None) -> tuple[GraphQLSchema, str | None]:
    if isinstance(source, str):
        return build_schema(source), field
    if isinstance(source, GraphQLSchema):
        return source, field
    if isinstance(source, strawberry.Schema):
        return source._schema, field
    from rxgraph.serve.schema import make_schema

    return make_schema([source])._schema, field or source.names.field
