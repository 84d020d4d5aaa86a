"""What ``Meta.writable`` compiles to: fields, parents, types and limits."""

from __future__ import annotations

import datetime
import enum
from typing import Any

import pytest
import strawberry
from rest_framework import serializers

from rxgraph.channels import ContextChannel
from rxgraph.compile.channel import CompiledChannel, compile_channel
from rxgraph.compile.scalars import JSON
from rxgraph.compile.writing import InputField, WriteSpec
from rxgraph.declare import registry
from rxgraph.operations import CREATE, DELETE, SAVE
from tests.torture.channels import AlbumChannel
from tests.torture.models import Album, Credit, Genre, Memo, Review, Track
from tests.torture.serializers import AlbumSerializer, ArtistSerializer, GenreSerializer


def album_spec(typename: str, operation: Any) -> WriteSpec:
    spec = compile_channel(AlbumChannel).write_spec(typename, operation)
    assert spec is not None
    return spec


def compiled_of(state: Any, writable: Any) -> CompiledChannel:
    with registry.isolated():
        meta = type("Meta", (), {"state": state, "writable": writable})
        return compile_channel(type("ThingChannel", (ContextChannel,), {"Meta": meta}))


def serializer(model: Any, *names: str, **members: Any) -> Any:
    """Return a serializer class; upper-case members go to Meta in lower case."""
    meta = {key.lower(): members.pop(key) for key in list(members) if key.isupper()}
    meta = {"model": model, "fields": [*names, *members], **meta}
    bases = (serializers.ModelSerializer,)
    members = {"Meta": type("Meta", (), meta), "__module__": __name__, **members}
    return type("ThingSerializer", bases, members)


def inputs(model: Any, *names: str, operation: Any = SAVE, **members: Any) -> dict[str, InputField]:
    """Return the inputs of a root serializer, by the names of its fields."""
    cls = serializer(model, *names, **members)
    (spec,) = compiled_of(cls(), {cls: [operation]}).writes
    return {item.name: item for item in spec.inputs}


def test_what_is_declared_is_there_in_order() -> None:
    compiled = compile_channel(AlbumChannel)
    assert [spec.field_name for spec in compiled.writes][:3] == [
        "albumSaveAlbum",
        "albumCreateAlbum",
        "albumDeleteAlbum",
    ]
    assert compiled.write_spec("Memo", CREATE) is not None
    assert compiled.write_spec("Memo", SAVE) is None
    assert compiled.write_spec("Country", SAVE) is None


def test_the_root_is_known() -> None:
    assert album_spec("Album", CREATE).makes_root
    assert album_spec("Album", SAVE).is_root
    assert not album_spec("Album", SAVE).makes_root
    compiled = compile_channel(AlbumChannel)
    assert [spec for spec in compiled.writes if not compiled.takes_arguments(spec)] == [
        album_spec("Album", CREATE)
    ]
    assert album_spec("Album", CREATE) not in compiled.batch_writes


def test_only_what_clients_may_set_is_a_field() -> None:
    declared = AlbumSerializer().fields
    fields = album_spec("Album", SAVE).fields
    assert "secret" in fields  # write-only
    assert {"id", "now", "sleeve", "copies_twice", "half", "shout", "part"} & set(fields) == set()
    assert all(not declared[name].read_only for name in fields)
    assert album_spec("Memo", CREATE).fields == ("body",)
    assert album_spec("Contract", SAVE).fields == ("text",)  # its primary key is the album
    assert album_spec("Track", DELETE).fields == ()


def test_the_owner_is_never_a_field() -> None:
    found = inputs(Memo, "id", "owner", "album", "body", USER_KEY="owner")
    assert list(found) == ["album", "body"]
    column = serializers.IntegerField(source="owner_id")
    assert list(inputs(Memo, "id", "body", mine=column, USER_KEY="owner_id")) == ["body"]


def test_nested_values_and_other_rows_are_no_fields() -> None:
    found = inputs(
        Track,
        "id",
        "title",
        genres=GenreSerializer(many=True),
        album_title=serializers.CharField(source="album.title"),
    )
    assert list(found) == ["title"]


def test_a_serializer_that_applies_them_itself_takes_other_rows() -> None:
    def update(self: Any, instance: Any, data: Any) -> Any:
        return instance

    field = serializers.CharField(source="album.title")
    assert list(
        inputs(
            Track, "id", "title", album_title=field, update=update, FIELDS=["title", "album_title"]
        )
    ) == [
        "title",
        "album_title",
    ]


def test_save_needs_nothing_and_create_what_drf_needs() -> None:
    save = inputs(Album, "id", "title", "format", "rating", "owner")
    create = inputs(Album, "id", "title", "format", "rating", "owner", operation=CREATE)
    assert [item.name for item in save.values() if item.required] == []
    assert {item.name: item.nullable for item in save.values()} == {
        "title": False,
        "format": False,
        "rating": True,
        "owner": True,
    }
    assert [item.name for item in create.values() if item.required] == ["title"]


def test_relations_are_ids_and_slugs() -> None:
    found = inputs(
        Track,
        "id",
        "album",
        "genres",
        genre_names=serializers.SlugRelatedField(
            "name", source="genres", many=True, queryset=Genre.objects.all()
        ),
        first=serializers.HyperlinkedRelatedField(
            "genre", source="album", queryset=Album.objects.all()
        ),
    )
    assert {name: item.type for name, item in found.items()} == {
        "album": strawberry.ID,
        "genres": list[strawberry.ID],
        "genre_names": list[str],
        "first": str,
    }


def test_enums_are_those_of_the_output() -> None:
    compiled = compile_channel(AlbumChannel)
    values = {value.name: value.type for value in compiled.tree.root.values}
    for item in album_spec("Album", SAVE).inputs:
        if isinstance(item.type, type) and issubclass(item.type, enum.Enum):
            assert item.type is values[item.name]
    assert {"format", "condition", "rating"} <= set(album_spec("Album", SAVE).fields)


class Loud(serializers.CharField):
    def to_internal_value(self, data: str) -> str:
        return super().to_internal_value(data).upper()


class Minutes(serializers.Field[int, int, str, int]):
    def to_internal_value(self, data: int) -> int:
        return data * 60

    def to_representation(self, value: int) -> str:
        return f"{value // 60} min"


class Anything(serializers.Field[Any, Any, Any, Any]):
    def to_internal_value(self, data):
        return data


@pytest.mark.parametrize(
    ("field", "type_"),
    [
        (serializers.DateField(format="%Y", source="released"), datetime.date),
        (serializers.DateField(input_formats=["%Y"], source="released"), str),
        (serializers.DateTimeField(source="bought_at"), datetime.datetime),
        (serializers.TimeField(source="alarm"), datetime.time),
        (serializers.ListField(child=serializers.IntegerField(), source="extra"), list[int]),
        (serializers.DictField(source="extra"), JSON),
        (serializers.JSONField(source="extra"), JSON),
        (Loud(source="title"), str),
        (Minutes(source="copies"), int),
        (Anything(source="title"), JSON),
    ],
)
def test_inputs_are_typed_by_what_is_parsed(field: Any, type_: Any) -> None:
    assert inputs(Album, "id", field=field)["field"].type == type_


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (serializers.CharField(max_length=80), "At most 80 characters."),
        (serializers.CharField(min_length=2), "At least 2 characters."),
        (serializers.CharField(min_length=2, max_length=3), "2 to 3 characters."),
        (serializers.ListField(child=serializers.CharField(), max_length=3), "At most 3 items."),
        (serializers.IntegerField(min_value=0, max_value=2**31 - 1), "At least 0."),
        (serializers.IntegerField(min_value=-(2**63), max_value=9), "At most 9."),
        (serializers.FloatField(min_value=1, max_value=2), "From 1 to 2."),
        (serializers.DecimalField(9, 2), "At most 9 digits, 2 of them decimals."),
        (serializers.EmailField(), "An e-mail address."),
        (serializers.URLField(max_length=9), "A URL. At most 9 characters."),
        (serializers.SlugField(help_text="Short."), "Short. Letters, digits, hyphens and"),
        (serializers.IntegerField(min_value=lambda: 3), None),  # type: ignore[arg-type]
        (serializers.IntegerField(), None),
    ],
)
def test_limits_are_described(field: Any, text: str | None) -> None:
    found = inputs(Album, "id", secret=field)["secret"].description
    assert (found or "").startswith(text or "")
    assert (found is None) is (text is None)


def test_files_are_left_out() -> None:
    found = inputs(
        Album,
        "id",
        "title",
        "sleeve",
        scans=serializers.ListField(child=serializers.ImageField(), write_only=True),
    )
    assert list(found) == ["title"]


def test_parents_are_the_relations_that_can_hold_a_new_instance() -> None:
    def keys(typename: str) -> dict[str, str]:
        return {
            p.key: f"{p.parent}.{p.relation.name}" for p in album_spec(typename, CREATE).parents
        }

    assert keys("Track") == {"album": "Album.tracks"}  # long_tracks is computed
    assert keys("Genre") == {"album": "Album.genres", "track": "Track.genres"}
    assert keys("Artist") == {"album": "Album.artists", "credit": "Credit.artist"}
    assert keys("Cover") == {"album": "Album.cover"}
    assert keys("Contract") == {"album": "Album.contract"}
    assert keys("Album") == {}
    assert album_spec("Track", SAVE).parents == ()


def test_two_relations_of_one_parent_have_their_names_in_their_keys() -> None:
    class Link(serializers.ModelSerializer[Album]):
        class Meta:
            model = Album
            fields = ["id", "title"]

    cls = serializer(
        Album,
        "id",
        sequel_of=Link(read_only=True),
        later=Link(many=True, read_only=True, source="sequels"),
        sequels=Link(many=True, read_only=True),
    )
    (spec,) = compiled_of(cls(), {Link: [CREATE]}).writes
    assert [parent.key for parent in spec.parents] == ["thingSequelOf", "thingLater"]


def test_a_through_model_that_needs_more_holds_no_new_instance(monkeypatch: Any) -> None:
    cls = serializer(Album, "id", artists=ArtistSerializer(many=True, read_only=True))
    role = Credit._meta.get_field("role")
    (spec,) = compiled_of(cls(), {ArtistSerializer: [CREATE]}).writes
    assert [parent.key for parent in spec.parents] == ["thing"]
    monkeypatch.setattr(role, "has_default", lambda: False)
    monkeypatch.setattr(role, "empty_strings_allowed", False)
    from rxgraph.compile.write_specs import parent_relations

    tree = compile_channel(AlbumChannel).tree
    found = parent_relations(tree, tree.layers["Artist"])
    assert [parent.key for parent in found] == ["credit"]


def test_what_the_parent_sets_is_no_field_of_a_create() -> None:
    review = serializer(Review, "id", "album", "body", GRAPHQL_NAME="Review")
    cls = serializer(Album, "id", review_set=review(many=True, read_only=True))
    create, save = sorted(
        compiled_of(cls(), {review: [CREATE, SAVE]}).writes, key=lambda spec: spec.operation
    )
    assert create.fields == ("body",)
    assert save.fields == ("album", "body")  # to move it


def test_what_only_some_parents_set_is_not_required() -> None:
    track = serializer(Track, "id", "album", "title", GRAPHQL_NAME="Track")
    genre = serializer(
        Genre, "id", track_set=track(many=True, read_only=True), GRAPHQL_NAME="Genre"
    )
    cls = serializer(
        Album,
        "id",
        tracks=track(many=True, read_only=True),
        genres=genre(many=True, read_only=True),
    )
    (spec,) = compiled_of(cls(), {track: [CREATE]}).writes
    assert sorted(parent.key for parent in spec.parents) == ["genre", "thing"]
    assert {item.name: item.required for item in spec.inputs} == {"album": False, "title": True}


def test_labels_are_in_the_source_language(settings) -> None:
    from django.utils import translation

    with translation.override("de"):
        found = inputs(Album, "id", "format")
    assert found["format"].type is inputs(Album, "id", "format")["format"].type
