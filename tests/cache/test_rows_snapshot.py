"""A snapshot shows one moment, whoever writes meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.test import TestCase

from rxgraph.cache.rows.snapshot import consistent_read
from rxgraph.cache.steps import CloseSnapshot, OpenSnapshot, ReadTree
from rxgraph.compile.tree import compile_state
from rxgraph.errors import BackendError
from tests.cache.rows_help import Reader
from tests.cache.test_rows_faults import FussyAlbumSerializer
from tests.torture.models import Album

FUSSY = compile_state(FussyAlbumSerializer())


def elsewhere(work: Callable[[], None]) -> None:
    """Do *work* on a connection of its own, to its end."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert not errors, errors


def rename(pk: int, title: str) -> Callable[[], None]:
    def write() -> None:
        with transaction.atomic():
            Album._default_manager.filter(pk=pk).update(title=title)

    return write


@pytest.fixture
def reader() -> Reader:
    return Reader(FUSSY)


@pytest.fixture
def album(transactional_db: None) -> Album:
    # Other connections see a database in a file only.
    assert Path(str(connection.settings_dict["NAME"])).is_file()
    assert connection.vendor == "sqlite"
    return Album._default_manager.create(title="Before")


def title(reader: Reader, album: Album) -> object:
    return reader.tree(album.pk)[0].data["title"]


def test_a_second_read_does_not_show_what_was_committed_meanwhile(
    reader: Reader, album: Album
) -> None:
    with reader.snapshot():
        assert title(reader, album) == "Before"
        elsewhere(rename(album.pk, "After"))
        assert title(reader, album) == "Before"
    assert title(reader, album) == "After"


def test_the_moment_is_that_of_opening(reader: Reader, album: Album) -> None:
    with reader.snapshot():
        elsewhere(rename(album.pk, "After"))
        assert title(reader, album) == "Before"


def test_a_snapshot_does_not_wait_for_a_writer(reader: Reader, album: Album) -> None:
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Album._default_manager.filter(pk=album.pk).update(title="After")
            holding.set()
            assert done.wait(20)
        connections.close_all()

    writer = threading.Thread(target=hold)
    writer.start()
    try:
        assert holding.wait(20)
        assert title(reader, album) == "Before"
    finally:
        done.set()
        writer.join(20)
    assert title(reader, album) == "After"


def test_a_snapshot_does_not_keep_writers_waiting(reader: Reader, album: Album) -> None:
    with reader.snapshot():
        elsewhere(rename(album.pk, "After"))
    assert connection.get_autocommit()
    assert connection.transaction_mode == "IMMEDIATE"  # type: ignore[attr-defined]


def test_a_snapshot_ends_after_an_error(reader: Reader, album: Album) -> None:
    with pytest.raises(ZeroDivisionError), reader.snapshot():
        raise ZeroDivisionError
    assert not connection.in_atomic_block
    assert title(reader, album) == "Before"


def test_nothing_that_is_written_while_reading_stays(album: Album) -> None:
    with consistent_read("default"):
        Album._default_manager.filter(pk=album.pk).update(title="After")
    album.refresh_from_db()
    assert album.title == "Before"


def test_a_step_on_another_thread_is_refused(reader: Reader, album: Album) -> None:
    with reader.snapshot() as snapshot:

        def read() -> None:
            with pytest.raises(BackendError, match="another thread"):
                reader.perform(ReadTree(snapshot, str(album.pk), 1))

        elsewhere(read)


def test_inside_a_transaction_its_own_writes_are_read(reader: Reader, album: Album) -> None:
    with transaction.atomic():
        Album._default_manager.filter(pk=album.pk).update(title="Mine")
        assert title(reader, album) == "Mine"
    assert title(reader, album) == "Mine"


def test_with_autocommit_off_the_transaction_is_read(reader: Reader, album: Album) -> None:
    transaction.set_autocommit(False)
    try:
        Album._default_manager.filter(pk=album.pk).update(title="Mine")
        assert title(reader, album) == "Mine"
        transaction.rollback()
    finally:
        transaction.set_autocommit(True)
    assert title(reader, album) == "Before"


class CapturedCommits(TestCase):
    """``captureOnCommitCallbacks`` runs hooks inside the test's transaction."""

    def test_a_hook_reads_in_the_transaction_of_the_test(self) -> None:
        reader = Reader(FUSSY)
        with self.captureOnCommitCallbacks(execute=True):
            album = Album._default_manager.create(title="Blue")
            found: list[object] = []
            transaction.on_commit(lambda: found.append(title(reader, album)))
        assert found == ["Blue"]


def test_hooks_of_a_commit_read_and_the_ones_after_them_run(reader: Reader, album: Album) -> None:
    found: list[object] = []
    with transaction.atomic():
        Album._default_manager.filter(pk=album.pk).update(title="After")
        transaction.on_commit(lambda: found.append(title(reader, album)))
        transaction.on_commit(lambda: found.append("next"))
    assert found == ["After", "next"]


def test_closing_twice_and_after_the_connection_died_is_harmless(
    reader: Reader, album: Album
) -> None:
    snapshot = reader.perform(OpenSnapshot("test"))
    connection.connection.close()
    reader.perform(CloseSnapshot(snapshot))
    reader.perform(CloseSnapshot(snapshot))
    assert title(reader, album) == "Before"


def test_a_database_that_does_not_answer_is_a_backend_error(
    reader: Reader, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise OperationalError("no such host")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "ensure_connection", refuse)
        with pytest.raises(BackendError, match="'default' does not answer: no such host"):
            reader.perform(OpenSnapshot("test"))
    assert title(reader, album) == "Before"
