"""What the compiler understands of a nested serializer: the record shop has every case."""

from __future__ import annotations

import datetime
import decimal
import enum
import subprocess
import sys
import typing
import uuid
from pathlib import Path
from typing import Any

import pytest
import strawberry
from django.contrib.auth.models import User
from django.utils import translation
from rest_framework import serializers

from rxgraph.compile.fingerprint import type_text
from rxgraph.compile.scalars import JSON, BigInt
from rxgraph.compile.state_tree import RelationKind, StateTree, concrete
from rxgraph.compile.tree import compile_state
from rxgraph.errors import DeclarationError
from tests.torture.models import Album, Artist, Contract, Credit, Genre, Review, Sticker, Track
from tests.torture.serializers import AlbumSerializer, GenreSerializer, TrackSerializer


@pytest.fixture(scope="module")
def tree() -> StateTree:
    return compile_state(AlbumSerializer())


def relation(tree: StateTree, layer: str, name: str) -> Any:
    return next(item for item in tree.layers[layer].relations if item.name == name)


def value(tree: StateTree, name: str, layer: str = "Album") -> Any:
    return next(item for item in tree.layers[layer].values if item.name == name)


def test_layers_come_parents_first_and_each_serializer_is_one(tree: StateTree) -> None:
    order = list(tree.layers)
    assert tree.root.typename == order[0] == "Album"
    for name, parents in tree.parents.items():
        assert all(order.index(parent.typename) < order.index(name) for parent, _ in parents)
    assert [p.typename for p, _ in tree.parents["Genre"]] == ["Album", "Track"]


def test_a_forward_foreign_key(tree: StateTree) -> None:
    studio = relation(tree, "Album", "studio")
    assert studio.kind is RelationKind.FORWARD
    assert (studio.column, studio.target_attname) == ("studio_id", "key")
    assert studio.nullable
    assert not studio.many
    assert not relation(tree, "Credit", "artist").nullable


def test_a_forward_one_to_one(tree: StateTree) -> None:
    cover = relation(tree, "Album", "cover")
    assert (cover.kind, cover.column, cover.nullable) == (RelationKind.FORWARD, "cover_id", True)


def test_a_reverse_one_to_one_is_nullable_whatever_drf_says(tree: StateTree) -> None:
    contract = relation(tree, "Album", "contract")
    assert contract.kind is RelationKind.REVERSE
    assert (contract.column, contract.query_path, contract.many) == ("album_id", "album", False)
    assert contract.nullable


def test_a_reverse_foreign_key_with_and_without_related_name(tree: StateTree) -> None:
    tracks = relation(tree, "Album", "tracks")
    assert (tracks.kind, tracks.column) == (RelationKind.REVERSE, "album_id")
    opinions = relation(tree, "Album", "opinions")
    assert (opinions.source, opinions.query_path) == ("review_set", "album")
    assert (opinions.many, opinions.nullable) == (True, False)


def test_a_reverse_foreign_key_to_another_column(tree: StateTree) -> None:
    stickers = relation(tree, "Genre", "stickers")
    assert (stickers.column, stickers.parent_attname) == ("genre_id", "name")


def test_many_to_many_from_both_sides(tree: StateTree) -> None:
    genres = relation(tree, "Album", "genres")
    assert genres.kind is RelationKind.MANY_TO_MANY
    assert genres.through is Album.genres.through
    assert (genres.through_parent, genres.through_child) == ("album_id", "genre_id")
    assert genres.query_path == "albums"
    assert relation(tree, "Track", "genres").query_path == "track"
    artists = relation(tree, "Album", "artists")
    assert artists.through is Credit
    assert (artists.through_parent, artists.through_child) == ("album_id", "artist_id")
    assert artists.query_path == "albums"


def test_a_related_property(tree: StateTree) -> None:
    long_tracks = relation(tree, "Album", "long_tracks")
    assert long_tracks.kind is RelationKind.PROPERTY
    assert long_tracks.query_path == "album"
    assert [(d.model, d.path) for d in long_tracks.dependencies] == [(Track, "tracks")]
    assert long_tracks.description == "Tracks of more than five minutes."


@pytest.mark.django_db
def test_query_paths_lead_from_the_children_to_their_parents(tree: StateTree) -> None:
    album = Album.objects.create(title="Blue")
    genre = Genre.objects.create(name="jazz")
    track = Track.objects.create(album=album, title="One")
    artist = Artist.objects.create(name="Joni")
    rows = {
        "Track": track,
        "Genre": genre,
        "Artist": artist,
        "Review": Review.objects.create(album=album, body="Good"),
        "Credit": Credit.objects.create(album=album, artist=artist),
        "Contract": Contract.objects.create(album=album),
        "Sticker": Sticker.objects.create(genre=genre, colour="red"),
    }
    album.genres.add(genre)
    track.genres.add(genre)
    for layer in tree.layers.values():
        for item in layer.relations:
            if item.query_path is None or item.target not in rows:
                continue
            parents = layer.model._default_manager.all()
            child = rows[item.target]
            children = type(child).objects.filter(**{f"{item.query_path}__in": parents})
            assert child in children, item


@pytest.mark.django_db
def test_dependencies_are_lookups(tree: StateTree) -> None:
    for layer in tree.layers.values():
        found = [d for v in layer.values for d in v.dependencies]
        found += [d for r in layer.relations for d in r.dependencies]
        for dependency in found:
            rows = dependency.model._default_manager.all()
            layer.model._default_manager.filter(**{f"{dependency.path}__in": rows}).count()


def test_values_that_stand_on_other_rows_say_so(tree: StateTree) -> None:
    def paths(name: str) -> list[tuple[type, str]]:
        return [(d.model, d.path) for d in value(tree, name).dependencies]

    assert paths("owner_name") == [(User, "owner")]
    assert paths("owner_text") == [(User, "owner")]
    assert paths("genre_ids")[0] == (Genre, "genres")
    assert paths("genre_ids")[1][0] is Album.genres.through
    assert paths("sequel_ids") == [(Album, "sequels")]
    assert paths("contract_id") == [(Contract, "contract")]
    assert paths("owner") == paths("owner_id") == paths("title") == []


@pytest.mark.parametrize(
    ("name", "type_", "nullable"),
    [
        ("id", strawberry.ID, False),
        ("title", str, False),
        ("in_stock", bool, False),
        ("is_live", bool, True),
        ("copies", int, False),
        ("copies_twice", int, True),
        ("plays", BigInt, False),
        ("streams", BigInt, True),
        ("score", float, False),
        ("price", decimal.Decimal, False),
        ("discount", float, False),
        ("released", datetime.date, True),
        ("year", str, True),
        ("alarm", datetime.time, True),
        ("bought_at", datetime.datetime, True),
        ("length", datetime.timedelta, True),
        ("barcode", uuid.UUID, False),
        ("extra", JSON, False),
        ("address", str, True),
        ("sleeve", str, True),
        ("owner", strawberry.ID, True),
        ("owner_id", strawberry.ID, True),
        ("owner_name", str, True),
        ("owner_text", str, True),
        ("genre_ids", list[strawberry.ID], False),
        ("genre_names", list[str], False),
        ("contract_id", strawberry.ID, True),
        ("words", list[str], True),
        ("anything", list[typing.Optional[JSON]], True),  # noqa: UP045
        ("labels", JSON, True),
        ("part", JSON, False),
        ("shout", str, False),
        ("untyped", JSON, True),
        ("half", decimal.Decimal, True),
        ("tags", list[str], False),
        ("mystery", JSON, True),
    ],
)
def test_values(tree: StateTree, name: str, type_: Any, nullable: bool) -> None:
    found = value(tree, name)
    assert (found.type, found.nullable) == (type_, nullable)


@pytest.mark.parametrize(
    ("name", "text", "nullable"),
    [
        (
            "format",
            "AlbumFormat(VINYL='vinyl',COMPACT_DISC='compact-disc',VALUE_7_INCH='7-inch')",
            False,
        ),
        ("condition", "AlbumCondition(MINT='mint',OK='ok',BLANK='')", False),
        ("rating", "AlbumRating(POOR=1,GOOD=2,GREAT=3)", True),
        ("moods", "list[AlbumMoods(CALM='calm',LOUD='loud')]", True),
    ],
)
def test_choices(tree: StateTree, name: str, text: str, nullable: bool) -> None:
    found = value(tree, name)
    assert (type_text(found.type), found.nullable) == (text, nullable)


def test_the_enum_of_a_model_is_one_class_for_all_who_show_it() -> None:
    class OtherSerializer(serializers.ModelSerializer[Album]):
        class Meta:
            model = Album
            fields = ["id", "format"]

    first = value(compile_state(AlbumSerializer()), "format").type
    second = value(compile_state(OtherSerializer()), "format", "Other").type
    assert first is second
    assert issubclass(first, enum.Enum)


def test_what_clients_cannot_read_is_left_out(tree: StateTree) -> None:
    names = {item.name for item in tree.root.values}
    assert not names & {"secret", "now"}


def test_keys_that_are_not_named_id(tree: StateTree) -> None:
    assert [item.name for item in tree.layers["Country"].values] == ["code", "name"]
    assert [item.name for item in tree.layers["Studio"].values] == ["name"]


def test_private_layers(tree: StateTree) -> None:
    memo = tree.layers["Memo"]
    assert memo.user_key == "owner_id"
    assert (memo.optimistic, memo.optimistic_timeout_seconds) == (True, 5.0)
    assert tree.tainted == {"Memo"}


def test_a_private_to_one_relation_is_nullable() -> None:
    class OwnedSerializer(serializers.ModelSerializer[Artist]):
        class Meta:
            model = Artist
            fields = ["id"]
            user_key = "id"

    class CreditSerializer(serializers.ModelSerializer[Credit]):
        artist = OwnedSerializer()

        class Meta:
            model = Credit
            fields = ["id", "artist"]

    assert relation(compile_state(CreditSerializer()), "Credit", "artist").nullable


def test_descriptions(tree: StateTree) -> None:
    assert tree.root.description == "A record with everything on it."
    assert tree.layers["Artist"].description is None
    assert value(tree, "title").description == "What is printed on the spine."
    assert value(tree, "half").description == "Half the price, once it has one."
    assert value(tree, "shout").description == "The title, loud."


def test_tracked_models_include_through_tables_and_dependencies(tree: StateTree) -> None:
    labels = {concrete(model)._meta.label_lower for model in tree.tracked_models}
    assert {"torture.credit", "torture.album_genres", "torture.track_genres", "auth.user"} <= labels


def test_the_prototype_is_a_copy_that_renders(tree: StateTree) -> None:
    state = AlbumSerializer()
    compiled = compile_state(state)
    assert compiled.root.serializer is not state
    assert compiled.root.serializer.instance is None
    assert "title" in compiled.root.serializer.fields


def test_many_makes_a_list_state() -> None:
    assert compile_state(GenreSerializer(many=True)).many
    assert compile_state(GenreSerializer(), many=True).many
    assert not compile_state(GenreSerializer()).many


def test_compiling_raises_what_the_checks_report() -> None:
    class BadSerializer(serializers.ModelSerializer[Album]):
        tracks = TrackSerializer()

        class Meta:
            model = Album
            fields = ["id", "tracks"]

    with pytest.raises(DeclarationError, match="add many=True"):
        compile_state(BadSerializer())


def test_the_language_of_the_process_does_not_matter(tree: StateTree) -> None:
    with translation.override("de"):
        assert compile_state(AlbumSerializer()).fingerprint == tree.fingerprint


@pytest.mark.slow
def test_the_fingerprint_is_the_same_in_every_process(tree: StateTree) -> None:
    code = (
        "import django; django.setup()\n"
        "from rxgraph.compile.tree import compile_state\n"
        "from tests.torture.serializers import AlbumSerializer\n"
        "print(compile_state(AlbumSerializer()).fingerprint)"
    )
    for seed in ("1", "2"):
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", code],
            cwd=Path(__file__).parents[2],
            env={"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == tree.fingerprint


def test_the_fingerprint_follows_the_shape_of_the_documents() -> None:
    class GenreSerializer(serializers.ModelSerializer[Genre]):
        class Meta:
            model = Genre
            fields = ["id"]

    class LongerSerializer(GenreSerializer):
        class Meta(GenreSerializer.Meta):
            fields = ["id", "name"]
            graphql_name = "Genre"

    short, longer = compile_state(GenreSerializer()), compile_state(LongerSerializer())
    assert short.root.typename == longer.root.typename
    assert short.fingerprint != longer.fingerprint
