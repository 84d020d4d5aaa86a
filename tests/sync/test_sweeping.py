"""The sweeper: who does what others left, in which databases, and what becomes of the undoable."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction
from django.test import override_settings
from django.utils import timezone

from rxgraph.cache.memory import MemoryStore
from rxgraph.cache.steps import run
from rxgraph.errors import BackendError
from rxgraph.models import Intent, Quarantined
from rxgraph.sync import capture, databases, intents, quarantine, sweeping, tracking
from rxgraph.sync.sweeping import Sweeper, backlog
from rxgraph.sync.touches import Committed
from rxgraph.types import RowKey
from tests.sync.captured.models import Label, Owner
from tests.sync.captured.recording import ALL, keys

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "other"])

BOTH = ["default", "other"]


def label(*numbers: int) -> frozenset[RowKey]:
    return frozenset(RowKey("captured.label", str(number)) for number in numbers)


class World:
    """A store, a clock turned by hand, and what was flushed."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.store = MemoryStore(clock=lambda: self.now)
        self.flushed: list[tuple[str, frozenset[RowKey]]] = []
        self.poison: frozenset[RowKey] = frozenset()
        self.before: Callable[[], None] = lambda: None

    def perform(self, step: Any) -> Any:
        return self.now if type(step).__name__ == "Now" else self.store.perform(step)

    def flush(self, using: str, rows: frozenset[RowKey], since: float) -> None:
        self.before()
        if rows & self.poison:
            raise TypeError(f"cannot do {min(rows & self.poison).pk}")
        self.flushed.append((using, rows))

    def sweeper(self, retry_seconds: float = 3600) -> Sweeper:
        return Sweeper(
            lambda procedure: run(procedure, self.perform),
            self.flush,
            lambda using, found: None,
            lease_seconds=10,
            retry_seconds=retry_seconds,
        )


@pytest.fixture
def world() -> Iterator[World]:
    sweeping.counters.clear()
    databases.look_again()
    yield World()
    databases.look_again()


def leave(using: str, *numbers: int) -> Any:
    return intents.write(connections[using], label(*numbers))[0]


def test_what_is_left_in_every_database_is_done_and_forgotten(world):
    leave("default", 1, 2)
    leave("default", 3)
    leave("other", 4)
    assert world.sweeper().sweep(BOTH, 0) == 3
    assert world.flushed == [("default", label(1, 2, 3)), ("other", label(4))]
    assert not Intent.objects.using("default").exists()
    assert not Intent.objects.using("other").exists()
    assert world.sweeper().sweep(BOTH, 0) == 0
    assert backlog("default").swept == 2
    assert backlog("other").swept == 1


def test_young_ones_are_left_to_their_writers(world):
    leave("default", 1)
    assert world.sweeper().sweep(BOTH, 60) == 0
    assert backlog("default").pending == 1
    assert 0 <= (backlog("default").oldest_seconds or -1) < 60


def test_a_transaction_on_two_databases_leaves_an_intent_in_each(world):
    former = capture.on_commit(None)
    with tracking.use(ALL):
        with transaction.atomic(using="default"), transaction.atomic(using="other"):
            red = Label.objects.create(name="red")
            owner = Owner.objects.using("other").create(name="Ann")
        with transaction.atomic("default"), transaction.atomic("other"):
            Label.objects.create(name="never")
            Owner.objects.using("other").create(name="Never")
            transaction.set_rollback(True, using="default")
            transaction.set_rollback(True, using="other")
    capture.on_commit(former)
    assert world.sweeper().sweep(BOTH, 0) == 2
    assert world.flushed == [("default", keys(red)), ("other", keys(owner))]


class ToOther:
    """Keeps labels in the other database, and everything else where it is."""

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "other" if model._meta.label_lower == "captured.label" else None


@override_settings(DATABASE_ROUTERS=["tests.sync.test_sweeping.ToOther"])
def test_a_router_decides_where_the_log_is(world):
    former = capture.on_commit(None)
    with tracking.use(ALL):
        red = Label.objects.create(name="red")
        ann = Owner.objects.create(name="Ann")
    capture.on_commit(former)
    assert intents.rows("other") == keys(red)
    assert intents.rows("default") == keys(ann)
    assert databases.swept([Label]) == ["default", "other"]


class OnlyDefault:
    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return db == "default" if app_label == "rxgraph" else None


def test_every_database_with_a_log_is_swept(world, monkeypatch):
    assert databases.swept([Label]) == BOTH
    databases.look_again()
    with override_settings(DATABASE_ROUTERS=["tests.sync.test_sweeping.OnlyDefault"]):
        assert databases.swept([Label]) == ["default"]


def test_a_mirror_is_not_swept(world, monkeypatch):
    monkeypatch.setitem(connections["other"].settings_dict, "TEST", {"MIRROR": "default"})
    assert databases.swept([Label]) == ["default"]


def test_a_second_alias_of_one_database_is_not_swept(world, monkeypatch):
    monkeypatch.setattr(databases, "_place", lambda connection: "the same")
    assert databases.swept([Label]) == ["default"]


def test_a_database_that_does_not_answer_keeps_no_other_from_being_swept(world, monkeypatch):
    leave("other", 4)

    def away(using: str, *args: Any) -> Any:
        if using == "default":
            raise OperationalError("gone")
        return original(using, *args)

    original = intents.left_over
    monkeypatch.setattr(intents, "left_over", away)
    with pytest.raises(BackendError, match="'default' does not answer: gone"):
        world.sweeper().sweep(BOTH, 0)
    assert world.flushed == [("other", label(4))]


# -- the lease


def test_one_process_sweeps_until_it_dies(world):
    first, second = world.sweeper(), world.sweeper()
    for number in range(4):
        leave("default", number)
        assert first.sweep(["default"], 0, leased=True) == 1
        assert second.sweep(["default"], 0, leased=True) == 0
        world.now += 4
    assert (first.held, second.held) == ({"default"}, frozenset())
    assert second.seconds_left("default") == 2  # renewed where half of it was over
    assert first.seconds_left("default") is None
    world.now += 2.1  # the first one is dead
    leave("default", 2)
    assert second.sweep(["default"], 0, leased=True) == 1
    assert first.sweep(["default"], 0, leased=True) == 0
    assert (first.held, second.held) == (frozenset(), {"default"})


def test_a_lease_is_held_by_sweeping_and_given_back(world):
    first, second = world.sweeper(), world.sweeper()
    first.sweep(BOTH, 0, leased=True)
    for _ in range(10):
        world.now += 6
        first.sweep(BOTH, 0, leased=True)
        assert second.hold("default") is False
    first.release()
    assert second.hold("default") is True
    first.release()  # takes nothing from others
    assert second.hold("default") is True
    assert first.hold("default") is False


def test_each_database_has_a_sweeper_of_its_own(world):
    first, second = world.sweeper(), world.sweeper()
    assert first.hold("default")
    assert second.hold("other")
    leave("default", 1)
    leave("other", 2)
    assert second.sweep(BOTH, 0, leased=True) == 1
    assert world.flushed == [("other", label(2))]


def test_who_loses_the_lease_amid_its_work_stops(world, monkeypatch):
    monkeypatch.setattr(sweeping, "_INTENTS_PER_PAGE", 1)
    first, second = world.sweeper(), world.sweeper()
    leave("default", 1)
    leave("default", 2)

    def sleep_for_long() -> None:
        world.before = lambda: None
        world.now += 60
        assert second.hold("default")

    world.before = sleep_for_long
    assert first.sweep(["default"], 0, leased=True) == 1
    assert backlog("default").pending == 1
    assert second.sweep(["default"], 0, leased=True) == 1


# -- what cannot be done


def test_one_that_fails_keeps_no_other_from_being_done(world, caplog):
    for number in range(20):
        leave("default", number)
    world.poison = label(7)
    sweeper = world.sweeper()
    assert sweeper.sweep(["default"], 0) == 19
    assert frozenset().union(*(rows for _, rows in world.flushed)) >= label(
        *range(7), *range(8, 20)
    )
    assert intents.rows("default") == label(7)
    found = backlog("default")
    assert (found.pending, found.swept, found.failed) == (1, 19, 1)
    assert "cannot be done" in caplog.text
    assert sweeper.sweep(["default"], 0) == 0
    assert backlog("default").failed == 1, "it is not tried again at once"
    world.poison = frozenset()
    sweeper._failures.clear()  # as time does
    assert sweeper.sweep(["default"], 0) == 1


def test_a_store_that_is_away_is_no_failure_of_an_intent(world):
    leave("default", 1)
    leave("default", 2)

    def away() -> None:
        raise BackendError("away")

    world.before = away
    with pytest.raises(BackendError):
        world.sweeper().sweep(["default"], 0)
    assert backlog("default").failed == 0
    assert backlog("default").pending == 2


UNDOABLE = {
    '{"gone.model": [1], "captured.label": [5]}': "there is no model gone.model",
    "{broken": "its rows cannot be read",
    '{"captured.label": [7]}': "TypeError: cannot do 7",
}


@pytest.mark.parametrize("text", UNDOABLE)
def test_what_cannot_be_done_is_kept_then_quarantined_then_brought_back(world, text, caplog):
    world.poison = label(7)
    intent = Intent.objects.create(rows=text)
    with caplog.at_level(logging.WARNING, logger="rxgraph.sync"):
        assert world.sweeper().sweep(["default"], 0) == 0
    assert "stays in the log" in caplog.text
    assert UNDOABLE[text] in caplog.text
    assert Intent.objects.get() == intent
    if "5" in text:
        assert world.flushed[-1][1] >= label(5), "what is known was done"

    written = timezone.now() - timedelta(seconds=3601)
    Intent.objects.update(created_at=written)
    with caplog.at_level(logging.ERROR, logger="rxgraph.sync"):
        assert world.sweeper().sweep(["default"], 0) == 0
    assert "put into quarantine" in caplog.text
    assert not Intent.objects.exists()
    kept = Quarantined.objects.get()
    assert (kept.id, kept.rows, kept.created_at) == (intent.id, text, written)
    assert UNDOABLE[text] in kept.problem
    assert backlog("default").quarantined == 1

    assert quarantine.requeue("default") == 1
    assert backlog("default").quarantined == 0
    assert Intent.objects.get().rows == text
    world.poison = frozenset()
    assert world.sweeper().sweep(["default"], 0) == (1 if "7" in text else 0)


def test_quarantine_ends_with_a_word_in_the_log(world, caplog):
    intent = Intent.objects.create(rows="{broken")
    assert quarantine.put_away("default", intent.id, "broken")
    assert quarantine.forget("default", 60) == 0
    Quarantined.objects.update(quarantined_at=timezone.now() - timedelta(seconds=61))
    assert quarantine.forget("default", 60) == 1
    assert f"{intent.id}: broken; {{broken" in caplog.text
    assert not Quarantined.objects.exists()


def test_after_an_outage_everything_is_done_in_pages(world):
    """Ten thousand intents that name twenty rows; not one flush for each."""
    Intent.objects.bulk_create(
        Intent(rows=f'{{"captured.label":[{number % 20}]}}') for number in range(10_000)
    )
    began = time.monotonic()
    assert world.sweeper().sweep(["default"], 0) == 10_000
    assert world.flushed == 2 * [("default", label(*range(20)))]
    assert time.monotonic() - began < 30


def test_what_a_commit_forgot_is_not_flushed_again(world):
    former = capture.on_commit(lambda committed: _forget(committed))
    with tracking.use(ALL):
        Label.objects.create(name="red")
    capture.on_commit(former)
    assert world.sweeper().sweep(["default"], 0) == 0


def _forget(committed: Committed) -> None:
    intents.forget(committed.using, committed.intents)
