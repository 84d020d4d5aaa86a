"""The documents of a schema: valid, complete, each name once, the same every time."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    lexicographic_sort_schema,
    parse,
    print_ast,
    validate,
)

from channels_app.channels import ProjectChannel
from rxgraph.compile.channel import compile_channel
from rxgraph.compile.documents import HEADER, SHARED_FILE, document_files, read_channels
from rxgraph.compile.schema import build_schema as compile_schema
from rxgraph.compile.service import Unserved
from tests.torture.channels import AlbumChannel, AlbumListChannel

NAMES = Path(__file__).parents[1] / "management" / "names.graphql"


def compiled_schema(*channels: Any) -> GraphQLSchema:
    return compile_schema([compile_channel(channel) for channel in channels], Unserved())._schema


SCHEMAS = {
    "board": compiled_schema(ProjectChannel),
    "torture": compiled_schema(AlbumChannel),
    "both": compiled_schema(ProjectChannel, AlbumChannel),
    "lists": compiled_schema(AlbumChannel, AlbumListChannel),
    "names": build_schema(NAMES.read_text()),
}


def named(files: dict[str, str]) -> dict[str, Any]:
    """Return name → definition of all files."""
    definitions: list[Any] = [node for text in files.values() for node in parse(text).definitions]
    counts = Counter(node.name.value for node in definitions)
    assert counts.most_common(1)[0][1] == 1, counts
    return {node.name.value: node for node in definitions}


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=list(SCHEMAS))
def test_all_documents_of_a_schema_are_valid_together_and_no_name_is_given_twice(schema):
    files = document_files(schema)
    assert validate(schema, parse("\n".join(files.values()))) == []
    named(files)
    assert all(text.startswith(HEADER) for text in files.values())
    assert files == document_files(schema)


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=list(SCHEMAS))
def test_every_channel_has_its_operations_and_every_mutation_its_document(schema):
    files = document_files(schema)
    asked = Counter(
        (node.operation.value, field.name.value)
        for node in named(files).values()
        if isinstance(node, OperationDefinitionNode)
        and isinstance(field := node.selection_set.selections[0], FieldNode)
    )
    wanted = {
        (kind, field) for kind in ("query", "subscription") for field in read_channels(schema)
    }
    wanted |= {("mutation", name) for name in (schema.mutation_type.fields)}
    assert asked == Counter(wanted)


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=list(SCHEMAS))
def test_every_layer_has_three_fragments(schema):
    found = {
        name
        for name, node in named(document_files(schema)).items()
        if isinstance(node, FragmentDefinitionNode)
    }
    layers = {name for channel in read_channels(schema).values() for name in channel.layers}
    assert found == {f"{name}{kind}" for name in layers for kind in ("Fields", "Row", "Tree")}


def test_the_documents_of_the_board_are_those_of_the_design():
    found = {k: print_ast(v) for k, v in named(document_files(SCHEMAS["board"])).items()}
    text = " ".join(" ".join(found.values()).split())
    for part in (
        "query Project($projectId: Int!) { project(projectId: $projectId) "
        "{ __typename id cursor state { ...ProjectTree } } }",
        "subscription ProjectLive($projectId: Int!, $after: Cursor) "
        "{ project(projectId: $projectId, after: $after) "
        "{ __typename kind cursor session resetReason clientMutationIds "
        "runtime { viewers } "
        "query { project(projectId: $projectId) { __typename id } } "
        "channel { __typename id cursor state { __typename id } } changed {",
        "tasks { ...TaskRow }",
        "removed { typename nodeId reason } notifications { data } } }",
        "fragment ChecklistItemFields on ChecklistItem { __typename id text done position }",
    ):
        assert part in text
    row = " ".join(found["TaskRow"].split())
    assert row.startswith("fragment TaskRow on Task { ...TaskFields ")
    assert "assignee { __typename id }" in row
    assert "comments { __typename id }" in row
    tree = " ".join(found["TaskTree"].split())
    assert "assignee { ...UserTree }" in tree
    assert "comments { ...CommentTree }" in tree


def test_the_answer_of_a_write_has_the_instance_and_the_lists_that_can_hold_it():
    found = {k: print_ast(v) for k, v in named(document_files(SCHEMAS["board"])).items()}
    text = " ".join(found["ProjectCreateComment"].split())
    assert "comment { ...CommentRow } parents { tasks { ...TaskRow } } messages {" in text
    assert "parents" not in found["ProjectSaveProject"]
    assert "deletedId" in found["ProjectDeleteTask"]
    batch = " ".join(found["ProjectWrite"].split())
    assert "results { index typename nodeId deleted } changed { projects { ...ProjectRow }" in batch


def test_what_may_be_left_out_of_a_call_may_be_left_out_of_the_variables():
    found = {k: print_ast(v) for k, v in named(document_files(SCHEMAS["names"])).items()}
    assert found["Omit"].startswith(
        'query Omit($class: String = "first", $colour: HTTPColour = default,'
        ' $ids: [ID!]! = ["1"]) {'
    )
    assert "$shelf: Shelf! = FRONT" in document_files(SCHEMAS["torture"])["album.graphql"]


def test_layers_that_channels_share_stand_in_a_file_of_their_own():
    files = document_files(SCHEMAS["names"])
    assert list(files) == sorted(
        ["omit.graphql", "omitLive.graphql", "things.graphql", SHARED_FILE]
    )
    assert "fragment ThingTree" in files["things.graphql"]
    assert "fragment" not in files["omit.graphql"] + files["omitLive.graphql"]
    assert files[SHARED_FILE].count("fragment") == 9
    assert SHARED_FILE not in document_files(SCHEMAS["both"])


def test_a_list_channel_links_its_roots():
    files = document_files(SCHEMAS["lists"])
    assert list(files) == ["album.graphql", "albumList.graphql", SHARED_FILE]
    assert "state { ...AlbumTree }" in " ".join(files["albumList.graphql"].split())
    text = document_files(SCHEMAS["names"])["things.graphql"]
    flat = " ".join(text.split())
    assert "channel { __typename id cursor state { __typename id } }" in flat
    assert "query { things(search: $search) { __typename id } }" in flat


def test_names_that_meet_are_told_apart():
    names = named(document_files(SCHEMAS["names"]))
    assert names["OmitLive"].operation.value == "subscription"
    assert names["OmitLiveQuery"].operation.value == "query"
    assert names["OmitLiveLive"].operation.value == "subscription"


def test_an_action_belongs_to_the_channel_that_it_names():
    channels = read_channels(SCHEMAS["names"])
    assert list(channels["omit"].actions) == ["omitLiveStop", "omitReset"]
    assert list(channels["omitLive"].actions) == ["omitLiveReset"]
    text = document_files(SCHEMAS["names"])["omit.graphql"]
    assert "mutation OmitReset($session: ID!, $why: String!, $note: JSON, $times: Int! = 3)" in text
    assert "omitLiveStop(session: $session) { at where { id shelf } }" in " ".join(text.split())


def test_without_directives_an_action_belongs_to_the_longest_name_that_fits():
    sdl = NAMES.read_text().replace("omitLiveStop", "omitStop")
    by_name = lexicographic_sort_schema(build_schema(sdl))
    assert by_name.mutation_type is not None
    for field in by_name.mutation_type.fields.values():
        field.ast_node = None
    channels = read_channels(by_name)
    assert list(channels["omit"].actions) == ["omitReset", "omitStop"]
    assert list(channels["omitLive"].actions) == ["omitLiveReset"]


def test_file_names_differ_where_case_does_not_count():
    sdl = """type Query { a: Int } type Subscription { thing: Event Thing: Event }
    type Event { channel: Channel changed: Changes query: Query } type Channel { state: Thing }
    type Changes { things: [Thing] } type Thing { id: ID! }"""
    assert list(document_files(build_schema(sdl))) == [
        "Thing.graphql", SHARED_FILE, "thing-2.graphql"
    ]  # fmt: skip
