"""What reaches the flush callback when transactions nest, roll back, fail and mix."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.db.models.signals import post_save
from django.test import TestCase, override_settings

from rxgraph.changes import notify_changed
from rxgraph.sync import capture, intents, touches, tracking
from rxgraph.types import RowKey
from tests.sync.captured.models import Board, Card, Label, Membership, Owner, Team, Untracked
from tests.sync.captured.recording import ALL, BY_ORM, key, keys
from tests.sync.conftest import IS_TRIGGERED

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "other"])


class Oops(Exception):
    pass


@contextmanager
def rolled_back() -> Iterator[None]:
    """Run the block in a transaction, or a savepoint, that rolls back at its end."""
    try:
        with transaction.atomic():
            yield
            raise Oops
    except Oops:
        pass


@pytest.fixture
def labels(commits) -> list[Label]:
    made = [Label.objects.create(name=name) for name in ("red", "green", "blue")]
    commits()
    return made


# -- one transaction, one commit


@BY_ORM
def test_a_transaction_is_one_commit_and_one_intent(labels, commits):
    with transaction.atomic():
        for label in labels * 3:
            label.save()
        assert intents.outstanding("default") == []
    assert len(intents.outstanding("default")) == 1
    assert commits() == [keys(*labels)]


def test_nested_blocks_are_one_commit(labels, commits):
    red, green, blue = labels
    with transaction.atomic():
        red.save()
        with transaction.atomic():
            green.save()
            with transaction.atomic(savepoint=False):
                blue.save()
    assert commits() == [keys(*labels)]


def test_a_rolled_back_savepoint_leaves_nothing(labels, commits):
    red, green, blue = labels
    with transaction.atomic():
        red.save()
        with rolled_back():
            green.save()
            with transaction.atomic():
                blue.save()
        red.save()
    assert commits() == [keys(red)]


def test_a_row_touched_in_and_outside_of_a_rolled_back_savepoint_stays(labels, commits):
    red, green, _ = labels
    with transaction.atomic():
        with rolled_back():
            red.save()
        red.save()
        with rolled_back():
            red.save()
            green.save()
        with transaction.atomic():
            green.save()
    assert commits() == [keys(red, green)]


def test_a_rolled_back_transaction_leaves_nothing(labels, commits):
    with rolled_back():
        labels[0].save()
    with transaction.atomic():
        labels[0].save()
        transaction.set_rollback(True)
    assert commits() == []
    assert intents.outstanding("default") == []
    labels[1].save()
    assert commits() == [keys(labels[1])]


def test_manual_savepoints_lose_no_intent(labels, commits):
    red, green, blue = labels
    with transaction.atomic():
        red.save()
        sid = connection.savepoint() or ""
        red.save()
        green.save()
        connection.savepoint_rollback(sid)
        green.save()
        sid = connection.savepoint() or ""
        blue.save()
        connection.savepoint_commit(sid)
    assert commits() == [keys(red, green, blue)]


def test_the_last_save_of_a_row_gives_the_hints(labels, commits):
    first, second = Board.objects.create(name="1"), Board.objects.create(name="2")
    card = Card.objects.create(board=first, title="a")
    commits()

    def move(to: Board) -> None:
        card.board = to
        card.save()

    with transaction.atomic():
        move(first)
        with transaction.atomic():
            move(second)
        move(first)
    hints = {key(card): {"board_id": str(first.pk)}}
    # Triggers saw three statements, any of which may have been somebody else's.
    assert commits.take()[0].columns == ({} if IS_TRIGGERED else hints)
    with transaction.atomic():
        move(first)
        with rolled_back():
            move(second)
    assert commits.take()[0].columns == {key(card): {"board_id": str(first.pk)}}
    with transaction.atomic():
        move(first)
        Card.objects.update(board=second)
    assert commits.take()[0].columns == {}, "the update knows better"


# -- without a transaction


def test_autocommit_is_one_commit_each(labels, commits):
    for label in labels:
        label.save()
    assert commits() == [keys(label) for label in labels]


def test_autocommit_off_commits_by_hand(labels, commits):
    red, green, _ = labels
    states = []

    def receive(committed: touches.Committed) -> None:
        states.append((connection.get_autocommit(), connection.in_atomic_block))
        commits.receive(committed)

    former = capture.on_commit(receive)
    hooks: list[str] = []
    transaction.set_autocommit(False)
    try:
        red.save()
        with transaction.atomic():
            green.save()
            transaction.on_commit(lambda: hooks.append("hook"))
        assert commits.commits == []
        transaction.commit()
        assert [set(committed.rows) for committed in commits.commits] == [keys(red, green)]
        assert states == [(True, False)]
        assert connection.get_autocommit() is False
        assert hooks == []
        transaction.set_autocommit(True)
        assert hooks == ["hook"], "when Django runs it"
        transaction.set_autocommit(False)
        red.save()
        transaction.rollback()
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
        capture.on_commit(former)
    assert commits() == [keys(red, green)]


def test_several_databases_commit_on_their_own(commits):
    with transaction.atomic(), transaction.atomic(using="other"):
        here = Label.objects.create(name="here")
        there = Label.objects.using("other").create(name="there")
    found = {committed.using: set(committed.rows) for committed in commits.take()}
    assert found == {"default": keys(here), "other": keys(there)}
    Label.objects.using("other").update(name="x")
    there.delete()
    notify_changed(Label.objects.all(), using="other")
    assert [committed.using for committed in commits.take()] == ["other", "other"]


# -- signal handlers and hooks


def test_saves_in_signal_handlers_belong_to_the_transaction(labels, commits):
    red, green, _ = labels

    def follow(instance: Label, **kwargs: object) -> None:
        if instance.pk == red.pk:
            green.save()

    post_save.connect(follow, sender=Label)
    try:
        with transaction.atomic():
            red.save()
        assert commits() == [keys(red, green)]
        red.save()
        assert commits() == [keys(red), keys(green)], "in autocommit each is its own"
    finally:
        post_save.disconnect(follow, sender=Label)


def test_saves_in_on_commit_hooks_are_commits_of_their_own(labels, commits):
    red, green, _ = labels
    with transaction.atomic():
        red.save()
        transaction.on_commit(green.save)
    assert commits() == [keys(green), keys(red)]


def test_a_hook_that_raises_stops_the_other_hooks_but_not_us(labels, commits):
    def fail() -> None:
        raise Oops

    block = transaction.atomic()
    block.__enter__()
    labels[0].save()
    transaction.on_commit(fail)
    with pytest.raises(Oops):
        block.__exit__(None, None, None)
    assert commits() == [keys(labels[0])]
    labels[1].save()
    assert commits() == [keys(labels[1])]


def test_an_error_of_the_callback_is_logged_and_the_intent_stays(labels, commits, caplog):
    def fail(committed: object) -> None:
        raise Oops

    former = capture.on_commit(fail)
    try:
        with caplog.at_level(logging.ERROR, logger="rxgraph.sync"):
            labels[0].save()
    finally:
        capture.on_commit(former)
    assert "a sweeper will repeat it" in caplog.text
    assert [rows for _, rows in intents.outstanding("default")] == [keys(labels[0])]


def test_without_a_callback_intents_stay_for_the_sweeper(labels, commits):
    former = capture.on_commit(None)
    try:
        labels[0].save()
    finally:
        capture.on_commit(former)
    assert intents.rows("default") == keys(labels[0])


def test_an_exception_the_application_catches_does_not_break_its_transaction(labels, commits):
    with transaction.atomic():
        labels[0].save()
        with pytest.raises(ValueError, match="Batch size"):
            Label.objects.bulk_create([Label(name="x")], batch_size=-1)
        labels[1].save()
    assert commits() == [keys(*labels[:2])]


# -- inside a TestCase


class InsideATestCase(TestCase):
    """Nothing commits here; captureOnCommitCallbacks stands in for it."""

    databases = {"default"}

    def setUp(self) -> None:
        self.recorded: list[touches.Committed] = []
        former = capture.on_commit(self.recorded.append)
        self.addCleanup(capture.on_commit, former)
        context = tracking.use(ALL)
        context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        self.label = Label.objects.create(name="red")

    @BY_ORM
    def test_captured_callbacks_flush_each_change_made_inside(self) -> None:
        for _ in range(2):
            with self.captureOnCommitCallbacks(execute=True):
                self.label.save()
            row = RowKey("captured.label", str(self.label.pk))
            assert [set(committed.rows) for committed in self.recorded] == [{row}]
            assert self.recorded.pop().intents == ()

    @BY_ORM
    def test_nothing_happens_without(self) -> None:
        self.label.save()
        assert self.recorded == []
        assert intents.outstanding("default") == []


# -- the intent log switched off


@pytest.fixture
def no_outbox() -> Iterator[None]:
    with override_settings(RXGRAPH={"STORE": "memory://", "OUTBOX": False}):
        yield


@BY_ORM
def test_without_an_outbox_commits_are_the_same(labels, commits, no_outbox):
    red, green, blue = labels
    red.save()
    with transaction.atomic():
        red.save()
        green.save()
    Label.objects.filter(pk=blue.pk).update(name="azure")
    expected = [keys(red), keys(red, green), keys(blue), keys(blue)]
    blue.delete()
    assert intents.outstanding("default") == []
    assert [set(committed.rows) for committed in commits.commits] == expected


def test_without_an_outbox_a_save_is_one_statement(
    labels, commits, no_outbox, django_assert_num_queries
):
    with django_assert_num_queries(1):
        labels[0].save()
    with django_assert_num_queries(1):
        Label.objects.filter(pk=labels[0].pk).update(name="x")


def test_hooks_of_untracked_models_are_left_alone(commits):
    seen: list[str] = []
    with transaction.atomic():
        Untracked.objects.create(text="a")
        transaction.on_commit(lambda: seen.append("hook"))
    assert seen == ["hook"]
    assert commits() == []


def test_connections_forget_what_was_closed(labels, commits):
    connections["default"].close()
    labels[0].save()
    assert commits() == [keys(labels[0])]


def test_a_transaction_that_postgres_aborted_commits_nothing(labels, commits):
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL aborts a transaction on an error")
    with transaction.atomic():
        labels[0].save()
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT nonsense")
    assert commits() == []
    labels[1].save()
    assert commits() == [keys(labels[1])]


def in_thread(work: Callable[[], None]) -> Thread:
    """Run *work* on a thread with connections of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = Thread(target=run)
    thread.start()
    return thread


def test_threads_keep_their_commits_apart(labels, commits):
    red, green, _ = labels
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    with transaction.atomic():
        red.save()
        in_thread(green.save).join()
        assert [set(committed.rows) for committed in commits.commits] == [keys(green)]
        red.save()
    assert commits() == [keys(green), keys(red)]


def test_a_change_that_reads_first_waits_for_other_writers(commits):
    """SQLite in its default mode fails at once when a transaction that has read wants to write."""
    team = Team.objects.create(name="red")
    members = [
        Membership.objects.create(team=team, owner=Owner.objects.create(name=name)) for name in "ab"
    ]
    commits()
    failures: list[Exception] = []

    def write(member: Membership) -> Callable[[], None]:
        def work() -> None:
            connection.ensure_connection()
            vars(connections["default"])["transaction_mode"] = None
            try:
                for _ in range(50):
                    member.save()
            except DatabaseError as error:
                failures.append(error)

        return work

    for thread in [in_thread(write(member)) for member in members]:
        thread.join()
    assert failures == []
    assert len(commits.commits) == 100
