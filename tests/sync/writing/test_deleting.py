"""Delete: what is allowed, and what stands in its way."""

from __future__ import annotations

from rxgraph.operations import DELETE
from rxgraph.sync.writing import Written
from rxgraph.types import InstanceKey
from tests.sync.writing.app.models import Warranty
from tests.sync.writing.workshop import Bench, Job, Memo, Workshop, only


def test_a_delete_takes_the_row_and_names_the_parents(workshop: Workshop) -> None:
    id_ = str(workshop.job.pk)
    (written,) = workshop.write(workshop.request("DELETE", "Job", id_)).results
    bench = InstanceKey("Bench", str(workshop.bench.pk))
    assert written == Written("Job", id_, DELETE, (bench,))
    assert not Job.objects.filter(pk=id_).exists()
    assert id_ not in workshop.view().state[bench].data["jobs"]


def test_what_protects_is_counted_and_named_only_where_it_is_seen(workshop: Workshop) -> None:
    Warranty.objects.create(job=workshop.second)
    message = only(workshop.write(workshop.request("DELETE", "Job", workshop.second.pk)))
    assert message.code == "CONFLICT"
    assert message.message == "This Job is needed by 1 warranty"
    assert Job.objects.filter(pk=workshop.second.pk).exists()


def test_visible_and_hidden_instances_that_protect(workshop: Workshop) -> None:
    from rxgraph.sync.writing.messages import _protected

    layer = workshop.compiled.tree.layers["Tool"]
    found = [workshop.job, workshop.hidden, workshop.secret]
    (message,) = _protected(layer, found, workshop.view()).messages
    assert message.message == "This Tool is needed by 2 Job (shelf), 1 Memo"


def test_the_anchor_itself(workshop: Workshop) -> None:
    request = workshop.request("DELETE", "Bench", workshop.bench.pk)
    assert workshop.write(request).results[0].parents == ()
    assert list(Bench.objects.all()) == [workshop.other]
    assert not Memo.objects.exists()


def test_deleting_the_same_twice_finds_nothing(workshop: Workshop) -> None:
    request, view = workshop.request("DELETE", "Job", workshop.job.pk), workshop.view()
    assert workshop.write(request, view=view).results
    assert only(workshop.write(request, view=view)).code == "NOT_FOUND"
