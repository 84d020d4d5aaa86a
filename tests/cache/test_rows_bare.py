"""Layers of plain columns are read without model instances, and show the same as with them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest
from django.db import models
from django.db.models.signals import post_init
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework import serializers

from rxgraph.cache.rows.bare import bare_layer
from rxgraph.cache.rows.plan import plan_of
from rxgraph.compile.state_tree import StateTree
from rxgraph.compile.tree import compile_state
from rxgraph.types import Document
from tests.cache.rows_help import Reader, nested, rendered
from tests.cache.test_rows import ALBUMS, albums, full_album
from tests.torture import models as shop

pytestmark = pytest.mark.django_db


class PlainTrackSerializer(serializers.ModelSerializer[shop.Track]):
    class Meta:
        model = shop.Track
        fields: ClassVar = ["title", "position", "id", "album"]


class PlainStudioSerializer(serializers.ModelSerializer[shop.Studio]):
    class Meta:
        model = shop.Studio
        fields: ClassVar = ["key", "name", "country"]


class PlainAlbumSerializer(serializers.ModelSerializer[shop.Album]):
    """Every column that needs no code."""

    tracks = PlainTrackSerializer(many=True)
    studio = PlainStudioSerializer()

    class Meta:
        model = shop.Album
        user_key = "owner"
        fields: ClassVar = [
            *("id", "title", "format", "condition", "rating", "owner", "in_stock", "is_live"),
            *("copies", "plays", "streams", "score", "price", "released", "alarm", "bought_at"),
            *("length", "barcode", "address", "copies_twice", "extra", "studio", "tracks"),
        ]


PLAIN = compile_state(PlainAlbumSerializer())


def is_bare(tree: StateTree, typename: str) -> bool:
    plans = plan_of(tree)
    return bare_layer(plans[typename], plans) is not None


@contextmanager
def instances(*made: type[models.Model]) -> Iterator[list[models.Model]]:
    """Have instances made, and collect them."""
    seen: list[models.Model] = []

    def see(instance: models.Model, **_: Any) -> None:
        seen.append(instance)

    for model in made:
        post_init.connect(see, sender=model)
    try:
        yield seen
    finally:
        for model in made:
            post_init.disconnect(see, sender=model)


def test_layers_of_columns_make_no_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    album = full_album()
    made: list[type[Any]] = []
    original = models.Model.from_db.__func__  # type: ignore[attr-defined]

    def from_db(cls: type[Any], *args: Any) -> Any:
        made.append(cls)
        return original(cls, *args)

    monkeypatch.setattr(models.Model, "from_db", classmethod(from_db))
    assert len(Reader(PLAIN).tree(album.pk)) == 5
    assert made == [shop.Album]  # by its key, with prepared SQL


def test_columns_and_instances_give_the_same_documents() -> None:
    album = full_album()
    reader = Reader(PLAIN)
    bare = reader.tree(album.pk)
    with instances(shop.Album, shop.Track, shop.Studio) as seen:
        assert reader.tree(album.pk) == bare
    assert len(seen) == 5
    assert bare[0].owner == str(album.owner.pk)
    for document in bare:  # in the order of the serializer; one that shows no id gets it
        fields = list(PLAIN.layers[document.key.typename].serializer.fields)
        assert list(document.data) == fields + ["id"] * ("id" not in fields)


@given(values=albums, count=st.integers(0, 3))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_columns_are_what_drf_renders(values: Any, count: int) -> None:
    album = shop.Album._default_manager.create(**values)
    for position in range(count):
        shop.Track._default_manager.create(album=album, title="t", position=position)
    found = Reader(PLAIN).tree(album.pk)
    album.refresh_from_db()
    assert nested(PLAIN, found) == rendered(PLAIN, album)


def test_a_row_that_does_not_fit_its_type_is_left_out_alone() -> None:
    album = full_album()
    track = shop.Track._default_manager.filter(album=album)[0]
    shop.Track._default_manager.filter(pk=track.pk).update(position=2**31)
    found: list[Document] = Reader(PLAIN).tree(album.pk)
    assert len(found) == 4
    assert str(track.pk) not in {d.key.id for d in found if d.key.typename == "PlainTrack"}


def test_a_receiver_of_instances_gets_them() -> None:
    assert is_bare(PLAIN, "PlainTrack")
    with instances(shop.Track):
        assert not is_bare(PLAIN, "PlainTrack")
    assert is_bare(PLAIN, "PlainTrack")


def test_rows_that_code_of_another_layer_follows_are_instances() -> None:
    assert not is_bare(ALBUMS, "Studio")  # the album is custom and points to it
    assert is_bare(ALBUMS, "Contract")  # points to the album, which does not see it


@pytest.mark.parametrize("name", ["__init__", "from_db", "__getattribute__"])
def test_a_model_that_makes_its_instances_itself_is_asked(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = getattr(models.Model, name)
    if name == "from_db":
        own: Any = classmethod(lambda cls, *args: original.__func__(cls, *args))
    else:
        own = lambda self, *args, **kwargs: original(self, *args, **kwargs)  # noqa: E731
    monkeypatch.setattr(shop.Track, name, own, raising=False)
    assert not is_bare(compile_state(PlainAlbumSerializer()), "PlainTrack")


def test_a_manager_that_decides_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fewer(models.Manager[Any]):
        def get_queryset(self) -> models.QuerySet[Any]:
            return super().get_queryset().filter(position__gt=0)

    manager = Fewer()
    manager.model = shop.Track
    monkeypatch.setitem(shop.Track._meta.__dict__, "default_manager", manager)
    assert not is_bare(compile_state(PlainAlbumSerializer()), "PlainTrack")


def test_a_column_that_is_read_through_a_property_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shop.Track, "position", property(lambda self: 7))
    assert not is_bare(compile_state(PlainAlbumSerializer()), "PlainTrack")


def test_reading_a_large_state_takes_less_than_twice_its_memory() -> None:
    album = full_album()
    shop.Track._default_manager.bulk_create(
        shop.Track(album=album, title=f"Track number {n} of many. " * 3, position=n)
        for n in range(3000)
    )
    reader = Reader(PLAIN)
    reader.tree(album.pk)  # whatever is made once is made
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        documents = reader.tree(album.pk)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(documents) == 3005
    assert peak - before < 2 * (after - before)
