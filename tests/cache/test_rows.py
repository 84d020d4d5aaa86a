"""What the rows of a state hold: nested again, they are what DRF renders."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rxgraph.compile.tree import compile_state
from rxgraph.types import InstanceKey
from tests.cache.rows_help import Reader, documents, nested, rendered
from tests.torture import models as shop
from tests.torture.serializers import AlbumSerializer

pytestmark = pytest.mark.django_db(databases="__all__")

ALBUMS = compile_state(AlbumSerializer())
UTC = datetime.UTC


def album(**values: Any) -> shop.Album:
    """An album with everything that a nested serializer of it needs."""
    found = shop.Album._default_manager.create(**{"title": "Blue", **values})
    shop.Contract._default_manager.create(album=found, text="All rights.")
    return found


def full_album(**values: Any) -> shop.Album:
    """An album with rows in every layer."""
    france = shop.Country._default_manager.create(code="FR", name="France")
    owner, other = (User.objects.create(username=name) for name in ("ann", "bob"))
    rock, jazz, pop = (
        shop.Genre._default_manager.create(name=name) for name in ("rock", "jazz", "pop")
    )
    for genre, colour in ((rock, "red"), (rock, "blue"), (pop, "green")):
        shop.Sticker._default_manager.create(genre=genre, colour=colour)
    found = album(
        owner=owner,
        studio=shop.Studio._default_manager.create(name="Abbey", country=france),
        cover=shop.Cover._default_manager.create(picture="a.png", width=7),
        sequel_of=album(title="Red"),
        price=Decimal("12.50"),
        plays=2**60,
        streams=2**62,
        released=datetime.date(2020, 2, 29),
        alarm=datetime.time(6, 30),
        bought_at=datetime.datetime(2021, 7, 1, 12, 0, 0, 5, tzinfo=UTC),
        length=datetime.timedelta(days=1, seconds=5),
        extra={"moods": ["calm"], "words": ["a"], "anything": [1, None], "labels": {"x": "y"}},
        address="::1",
        condition="mint",
        rating=3,
        **values,
    )
    found.genres.set([pop, rock])
    for position, seconds, genres in ((2, 400, [jazz]), (1, 100, []), (2, 301, [rock, jazz])):
        track = shop.Track._default_manager.create(
            album=found, title=f"Track {position}", position=position, seconds=seconds
        )
        track.genres.set(genres)
    shop.Review._default_manager.create(album=found, body="  fine ", country=france)
    for name in ("Joni", "James"):
        artist = shop.Artist._default_manager.create(name=name)
        shop.Credit._default_manager.create(album=found, artist=artist)
    for user in (owner, other):
        shop.Memo._default_manager.create(album=found, owner=user, body=f"of {user}")
    return found


@pytest.fixture
def reader() -> Reader:
    return Reader(ALBUMS)


def test_nesting_the_rows_gives_what_drf_renders(reader: Reader) -> None:
    found = full_album()
    rows = reader.tree(found.pk)
    assert nested(ALBUMS, rows) == rendered(ALBUMS, found)
    assert {row.key.typename for row in rows} == set(ALBUMS.layers)


def test_a_row_read_alone_is_the_row_of_the_tree(reader: Reader) -> None:
    rows = reader.tree(full_album().pk)
    alone = documents(reader.rows(*(row.key for row in rows)).values())
    assert alone == {row.key: row for row in rows}


def test_rows_come_parents_before_children(reader: Reader) -> None:
    order = [row.key for row in reader.tree(full_album().pk)]
    place = {key: index for index, key in enumerate(order)}
    for row in reader.tree(order[0].id):
        assert all(place[link] > place[row.key] for link in row.links)


def test_links_are_the_ids_of_all_relations(reader: Reader) -> None:
    row = reader.tree(full_album().pk)[0]
    expected: list[InstanceKey] = []
    for relation in ALBUMS.root.relations:
        ids: Any = row.data[relation.name] or []
        expected += [InstanceKey(relation.target, id_) for id_ in (ids if relation.many else [ids])]
    assert list(row.links) == expected
    assert row.owner is None


def test_private_rows_name_their_owner_and_their_parent(reader: Reader) -> None:
    found = full_album()
    memo = shop.Memo._default_manager.first()
    assert memo is not None
    row = reader.row("Memo", memo.pk)
    assert row.owner == str(memo.owner.pk)
    assert row.parents == (InstanceKey("Album", str(found.pk)),)


def test_a_column_that_refers_to_no_primary_key_names_the_parent_by_its_key(
    reader: Reader,
) -> None:
    full_album()
    sticker = shop.Sticker._default_manager.get(colour="green")
    parent = InstanceKey("Genre", str(sticker.genre.pk))
    assert reader.row("Sticker", sticker.pk).parents == (parent,)


def test_relations_that_lead_nowhere_are_null_or_empty(reader: Reader) -> None:
    bare = shop.Album._default_manager.create(title="Bare")
    data = reader.tree(bare.pk)[0].data
    assert data["contract"] is None
    assert data["studio"] is None
    assert data["tracks"] == []


@pytest.mark.parametrize("anchor_id", ["", "0", "07", "x", "1.0", "-1", "9" * 30, "\x00", "None"])
def test_an_id_of_no_album_gives_no_rows(reader: Reader, anchor_id: str) -> None:
    album()
    assert reader.tree(anchor_id) == []
    assert reader.rows(InstanceKey("Album", anchor_id)) == {}
    assert reader.existing(InstanceKey("Album", anchor_id)) == frozenset()


def test_keys_of_unknown_types_are_missing(reader: Reader) -> None:
    assert reader.rows(InstanceKey("Elephant", "1")) == {}
    assert reader.existing(InstanceKey("Elephant", "1")) == frozenset()


def test_existing_rows_are_told_by_any_kind_of_key(reader: Reader) -> None:
    found = full_album()
    assert found.studio is not None
    there = {
        InstanceKey("Album", str(found.pk)),
        InstanceKey("AlbumLink", str(found.pk)),
        InstanceKey("Studio", str(found.studio.pk)),
        InstanceKey("Country", "FR"),
        InstanceKey("Contract", str(found.pk)),
    }
    gone = {InstanceKey("Studio", str(uuid.uuid4())), InstanceKey("Country", "XX")}
    assert reader.existing(*there, *gone) == there


def test_values_do_not_depend_on_the_active_timezone_or_language(reader: Reader) -> None:
    from django.utils import timezone, translation

    found = full_album()
    rows = reader.tree(found.pk)
    with timezone.override("Asia/Tokyo"), translation.override("de"):
        assert reader.tree(found.pk) == rows


albums = st.fixed_dictionaries(
    {
        "title": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
        "format": st.sampled_from(shop.Album.Format.values),
        "condition": st.sampled_from(["", "mint", "ok"]),
        "rating": st.none() | st.sampled_from(shop.Album.Rating.values),
        "in_stock": st.booleans(),
        "is_live": st.none() | st.booleans(),
        "copies": st.integers(-(2**29), 2**29),
        "plays": st.integers(-(2**63), 2**63 - 1),
        "streams": st.none() | st.integers(0, 2**63 - 1),
        "score": st.floats(allow_nan=False, allow_infinity=False),
        "price": st.decimals(0, 999, places=2),
        "released": st.none() | st.dates(datetime.date(1000, 1, 1)),
        "alarm": st.none() | st.times(),
        "bought_at": st.none()
        | st.datetimes(datetime.datetime(1900, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
        "length": st.none() | st.timedeltas(datetime.timedelta(0), datetime.timedelta(900)),
        "barcode": st.uuids(),
        "address": st.none() | st.ip_addresses().map(str),
        "sleeve": st.sampled_from(["", "sleeve.png"]),
        "extra": st.fixed_dictionaries(
            {
                "moods": st.lists(st.sampled_from(["calm", "loud"]), unique=True),
                "words": st.lists(st.text("ab")),
                "anything": st.lists(st.none() | st.integers(0, 9)),
                "labels": st.dictionaries(st.text("ab"), st.text("cd")),
            }
        ),
    }
)
tracks = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([100, 301]), st.sets(st.integers(0, 3))),
    max_size=6,
)


@pytest.mark.slow
@given(values=albums, tracks=tracks, genres=st.sets(st.integers(0, 3)))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_albums_are_what_drf_renders(values: Any, tracks: Any, genres: Any) -> None:
    choices = [shop.Genre._default_manager.get_or_create(name=f"g{n}")[0] for n in range(4)]
    found = album(**values)
    found.genres.set([choices[n] for n in genres])
    for position, seconds, of_track in tracks:
        track = shop.Track._default_manager.create(
            album=found, title="t", position=position, seconds=seconds
        )
        track.genres.set([choices[n] for n in of_track])
    reader = Reader(ALBUMS)
    rows = reader.tree(found.pk)
    assert nested(ALBUMS, rows) == rendered(ALBUMS, shop.Album._default_manager.get(pk=found.pk))
    alone = documents(reader.rows(*(row.key for row in rows)).values())
    assert alone == {row.key: row for row in rows}
