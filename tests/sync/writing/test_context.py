"""What a user may reach: by the cache first, and by the database where it knows better."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from rxgraph.sync import capture
from rxgraph.sync.writing.membership import Membership
from tests.sync.writing.app.declared import hooks
from tests.sync.writing.workshop import Bench, Job, Memo, Tool, Workshop, only

FORGED: list[Any] = [
    {"$gt": 0},
    [1],
    None,
    True,
    1.5,
    "",
    "0",
    "-1",
    "1e3",
    "9" * 40,
    "9" * 10_000,
    "1\x00",
    "\ud800",
    "1 OR 1=1",
    '{"$gt": 0}',
]


@pytest.mark.slow
@pytest.mark.parametrize("id_", FORGED, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("operation", ["SAVE", "DELETE", "CREATE"])
def test_forged_ids_are_refused_without_a_query(
    workshop: Workshop, operation: str, id_: Any
) -> None:
    view = workshop.view()
    if operation == "CREATE":
        request = workshop.request(
            "CREATE", "Job", data={"title": "x"}, parent=("Bench.jobs", None)
        )
        object.__setattr__(request, "parent_id", id_)
    else:
        request = workshop.request(operation, "Job", id_)
    with CaptureQueriesContext(connection) as queries:
        message = only(workshop.write(request, view=view))
    assert message.code in ("NOT_FOUND", "BAD_REQUEST")
    assert len(message.message) < 200
    assert len(queries) == 0


def test_other_forms_of_an_id_mean_the_same_row(workshop: Workshop) -> None:
    request = workshop.request("SAVE", "Job", f" 0{workshop.job.pk}", {"title": "x"})
    assert workshop.write(request).results[0].id == str(workshop.job.pk)


def test_missing_foreign_and_hidden_instances_look_the_same(workshop: Workshop) -> None:
    messages = [
        only(workshop.write(workshop.request("SAVE", "Memo", id_, {"body": "x"})))
        for id_ in (workshop.secret.pk, 999_999)
    ]
    foreign = Memo.objects.create(job=workshop.hidden, owner=workshop.ann, body="elsewhere")
    messages.append(only(workshop.save(foreign, {"body": "x"})))
    assert len(set(messages)) == 1
    assert messages[0].code == "NOT_FOUND"
    assert not hooks.calls
    assert workshop.save(workshop.memo, {"body": "x"}).results


def test_bob_writes_his_own_memo_and_not_anns(workshop: Workshop) -> None:
    assert workshop.save(workshop.secret, {"body": "x"}, user=workshop.bob).results
    assert only(workshop.save(workshop.memo, {"body": "x"}, user=workshop.bob)).code == "NOT_FOUND"


class TestAStaleCacheAuthorisesNothing:
    """The view was taken before the database changed."""

    def refused(self, workshop: Workshop, instance: Any, view: Any) -> None:
        before = list(type(instance).objects.values())
        message = (
            only(workshop.save(instance, {"hours": 9}, view=view))
            if isinstance(instance, Job)
            else only(workshop.save(instance, {"body": "x"}, view=view))
        )
        assert message.code == "NOT_FOUND"
        assert not hooks.calls
        assert list(type(instance).objects.values()) == before

    def test_a_job_moved_to_another_bench(self, workshop: Workshop) -> None:
        view = workshop.view()
        Job.objects.filter(pk=workshop.job.pk).update(bench=workshop.other)
        self.refused(workshop, workshop.job, view)

    def test_a_memo_whose_job_moved(self, workshop: Workshop) -> None:
        view = workshop.view()
        Job.objects.filter(pk=workshop.job.pk).update(bench=workshop.other)
        self.refused(workshop, workshop.memo, view)

    def test_a_memo_given_away(self, workshop: Workshop) -> None:
        view = workshop.view()
        Memo.objects.filter(pk=workshop.memo.pk).update(owner=workshop.bob)
        self.refused(workshop, workshop.memo, view)

    def test_a_job_that_is_gone(self, workshop: Workshop) -> None:
        view = workshop.view()
        workshop.job.delete()
        workshop.job.pk = min(int(key.id) for key in view.state if key.typename == "Job")
        self.refused(workshop, workshop.job, view)

    def test_a_tool_taken_off_its_job(self, workshop: Workshop) -> None:
        Tool.objects.update(is_sharp=False)
        view = workshop.view()
        workshop.job.tools.clear()
        message = only(workshop.save(workshop.saw, {"name": "x"}, view=view))
        assert message.code == "NOT_FOUND"

    def test_a_parent_that_moved_takes_no_children(self, workshop: Workshop) -> None:
        view = workshop.view()
        Job.objects.filter(pk=workshop.job.pk).update(bench=workshop.other)
        request = workshop.request(
            "CREATE", "Sheet", data={"text": "x"}, parent=("Job.sheet", workshop.job.pk)
        )
        assert only(workshop.write(request, view=view)).code == "NOT_FOUND"


def test_a_fresh_row_that_the_cache_does_not_know_is_not_found(workshop: Workshop) -> None:
    view = workshop.view()
    job = Job.objects.create(bench=workshop.bench, title="fresh")
    assert only(workshop.save(job, {"hours": 2}, view=view)).code == "NOT_FOUND"
    assert workshop.save(job, {"hours": 2}).results


class TestMembership:
    """The context as SQL tells it."""

    @pytest.fixture
    def membership(self, workshop: Workshop) -> Membership:
        view = workshop.view()
        return Membership(workshop.compiled.tree, view.root.id, str(workshop.ann.pk), view)

    def holds(self, workshop: Workshop, membership: Membership, *instances: Any) -> list[Any]:
        layer = workshop.compiled.tree.layers[type(instances[0]).__name__]
        found = membership.holds(layer, [instance.pk for instance in instances])
        return [instance for instance in instances if instance.pk in found]

    def test_every_kind_of_relation(self, workshop: Workshop, membership: Membership) -> None:
        assert self.holds(workshop, membership, workshop.bench, workshop.other) == [workshop.bench]
        jobs = [workshop.job, workshop.second]
        assert self.holds(workshop, membership, *jobs, workshop.hidden) == jobs
        assert self.holds(workshop, membership, workshop.memo, workshop.secret) == [workshop.memo]
        assert self.holds(workshop, membership, workshop.sheet) == [workshop.sheet]
        tools = [workshop.saw, workshop.file]
        assert self.holds(workshop, membership, *tools, workshop.foreign) == tools

    def test_one_query_however_many_rows(self, workshop: Workshop, membership: Membership) -> None:
        with CaptureQueriesContext(connection) as queries:
            self.holds(workshop, membership, workshop.job, workshop.second, workshop.hidden)
        assert len(queries) == 1

    def test_rows_that_name_the_anchor_say_so_themselves(
        self, workshop: Workshop, membership: Membership
    ) -> None:
        layers = workshop.compiled.tree.layers
        with CaptureQueriesContext(connection) as queries:
            assert membership.keeps(layers["Job"], Job.objects.get(pk=workshop.job.pk))
            assert membership.keeps(layers["Bench"], Bench.objects.get(pk=workshop.bench.pk))
        assert len(queries) == 2  # the two rows
        assert not membership.keeps(layers["Job"], workshop.hidden)
        assert not membership.keeps(layers["Bench"], workshop.other)

    def test_a_row_of_a_deeper_layer_is_asked_for(
        self, workshop: Workshop, membership: Membership
    ) -> None:
        layers = workshop.compiled.tree.layers
        with CaptureQueriesContext(connection) as queries:
            assert membership.keeps(layers["Memo"], workshop.memo)
            assert not membership.keeps(layers["Memo"], workshop.secret)
        assert len(queries) == 2

    def test_a_property_is_asked_itself(self, workshop: Workshop) -> None:
        from rxgraph.cache.rows.plan import plan_of

        view = workshop.view()
        tree = workshop.compiled.tree
        membership = Membership(tree, view.root.id, str(workshop.ann.pk), view)
        layer = tree.layers["Tool"]
        only_property = [
            link for link in plan_of(tree)["Tool"].incoming if link.kind.value == "property"
        ]
        plan = membership._plans["Tool"]
        membership._plans = {
            **membership._plans,
            "Tool": type(plan)(layer, tuple(only_property), plan.outgoing),
        }
        assert membership.holds(layer, [workshop.saw.pk, workshop.file.pk]) == {workshop.saw.pk}
        with_capture_off(lambda: Tool.objects.update(is_sharp=False))
        assert membership.holds(layer, [workshop.saw.pk]) == set()


def with_capture_off(change: Any) -> None:
    """Make *change* so that no cache hears of it."""
    capture.uninstall()
    try:
        change()
    finally:
        capture.install()
