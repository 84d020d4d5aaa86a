"""Documents of mutations: valid against their schema, and complete."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import (
    FieldNode,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    parse,
    validate,
    visit,
)

from channels_app.channels import ProjectChannel
from rxgraph.compile import naming
from rxgraph.compile.channel import compile_channel
from rxgraph.serve.schema import make_schema
from rxgraph.testing import mutation_for
from rxgraph.testing.positions import position_of
from tests.torture.channels import AlbumChannel

CHANNELS = [compile_channel(ProjectChannel), compile_channel(AlbumChannel)]
SCHEMAS = [make_schema([compiled]) for compiled in CHANNELS]
MUTATIONS = [
    pytest.param(served, name, id=name)
    for served in SCHEMAS
    for name in served._schema.mutation_type.fields  # type: ignore[union-attr]
]
BOARD = SCHEMAS[0]


def selected(schema: GraphQLSchema, text: str) -> dict[str, set[str]]:
    """Return the fields that a document selects, by type."""
    info, found = TypeInfo(schema), dict[str, set[str]]()

    class Collect(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            parent = info.get_parent_type()
            assert parent is not None
            found.setdefault(parent.name, set()).add(node.name.value)

    visit(parse(text), TypeInfoVisitor(info, Collect()))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("served", "name"), MUTATIONS)
def test_documents_are_valid_from_whatever_they_are_written(served, name):
    text = mutation_for(served, name)
    assert validate(served._schema, parse(text)) == []
    assert mutation_for(served._schema, name) == text
    assert mutation_for(CHANNELS[SCHEMAS.index(served)], name) == text
    from_sdl = mutation_for(served.as_str(), name)
    assert sorted(from_sdl.split()) == sorted(text.split())


WRITES = [
    pytest.param(served, name, id=name)
    for served, compiled in zip(SCHEMAS, CHANNELS, strict=True)
    for name in (
        *(spec.field_name for spec in compiled.writes),
        naming.batch_field(compiled.names.field),
    )
]


@pytest.mark.parametrize(("served", "name"), WRITES)
def test_they_select_the_whole_payload(served, name):
    schema: Any = served._schema
    found = selected(schema, mutation_for(served, name))
    payload = schema.mutation_type.fields[name].type.of_type
    assert set(payload.fields) <= found[payload.name]
    compiled = CHANNELS[SCHEMAS.index(served)]
    for typename in (*compiled.tree.layers, compiled.names.changes, "OperationMessage"):
        assert set(schema.type_map[typename].fields) <= found[typename]


def test_relations_are_ids():
    text = mutation_for(BOARD, "projectSaveTask")
    assert "comments { __typename id }" in text


def test_a_mutation_that_answers_a_value_selects_nothing():
    sdl = "type Query { a: Int } type Mutation { rename(to: String!): Boolean! go: Int }"
    assert mutation_for(sdl, "rename") == (
        "mutation Rename($to: String!) {\n  rename(to: $to)\n}\n"
    )
    assert mutation_for(sdl, "go") == "mutation Go {\n  go\n}\n"


def test_a_mutation_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="projectDeleteProject is none of the mutations projectS"):
        mutation_for(BOARD, "projectDeleteProject")
    with pytest.raises(ValueError, match=r"a is none of the mutations \(there are none\)"):
        mutation_for("type Query { a: Int }", "a")


def test_positions_grow_with_the_stream():
    from rxgraph.serve.cursor import Cursor, encode
    from rxgraph.types import AnchorKey

    def cursor(generation: int, position: int) -> str:
        key = AnchorKey("board.ProjectChannel", "1")
        return encode(key, Cursor(generation, position, bytes(4), bytes(8), bytes(8), 1, 2))

    places = [cursor(1, 7), cursor(1, 8), cursor(2, 1)]
    assert [*map(position_of, places)] == sorted(map(position_of, places)) == [
        (1, 7), (1, 8), (2, 1),
    ]  # fmt: skip
