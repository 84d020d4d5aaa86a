"""Every system check, by its id."""

# ruff: noqa: N802  # tests are named after the ids

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypedDict

import pytest
from django.core import checks
from rest_framework import serializers

from rxgraph.channels import ContextChannel
from rxgraph.declare import checks as rxgraph_checks
from rxgraph.declare import registry
from rxgraph.declare.problems import DeclarationProblems, Problem
from rxgraph.operations import SAVE
from tests.torture import serializers as torture
from tests.torture.models import Album, Genre, Track


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
    return type(f"{name}Serializer", bases, {"Meta": type("Meta", (), meta), **members})


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


def test_the_checks_run_with_manage_py_check() -> None:
    declare(torture.GenreSerializer(many=True), list_instances=lambda self: [])
    assert "rxgraph.W002" in [message.id for message in checks.run_checks(tags=["rxgraph"])]


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


def test_rxgraph_W001(settings) -> None:
    settings.DEBUG = False
    assert found() == ["W001"]
    settings.RXGRAPH = {"STORE": "mongodb://localhost/x"}
    assert found() == []


def test_rxgraph_W002() -> None:
    declare(torture.GenreSerializer(many=True), list_instances=lambda self: [])
    assert found() == ["W002"]


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
