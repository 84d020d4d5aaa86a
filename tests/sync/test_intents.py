"""The intent log as a table: what is written, read, left over and forgotten."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, connections, transaction

from rxgraph.models import Intent, new_intent_id
from rxgraph.sync import capture, intents, tracking
from rxgraph.types import RowKey
from tests.sync.captured.models import Label
from tests.sync.captured.recording import ALL, BY_ORM, keys

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "other"])


def some(count: int, start: int = 0) -> frozenset[RowKey]:
    return frozenset(
        {RowKey("captured.label", str(number)) for number in range(start, start + count)}
    )


@pytest.fixture
def tracked() -> Iterator[None]:
    former = capture.on_commit(None)
    with tracking.use(ALL):
        yield
    capture.on_commit(former)


def test_what_is_written_is_outstanding_until_it_is_forgotten():
    first = intents.write(connection, some(2))
    second = intents.write(connection, some(3, start=2))
    assert intents.outstanding("default") == [(first[0], some(2)), (second[0], some(3, start=2))]
    assert intents.rows("default") == some(5)
    assert intents.rows("default", 1) == some(2)
    intents.forget("default", first)
    assert intents.rows("default") == some(3, start=2)
    intents.forget("default", [*first, *second, uuid4()])
    assert intents.outstanding("default") == []


def test_intents_are_kept_by_each_database():
    intents.write(connections["other"], some(1))
    assert intents.outstanding("default") == []
    assert intents.rows("other") == some(1)


@pytest.mark.slow
def test_very_many_rows_need_several_intents():
    assert len(intents.write(connection, some(100_000))) == 1
    assert Intent.objects.get().rows == '{"captured.label":[[0,99999]]}'
    Intent.objects.all().delete()
    ids = intents.write(connection, some(200_001))
    assert len(ids) == 3
    assert intents.rows("default") == some(200_001)
    intents.forget("default", ids + tuple(uuid4() for _ in range(1_200)))
    assert not Intent.objects.exists()


def test_left_over_ones_are_those_of_some_age():
    ids = intents.write(connection, some(1))
    assert intents.left_over("default", 60, 10) == ([], False)
    time.sleep(0.02)
    [found], is_more = intents.left_over("default", 0.01, 10)
    assert not is_more
    assert (found.id, found.rows, found.problem) == (ids[0], some(1), None)
    assert 0.02 <= intents.age("default", found) < 60


def test_left_over_ones_come_in_pages_and_large_ones_alone(monkeypatch):
    ids = [intents.write(connection, some(1, start=number))[0] for number in range(5)]
    first, is_more = intents.left_over("default", 0, 2)
    assert is_more
    second, is_more = intents.left_over("default", 0, 10, first[-1].id)
    assert not is_more
    assert [item.id for item in (*first, *second)] == ids
    assert len(first) == 2
    assert intents.left_over("default", 0, 2, ids[-1]) == ([], False)
    monkeypatch.setattr(intents, "SMALL_CHARS", 3)
    found, is_more = intents.left_over("default", 0, 10)
    assert [(item.id, item.rows) for item in found] == [(ids[0], some(1))]
    assert is_more


@pytest.mark.parametrize("text", ["", "{", '"x"', '{"a.b": 5}', '{"a.b": [[1]]}', "[5]", "null"])
def test_one_that_cannot_be_read_names_nothing_and_is_reported_once(text, caplog):
    other = intents.write(connection, some(2))[0]
    broken = Intent.objects.create(rows=f"{text} ")
    with caplog.at_level(logging.ERROR, logger="rxgraph.sync"):
        assert intents.rows("default") == some(2)
        assert set(intents.distinct("default")) == {some(2), frozenset()}
    assert len(caplog.records) == 1
    assert "cannot be read" in caplog.text
    found = {item.id: item for item in intents.left_over("default", 0, 10)[0]}
    assert found[other].problem is None
    assert "cannot be read" in (found[broken.id].problem or "")


def test_equal_ones_are_read_once():
    for _ in range(3):
        intents.write(connection, some(2))
    intents.write(connection, some(1))
    assert sorted(intents.distinct("default"), key=len) == [some(1), some(2)]


def test_the_model_reads_what_was_written():
    (written,) = intents.write(connection, [RowKey("board.task", "a\"b'%s")])
    intent = Intent.objects.get()
    assert intent.id == written
    assert intent.rows == '{"board.task":["a\\"b\'%s"]}'
    assert str(intent) == str(written)
    assert abs(intent.created_at.timestamp() - time.time()) < 60


def test_ids_sort_by_time():
    made = []
    for _ in range(200):
        made.append(new_intent_id())
        time.sleep(1e-6)
    assert made == sorted(made)
    assert len(set(made)) == 200
    assert {value.version for value in made} == {7}


@BY_ORM
def test_change_and_intent_are_in_one_transaction(tracked, monkeypatch):
    with transaction.atomic():
        label = Label.objects.create(name="red")
        Label.objects.update(name="green")
    assert intents.rows("default") == keys(label)
    assert Intent.objects.count() == 1
    with monkeypatch.context() as patched:
        patched.setattr(connection, "_commit", refuse)
        with pytest.raises(DatabaseError, match="at commit"):
            Label.objects.create(name="blue")
    assert Intent.objects.count() == 1
    assert Label.objects.count() == 1


def refuse() -> None:
    raise DatabaseError("at commit")


@BY_ORM
def test_an_intent_that_cannot_be_written_rolls_back_the_change(tracked, monkeypatch):
    def refuse(*args: object) -> None:
        raise ValueError("no")

    monkeypatch.setattr(intents, "write", refuse)
    with pytest.raises(Exception, match="the intent log could not be written: no"):
        Label.objects.create(name="red")
    assert not Label.objects.exists()
    assert connection.get_autocommit()


@pytest.fixture
def no_table() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE rxgraph_intent RENAME TO rxgraph_intent_away")
    intents.look_again()
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE rxgraph_intent_away RENAME TO rxgraph_intent")
    intents.look_again()


@BY_ORM
def test_a_database_without_the_table_is_reported_once(tracked, no_table, caplog):
    with caplog.at_level(logging.WARNING, logger="rxgraph.sync"):
        with transaction.atomic():
            Label.objects.create(name="red")
        Label.objects.create(name="green")
    assert len(caplog.records) == 1
    assert "manage.py migrate rxgraph --database default" in caplog.text
    assert Label.objects.count() == 2
    assert intents.outstanding("default") == []
    assert intents.left_over("default", 0, 10) == ([], False)
    assert intents.distinct("default") == []
    intents.forget("default", [uuid4()])


def test_writing_costs_one_statement(django_assert_num_queries):
    intents.write(connection, some(1))
    with django_assert_num_queries(1):
        intents.write(connection, some(9_000))
    with django_assert_num_queries(1):
        intents.outstanding("default")
