"""The schema that channels compile to: its SDL, and how its fields are answered."""

from __future__ import annotations

import enum
import itertools
from pathlib import Path
from typing import Any

import pytest
import strawberry
from graphql import build_schema as parse_sdl
from strawberry.types.execution import ExecutionResult, PreExecutionError

from rxgraph.actions import BigInt
from rxgraph.channels import ContextChannel
from rxgraph.compile.channel import (
    CompiledChannel,
    compile_channel,
    compiled_channels,
)
from rxgraph.compile.schema import build_schema, print_schema
from rxgraph.compile.service import Unserved
from rxgraph.declare import registry
from rxgraph.errors import DeclarationError, NotFound
from rxgraph.operations import CREATE, DELETE, SAVE
from rxgraph.types import RemovalReason
from tests.compile.answering import Recorder, Source
from tests.torture.channels import AlbumChannel, AlbumListChannel, Shelf
from tests.torture.serializers import GenreSerializer, TrackSerializer

GOLDEN = Path(__file__).with_name("torture.graphql")


class QueryOf:
    """The root of an event's ``query`` field."""

    def resolve_channel(self, compiled: CompiledChannel, arguments: dict[str, object]) -> object:
        return Source(id=f"{compiled.names.channel}:{arguments['album_id']}", cursor="c1")


ALBUM = Source(
    id="7",
    title="Blue",
    format="7-inch",
    condition="",
    rating=3,
    plays="9007199254740993",
    price="12.50",
    released="1971-06-22",
    bought_at="2026-01-31T12:00:00Z",
    moods=["calm", "loud"],
    extra={"a": [1, None]},
    words=["x"],
)


def schema(resolvers: Any = None) -> strawberry.Schema:
    return build_schema([compile_channel(AlbumChannel)], resolvers or Recorder(state=ALBUM))


def test_the_golden_sdl() -> None:
    """Written by: DJANGO_SETTINGS_MODULE=tests.settings manage.py export_sdl --output FILE."""
    assert print_schema(schema()) == GOLDEN.read_text()


def test_the_sdl_is_valid_and_says_what_the_design_promises() -> None:
    parsed = parse_sdl(GOLDEN.read_text())
    assert parsed.query_type
    text = GOLDEN.read_text()
    assert "album(albumId: Int!, shelf: Shelf! = FRONT): AlbumChannel!" in text
    assert "album(after: Cursor, albumId: Int!, shelf: Shelf! = FRONT): AlbumChannelEvent!" in text
    assert 'parentRelations: ["Album.longTracks", "Album.tracks"]' in text
    assert "writable: [SAVE, CREATE, DELETE]" in text or "writable: [CREATE, DELETE, SAVE]" in text


def test_list_channels_are_served_with_a_list_as_their_state() -> None:
    compiled = compile_channel(AlbumListChannel)
    assert compiled.tree.many
    assert compiled.names.field == "albumList"
    served = build_schema([compiled], Recorder()).as_str()
    assert "type AlbumListChannel" in served
    assert "albumList(search: String): AlbumListChannel!" in served
    assert "albumList(search: String, after: Cursor): AlbumListChannelEvent!" in served
    assert compiled in compiled_channels()


def test_a_channel_is_compiled_once() -> None:
    assert compile_channel(AlbumChannel) is compile_channel(AlbumChannel)


def test_the_types_of_a_list_channel_hold_a_list() -> None:
    from rxgraph.compile.channel_types import channel_type
    from rxgraph.compile.object_types import object_types

    compiled = compile_channel(AlbumListChannel)
    made = channel_type(compiled, object_types([compiled.tree], {}))
    types = strawberry.Schema(
        query=strawberry.type(type("Query", (), {"__annotations__": {"list": made}})),
        config=schema().config,
    )
    assert "state: [Album!]!" in types.as_str()


def test_a_schema_without_channels_says_what_to_declare() -> None:
    with pytest.raises(DeclarationError, match="declare a ContextChannel"):
        build_schema([], Recorder())


def test_the_order_of_channels_does_not_change_the_sdl() -> None:
    writable = {GenreSerializer: [SAVE, CREATE, DELETE]}
    with registry.isolated():
        channels = [
            type(
                f"{name}Channel",
                (ContextChannel,),
                {"Meta": type("Meta", (), {"state": serializer(), "writable": writable})},
            )
            for name, serializer in [("Genre", GenreSerializer), ("Track", TrackSerializer)]
        ]
        compiled = [compile_channel(channel) for channel in channels]
    texts = {
        print_schema(build_schema(order, Unserved())) for order in itertools.permutations(compiled)
    }
    assert len(texts) == 1
    (text,) = texts
    assert text.count("type Genre ") == text.count("input GenreCreateInput ") == 1
    assert "genreCreateGenre" in text
    assert "trackCreateGenre" in text


async def test_a_query_is_answered_with_values_as_they_are_stored() -> None:
    resolvers = Recorder(state=ALBUM)
    result = await schema(resolvers).execute(
        """{ album(albumId: 7) { id cursor state { id title format condition rating plays price
        released boughtAt moods extra words untyped } } }"""
    )
    assert isinstance(result, ExecutionResult)
    assert result.errors is None
    assert result.data == {
        "album": {
            "id": "c",
            "cursor": "1",
            "state": {
                "id": "7",
                "title": "Blue",
                "format": "VALUE_7_INCH",
                "condition": "BLANK",
                "rating": "GREAT",
                "plays": "9007199254740993",
                "price": "12.50",
                "released": "1971-06-22",
                "boughtAt": "2026-01-31T12:00:00Z",
                "moods": ["CALM", "LOUD"],
                "extra": {"a": [1, None]},
                "words": ["x"],
                "untyped": None,
            },
        }
    }
    assert resolvers.asked == [(AlbumChannel.name, {"album_id": 7, "shelf": Shelf.FRONT})]


EVENT = """
subscription ($id: Int!, $after: Cursor) { album(albumId: $id, after: $after, shelf: BACK) {
  __typename kind cursor session resetReason clientMutationIds runtime { listeners nowPlaying }
  query { album(albumId: $id) { __typename id } } channel { id state { id } }
  changed { albums { id title } tracks { id } } removed { typename nodeId reason }
  notifications { data } } }
"""

FIRST = Source(
    kind="SNAPSHOT",
    cursor="1",
    session="s",
    query=QueryOf(),
    channel=Source(id="c", state=Source(id="7")),
    changed=Source(albums=[Source(id="7", title="Blue")], tracks=[]),
    removed=[Source(typename="Track", node_id="3", reason=RemovalReason.LEFT)],
    notifications=[Source(data={"any": 1})],
    client_mutation_ids=["m1"],
    runtime=Source(listeners=2, now_playing=None),
)
SECOND = Source(
    kind="RESET",
    cursor="2",
    session="s",
    changed=Source(albums=[], tracks=[]),
    removed=[],
    notifications=[],
    client_mutation_ids=[],
    reset_reason="CACHE_CLEARED",
    runtime=Source(),
)


@pytest.mark.parametrize("method", ["subscribe", "stream"])
async def test_a_subscription_yields_events(method: str) -> None:
    resolvers = Recorder(FIRST, SECOND)
    built = schema(resolvers)
    run = getattr(built, method)
    results = [result async for result in await run(EVENT, variable_values={"id": 7, "after": "0"})]
    assert [result.errors for result in results] == [None, None]
    first, second = (result.data["album"] for result in results)
    assert first["kind"] == "SNAPSHOT"
    assert first["query"] == {"album": {"__typename": "AlbumChannel", "id": "AlbumChannel:7"}}
    assert first["channel"] == {"id": "c", "state": {"id": "7"}}
    assert first["changed"] == {"albums": [{"id": "7", "title": "Blue"}], "tracks": []}
    assert first["removed"] == [{"typename": "Track", "nodeId": "3", "reason": "LEFT"}]
    assert first["notifications"] == [{"data": {"any": 1}}]
    assert first["clientMutationIds"] == ["m1"]
    assert first["runtime"] == {"listeners": 2, "nowPlaying": None}
    assert (second["resetReason"], second["query"], second["channel"]) == (
        "CACHE_CLEARED",
        None,
        None,
    )
    assert resolvers.asked == [(AlbumChannel.name, {"album_id": 7, "shelf": Shelf.BACK}, "0")]


@pytest.mark.parametrize("method", ["subscribe", "stream"])
async def test_what_the_coroutine_raises_is_an_error_before_the_first_event(method: str) -> None:
    built = schema()
    results = [
        result async for result in await getattr(built, method)(EVENT, variable_values={"id": 404})
    ]
    (result,) = results
    assert isinstance(result, PreExecutionError)
    assert result.errors is not None
    (error,) = result.errors
    assert isinstance(error.original_error, NotFound)


async def test_a_subscription_without_a_cursor_starts_afresh() -> None:
    resolvers = Recorder()
    query = "subscription { album(albumId: 1) { kind } }"
    assert [r async for r in await schema(resolvers).subscribe(query)] == []
    assert resolvers.asked[0][2] is None


@pytest.mark.parametrize(
    "query",
    [
        '{ album(albumId: "x") { id } }',
        "{ album(albumId: 99999999999) { id } }",
        "{ album(albumId: 1, shelf: NOWHERE) { id } }",
        "{ album { id } }",
        "{ album(albumId: 1) { nothing } }",
        "{ nothing }",
    ],
)
async def test_wrong_queries_are_errors_and_reach_no_resolver(query: str) -> None:
    resolvers = Recorder()
    result = await schema(resolvers).execute(query)
    assert isinstance(result, (ExecutionResult, PreExecutionError))
    assert result.errors
    assert resolvers.asked == []


async def test_optional_arguments_that_are_left_out_have_their_defaults() -> None:
    class Mood(enum.Enum):
        CALM = 1

    def has_permission(
        user: Any, search: str | None = None, mood: Mood | None = None, limit: int = 5
    ) -> bool:
        return True

    has_permission.__annotations__["mood"] = Mood | None
    meta = type("Meta", (), {"state": GenreSerializer()})
    with registry.isolated():
        channel = type(
            "GenreChannel",
            (ContextChannel,),
            {
                "Meta": meta,
                "has_permission": staticmethod(has_permission),
                "get_instance_id": lambda self: 1,
            },
        )
        compiled = compile_channel(channel)
    resolvers = Recorder()
    built = build_schema([compiled], resolvers)
    assert "genre(limit: Int! = 5, mood: Mood, search: String): GenreChannel!" in print_schema(
        built
    )
    await built.execute("{ a: genre { id } b: genre(search: null, mood: CALM, limit: 1) { id } }")
    assert [arguments for _, arguments in resolvers.asked] == [
        {"search": None, "mood": None, "limit": 5},
        {"search": None, "mood": Mood.CALM, "limit": 1},
    ]


async def test_a_key_beyond_32_bits_is_a_big_int() -> None:
    def has_permission(user: Any, genre_id: BigInt, since: BigInt | None = None) -> bool:
        return True

    meta = type("Meta", (), {"state": GenreSerializer()})
    members = {"Meta": meta, "has_permission": staticmethod(has_permission)}
    with registry.isolated():
        compiled = compile_channel(type("GenreChannel", (ContextChannel,), members))
    resolvers = Recorder()
    built = build_schema([compiled], resolvers)
    assert "genre(genreId: BigInt!, since: BigInt): GenreChannel!" in print_schema(built)
    await built.execute('{ a: genre(genreId: "8589934592") { id } b: genre(genreId: 7) { id } }')
    assert [arguments["genre_id"] for _, arguments in resolvers.asked] == [2**33, 7]
