"""Several requests are one transaction, in their order, all or none."""

from __future__ import annotations

import pytest
from django.test import override_settings

from rxgraph.errors import BadRequest, Forbidden
from rxgraph.sync import touches
from rxgraph.types import mark
from tests.sync.writing.app.declared import hooks
from tests.sync.writing.workshop import Job, Tool, Workshop, only


def test_requests_run_in_order_and_commit_once(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[touches.Committed] = []
    view = workshop.view()
    monkeypatch.setattr(touches, "_callback", commits.append)
    job = workshop.job.pk
    outcome = workshop.write(
        workshop.request("SAVE", "Job", job, {"title": "one"}),
        workshop.request("SAVE", "Job", job, {"hours": 2}),
        workshop.request("CREATE", "Tool", data={"name": "axe"}, parent=("Job.tools", job)),
        workshop.request("DELETE", "Job", workshop.second.pk),
        view=view,
        commit_mark=mark("1", "abc").pk,
    )
    assert [item.operation for item in outcome.results] == ["SAVE", "SAVE", "CREATE", "DELETE"]
    assert [call[1].title for call in hooks.calls if call[0] == "save"] == ["shelf", "one"]
    workshop.job.refresh_from_db()
    assert (workshop.job.title, workshop.job.hours) == ("one", 2)
    (committed,) = commits
    assert mark("1", "abc") in committed.rows


def test_one_refusal_undoes_all_and_says_which(workshop: Workshop) -> None:
    outcome = workshop.write(
        workshop.request("SAVE", "Job", workshop.job.pk, {"title": "one"}),
        workshop.request("DELETE", "Job", workshop.second.pk),
        workshop.request("SAVE", "Tool", workshop.saw.pk, {"name": "foreign"}),
    )
    message = only(outcome)
    assert (message.request, message.field, message.code) == (2, "name", "UNIQUE")
    assert set(Job.objects.values_list("title", flat=True)) == {"shelf", "chair", "boat"}


def test_what_an_earlier_request_deleted_is_gone(workshop: Workshop) -> None:
    outcome = workshop.write(
        workshop.request("DELETE", "Job", workshop.job.pk),
        workshop.request("SAVE", "Job", workshop.job.pk, {"title": "x"}),
    )
    assert (only(outcome).code, only(outcome).request) == ("NOT_FOUND", 1)
    assert Job.objects.filter(pk=workshop.job.pk).exists()


def test_what_an_earlier_request_took_out_of_the_context_is_not_found(workshop: Workshop) -> None:
    outcome = workshop.write(
        workshop.request("DELETE", "Job", workshop.job.pk),
        workshop.request("SAVE", "Tool", workshop.saw.pk, {"is_sharp": False}),
    )
    assert (only(outcome).code, only(outcome).request) == ("NOT_FOUND", 1)
    assert Tool.objects.get(name="saw").is_sharp


def test_nothing_to_do_is_refused(workshop: Workshop) -> None:
    with pytest.raises(BadRequest):
        workshop.write()


class ToolsElsewhere:
    """A router that keeps tools in another database."""

    def db_for_write(self, model: object, **hints: object) -> str | None:
        return "other" if model is Tool else None


def test_operations_on_two_databases_are_refused(workshop: Workshop) -> None:
    view = workshop.view()
    with override_settings(DATABASE_ROUTERS=[ToolsElsewhere()]), pytest.raises(BadRequest):
        workshop.write(
            workshop.request("SAVE", "Job", workshop.job.pk, {"title": "one"}),
            workshop.request("SAVE", "Tool", workshop.saw.pk, {"name": "x"}),
            view=view,
        )
    assert not hooks.calls


def test_one_undeclared_request_refuses_all(workshop: Workshop) -> None:
    with pytest.raises(Forbidden):
        workshop.write(
            workshop.request("SAVE", "Job", workshop.job.pk, {"title": "one"}),
            workshop.request("SAVE", "Job", workshop.job.pk, {"internal": "x"}),
        )
    assert Job.objects.filter(title="shelf").exists()


class TestExpectedVersion:
    """Compare-and-set."""

    def save(self, workshop: Workshop, view: object, position: int | None) -> str | None:
        request = workshop.request(
            "SAVE", "Job", workshop.job.pk, {"hours": 8}, expected_version="cursor"
        )
        positions = {} if position is None else {0: position}
        outcome = workshop.write(request, view=view, positions=positions)  # type: ignore[arg-type]
        return outcome.messages[0].code if outcome.messages else None

    def test_unchanged(self, workshop: Workshop) -> None:
        view = workshop.view()
        assert self.save(workshop, view, workshop.position) is None

    def test_the_cache_knows_a_newer_one(self, workshop: Workshop) -> None:
        workshop.view()
        seen = workshop.position
        workshop.job.title = "changed"
        workshop.job.save()
        assert self.save(workshop, workshop.view(), seen) == "CONFLICT"

    def test_only_the_database_knows_a_newer_one(self, workshop: Workshop) -> None:
        view, seen = workshop.view(), workshop.position
        Job.objects.filter(pk=workshop.job.pk).update(title="changed")
        assert self.save(workshop, view, seen) == "CONFLICT"
        workshop.job.refresh_from_db()
        assert workshop.job.hours == 1

    def test_a_version_that_nobody_decoded(self, workshop: Workshop) -> None:
        assert self.save(workshop, workshop.view(), None) == "BAD_REQUEST"

    def test_a_private_memo_of_somebody_else_is_no_change(self, workshop: Workshop) -> None:
        view, seen = workshop.view(), workshop.position
        workshop.secret.delete()
        assert self.save(workshop, view, seen) is None

    def test_within_a_batch_all_is_compared_with_what_was_before(self, workshop: Workshop) -> None:
        view = workshop.view()
        outcome = workshop.write(
            workshop.request("SAVE", "Job", workshop.job.pk, {"hours": 5}),
            workshop.request("SAVE", "Job", workshop.job.pk, {"hours": 6}, expected_version="c"),
            view=view,
            positions={1: workshop.position},
        )
        assert len(outcome.results) == 2
