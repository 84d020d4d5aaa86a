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


def test_an_id_to_repeat_by_costs_five_more(workshop: Workshop) -> None:
    request = workshop.request("SAVE", "Tool", workshop.saw.pk, {"is_sharp": True})
    view = workshop.view()
    assert len(count(workshop, request, view, client_mutation_id="a")) == _OWN + 5
    repeat = count(workshop, request, view, client_mutation_id="a")
    assert len(repeat) <= 4


def test_a_deep_context_is_still_one_query(workshop: Workshop) -> None:
    request = workshop.request("SAVE", "Memo", workshop.memo.pk, {"body": "x"})
    assert len(count(workshop, request, workshop.view())) == _OWN
