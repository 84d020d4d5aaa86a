"""What the checks of a write cost in queries."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from rxgraph.sync import touches
from tests.sync.writing.workshop import Workshop

_OWN = 7 if connection.vendor == "sqlite" else 6  # SQLite: one to take the write lock


@pytest.fixture(autouse=True)
def _no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(touches, "_callback", None)


def count(workshop: Workshop, request: Any, view: Any, **more: Any) -> list[str]:
    """Return the statements of a write that succeeds."""
    with CaptureQueriesContext(connection) as queries:
        assert workshop.write(request, view=view, **more).results
    return [query["sql"] for query in queries]


def test_a_save_is_begin_lock_context_update_intent_commit(workshop: Workshop) -> None:
    request = workshop.request("SAVE", "Tool", workshop.saw.pk, {"is_sharp": True})
    assert len(count(workshop, request, workshop.view())) == _OWN


def test_an_id_to_repeat_by_costs_one_more(workshop: Workshop) -> None:
    request = workshop.request("SAVE", "Tool", workshop.saw.pk, {"is_sharp": True})
    view = workshop.view()
    assert len(count(workshop, request, view, client_mutation_id="a")) == _OWN + 1
    repeat = count(workshop, request, view, client_mutation_id="a")
    assert len(repeat) <= 7
    assert not any(sql.startswith('UPDATE "workshop_tool" SET "name"') for sql in repeat)


def test_what_cannot_be_expected_is_noted_when_it_is_known(workshop: Workshop) -> None:
    request = workshop.request("CREATE", "Job", data={"title": "x"}, parent=("Bench.jobs", 1))
    object.__setattr__(request, "parent_id", str(workshop.bench.pk))
    view = workshop.view()
    plain = len(count(workshop, request, view))
    again = workshop.request("CREATE", "Job", data={"title": "y"}, parent=("Bench.jobs", 1))
    object.__setattr__(again, "parent_id", str(workshop.bench.pk))
    assert len(count(workshop, again, view, client_mutation_id="a")) == plain + 2


def test_a_row_that_names_the_anchor_is_not_asked_for_its_context(workshop: Workshop) -> None:
    request = workshop.request("SAVE", "Bench", workshop.bench.pk, {"name": "x"})
    asked = count(workshop, request, workshop.view())
    table = 'FROM "workshop_bench" WHERE "workshop_bench"."id"'
    assert len([sql for sql in asked if table in sql and "AND NOT" not in sql]) == 1


def test_a_deep_context_is_still_one_query(workshop: Workshop) -> None:
    request = workshop.request("SAVE", "Memo", workshop.memo.pk, {"body": "x"})
    assert len(count(workshop, request, workshop.view())) == _OWN
