"""Keys that are text, foreign keys or columns of their own, on the record shop."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from rxgraph.cache.reading import Reading, read_documents
from rxgraph.compile.channel import compile_channel
from rxgraph.compile.writing import WriteRequest
from rxgraph.declare import registry
from rxgraph.declare.operations import Operation
from rxgraph.delta import apply, see
from rxgraph.sync import tracking
from rxgraph.sync.engine import get_engine
from rxgraph.sync.writing import Outcome, write
from rxgraph.types import AnchorKey, InstanceKey
from tests.sync.writing.workshop import only, told
from tests.torture.channels import AlbumChannel
from tests.torture.models import Album, Artist, Contract, Cover, Genre, Memo, Sticker, Track

with registry.isolated():

    class ShopChannel(AlbumChannel):
        """Everything that is declared is allowed."""

        class Meta:
            graphql_name = "Shop"

        def can_save(self, instance: Any, data: Any, outside: Any = ()) -> bool:
            return True

        def can_create(self, model_class: Any, parent: Any, data: Any, outside: Any = ()) -> bool:
            return True

        def can_delete(self, instance: Any) -> bool:
            return True


class Shop:
    """One album and its writer."""

    def __init__(self) -> None:
        registry.register(ShopChannel)
        tracking.refresh()
        self.user = User.objects.create(username="ann")
        self.album = Album.objects.create(title="One", owner=self.user)
        self.genre = Genre.objects.create(name="jazz")
        self.album.genres.add(self.genre)
        self.compiled = compile_channel(ShopChannel)

    def write(
        self, operation: str, typename: str, id_: Any = None, data: Any = None, under: Any = None
    ) -> Outcome:
        """Write with what the cache says now; *under* is a parent's instance."""
        engine = get_engine()
        engine.is_serving = True
        key = AnchorKey(ShopChannel.name, str(self.album.pk))
        engine.heat(key)
        reading = engine.run(read_documents(key))
        assert isinstance(reading, Reading)
        root = InstanceKey(self.compiled.tree.root.typename, key.anchor_id)
        view = see(self.compiled.tree, root, apply({}, reading.documents), str(self.user.pk))
        spec = self.compiled.write_spec(typename, Operation(operation))
        assert spec is not None
        parent = next((p for p in spec.parents if p.parent == type(under).__name__), None)
        parent_id = str(under.pk) if parent else None
        id_ = None if id_ is None else str(id_)
        request = WriteRequest(spec, id_, parent, parent_id, data or {})
        return write(ShopChannel(self.user), self.compiled, key.anchor_id, view, [request])


@pytest.fixture
def shop(transactional_db: None) -> Shop:
    """One album."""
    return Shop()


def test_a_child_whose_primary_key_is_its_parent(shop: Shop) -> None:
    outcome = shop.write("CREATE", "Contract", data={"text": "fair"}, under=shop.album)
    assert outcome.results[0].id == str(shop.album.pk), outcome
    assert shop.write("SAVE", "Contract", shop.album.pk, {"text": "new"}).results
    assert Contract.objects.get().text == "new"
    again = shop.write("CREATE", "Contract", data={"text": "two"}, under=shop.album)
    assert only(again).code == "CONFLICT"


def test_a_child_that_points_at_another_column(shop: Shop) -> None:
    outcome = shop.write("CREATE", "Sticker", data={"colour": "red"}, under=shop.genre)
    assert outcome.results, outcome
    assert Sticker.objects.get().genre == shop.genre
    assert shop.write("DELETE", "Sticker", outcome.results[0].id).results


def test_many_to_many_from_the_other_side_through_a_model(shop: Shop) -> None:
    outcome = shop.write("CREATE", "Artist", data={"name": "Nina"}, under=shop.album)
    assert outcome.results, outcome
    assert list(shop.album.artists.all()) == [Artist.objects.get()]


def test_a_column_of_the_parent(shop: Shop) -> None:
    assert shop.write("CREATE", "Cover", data={"width": 3}, under=shop.album).results
    shop.album.refresh_from_db()
    assert shop.album.cover == Cover.objects.get()


def test_a_child_that_a_computed_relation_shows_too(shop: Shop) -> None:
    outcome = shop.write("CREATE", "Track", data={"title": "A", "seconds": 400}, under=shop.album)
    (track,) = Track.objects.all()
    assert shop.write("SAVE", "Track", outcome.results[0].id, {"seconds": 500}).results
    track.refresh_from_db()
    assert (track.album, track.seconds) == (shop.album, 500)
    assert shop.write("DELETE", "Track", track.pk).results[0].parents


def test_a_private_instance_is_the_writers(shop: Shop) -> None:
    assert shop.write("CREATE", "Memo", data={"body": "x"}, under=shop.album).results
    assert Memo.objects.get().owner == shop.user


def test_the_anchor_with_every_kind_of_column(shop: Shop) -> None:
    spec = shop.compiled.write_spec("Album", Operation.SAVE)
    assert spec is not None
    data = {
        "title": "Two",
        "format": "7-inch",
        "rating": None,
        "price": "3.50",
        "released": "2020-02-03",
        "length": "00:03:00",
        "extra": {"moods": ["calm"]},
        "address": "::1",
    }
    known = {name: value for name, value in data.items() if name in spec.fields}
    assert len(known) > 5
    assert shop.write("SAVE", "Album", shop.album.pk, known).messages == ()
    shop.album.refresh_from_db()
    assert (shop.album.title, shop.album.format) == ("Two", "7-inch")
    assert told(shop.write("SAVE", "Album", shop.album.pk, {"price": "x"})) == [
        ("price", "INVALID")
    ]
