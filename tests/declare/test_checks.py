"""Every system check, by its id."""

# ruff: noqa: N802  # tests are named after the ids

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypedDict

import pytest
from django.core import checks
from rest_framework import serializers

from rxgraph.channels import ContextChannel
from rxgraph.compile.channel import compile_channel
from rxgraph.declare import checks as rxgraph_checks
from rxgraph.declare import registry
from rxgraph.declare.problems import DeclarationProblems, Problem
from rxgraph.operations import CREATE, DELETE, SAVE
from tests.torture import serializers as torture
from tests.torture.channels import AlbumChannel
from tests.torture.models import Album, Genre, Memo, Track


@pytest.fixture(autouse=True)
def _no_other_channels(settings) -> Iterator[None]:
    settings.DEBUG = True
    with registry.isolated():
        yield


def serializer(model: Any, *names: str, name: str = "Thing", **members: Any) -> Any:
    """Return a serializer class; upper-case members go to Meta in lower case."""
    meta = {key.lower(): members.pop(key) for key in list(members) if key.isupper()}
    meta = {"model": model, "fields": list(names), **meta}
    bases = (serializers.ModelSerializer,)
    members = {"Meta": type("Meta", (), meta), "__module__": __name__, **members}
    return type(f"{name}Serializer", bases, members)


def declare(state: Any, *, name: str = "ThingChannel", **members: Any) -> type[ContextChannel]:
    meta = {"state": state, **members.pop("meta", {})}
    return type(name, (ContextChannel,), {"Meta": type("Meta", (), meta), **members})


def found() -> list[str]:
    """Run the checks; return the ids, having seen that each message has its hint."""
    messages = rxgraph_checks.check_declarations()
    assert all(message.hint for message in messages)
    return [str(message.id).removeprefix("rxgraph.") for message in messages]


def remember(action: Any) -> None:
    """Do as ``discover`` does with a channels module that cannot be imported."""
    with pytest.raises(DeclarationProblems) as caught:
        action()
    registry._failures.extend(caught.value.problems)


def test_sound_declarations_have_no_problem() -> None:
    declare(torture.AlbumSerializer())
    assert found() == []


def test_the_checks_run_with_manage_py_check(settings) -> None:
    settings.DEBUG = False
    assert "rxgraph.W001" in [message.id for message in checks.run_checks(tags=["rxgraph"])]


def test_rxgraph_E001() -> None:
    remember(lambda: declare(torture.GenreSerializer))
    assert found() == ["E001"]


def test_rxgraph_E002() -> None:
    remember(lambda: declare(serializers.Serializer()))
    assert found() == ["E002"]


def test_rxgraph_E003() -> None:
    remember(lambda: declare(torture.GenreSerializer(), meta={"writeable": {}}))
    assert found() == ["E003"]


def test_rxgraph_E004() -> None:
    def get_instance_id(self, a: dict[str, int]) -> int:
        return 1

    declare(torture.GenreSerializer(), get_instance_id=get_instance_id)
    assert found() == ["E004"]


def test_rxgraph_E005_in_one_state() -> None:
    other = serializer(Genre, "id", name="Track")
    declare(serializer(Track, "id", "genres", name="Track", genres=other(many=True))())
    assert found() == ["E005"]


def test_rxgraph_E005_in_two_channels() -> None:
    declare(serializer(Genre, "id")(), name="A")
    declare(serializer(Track, "id")(), name="B")
    assert found() == ["E005"]


def test_rxgraph_E005_is_settled_by_graphql_name() -> None:
    declare(serializer(Genre, "id")(), name="A")
    declare(serializer(Track, "id", GRAPHQL_NAME="Other")(), name="B")
    assert found() == []


def test_rxgraph_E005_for_one_class_with_two_shapes() -> None:
    class ShapeSerializer(torture.GenreSerializer):
        def get_fields(self) -> dict[str, Any]:
            fields = super().get_fields()
            return {"name": fields["name"]} if self.help_text else fields

    nested: dict[str, Any] = {
        "genres": ShapeSerializer(many=True),
        "short": ShapeSerializer(many=True, source="genres", help_text="Only names."),
    }
    track = serializer(Track, "id", *nested, **nested)
    declare(track())
    assert found() == ["E005"]


def test_rxgraph_E006() -> None:
    declare(serializer(Genre, "id", id=serializers.CharField(source="name"))())
    assert found() == ["E006"]


def test_rxgraph_E006_allows_every_way_to_say_primary_key() -> None:
    declare(serializer(Genre, "id", id=serializers.CharField(source="pk"))())
    assert found() == []


@pytest.mark.parametrize(
    "nested",
    [
        torture.GenreSerializer(many=True, source="title"),
        torture.GenreSerializer(many=True, source="shout"),
        torture.GenreSerializer(many=True, source="nothing"),
        torture.GenreSerializer(source="genres"),
        torture.CoverSerializer(many=True, source="cover"),
        torture.GenreSerializer(many=True, source="tracks"),
        torture.CountrySerializer(source="studio.country"),
    ],
)
def test_rxgraph_E007(nested: Any) -> None:
    declare(serializer(Album, "id", "nested", nested=nested)())
    assert found() == ["E007"]


def test_rxgraph_E008() -> None:
    def get_fields(self: Any) -> dict[str, Any]:
        return {"id": serializers.IntegerField(), "sequel_of": type(self)()}

    declare(serializer(Album, "id", get_fields=get_fields)())
    assert found() == ["E008"]


@pytest.mark.parametrize("key", ["nobody", "genres", "tracks"])
def test_rxgraph_E009(key: str) -> None:
    declare(serializer(Album, "id", USER_KEY=key)())
    assert found() == ["E009"]


def test_rxgraph_E010(settings) -> None:
    settings.RXGRAPH = {"STROE": "memory://", "cache_ttl": 1}
    assert found() == ["E010", "E010"]


def test_rxgraph_E011() -> None:
    declare(torture.GenreSerializer(), meta={"writable": {torture.TrackSerializer: [SAVE]}})
    remember(lambda: declare(torture.GenreSerializer(), meta={"writable": {1: 2}}))
    assert found() == ["E011", "E011"]


def test_rxgraph_E012() -> None:
    remember(lambda: declare(torture.GenreSerializer(), can_delete=lambda self: True))
    assert found() == ["E012"]


def test_rxgraph_E013() -> None:
    members: dict[str, Any] = {name: serializers.CharField(source="name") for name in ("a_b", "aB")}
    declare(serializer(Genre, "id", "a_b", "aB", **members)())
    assert found() == ["E013"]


@pytest.mark.parametrize("name", ["__x", "class", "naïve"])
def test_rxgraph_E014_for_a_field(name: str) -> None:
    members: dict[str, Any] = {name: serializers.CharField(source="name")}
    declare(serializer(Genre, "id", name, **members)())
    assert found() == ["E014"]


@pytest.mark.parametrize("name", ["Query", "JSON", "DateTime", "ChannelEventKind"])
def test_rxgraph_E014_for_a_type(name: str) -> None:
    declare(serializer(Genre, "id", GRAPHQL_NAME=name)())
    assert found() == ["E014"]


def test_rxgraph_E014_for_a_channel() -> None:
    declare(torture.GenreSerializer(), meta={"graphql_name": "my genre"})
    assert "E014" in found()


def test_rxgraph_E015_for_a_field() -> None:
    declare(torture.GenreSerializer(), name="GenreChannel")
    declare(torture.GenreSerializer(), name="GenreContextChannel")
    assert found() == ["E015"]


def test_rxgraph_E005_for_the_type_of_a_channel() -> None:
    declare(serializer(Genre, "id", name="ThingChannel")())
    assert found() == ["E005"]


def test_rxgraph_E016() -> None:
    declare(serializer(Genre, "id", "nothing")())
    assert found() == ["E016"]


def test_rxgraph_E017() -> None:
    declare(serializer(Track, "id", "album", DEPTH=1)())
    assert found() == ["E017"]


def test_rxgraph_E018() -> None:
    remember(lambda: declare(torture.GenreSerializer(), RuntimeState=dict))
    assert found() == ["E018"]


@pytest.mark.parametrize(
    ("annotations", "code"),
    [
        ({"a": "Nowhere"}, "E018"),
        ({}, "E018"),
        ({"a_b": int, "aB": int}, "E013"),
        ({"id": int}, "E014"),
        ({"__a": int}, "E014"),
    ],
)
def test_rxgraph_E018_for_values(annotations: dict[str, Any], code: str) -> None:
    runtime = TypedDict("RuntimeState", annotations)  # type: ignore[misc]
    declare(torture.GenreSerializer(), RuntimeState=runtime)
    assert found() == [code]


def test_rxgraph_E019() -> None:
    remember(lambda: declare(torture.GenreSerializer(), meta={"cache_ttl": "1"}))
    assert found() == ["E019"]


@pytest.mark.parametrize(
    "allowed",
    ["https://a.example", ["a.example"], ["https://a.example/x"], [5], ["https://*.*.example"]],
)
def test_rxgraph_E029(settings, allowed) -> None:
    settings.RXGRAPH = {"ALLOWED_ORIGINS": allowed}
    assert found() == ["E029"]
    settings.RXGRAPH = {"ALLOWED_ORIGINS": ["https://a.example", "https://*.b.example", "*"]}
    assert found() == []


def test_rxgraph_E020_for_a_mutation() -> None:
    stick = serializer(Genre, "id", "name", GRAPHQL_NAME="SaveStick")
    other = serializer(Genre, "id", "name", GRAPHQL_NAME="Stick")
    declare(stick(), name="AChannel", meta={"writable": {stick: [SAVE]}})
    declare(
        other(), name="ASaveChannel", meta={"writable": {other: [SAVE]}, "graphql_name": "aSave"}
    )
    assert "E020" in found()


def test_rxgraph_E020_for_arguments() -> None:
    def get_instance_id(self, id: int, thing_id: int) -> int:  # noqa: A002
        return id

    state = serializer(Genre, "id", "name")
    declare(state(), get_instance_id=get_instance_id, meta={"writable": {state: [SAVE]}})
    assert found() == ["E020"]


def test_rxgraph_E005_for_an_input() -> None:
    state = serializer(Genre, "id", "name", GRAPHQL_NAME="Genre")
    declare(state(), name="AChannel", meta={"writable": {state: [SAVE]}})
    declare(serializer(Track, "id", GRAPHQL_NAME="GenreSaveInput")(), name="BChannel")
    assert found() == ["E005"]


@pytest.mark.parametrize("name", ["ASaveGenrePayload", "AWriteOperation", "AWriteResult"])
def test_rxgraph_E005_for_what_a_mutation_answers(name: str) -> None:
    state = serializer(Genre, "id", "name", GRAPHQL_NAME="Genre")
    declare(state(), name="AChannel", meta={"writable": {state: [SAVE]}})
    declare(serializer(Track, "id", GRAPHQL_NAME=name)(), name="BChannel")
    assert found() == ["E005"]


def test_rxgraph_E013_and_E014_for_what_is_only_written() -> None:
    hidden: dict[str, Any] = {
        name: serializers.CharField(write_only=True, required=False) for name in ("aB", "naïve")
    }
    state = serializer(
        Genre, "id", "a_b", "aB", "naïve", a_b=serializers.CharField(source="name"), **hidden
    )
    declare(state(), meta={"writable": {state: [SAVE]}})
    assert sorted(found()) == ["E013", "E014"]


def test_rxgraph_E021() -> None:
    state = serializer(Genre, "id", name="Thing", READ_ONLY_FIELDS=["name"])
    declare(state(), meta={"writable": {state: [SAVE, DELETE]}})
    assert found() == ["E021"]
    with pytest.raises(DeclarationProblems, match="no field that a client may set"):
        compile_channel(registry.channels()[0])


def test_rxgraph_E022() -> None:
    track = serializer(Track, "id", "title", name="Track")
    state = serializer(Album, "id", "long_tracks", long_tracks=track(many=True, read_only=True))
    declare(state(), meta={"writable": {track: [CREATE]}})
    assert found() == ["E022", "W003"]  # and nothing sets its album


def test_rxgraph_W001(settings) -> None:
    settings.DEBUG = False
    assert found() == ["W001"]
    settings.RXGRAPH = {"STORE": "mongodb://localhost/x"}
    assert found() == []


def test_a_list_channel_is_sound() -> None:
    declare(torture.GenreSerializer(many=True), list_instances=lambda self: [])
    assert found() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"genres": torture.GenreSerializer(many=True)},
        {"album_title": serializers.CharField(source="album.title")},
        {"scan": serializers.FileField(write_only=True)},
    ],
)
def test_rxgraph_W003_for_what_a_serializer_requires(fields: dict[str, Any]) -> None:
    track = serializer(Track, "id", "title", *fields, name="Track", **fields)
    state = serializer(Album, "id", "tracks", tracks=track(many=True, read_only=True))
    declare(state(), meta={"writable": {track: [CREATE]}})
    assert [code for code in found() if code != "W004"] == ["W003"]


def test_rxgraph_W003_for_a_column_that_nothing_sets() -> None:
    memo = serializer(Memo, "id", "body", name="Memo")
    state = serializer(Album, "id", "memos", memos=memo(many=True, read_only=True))
    declare(state(), meta={"writable": {memo: [CREATE]}})
    (message,) = rxgraph_checks.check_declarations()
    assert message.id == "rxgraph.W003"
    assert "torture.Memo.owner_id" in message.msg


@pytest.mark.parametrize(
    "members",
    [
        {"owner": serializers.HiddenField(default=serializers.CurrentUserDefault())},
        {"USER_KEY": "owner"},
        {"create": lambda self, data: None},
    ],
)
def test_rxgraph_W003_is_settled_by_whatever_sets_it(members: dict[str, Any]) -> None:
    names = [name for name in members if name == "owner"]
    memo = serializer(Memo, "id", "body", *names, name="Memo", **members)
    state = serializer(Album, "id", "memos", memos=memo(many=True, read_only=True))
    declare(state(), meta={"writable": {memo: [CREATE]}})
    assert found() == []


def test_rxgraph_W004() -> None:
    state = serializer(Album, "id", "title", "sleeve")
    declare(state(), meta={"writable": {state: [SAVE, CREATE]}})
    assert found() == ["W004"]


def test_what_the_shop_lets_clients_write_is_sound() -> None:
    declare(torture.AlbumSerializer(), meta={"writable": AlbumChannel.options.writable})
    assert set(found()) == {"W004"}


def test_all_problems_come_in_one_run(settings) -> None:
    settings.RXGRAPH = {"NOPE": 1}
    declare(
        serializer(
            Album,
            "id",
            "nested",
            "a_b",
            "aB",
            nested=torture.GenreSerializer(source="genres"),
            a_b=serializers.CharField(source="title"),
            aB=serializers.CharField(source="title"),
            USER_KEY="nobody",
        )()
    )
    assert sorted(found()) == ["E007", "E009", "E010", "E013"]


def test_discover_keeps_what_is_wrong_for_the_checks(monkeypatch) -> None:
    problem = Problem("E001", "app.X", "is wrong", "write it right")

    def fail(name: str) -> None:
        raise DeclarationProblems([problem])

    monkeypatch.setattr(registry, "import_module", fail)
    registry.discover()
    assert problem in registry.failures()
    assert found() == ["E001"]
