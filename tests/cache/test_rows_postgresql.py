"""The same on PostgreSQL: snapshots, any number of values, and SQL that fails while rendering."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.db import connections, transaction
from django.db.utils import InternalError

from rxgraph.cache.rows.snapshot import consistent_read
from rxgraph.compile.tree import compile_state
from rxgraph.types import InstanceKey
from tests.cache.rows_help import Reader, documents, nested, rendered
from tests.cache.test_rows import ALBUMS, full_album
from tests.cache.test_rows_faults import FussyAlbumSerializer, add_track
from tests.cache.test_rows_snapshot import elsewhere
from tests.torture.models import Album, Country, Studio, Track

pytestmark = pytest.mark.integration

ALIAS = "rows_postgresql"
FUSSY = compile_state(FussyAlbumSerializer())


class Router:
    """Everything lives in PostgreSQL; reads would go astray if they asked for the replica."""

    def db_for_read(self, model: type, **hints: Any) -> str:
        return ALIAS

    def db_for_write(self, model: type, **hints: Any) -> str:
        return ALIAS

    def allow_relation(self, one: object, other: object, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return None


class Backend:
    """A schema of its own in the database that DATABASE_URL names."""

    def __init__(self) -> None:
        url = urlsplit(os.environ["DATABASE_URL"])
        self.schema = f"rows_{os.getpid()}"
        default: Any = connections.settings["default"]
        connections.settings[ALIAS] = {
            **default,
            "ENGINE": "django.db.backends.postgresql",
            "NAME": url.path.lstrip("/"),
            "USER": url.username or "",
            "PASSWORD": url.password or "",
            "HOST": url.hostname or "",
            "PORT": str(url.port or ""),
            "OPTIONS": {"options": f"-c search_path={self.schema}"},
        }

    def execute(self, sql: str) -> None:
        with connections[ALIAS].cursor() as cursor:
            cursor.execute(sql)


@pytest.fixture(scope="module")
def backend(django_db_setup: None, django_db_blocker: Any) -> Iterator[Backend]:
    if "DATABASE_URL" not in os.environ:
        pytest.skip("DATABASE_URL names no PostgreSQL")
    with django_db_blocker.unblock():
        found = Backend()
        found.execute(f"CREATE SCHEMA {found.schema}")
        try:
            call_command("migrate", database=ALIAS, run_syncdb=True, verbosity=0)
            yield found
        finally:
            found.execute(f"DROP SCHEMA {found.schema} CASCADE")
            connections[ALIAS].close()
            del connections[ALIAS]
            del connections.settings[ALIAS]


@pytest.fixture(autouse=True)
def postgresql(backend: Backend, django_db_blocker: Any, settings: Any) -> Iterator[None]:
    settings.DATABASE_ROUTERS = [f"{__name__}.Router"]
    with django_db_blocker.unblock():
        yield
        connection = connections[ALIAS]
        assert not connection.in_atomic_block
        with connection.cursor() as cursor:
            tables = ", ".join(
                connection.ops.quote_name(table)
                for table in connection.introspection.table_names(cursor)
                if table != "django_migrations"
            )
            cursor.execute(f"TRUNCATE {tables} CASCADE")


def test_nesting_the_rows_gives_what_drf_renders() -> None:
    reader, found = Reader(ALBUMS), full_album()
    rows = reader.tree(found.pk)
    assert nested(ALBUMS, rows) == rendered(ALBUMS, found)
    alone = documents(reader.rows(*(row.key for row in rows)).values())
    assert alone == {row.key: row for row in rows}


def test_a_snapshot_shows_one_moment() -> None:
    reader, album = Reader(FUSSY), Album._default_manager.create(title="Before")

    def rename() -> None:
        Album._default_manager.filter(pk=album.pk).update(title="After")

    with reader.snapshot():
        assert reader.tree(album.pk)[0].data["title"] == "Before"
        elsewhere(rename)
        assert reader.tree(album.pk)[0].data["title"] == "Before"
    assert reader.tree(album.pk)[0].data["title"] == "After"


def test_a_snapshot_cannot_write() -> None:
    with pytest.raises(InternalError, match="read-only"), consistent_read(ALIAS):
        Album._default_manager.create(title="Before")
    assert not connections[ALIAS].in_atomic_block


def test_sql_that_fails_in_a_serializer_spoils_one_row_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reader, album = Reader(FUSSY), Album._default_manager.create(title="Blue")
    ids = [add_track(album, title) for title in ("good", "query", "bad", "query", "last")]
    with reader.snapshot():
        assert [row.key.id for row in reader.tree(album.pk)[1:]] == [ids[0], ids[4]]
        assert len(reader.rows(*(InstanceKey("FussyTrack", id_) for id_ in ids))) == 2
    assert "no_such_column" in caplog.text


@pytest.mark.parametrize("model", [Studio, Country, Track])
def test_any_number_of_keys_of_any_type_is_one_parameter(model: Any) -> None:
    album = Album._default_manager.create(title="Blue")
    if model is Country:
        letters = "abcdefghijklmnopqrstuvwxyz"
        made: list[Any] = [Country(code=a + b, name="x") for a in letters for b in letters]
    elif model is Studio:
        made = [Studio(name="x") for _ in range(500)]
    else:
        made = [Track(album=album, title="x") for _ in range(500)]
    model._default_manager.bulk_create(made)
    keys = {InstanceKey(model.__name__, str(instance.pk)) for instance in made}
    assert Reader(ALBUMS).existing(*keys) == keys
    assert Reader(ALBUMS).rows(*keys).keys() == keys


def test_inside_a_transaction_its_own_writes_are_read() -> None:
    reader = Reader(FUSSY)
    with transaction.atomic(using=ALIAS):
        album = Album._default_manager.create(title="Mine")
        assert reader.tree(album.pk)[0].data["title"] == "Mine"


@pytest.mark.parametrize("anchor_id", ["9" * 30, str(2**63), "\x00", "x"])
def test_an_id_of_no_album_gives_no_rows(anchor_id: str) -> None:
    assert Reader(ALBUMS).tree(anchor_id) == []
