"""Save: only what is declared, only in context, only with consent."""

from __future__ import annotations

from rxgraph.operations import SAVE
from rxgraph.sync.writing import Written
from rxgraph.types import InstanceKey
from tests.sync.writing.app.declared import hooks
from tests.sync.writing.workshop import Workshop


def test_a_save_changes_what_the_client_set_and_nothing_else(workshop: Workshop) -> None:
    outcome = workshop.save(workshop.job, {"title": "table"})
    assert outcome.messages == ()
    (written,) = outcome.results
    bench = InstanceKey("Bench", str(workshop.bench.pk))
    assert written == Written("Job", str(workshop.job.pk), SAVE, (bench,))
    workshop.job.refresh_from_db()
    assert (workshop.job.title, workshop.job.hours) == ("table", 1)
    assert workshop.view().state[written.key].data["title"] == "table"


def test_the_hook_sees_the_state_before_the_change_and_native_values(workshop: Workshop) -> None:
    workshop.save(workshop.job, {"title": "table", "hours": "3", "tool_ids": [workshop.file.pk]})
    ((_, instance, data),) = hooks.calls
    assert instance == workshop.job
    assert instance.title == "shelf"
    assert data == {"title": "table", "hours": 3, "tool_ids": [workshop.file]}
    assert list(workshop.job.tools.all()) == [workshop.file]


def test_a_hook_cannot_smuggle_changes_into_the_save(workshop: Workshop) -> None:
    def smuggle(_, instance, data):
        instance.internal, data["hours"] = "smuggled", 99
        return True

    hooks.answer = smuggle
    assert workshop.save(workshop.job, {"hours": 2}).results
    workshop.job.refresh_from_db()
    assert (workshop.job.internal, workshop.job.hours) == ("untouched", 2)
