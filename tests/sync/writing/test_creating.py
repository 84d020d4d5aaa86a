"""Create: under every kind of relation, with what only the server may say."""

from __future__ import annotations

from typing import Any

import pytest

from rxgraph.operations import CREATE
from rxgraph.sync.writing import Written
from rxgraph.types import InstanceKey
from tests.sync.writing.app.declared import OpenBenchChannel, hooks
from tests.sync.writing.workshop import Bench, Job, Memo, Sheet, Tool, Vice, Workshop, only, told


def create(workshop: Workshop, typename: str, where: str, parent: Any, **data: Any) -> Any:
    """Create under *parent*."""
    request = workshop.request("CREATE", typename, data=data, parent=(where, parent.pk))
    return workshop.write(request)


def test_under_a_foreign_key_of_the_child(workshop: Workshop) -> None:
    (written,) = create(workshop, "Job", "Bench.jobs", workshop.bench, title="new").results
    job = Job.objects.get(pk=written.id)
    assert (job.bench, job.title, job.internal) == (workshop.bench, "new", "untouched")
    bench = InstanceKey("Bench", str(workshop.bench.pk))
    assert written == Written("Job", str(job.pk), CREATE, (bench,))
    assert written.id in workshop.view().state[bench].data["jobs"]
    assert hooks.calls == [("create", Job, workshop.bench, {"title": "new"})]


def test_under_many_to_many(workshop: Workshop) -> None:
    (written,) = create(workshop, "Tool", "Job.tools", workshop.job, name="axe").results
    assert list(workshop.job.tools.values_list("name", flat=True)) == ["axe", "saw"]
    assert written.parents == (InstanceKey("Job", str(workshop.job.pk)),)


def test_under_a_one_to_one_of_the_child_once(workshop: Workshop) -> None:
    assert create(workshop, "Sheet", "Job.sheet", workshop.job, text="x").results
    assert Sheet.objects.get(job=workshop.job).text == "x"
    assert only(create(workshop, "Sheet", "Job.sheet", workshop.job, text="y")).code == "CONFLICT"
    assert Sheet.objects.filter(job=workshop.job).count() == 1


def test_under_a_column_of_the_parent_once(workshop: Workshop) -> None:
    assert create(workshop, "Vice", "Bench.vice", workshop.bench, width=3).results
    workshop.bench.refresh_from_db()
    assert workshop.bench.vice == Vice.objects.get(width=3)
    assert only(create(workshop, "Vice", "Bench.vice", workshop.bench, width=4)).code == "CONFLICT"
    assert Vice.objects.count() == 1


def test_the_owner_is_the_writer(workshop: Workshop) -> None:
    (written,) = create(workshop, "Memo", "Job.memos", workshop.job, body="note").results
    memo = Memo.objects.get(pk=written.id)
    assert (memo.owner, memo.job) == (workshop.ann, workshop.job)
    assert hooks.calls[0][3] == {"body": "note"}


def test_uniqueness_counts_the_parent_that_no_client_sends(workshop: Workshop) -> None:
    outcome = create(workshop, "Job", "Bench.jobs", workshop.bench, title="chair")
    assert told(outcome) == [(None, "UNIQUE_TOGETHER")]
    assert create(workshop, "Job", "Bench.jobs", workshop.bench, title="boat").results


def test_what_is_required_is_told(workshop: Workshop) -> None:
    outcome = create(workshop, "Job", "Bench.jobs", workshop.bench, hours=1)
    assert told(outcome) == [("title", "REQUIRED")]


def test_a_new_anchor_has_no_parent(workshop: Workshop) -> None:
    (written,) = workshop.make_bench({"name": "third"}).results
    assert Bench.objects.get(pk=written.id).name == "third"
    assert hooks.calls == [("create", Bench, None, {"name": "third"})]
    assert written.parents == ()
    hooks.answer = False
    assert only(workshop.make_bench({"name": "fourth"})).code == "FORBIDDEN"
    assert told(workshop.make_bench({"name": "third"})) == [(None, "FORBIDDEN")]


def test_the_hook_cannot_change_the_parent(workshop: Workshop) -> None:
    def smuggle(_: str, model: Any, parent: Any, data: Any) -> bool:
        parent.pk = workshop.other.pk
        data.clear()
        return True

    hooks.answer = smuggle
    (written,) = create(workshop, "Job", "Bench.jobs", workshop.bench, title="new").results
    assert Job.objects.get(pk=written.id).bench == workshop.bench


def test_rows_outside_are_for_the_hook_to_judge(workshop: Workshop) -> None:
    data = {"title": "new", "tool_ids": [workshop.foreign.pk]}
    outcome = create(workshop, "Job", "Bench.jobs", workshop.bench, **data)
    assert told(outcome) == [("toolIds", "DOES_NOT_EXIST")]
    workshop.use(OpenBenchChannel)
    assert create(workshop, "Job", "Bench.jobs", workshop.bench, **data).results
    assert hooks.calls[-1][-1] == (workshop.foreign,)


@pytest.mark.parametrize("where", ["Bench.jobs", "Job.memos", "Job.tools"])
def test_nothing_is_created_under_what_is_not_in_context(workshop: Workshop, where: str) -> None:
    typename = {"Bench.jobs": "Job", "Job.memos": "Memo", "Job.tools": "Tool"}[where]
    parent = workshop.other if where == "Bench.jobs" else workshop.hidden
    counts = [model.objects.count() for model in (Job, Memo, Tool)]
    outcome = create(workshop, typename, where, parent)
    assert only(outcome).code == "NOT_FOUND"
    assert [model.objects.count() for model in (Job, Memo, Tool)] == counts
