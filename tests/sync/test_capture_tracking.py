"""What is tracked follows from the state trees."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db.migrations.loader import MigrationLoader

from rxgraph.compile.channel import compile_channel
from rxgraph.sync import tracking
from rxgraph.sync.tracking import Tracking
from tests.torture.channels import AlbumChannel
from tests.torture.models import Album, Classic, Credit, Genre, Studio, Track


@pytest.fixture(scope="module")
def shop() -> Tracking:
    return Tracking.of_trees([compile_channel(AlbumChannel).tree])


def test_layers_are_tracked_with_the_columns_that_parents_list_by(shop):
    track = shop.models["torture.track"]
    assert track.labels == ("torture.track",)
    assert track.columns == ("album_id",)
    assert track.ends == ()
    assert shop.models["torture.studio"].columns == ()


def test_through_rows_lead_to_both_sides(shop):
    through = Album.genres.through._meta.label_lower
    assert shop.models[through].labels == ()
    ends = {end.attname: end.labels for end in shop.models[through].ends}
    assert ends == {"album_id": ("torture.album",), "genre_id": ("torture.genre",)}


def test_a_through_model_that_is_a_layer_is_both(shop):
    credit = shop.models["torture.credit"]
    assert credit.labels == ("torture.credit",)
    assert {end.attname for end in credit.ends} == {"album_id"}
    assert credit.columns == ("album_id",)


def test_every_tracked_model_of_the_tree_is_found(shop):
    for model in compile_channel(AlbumChannel).tree.tracked_models:
        assert model._meta.label_lower in shop.models


def test_models_are_found_by_class_proxy_and_historical_class(shop):
    with tracking.use(shop):
        assert tracking.find(Album) is shop.models["torture.album"]
        assert tracking.find(Classic) is shop.models["torture.album"]
        assert tracking.find(apps.get_model("sessions", "Session")) is None
        state = MigrationLoader(None).project_state()
        historical = state.apps.get_model("torture", "Track")
        assert historical is not Track
        assert tracking.find(historical) is shop.models["torture.track"]


def test_use_gives_back_what_was_tracked_before(shop):
    with tracking.use(Tracking()):
        assert tracking.current() == Tracking()
        with tracking.use(shop):
            assert tracking.find(Studio) is not None
        assert tracking.find(Studio) is None


def test_lists_of_ids_make_their_rows_lead_to_the_owner():
    found = set(tracking._ends_on(Genre, "stickers"))
    assert {attname for _, attname in found} == {"genre_id"}
    found = set(tracking._ends_on(Album, "artists"))
    assert found == {(Credit, "artist_id"), (Credit, "album_id")}
    assert set(tracking._ends_on(Album, "studio__country")) == set()
    assert set(tracking._ends_on(Album, "nonsense__title")) == set()
    sticker = Tracking.of_models([Genre], ends=list(tracking._ends_on(Genre, "stickers")))
    (end,) = sticker.models["torture.sticker"].ends
    assert end.to_attname == "name"
