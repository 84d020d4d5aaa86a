"""Which instances a changed row may alter, and what finding that out costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from rxgraph.cache.rows import locate
from rxgraph.cache.steps import Locate
from rxgraph.compile.tree import compile_state
from rxgraph.types import InstanceKey, RowKey
from tests.cache.rows_help import Reader
from tests.cache.shapes.models import Branch, Tree
from tests.cache.shapes.serializers import TreeSerializer
from tests.cache.test_rows import ALBUMS, full_album
from tests.torture import models as shop
from tests.torture.serializers import GenreSerializer

pytestmark = pytest.mark.django_db

TREES = compile_state(TreeSerializer())
GENRES = compile_state(GenreSerializer())
ALL = {"albums": ALBUMS, "trees": TREES, "genres": GENRES}


def find(
    *rows: RowKey, columns: Mapping[RowKey, Mapping[str, str | None]] | None = None, queries: int
) -> dict[str, frozenset[InstanceKey]]:
    with CaptureQueriesContext(connection) as captured:
        found = locate(ALL, frozenset(rows), columns or {}, "default")
    assert len(captured) == queries, [query["sql"] for query in captured]
    return found


def keys(*named: tuple[str, Any]) -> frozenset[InstanceKey]:
    return frozenset(InstanceKey(typename, str(id_)) for typename, id_ in named)


def test_rows_of_models_that_no_channel_shows_cost_nothing() -> None:
    assert find(RowKey("sessions.session", "1"), queries=0) == {}


def test_a_row_is_looked_for_in_every_layer_of_its_model() -> None:
    album = shop.Album._default_manager.create(title="Blue")
    found = find(RowKey("torture.album", str(album.pk)), queries=2)
    assert found == {"albums": keys(("Album", album.pk), ("AlbumLink", album.pk))}


def test_with_hints_the_parent_is_known_without_a_query() -> None:
    row = RowKey("torture.memo", "5")
    found = find(row, columns={row: {"album_id": "7"}}, queries=0)
    assert found == {"albums": keys(("Memo", 5), ("Album", 7))}


def test_a_row_without_a_parent_is_found_alone() -> None:
    row = RowKey("torture.memo", "5")
    found = find(row, columns={row: {"album_id": None}}, queries=0)
    assert found == {"albums": keys(("Memo", 5))}


def test_without_hints_one_query_reads_the_columns_of_all_rows() -> None:
    album = full_album()
    memos = list(shop.Memo._default_manager.all())
    found = find(*(RowKey("torture.memo", str(memo.pk)) for memo in memos), queries=1)
    assert found["albums"] == keys(("Album", album.pk), *(("Memo", memo.pk) for memo in memos))


def test_only_rows_without_hints_are_read() -> None:
    full_album()
    known, unknown = (RowKey("torture.memo", str(m.pk)) for m in shop.Memo._default_manager.all())
    with CaptureQueriesContext(connection) as captured:
        locate(ALL, frozenset({known, unknown}), {known: {"album_id": "7"}}, "default")
    (query,) = captured.captured_queries
    assert f"IN ({unknown.pk})" in query["sql"]


def test_rows_that_are_gone_are_looked_for_all_the_same() -> None:
    found = find(RowKey("torture.memo", "99"), RowKey("torture.memo", "x"), queries=1)
    assert found == {"albums": keys(("Memo", 99), ("Memo", "x"))}


def test_a_hint_by_another_column_is_turned_into_the_key_of_the_parent() -> None:
    genre = shop.Genre._default_manager.create(name="rock")
    row = RowKey("torture.sticker", "5")
    expected = keys(("Sticker", 5), ("Genre", genre.pk))
    found = find(row, columns={row: {"genre_id": "rock"}}, queries=2)  # one for each channel
    assert found == {"albums": expected, "genres": expected}


def test_what_shows_a_value_of_a_row_depends_on_it() -> None:
    album = full_album()
    owner = User.objects.get(username="ann")
    found = find(RowKey("auth.user", str(owner.pk)), queries=1)
    assert found == {"albums": keys(("Album", album.pk))}


def test_a_parent_that_computes_its_children_depends_on_them() -> None:
    album = full_album()
    track = shop.Track._default_manager.first()
    assert track is not None
    found = Reader(ALBUMS).dependents(RowKey("torture.track", str(track.pk)))
    assert found == keys(("Album", album.pk))


def test_the_parents_of_a_row_between_depend_on_it() -> None:
    album = full_album()
    through = shop.Album.genres.through._default_manager.filter(album=album).first()
    assert through is not None
    found = Reader(ALBUMS).dependents(RowKey("torture.album_genres", str(through.pk)))
    assert found == keys(("Album", album.pk))


def test_one_table_between_serves_every_channel_with_one_query() -> None:
    album = full_album()
    credit = shop.Credit._default_manager.first()
    assert credit is not None
    found = find(RowKey("torture.credit", str(credit.pk)), queries=1)
    assert found == {"albums": keys(("Credit", credit.pk), ("Album", album.pk))}


def test_a_row_of_an_inherited_model_is_found_under_its_base() -> None:
    tree = Tree._default_manager.create(name="Oak", code="oak")
    Branch._base_manager.create(tree=tree, name="low")
    for label in ("shapes.place", "shapes.tree"):
        assert find(RowKey(label, str(tree.pk)), queries=0) == {"trees": keys(("Tree", tree.pk))}


def test_the_step_is_answered_for_all_channels() -> None:
    reader = Reader(TREES)
    row = RowKey("shapes.tree", "1")
    found = reader.perform(Locate("default", frozenset({row}), {}))
    assert found == {"test": keys(("Tree", 1))}


def test_many_rows_take_no_more_queries_than_one() -> None:
    rows = (RowKey("torture.track", str(n)) for n in range(1, 2000))
    few = locate_count(RowKey("torture.track", "1"))
    assert locate_count(*rows) == few


def locate_count(*rows: RowKey) -> int:
    with CaptureQueriesContext(connection) as captured:
        locate(ALL, frozenset(rows), {}, "default")
    return len(captured)
