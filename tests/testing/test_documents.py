"""Documents that write themselves: valid against their schema, and complete."""

from __future__ import annotations

import pytest
from graphql import (
    FieldNode,
    GraphQLObjectType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    parse,
    validate,
    visit,
)

from rxgraph.compile.channel import compile_channel
from rxgraph.serve.schema import make_schema
from rxgraph.testing import document_for, query_for
from tests.serve.shop import COMPILED
from tests.torture.channels import AlbumChannel

CHANNELS = [COMPILED, compile_channel(AlbumChannel)]


@pytest.mark.parametrize("compiled", CHANNELS, ids=lambda compiled: compiled.names.field)
@pytest.mark.parametrize("write", [document_for, query_for])
def test_documents_are_valid_from_whatever_they_are_written(compiled, write):
    schema = make_schema([compiled])
    text = write(compiled)
    assert validate(schema._schema, parse(text)) == []
    assert write(schema) == write(schema._schema, compiled.names.field) == text
    from_sdl = write(schema.as_str(), compiled.names.field)
    assert sorted(from_sdl.split()) == sorted(text.split())


@pytest.mark.parametrize("compiled", CHANNELS, ids=lambda compiled: compiled.names.field)
def test_the_subscription_selects_every_field_of_every_layer(compiled):
    schema = make_schema([compiled])._schema
    info = TypeInfo(schema)
    selected: dict[str, set[str]] = {}

    class Collect(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            parent = info.get_parent_type()
            assert parent is not None
            selected.setdefault(parent.name, set()).add(node.name.value)

    visit(parse(document_for(compiled)), TypeInfoVisitor(info, Collect()))
    for typename in compiled.tree.layers:
        layer = schema.type_map[typename]
        assert isinstance(layer, GraphQLObjectType)
        assert set(layer.fields) <= selected[typename]
    changes = schema.type_map[compiled.names.changes]
    assert isinstance(changes, GraphQLObjectType)
    assert {get_named_type(item.type).name for item in changes.fields.values()} == set(
        compiled.tree.layers
    )


def test_a_field_must_be_named_where_there_are_several():
    sdl = """type Query { a: Int } type Subscription { one: Event two: Event tick: Int }
    type Event { channel: Channel changed: Changes } type Channel { state: Thing }
    type Changes { things: [Thing] } type Thing { id: ID! }"""
    with pytest.raises(ValueError, match="Name one of one, two"):
        document_for(sdl)
    with pytest.raises(ValueError, match="nothing is none of one, two"):
        document_for(sdl, "nothing")
    with pytest.raises(ValueError, match="no subscription"):
        document_for("type Query { a: Int }")
