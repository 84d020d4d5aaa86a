"""Mutations: what reaches the resolver when a client writes, and what goes back."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any

import pytest
import strawberry
from strawberry.types.execution import ExecutionResult
from strawberry_django.fields.types import OperationMessage

from rxgraph.channels import ContextChannel
from rxgraph.compile.channel import CompiledChannel, compile_channel
from rxgraph.compile.schema import build_schema, print_schema
from rxgraph.compile.service import Unserved
from rxgraph.compile.writing import WriteRequest
from rxgraph.declare import registry
from rxgraph.errors import BackendError, BadRequest
from rxgraph.operations import CREATE, DELETE, SAVE
from tests.compile.answering import Recorder, Source, Write
from tests.torture.channels import AlbumChannel, Shelf
from tests.torture.serializers import (
    AlbumLinkSerializer,
    GenreSerializer,
    StickerSerializer,
    TrackSerializer,
)

HERE = {"album_id": 7, "shelf": Shelf.FRONT}


def schema(resolvers: Recorder) -> strawberry.Schema:
    return build_schema([compile_channel(AlbumChannel)], resolvers)


async def run(resolvers: Recorder, document: str, **variables: object) -> ExecutionResult:
    result = await schema(resolvers).execute(document, variable_values=variables)
    assert isinstance(result, ExecutionResult)
    return result


async def written(document: str, **variables: object) -> Write:
    """Run a mutation of one field; return what the resolver was asked."""
    resolvers = Recorder()
    result = await run(resolvers, document, **variables)
    assert result.errors is None, result.errors
    (write,) = resolvers.writes
    return write


async def refused(document: str, **variables: object) -> str:
    """Run a mutation that must not reach the resolver; return the message of the error."""
    resolvers = Recorder()
    result = await schema(resolvers).execute(document, variable_values=variables)
    assert resolvers.writes == []
    assert result.errors
    return result.errors[0].message


def compiled_of(state: Any, writable: Any, name: str = "Thing", **members: Any) -> CompiledChannel:
    with registry.isolated():
        meta = type("Meta", (), {"state": state, "writable": writable})
        channel = type(f"{name}Channel", (ContextChannel,), {"Meta": meta, **members})
        return compile_channel(channel)


async def test_a_save_says_what_was_set() -> None:
    write = await written(
        """mutation { albumSaveTrack(albumId: 7, shelf: BACK, id: 3, data: {title: "Carey"},
        expectedVersion: "c1", clientMutationId: "m1") { messages { message } } }"""
    )
    compiled = compile_channel(AlbumChannel)
    assert write == Write(
        compiled,
        {"album_id": 7, "shelf": Shelf.BACK},
        (
            WriteRequest(
                spec=compiled.write_spec("Track", SAVE),  # type: ignore[arg-type]
                id="3",
                data={"title": "Carey"},
                expected_version="c1",
            ),
        ),
        "m1",
        False,
    )


SAVE_ALBUM = """mutation ($data: AlbumSaveInput!) {
  albumSaveAlbum(albumId: 7, id: "7", data: $data) { messages { message } } }"""


async def test_unset_null_and_value_differ() -> None:
    data = {"isLive": None, "title": "Blue"}
    (request,) = (await written(SAVE_ALBUM, data=data)).requests
    assert request.data == {"is_live": None, "title": "Blue"}
    assert (request.expected_version, request.parent, request.parent_id) == (None, None, None)
    (request,) = (await written(SAVE_ALBUM, data={})).requests
    assert request.data == {}


async def test_null_for_what_cannot_be_null_is_left_to_the_serializer() -> None:
    """So it becomes a message with a field path, as every other validation error does."""
    (request,) = (await written(SAVE_ALBUM, data={"title": None})).requests
    assert request.data == {"title": None}


async def test_a_variable_that_is_not_given_is_not_set() -> None:
    write = await written(
        """mutation ($title: String, $live: Boolean = null, $version: ID) {
        albumSaveAlbum(albumId: 7, id: "7", expectedVersion: $version,
        data: {title: $title, isLive: $live}) { cursor } }"""
    )
    assert write.requests[0].data == {"is_live": None}
    assert write.requests[0].expected_version is None
    assert write.client_mutation_id is None


async def test_values_arrive_as_drf_takes_them() -> None:
    key = uuid.uuid4()
    data = {
        "alarm": "06:30:00",
        "barcode": str(key),
        "boughtAt": "2026-01-31T12:00:00Z",
        "condition": "BLANK",
        "copies": 2,
        "discount": 1.5,
        "extra": {"a": [1, None, {"b": True}]},
        "format": "VALUE_7_INCH",
        "length": "00:03:30",
        "owner": 5,
        "plays": "9007199254740993",
        "price": "12.50",
        "rating": "GREAT",
        "released": "1971-06-22",
        "secret": "s",
    }
    (request,) = (await written(SAVE_ALBUM, data=data)).requests
    assert request.data == {
        "alarm": datetime.time(6, 30),
        "barcode": key,
        "bought_at": datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC),
        "condition": "",
        "copies": 2,
        "discount": 1.5,
        "extra": {"a": [1, None, {"b": True}]},
        "format": "7-inch",
        "length": datetime.timedelta(minutes=3, seconds=30),
        "owner": "5",
        "plays": 9007199254740993,
        "price": Decimal("12.50"),
        "rating": 3,
        "released": datetime.date(1971, 6, 22),
        "secret": "s",
    }


async def test_a_create_names_its_parent() -> None:
    write = await written(
        """mutation { albumCreateGenre(albumId: 7, parent: {track: 3}, data: {name: "Folk"})
        { cursor } }"""
    )
    (request,) = write.requests
    assert request.parent is not None
    assert (request.parent.parent, request.parent.relation.name) == ("Track", "genres")
    assert (request.parent_id, request.id, request.data) == ("3", None, {"name": "Folk"})


async def test_a_delete_is_an_id() -> None:
    write = await written('mutation { albumDeleteTrack(albumId: 7, id: "3") { deletedId } }')
    (request,) = write.requests
    assert (request.spec.operation, request.id, request.data) == (DELETE, "3", {})


async def test_creating_the_anchor_names_no_context() -> None:
    write = await written(
        """mutation { albumCreateAlbum(data: {title: "Blue", discount: 1, secret: "x"})
        { album { id } } }"""
    )
    assert write.arguments is None
    assert write.requests[0].parent is None
    assert write.requests[0].data == {"title": "Blue", "discount": 1.0, "secret": "x"}


async def test_a_batch_keeps_its_order() -> None:
    write = await written(
        """mutation { albumWrite(albumId: 7, clientMutationId: "m", operations: [
          {createTrack: {parent: {album: 7}, data: {title: "A"}}}
          {saveTrack: {id: 3, data: {position: 2}, expectedVersion: "c"}}
          {deleteTrack: {id: 4}}
          {saveTrack: {id: 5, data: {}}}
        ]) { results { index } } }"""
    )
    assert (write.batch, write.arguments, write.client_mutation_id) == (True, HERE, "m")
    create, save, delete, nothing = write.requests
    assert (create.spec.field_name, create.parent_id) == ("albumCreateTrack", "7")
    assert create.data == {"title": "A"}
    assert (save.id, save.data, save.expected_version) == ("3", {"position": 2}, "c")
    assert (delete.spec.operation, delete.id) == (DELETE, "4")
    assert (nothing.id, nothing.data, nothing.expected_version) == ("5", {}, None)


TRACK = Source(id="3", title="Carey", genres=[])
PAYLOAD = Source(
    node=TRACK,
    parents=Source(albums=[Source(id="7", tracks=[TRACK])], tracks=[]),
    cursor="c2",
    client_mutation_id="m1",
    messages=[],
)


async def test_the_payload_is_asked_for_its_names() -> None:
    result = await run(
        Recorder(payload=PAYLOAD),
        """mutation { albumCreateTrack(albumId: 7, parent: {album: 7}, data: {title: "Carey"}) {
        track { __typename id title } cursor clientMutationId messages { message }
        parents { albums { id tracks { id } } tracks { id } } } }""",
    )
    assert result.errors is None
    assert result.data == {
        "albumCreateTrack": {
            "track": {"__typename": "Track", "id": "3", "title": "Carey"},
            "cursor": "c2",
            "clientMutationId": "m1",
            "messages": [],
            "parents": {"albums": [{"id": "7", "tracks": [{"id": "3"}]}], "tracks": []},
        }
    }


async def test_failures_are_messages() -> None:
    message = OperationMessage(
        kind=OperationMessage.Kind.VALIDATION,
        message="This field may not be blank.",
        field="title",
        code="blank",
    )
    result = await run(
        Recorder(payload=Source(messages=[message])),
        """mutation { albumSaveTrack(albumId: 7, id: 3, data: {title: ""}) {
        track { id } cursor parents { tracks { id } } messages { kind message field code } } }""",
    )
    assert result.errors is None
    assert result.data == {
        "albumSaveTrack": {
            "track": None,
            "cursor": None,
            "parents": None,
            "messages": [
                {
                    "kind": "VALIDATION",
                    "message": "This field may not be blank.",
                    "field": "title",
                    "code": "blank",
                }
            ],
        }
    }


async def test_a_delete_answers_the_id() -> None:
    payload = Source(deleted_id="3", parents=Source(albums=[Source(id="7")]), messages=[])
    result = await run(
        Recorder(payload=payload),
        """mutation { albumDeleteTrack(albumId: 7, id: 3)
        { deletedId parents { albums { id } } } }""",
    )
    assert result.data == {
        "albumDeleteTrack": {"deletedId": "3", "parents": {"albums": [{"id": "7"}]}}
    }


async def test_a_batch_answers_each_operation() -> None:
    payload = Source(
        results=[Source(index=0, typename="Track", node_id="3", deleted=True)],
        changed=Source(albums=[Source(id="7")]),
        cursor="c3",
        messages=[],
    )
    result = await run(
        Recorder(payload=payload),
        """mutation { albumWrite(albumId: 7, operations: [{deleteTrack: {id: 3}}]) { cursor
        results { index typename nodeId deleted } changed { albums { id } } } }""",
    )
    assert result.data == {
        "albumWrite": {
            "cursor": "c3",
            "results": [{"index": 0, "typename": "Track", "nodeId": "3", "deleted": True}],
            "changed": {"albums": [{"id": "7"}]},
        }
    }


async def test_mutations_of_one_operation_run_in_order() -> None:
    resolvers = Recorder()
    await run(
        resolvers,
        """mutation { a: albumDeleteTrack(albumId: 7, id: 1) { cursor }
        b: albumDeleteTrack(albumId: 7, id: 2) { cursor } }""",
    )
    assert [write.requests[0].id for write in resolvers.writes] == ["1", "2"]


CREATE_GENRE = """mutation ($parent: AlbumGenreParent!) {
  albumCreateGenre(albumId: 7, parent: $parent, data: {name: "x"}) { cursor } }"""
BATCH = """mutation ($operations: [AlbumWriteOperation!]!) {
  albumWrite(albumId: 7, operations: $operations) { cursor } }"""


@pytest.mark.parametrize(
    "parent", [{}, {"album": "1", "track": "2"}, {"album": None}, {"sticker": "1"}]
)
async def test_a_parent_is_exactly_one(parent: dict[str, object]) -> None:
    await refused(CREATE_GENRE, parent=parent)


@pytest.mark.parametrize("parent", ["{}", "{album: 1, track: 2}", "{album: null}", "null"])
async def test_a_literal_parent_is_exactly_one(parent: str) -> None:
    await refused(
        f'mutation {{ albumCreateGenre(albumId: 7, parent: {parent}, data: {{name: "x"}})'
        " { cursor } }"
    )


@pytest.mark.parametrize(
    "operations",
    [
        [],
        [{}],
        [{"deleteTrack": {"id": "1"}, "saveTrack": {"id": "1", "data": {}}}],
        [{"deleteTrack": None}],
        [{"deleteTrack": {"id": {"$gt": 0}}}],
        [{"deleteTrack": {"id": "1"}}, {"createAlbum": {"data": {"title": "x"}}}],
        [{"deleteMemo": {"id": "1"}}],
    ],
)
async def test_a_batch_is_of_declared_operations_one_by_one(operations: Any) -> None:
    await refused(BATCH, operations=operations)


async def test_an_empty_batch_says_what_to_do() -> None:
    assert await refused(BATCH, operations=[]) == (
        "operations is empty; name at least one operation"
    )


@pytest.mark.parametrize(
    "call",
    [
        'albumSaveTrack(albumId: 7, id: {gt: 0}, data: {title: "x"})',
        'albumSaveTrack(albumId: 7, id: null, data: {title: "x"})',
        'albumSaveTrack(albumId: 7, data: {title: "x"})',
        "albumSaveTrack(albumId: 7, id: 1, data: {title: 5})",
        "albumSaveTrack(albumId: 7, id: 1, data: {id: 5})",
        'albumSaveTrack(albumId: 7, id: 1, data: {albumTitle: "x"})',
        "albumSaveTrack(albumId: 7, id: 1, data: {genres: [1]})",
        "albumSaveTrack(albumId: 7, id: 1, data: {album: 8})",
        "albumSaveAlbum(albumId: 7, id: 7, data: {format: NOTHING})",
        'albumSaveAlbum(albumId: 7, id: 7, data: {price: "NaN"})',
        'albumSaveAlbum(albumId: 7, id: 7, data: {released: "soon"})',
        'albumSaveAlbum(albumId: 7, id: 7, data: {sleeve: "a.png"})',
        'albumSaveAlbum(albumId: 7, id: 7, data: {now: "x"})',
        "albumCreateTrack(albumId: 7, parent: {album: 7}, data: {})",
        "albumCreateTrack(albumId: 7, parent: {album: 7}, data: {title: null})",
        'albumCreateTrack(albumId: 7, data: {title: "x"})',
        'albumCreateMemo(albumId: 7, parent: {album: 7}, data: {body: "x", owner: 1})',
        'albumSaveMemo(albumId: 7, id: 1, data: {body: "x"})',
        "albumDeleteGenre(albumId: 7, id: 1)",
        "albumDeleteTrack(id: 1)",
        'albumCreateAlbum(albumId: 7, data: {title: "x", discount: 1, secret: "x"})',
    ],
)
async def test_what_is_not_declared_is_no_part_of_the_schema(call: str) -> None:
    await refused(f"mutation {{ {call} {{ messages {{ message }} }} }}")


async def test_a_field_that_only_another_channel_lets_clients_set_is_refused() -> None:
    """One input serves all channels; each takes of it what it declares."""

    class StampSerializer(StickerSerializer):
        class Meta(StickerSerializer.Meta):
            fields = ["id", "colour", "genre"]
            graphql_name = "Stamp"

    class OtherGenreSerializer(GenreSerializer):
        stickers = StampSerializer(many=True, read_only=True)

        class Meta(GenreSerializer.Meta):
            graphql_name = "OtherGenre"

    under_genre = compiled_of(OtherGenreSerializer(), {StampSerializer: [CREATE]})
    alone = compiled_of(StampSerializer(), {StampSerializer: [CREATE]}, name="Alone")
    assert under_genre.writes[0].fields == ("colour",)
    assert alone.writes[0].fields == ("colour", "genre")
    resolvers = Recorder()
    built = build_schema([under_genre, alone], resolvers)
    assert "  genre: String\n" in print_schema(built).split("input StampCreateInput")[1]
    call = 'thingCreateStamp(thingId: 1, parent: {otherGenre: 1}, data: {colour: "x"%s}) { cursor }'
    result = await built.execute("mutation { " + call % ', genre: "2"' + " }")
    (error,) = result.errors or []
    assert isinstance(error.original_error, BadRequest)
    assert resolvers.writes == []


async def test_an_argument_named_id_makes_room_for_that_of_the_instance() -> None:
    compiled = compiled_of(TrackSerializer(), {TrackSerializer: [DELETE]}, name="Track")
    resolvers = Recorder()
    built = build_schema([compiled], resolvers)
    await built.execute('mutation { trackDeleteTrack(trackId: "7", id: "8") { cursor } }')
    (write,) = resolvers.writes
    assert (write.arguments, write.requests[0].id) == ({"id": "7"}, "8")


def test_without_writable_there_are_no_mutations() -> None:
    built = build_schema([compiled_of(GenreSerializer(), {})], Unserved())
    text = print_schema(built)
    assert "type Mutation" not in text
    assert "OperationMessage" not in text


def test_a_channel_that_only_makes_its_anchor_has_no_batch() -> None:
    compiled = compiled_of(AlbumLinkSerializer(), {AlbumLinkSerializer: [CREATE]})
    text = print_schema(build_schema([compiled], Unserved()))
    assert "thingCreateAlbumLink" in text
    assert "Write" not in text


def test_the_mutations_are_those_of_the_design() -> None:
    text = print_schema(schema(Recorder()))
    mutation = text.split("type Mutation {")[1].split("\n}")[0]
    found = sorted(
        line.strip().removesuffix("(") for line in mutation.splitlines() if line.endswith("(")
    )
    assert found == sorted(
        [*(spec.field_name for spec in compile_channel(AlbumChannel).writes), "albumWrite"]
    )
    assert "writable: [CREATE, DELETE, SAVE]" in text


async def test_a_schema_that_is_only_printed_writes_nothing() -> None:
    built = build_schema([compile_channel(AlbumChannel)], Unserved())
    result = await built.execute("mutation { albumDeleteTrack(albumId: 7, id: 1) { cursor } }")
    (error,) = result.errors or []
    assert isinstance(error.original_error, BackendError)
