"""Triggers of PostgreSQL: whoever writes, however, its rows are named, once it has committed.

Runs under ``tests.sync.captured.triggered``; ``test_capture_on_postgres`` starts it.
"""

from __future__ import annotations

import io
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction

from rxgraph.models import Intent
from rxgraph.settings import RxGraphSettings
from rxgraph.sync import capture, checks, intents, tracking
from rxgraph.sync.triggers import installing, presence, sql
from rxgraph.sync.triggers.listening import Listener, Listeners
from rxgraph.types import RowKey
from tests.sync.captured.models import (
    Badge,
    Board,
    Cafe,
    Card,
    Label,
    Owner,
    Place,
    Rated,
    Remark,
    Team,
    Untracked,
)
from tests.sync.captured.recording import ALL, key, keys
from tests.sync.conftest import IS_TRIGGERED

pytestmark = [
    pytest.mark.skipif(not IS_TRIGGERED, reason="runs under tests.sync.captured.triggered"),
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
]

Raw = Any

TRUNCATE = "TRUNCATE captured_label, captured_card_labels, captured_untracked_labels"


def roll_back(raw: Raw, statement: str, *params: Any) -> None:
    """Run *statement* in a transaction, or under a savepoint, and take it back."""
    with raw.transaction(force_rollback=True):
        raw.execute(statement, params)


@pytest.fixture
def raw() -> Iterator[Raw]:
    """A connection of somebody else: no Django, autocommit."""
    with connect() as found:
        yield found


def connect(**more: Any) -> Raw:
    settings = connection.settings_dict
    return psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"],
        dbname=settings["NAME"],
        user=more.pop("user", settings["USER"]),
        password=settings["PASSWORD"] or None,
        autocommit=True,
        **more,
    )


@pytest.fixture
def made() -> dict[str, Any]:
    """Some rows, without their intents."""
    boards = [Board.objects.create(name=name) for name in "xy"]
    cards = [Card.objects.create(board=boards[0], title=title) for title in "abc"]
    labels = [Label.objects.create(name=name) for name in ("red", "green")]
    Intent.objects.all().delete()
    return {"boards": boards, "cards": cards, "labels": labels}


def told() -> list[set[RowKey]]:
    """What intents have come, one set for each; they are forgotten."""
    found = intents.outstanding("default")
    intents.forget("default", [id_ for id_, _ in found])
    assert all(id_.version == 7 for id_, _ in found)
    return [set(rows) for _, rows in found]


def rows(model: Any, *pks: object) -> set[RowKey]:
    return {RowKey(model._meta.label_lower, str(pk)) for pk in pks}


# -- each way to write


def test_each_statement_is_one_intent_of_what_it_changed(raw, made):
    cards, [first, second] = made["cards"], made["boards"]
    raw.execute("UPDATE captured_card SET votes = votes + 1")
    assert told() == [keys(*cards)]
    raw.execute("UPDATE captured_card SET board_id = %s WHERE title = 'a'", [second.pk])
    assert told() == [keys(cards[0])], "its former parent is known from the cache"
    raw.execute("UPDATE captured_card SET votes = 0 WHERE title = 'none'")
    assert told() == []
    [(pk,)] = raw.execute(
        "INSERT INTO captured_label (name) VALUES ('new') RETURNING id"
    ).fetchall()
    assert told() == [rows(Label, pk)]
    raw.execute("DELETE FROM captured_card WHERE title IN ('a', 'b')")
    assert told() == [keys(*cards[:2])]
    assert first.pk != second.pk


def test_a_key_that_changes_names_both(raw, made):
    label = made["labels"][0]
    raw.execute("UPDATE captured_label SET id = 4711 WHERE id = %s", [label.pk])
    assert told() == [rows(Label, label.pk, 4711)]


def test_a_through_row_that_moves_names_what_it_left_and_where_it_came_to(raw, made):
    [a, b, _], [red, green] = made["cards"], made["labels"]
    raw.execute(
        "INSERT INTO captured_card_labels (card_id, label_id) VALUES (%s, %s)", [a.pk, red.pk]
    )
    assert told() == [keys(a, red)]
    raw.execute("UPDATE captured_card_labels SET card_id = %s, label_id = %s", [b.pk, green.pk])
    assert told() == [keys(a, b, red, green)]
    raw.execute("DELETE FROM captured_card_labels")
    assert told() == [keys(b, green)]


def test_a_through_row_by_another_column_than_the_key(raw):
    team = Team.objects.create(name="t")
    ann, bob = (Owner.objects.create(name=name, code=name) for name in ("ann", "bob"))
    badge = Badge.objects.create(team=team, owner=ann)
    told()
    raw.execute("UPDATE captured_badge SET owner_id = 'bob' WHERE id = %s", [badge.pk])
    assert told() == [keys(team, ann, bob)]


def test_cascades_of_the_database_itself_are_seen(raw, made):
    raw.execute(
        "ALTER TABLE captured_remark ADD CONSTRAINT by_database FOREIGN KEY (card_id)"
        " REFERENCES captured_card ON DELETE CASCADE"
    )
    try:
        for (constraint,) in raw.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'captured_remark'::regclass"
            " AND contype = 'f' AND conname <> 'by_database'"
        ).fetchall():
            raw.execute(f'ALTER TABLE captured_remark DROP CONSTRAINT "{constraint}"')
        remark = Remark.objects.create(card=made["cards"][0], text="x")
        told()
        raw.execute("DELETE FROM captured_card WHERE id = %s", [made["cards"][0].pk])
        assert set().union(*told()) == keys(made["cards"][0], remark)
    finally:
        raw.execute("ALTER TABLE captured_remark DROP CONSTRAINT IF EXISTS by_database")


def test_truncate_names_what_was_there(raw, made):
    label_keys = keys(*made["labels"])
    raw.execute(TRUNCATE)
    assert set().union(*told()) == label_keys


def test_copy_merge_and_upserts_are_seen(raw, made):
    with raw.cursor().copy("COPY captured_label (name) FROM STDIN") as copy:
        for number in range(1000):
            copy.write_row([f"copied {number}"])
    [copied] = told()
    assert len(copied) == 1000
    assert {row.model for row in copied} == {"captured.label"}
    raw.execute(
        "INSERT INTO captured_label (name) VALUES ('red'), ('blue')"
        " ON CONFLICT (name) DO UPDATE SET name = captured_label.name"
    )
    found = set().union(*told())
    assert found >= keys(made["labels"][0])
    assert len(found) == 2
    raw.execute(
        "MERGE INTO captured_label AS l USING (VALUES ('red')) AS v (name) ON l.name = v.name"
        " WHEN MATCHED THEN DELETE"
    )
    assert told() == [keys(made["labels"][0])]


def test_uuid_keys_and_awkward_ones(raw, made):
    key_ = uuid.uuid4()
    raw.execute(
        "INSERT INTO captured_remark (id, card_id, text) VALUES (%s, %s, 'x')",
        [key_, made["cards"][0].pk],
    )
    assert told() == [rows(Remark, key_)]


def test_multi_table_inheritance_names_every_tracked_relative(raw):
    current = tracking.Tracking.of_models([Place, Rated, Cafe])
    with tracking.use(current):
        cafe = Cafe.objects.create(name="Café", stars=5, beans="arabica")
        told()
        three = rows(Place, cafe.pk) | rows(Cafe, cafe.pk)
        raw.execute("UPDATE captured_place SET name = 'Bar'")
        assert told() == [three]
        raw.execute("UPDATE captured_rated SET stars = 1")
        assert told() == [rows(Rated, cafe.rated_id) | rows(Cafe, cafe.pk)]
        raw.execute("UPDATE captured_cafe SET beans = 'robusta'")
        assert told() == [three | rows(Rated, cafe.rated_id)]


def test_what_nobody_tracks_has_no_trigger(raw):
    raw.execute("INSERT INTO captured_untracked (text) VALUES ('x')")
    assert told() == []
    assert not [name for _, name in installing._installed(connection) if "untracked" in name]
    assert Untracked.objects.count() == 1


# -- transactions


def test_rollbacks_and_savepoints_take_their_intents_with_them(raw, made):
    red, green = made["labels"]
    with raw.transaction():
        raw.execute("UPDATE captured_label SET name = 'a' WHERE id = %s", [red.pk])
        roll_back(raw, "UPDATE captured_label SET name = 'b' WHERE id = %s", green.pk)
        assert told() == [], "nobody sees it before the commit"
    assert told() == [keys(red)]
    roll_back(raw, "UPDATE captured_label SET name = 'x' || name")
    assert told() == []


def test_a_bulk_change_is_one_small_row(raw):
    raw.execute(
        "INSERT INTO captured_label (name) SELECT 'n' || n FROM generate_series(1, 50000) n"
    )
    raw.execute("UPDATE captured_label SET name = 'x' || name")
    found = list(Intent.objects.order_by("id"))
    assert len(found) == 2
    assert all(len(intent.rows) < 100 for intent in found)
    assert len(intents.rows("default")) == 50_000


def test_many_writers_at_once_lose_nothing(made):
    """Six connections, each with transactions, rollbacks and bulk changes of its own rows."""
    expected: Counter[RowKey] = Counter()
    lock = threading.Lock()

    def write(number: int) -> None:
        with connect() as mine:
            for turn in range(25):
                name = f"{number}-{turn}"
                try:
                    with mine.transaction():
                        found = mine.execute(
                            "INSERT INTO captured_label (name) SELECT %s || n"
                            " FROM generate_series(1, 3) n RETURNING id",
                            [name],
                        ).fetchall()
                        if turn % 3 == 0:
                            raise RuntimeError
                except RuntimeError:
                    continue
                with lock:
                    expected.update(row for (pk,) in found for row in rows(Label, pk))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(row for found in told() for row in found) == expected
    assert len(expected) == 6 * 16 * 3


# -- beside the ORM


def test_a_transaction_of_the_orm_and_of_raw_sql_is_one_commit(commits):
    with transaction.atomic():
        label = Label.objects.create(name="red")
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO captured_board (name) VALUES ('raw') RETURNING id")
            [pk] = cursor.fetchone()
    assert commits() == [keys(label) | rows(Board, pk)]


def test_too_many_statements_are_left_to_who_listens(commits):
    with transaction.atomic():
        for number in range(150):
            Label.objects.create(name=str(number))
    assert commits() == []
    assert len(told()) == 150
    board = Board.objects.create(name="x")
    commits()
    with transaction.atomic():
        cards = [Card.objects.create(board=board, title=str(number)) for number in range(150)]
    assert commits() == []
    assert set().union(*told()) == keys(*cards)


def test_a_hint_that_other_statements_may_have_overtaken_is_none(commits):
    one, other = Board.objects.create(name="1"), Board.objects.create(name="2")
    card = Card.objects.create(board=one, title="a")
    commits.take()
    card.save()
    assert commits.take()[0].columns == {key(card): {"board_id": str(one.pk)}}
    with transaction.atomic():
        card.save()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE captured_card SET board_id = %s", [other.pk])
    assert commits.take()[0].columns == {}


def test_who_merges_nothing_asks_for_nothing(commits, django_assert_num_queries):
    heard: list[Any] = []
    capture.on_commit(heard.append, lambda: False)
    label = Label.objects.create(name="red")
    with django_assert_num_queries(1):
        label.save(update_fields=["name"])
    assert heard == []
    assert len(told()) == 2


def test_without_triggers_the_orm_goes_on_and_says_so(commits, caplog):
    installing.drop("default")
    presence.look_again()
    try:
        assert not presence.has_triggers("default")
        assert presence.has_triggers("other")
        assert "lacks triggers on captured_badge" in caplog.text
        label = Label.objects.create(name="red")
        assert commits() == [keys(label)]
        [warning] = [
            found for found in checks._of_database("default") if "captured_label" in found.msg
        ]
        assert warning.id == "rxgraph.W032"
    finally:
        installing.install("default")
        presence.look_again()
    assert presence.has_triggers("default")
    assert list(checks._of_database("default")) == []


# -- who may write


def test_another_role_with_another_path_writes_as_before(raw, made):
    raw.execute("DROP ROLE IF EXISTS rxgraph_stranger")
    raw.execute("CREATE ROLE rxgraph_stranger LOGIN")
    try:
        raw.execute("GRANT SELECT, UPDATE ON captured_label TO rxgraph_stranger")
        with connect(user="rxgraph_stranger") as stranger:
            stranger.execute("SET search_path TO pg_catalog")
            stranger.execute(
                "CREATE TEMPORARY TABLE rxgraph_intent (id uuid, rows text, created_at date)"
            )
            stranger.execute("UPDATE public.captured_label SET name = 'x' || name")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                stranger.execute("SELECT * FROM public.rxgraph_intent")
        assert told() == [keys(*made["labels"])]
    finally:
        raw.execute("DROP OWNED BY rxgraph_stranger")
        raw.execute("DROP ROLE rxgraph_stranger")


# -- how they get there


def test_installing_again_changes_nothing_and_mends_what_was_changed(raw):
    assert installing.missing("default") == []
    assert installing.install("default") == 0
    raw.execute("ALTER TABLE captured_label DISABLE TRIGGER USER")
    assert installing.missing("default") == ["captured_label"]
    assert installing.install("default") == 4
    assert installing.missing("default") == []
    with tracking.use(tracking.Tracking.of_models([Label])):
        assert {table for table, _ in installing._installed(connection)} == {
            "captured_label",
            "rxgraph_intent",
        }
    assert installing.missing("default") == []


def test_pgtrigger_knows_them_and_no_app_gets_a_migration():
    out = io.StringIO()
    call_command("pgtrigger", "ls", stdout=out)
    assert "meta" not in vars(Label._meta).get("triggers", [])
    for model in (Label, Card, Intent):
        assert "triggers" not in model._meta.original_attrs
        assert not getattr(model._meta, "triggers", [])
    call_command("makemigrations", "rxgraph", "--check", "--dry-run", stdout=out)


def test_keys_that_the_database_writes_otherwise_are_refused(monkeypatch):
    from django.db import models

    assert all(map(sql.is_nameable, (Label._meta.pk, Remark._meta.pk, Cafe._meta.pk)))
    assert not sql.is_nameable(models.DateTimeField())
    assert not sql.is_nameable(models.BooleanField())
    with tracking.use(ALL):
        assert [found.id for found in checks.check_capture()] == []
        monkeypatch.setattr(sql, "is_nameable", lambda found: found is not Label._meta.pk)
        [problem] = checks.check_capture()
    assert (problem.id, "captured.label" in problem.msg) == ("rxgraph.E036", True)


@pytest.mark.parametrize(
    ("capture", "id_"), [("signals", "rxgraph.E034"), ("triggers", "rxgraph.E035")]
)
def test_wrong_settings_are_told(monkeypatch, capture, id_):
    monkeypatch.setattr(checks, "get_settings", lambda: RxGraphSettings(capture=capture))
    monkeypatch.setattr("rxgraph.sync.checks.apps.is_installed", lambda name: False)
    assert [found.id for found in checks.check_capture()] == [id_]


# -- LISTEN and NOTIFY


@pytest.fixture
def wakes() -> Iterator[Any]:
    """Wakes of a listener on the default database, which is listening."""
    heard = threading.Semaphore(0)
    listener = Listener("default", heard.release)
    assert listener.is_listening.wait(10)
    assert heard.acquire(timeout=5), "it is woken to what came before"
    yield heard
    listener.close()
    listener.join()


def test_a_commit_of_anybody_wakes_and_a_rollback_does_not(raw, made, wakes):
    raw.execute("UPDATE captured_label SET name = 'x' || name")
    assert wakes.acquire(timeout=5)
    with raw.transaction():
        for _ in range(3):
            raw.execute("UPDATE captured_label SET name = 'x' || name")
        assert not wakes.acquire(timeout=0.3)
    assert wakes.acquire(timeout=5)
    assert not wakes.acquire(timeout=0.3), "once for each transaction"
    roll_back(raw, "UPDATE captured_label SET name = 'x' || name")
    assert not wakes.acquire(timeout=0.3)
    raw.execute(TRUNCATE)
    assert wakes.acquire(timeout=5)


def test_who_does_its_own_work_wakes_nobody(commits, wakes):
    with transaction.atomic():
        Label.objects.create(name="red")
        Label.objects.update(name="green")
    assert not wakes.acquire(timeout=0.3)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE captured_label SET name = 'raw'")
    assert wakes.acquire(timeout=5)


def test_a_connection_that_breaks_is_made_again(raw, made, wakes, caplog):
    raw.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE query = 'LISTEN rxgraph_intent' AND datname = current_database()"
    )
    assert wakes.acquire(timeout=10), "what came meanwhile is looked at"
    raw.execute("UPDATE captured_label SET name = 'x' || name")
    assert wakes.acquire(timeout=5)
    assert sum("is not listened to" in record.message for record in caplog.records) == 1


def test_listeners_follow_what_is_swept():
    listeners = Listeners(lambda: None)
    listeners.keep(["default", "other"])
    kept = dict(listeners._listeners)
    listeners.keep(["other"])
    assert set(listeners._listeners) == {"other"}
    assert listeners._listeners["other"] is kept["other"]
    listeners.close()
    for listener in kept.values():
        listener.join()
        assert not listener._thread.is_alive()
    began = time.monotonic()
    connections.close_all()
    assert time.monotonic() - began < 5
