"""The same mutation twice is written once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from rxgraph.errors import BackendError
from rxgraph.models import Mutation
from rxgraph.sync.writing import Outcome, forget_mutations
from tests.sync.writing.app.declared import hooks
from tests.sync.writing.workshop import Job, Workshop, only


def add(workshop: Workshop, title: str = "new", id_: str | None = "m1", **more: object) -> Outcome:
    """Create a job under a mutation id."""
    request = workshop.request(
        "CREATE", "Job", data={"title": title}, parent=("Bench.jobs", workshop.bench.pk)
    )
    return workshop.write(request, client_mutation_id=id_, **more)  # type: ignore[arg-type]


def test_a_repeat_answers_the_first_outcome_and_writes_nothing(workshop: Workshop) -> None:
    first = add(workshop)
    asked = len(hooks.calls)
    again = add(workshop)
    assert (first.is_repeat, again.is_repeat) == (False, True)
    assert again.results == first.results
    assert len(hooks.calls) == asked
    assert Job.objects.filter(title="new").count() == 1


def test_a_delete_repeats_though_nothing_is_left_to_find(workshop: Workshop) -> None:
    request = workshop.request("DELETE", "Job", workshop.job.pk)
    first = workshop.write(request, client_mutation_id="gone")
    again = workshop.write(request, client_mutation_id="gone")
    assert again == Outcome(first.results, is_repeat=True)
    assert only(workshop.write(request, client_mutation_id="other")).code == "NOT_FOUND"
    assert only(workshop.write(request)).code == "NOT_FOUND"


def test_a_save_repeats_though_its_expected_version_is_history(workshop: Workshop) -> None:
    view = workshop.view()
    request = workshop.request("SAVE", "Job", workshop.job.pk, {"hours": 9}, expected_version="x")
    asked: dict[str, Any] = {"client_mutation_id": "once", "positions": {0: workshop.position}}
    first = workshop.write(request, view=view, **asked)
    assert first.results
    assert workshop.write(request, **asked) == Outcome(first.results, is_repeat=True)
    assert only(workshop.write(request, **{**asked, "client_mutation_id": "b"})).code == "CONFLICT"


def test_a_repeat_names_the_parents_too(workshop: Workshop) -> None:
    request = workshop.request("SAVE", "Tool", workshop.saw.pk, {"name": "big saw"})
    first = workshop.write(request, client_mutation_id="tool")
    again = workshop.write(request, client_mutation_id="tool")
    assert {key.typename for key in first.results[0].parents} == {"Bench", "Job"}
    assert again.results == first.results


def test_the_same_id_for_something_else_conflicts(workshop: Workshop) -> None:
    add(workshop)
    assert only(add(workshop, "other")).code == "CONFLICT"
    assert not Job.objects.filter(title="other").exists()


def test_ids_belong_to_their_users(workshop: Workshop) -> None:
    add(workshop)
    assert only(add(workshop, user=workshop.bob)).code == "UNIQUE_TOGETHER"
    assert add(workshop, "bobs", user=workshop.bob).is_repeat is False


def test_failures_are_not_kept(workshop: Workshop) -> None:
    hooks.answer = False
    assert only(add(workshop)).code == "FORBIDDEN"
    assert not Mutation.objects.exists()
    hooks.answer = True
    assert add(workshop).results


def test_after_the_window_an_id_is_new_again(workshop: Workshop) -> None:
    add(workshop)
    Mutation.objects.update(created_at=timezone.now() - timedelta(seconds=3601))
    assert only(add(workshop)).code == "UNIQUE_TOGETHER"
    with override_settings(RXGRAPH={"STORE": "memory://", "MUTATION_WINDOW": 7200}):
        assert add(workshop).is_repeat
    assert add(workshop, "other").is_repeat is False
    assert add(workshop, "other").is_repeat
    assert Mutation.objects.count() == 1


@pytest.mark.parametrize("id_", ["", "x" * 201, "a\x00b", "a\nb", "\ud800", 5, {"$gt": 0}])
def test_ids_that_cannot_be_kept_are_refused(workshop: Workshop, id_: str) -> None:
    assert only(add(workshop, id_=id_)).code == "BAD_REQUEST"


def test_a_sweeper_forgets_the_old_ones(workshop: Workshop) -> None:
    add(workshop)
    add(workshop, "other", "m2")
    Mutation.objects.filter(client_mutation_id="m1").update(
        created_at=timezone.now() - timedelta(seconds=100)
    )
    assert forget_mutations("default", 50) == 1
    assert [item.client_mutation_id for item in Mutation.objects.all()] == ["m2"]


def test_without_an_id_nothing_is_kept(workshop: Workshop) -> None:
    add(workshop, id_=None)
    assert not Mutation.objects.exists()


def test_a_database_without_the_table_is_an_error_that_says_so(workshop: Workshop) -> None:
    view = workshop.view()
    with connection.schema_editor() as editor:
        editor.delete_model(Mutation)
    try:
        with pytest.raises(BackendError, match="migrate rxgraph --database default"):
            add(workshop, view=view)
    finally:
        with connection.schema_editor() as editor:
            editor.create_model(Mutation)
