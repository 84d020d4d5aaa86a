"""Rows that cannot be rendered, or do not fit their type: reported, left out, the rest goes on."""

from __future__ import annotations

import datetime
import enum
import logging
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from django.utils.functional import lazystr
from django.utils.safestring import mark_safe
from rest_framework import serializers

from rxgraph.cache.rows.values import FaultyValue, coercion_of, to_json
from rxgraph.compile.scalars import JSON, BigInt
from rxgraph.compile.tree import compile_state
from rxgraph.types import InstanceKey
from tests.cache.rows_help import Reader
from tests.torture.models import Album, Genre, Track


class FussyTrackSerializer(serializers.ModelSerializer[Track]):
    """Raises for one title, shows what another one's type forbids."""

    ratio = serializers.SerializerMethodField()
    calls: ClassVar[list[Any]] = []

    class Meta:
        model = Track
        fields: ClassVar = ["id", "title", "ratio"]
        graphql_name = "FussyTrack"

    def get_ratio(self, track: Track) -> float:
        if track.title == "bad":
            raise ZeroDivisionError("nothing to divide by")
        if track.title == "nan":
            return float("nan")
        if track.title == "none":
            return None  # type: ignore[return-value]
        if track.title == "query":
            return Genre._default_manager.extra(where=["no_such_column = 1"]).count()
        return 0.5


class FussyAlbumSerializer(serializers.ModelSerializer[Album]):
    tracks = FussyTrackSerializer(many=True)

    class Meta:
        model = Album
        fields: ClassVar = ["id", "title", "format", "tracks"]
        graphql_name = "FussyAlbum"


FUSSY = compile_state(FussyAlbumSerializer())

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader() -> Reader:
    return Reader(FUSSY)


def add_track(album: Album, title: str) -> str:
    return str(Track._default_manager.create(album=album, title=title).pk)


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("bad", "ZeroDivisionError: nothing to divide by"),
        ("nan", "FaultyValue: ratio: JSON has no nan"),
        ("none", "FaultyValue: ratio: found null, which its type does not allow"),
        ("query", "OperationalError"),
    ],
)
def test_a_faulty_row_is_left_out_and_named_once_in_the_log(
    reader: Reader, caplog: pytest.LogCaptureFixture, title: str, said: str
) -> None:
    album = Album._default_manager.create(title="Blue")
    good, bad, last = (add_track(album, name) for name in ("good", title, "last"))
    with caplog.at_level(logging.ERROR, "rxgraph.rows"):
        first, *rest = reader.tree(album.pk)
        reader.tree(album.pk)
        assert reader.rows(InstanceKey("FussyTrack", bad)) == {}
    assert first.data["tracks"] == [good, bad, last]
    assert [row.key.id for row in rest] == [good, last]
    (record,) = caplog.records
    assert record.getMessage().startswith(f"FussyTrack {bad} of test cannot be rendered")
    assert said in record.getMessage()


def test_a_choice_that_is_none_is_a_fault(reader: Reader, caplog: pytest.LogCaptureFixture) -> None:
    album = Album._default_manager.create(title="Blue", format="cassette")
    assert reader.tree(album.pk) == []
    assert "'cassette' is none of the choices" in caplog.text


def test_a_row_is_there_again_once_it_is_mended(reader: Reader) -> None:
    album = Album._default_manager.create(title="Blue")
    track = Track._default_manager.get(pk=add_track(album, "bad"))
    assert len(reader.tree(album.pk)) == 1
    Track._default_manager.filter(pk=track.pk).update(title="good")
    assert len(reader.tree(album.pk)) == 2


class StubbornSerializer(serializers.ModelSerializer[Album]):
    """Looks into its nested instances, and keeps things on itself."""

    tracks = FussyTrackSerializer(many=True)

    class Meta:
        model = Album
        fields: ClassVar = ["id", "title", "tracks"]
        graphql_name = "Stubborn"

    def to_representation(self, instance: Album) -> dict[str, Any]:
        data = super().to_representation(instance)
        self.seen = [*getattr(self, "seen", []), instance.pk]
        data["title"] = str(len(self.seen))
        if instance.title == "nested":
            data["tracks"] = [{"id": id_} for id_ in data["tracks"]]
        if instance.title == "without":
            del data["tracks"]
        return data


STUBBORN = compile_state(StubbornSerializer())


def test_what_a_serializer_keeps_on_itself_is_forgotten_after_one_read() -> None:
    album = Album._default_manager.create(title="Blue")
    reader = Reader(STUBBORN)
    assert [reader.tree(album.pk)[0].data["title"] for _ in range(3)] == ["1", "1", "1"]


def test_a_serializer_that_nests_by_itself_is_told_about_ids(
    caplog: pytest.LogCaptureFixture,
) -> None:
    album = Album._default_manager.create(title="nested")
    add_track(album, "good")
    assert [row.key.typename for row in Reader(STUBBORN).tree(album.pk)] == ["FussyTrack"]
    assert "to_representation sees ids in place of nested instances" in caplog.text


def test_a_list_that_a_serializer_leaves_out_is_empty() -> None:
    album = Album._default_manager.create(title="without")
    add_track(album, "good")
    assert Reader(STUBBORN).tree(album.pk)[0].data["tracks"] == []


# -- values


class Suit(enum.IntEnum):
    HEARTS = 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (mark_safe("a"), "a"),
        (lazystr("b"), "b"),
        (Suit.HEARTS, 1),
        ({1, 2}, [1, 2]),
        ((1, (2,)), [1, [2]]),
        ((n for n in range(2)), [0, 1]),
        ({None: "b", True: "c", 1.5: "d"}, {"true": "c", "null": "b", "1.5": "d"}),
        ({1: "a"}, {"1": "a"}),
        (Decimal("1.5"), 1.5),
        (datetime.timedelta(seconds=90), "90.0"),
        (datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), "2020-01-01T00:00:00Z"),
        (b"bytes", "bytes"),
    ],
)
def test_values_are_written_as_drf_writes_json(value: Any, expected: Any) -> None:
    found = to_json(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("value", [object(), float("inf"), [float("nan")], {(1,): 2}, b"\xff"])
def test_what_json_cannot_hold_is_a_fault(value: object) -> None:
    with pytest.raises(FaultyValue):
        to_json(value)


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (str, 5, "5"),
        (str, True, "true"),
        (int, "5", 5),
        (int, True, 1),
        (float, 5, 5.0),
        (BigInt, 2**63, "9223372036854775808"),
        (Decimal, Decimal("1.50"), "1.50"),
        (datetime.timedelta, datetime.timedelta(days=1), "1 00:00:00"),
        (list[int], (1, 2), [1, 2]),
        (list[int | None], [None], [None]),
        (JSON, {"a": (1,)}, {"a": [1]}),
    ],
)
def test_values_fit_their_declared_type(annotation: Any, value: Any, expected: Any) -> None:
    coerce = coercion_of(annotation)
    found = coerce(value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, 2**31),
        (int, "x"),
        (int, [1]),
        (float, "x"),
        (bool, "yes"),
        (str, [1]),
        (list[int], "12"),
        (list[int], [None]),
        (BigInt, 1.5),
        (Decimal, Decimal("NaN")),
    ],
)
def test_values_that_do_not_fit_are_faults(annotation: Any, value: Any) -> None:
    coerce = coercion_of(annotation)
    with pytest.raises(FaultyValue):
        coerce(value)
