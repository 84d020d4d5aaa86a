"""Declared or not, in context or not, whatever the hooks say: only one combination writes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext

from rxgraph.compile.channel import compile_channel
from rxgraph.compile.writing import WriteRequest
from rxgraph.errors import Forbidden, Unauthenticated
from rxgraph.sync.writing import authorise_declared, write
from tests.sync.writing.app.declared import (
    AsyncBenchChannel,
    BenchChannel,
    ReadOnlyBenchChannel,
    hooks,
)
from tests.sync.writing.app.models import Bench, Job, Memo, Sheet, Tool, Vice
from tests.sync.writing.workshop import Workshop, only

OPERATIONS = ("SAVE", "CREATE", "DELETE")


async def later(answer: Any) -> Any:
    """Return *answer* after the event loop has turned."""
    await asyncio.sleep(0)
    if isinstance(answer, Exception):
        raise answer
    return answer


def contents() -> list[Any]:
    """Return every row of the workshop."""
    models: tuple[Any, ...] = (Bench, Job, Memo, Sheet, Tool, Vice, Job.tools.through)
    return [list(model.objects.order_by("pk").values()) for model in models]


def asking(workshop: Workshop, operation: str, *, in_context: bool) -> WriteRequest:
    """Return a request about a job."""
    if operation == "CREATE":
        bench = workshop.bench if in_context else workshop.other
        return workshop.request(
            "CREATE", "Job", data={"title": "new"}, parent=("Bench.jobs", bench.pk)
        )
    job = workshop.job if in_context else workshop.hidden
    data = {"title": "new"} if operation == "SAVE" else {}
    return workshop.request(operation, "Job", job.pk, data)


ANSWERS: dict[str, tuple[Any, str | None]] = {
    "true": (True, None),
    "false": (False, "FORBIDDEN"),
    "none": (None, "FORBIDDEN"),
    "one": (1, "FORBIDDEN"),
    "text": ("yes", "FORBIDDEN"),
    "raises": (RuntimeError("SELECT secret"), "INTERNAL"),
}


@pytest.mark.slow
@pytest.mark.parametrize("is_async", [False, True], ids=["def", "async"])
@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("in_context", [True, False], ids=["inside", "outside"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_only_what_is_in_context_and_allowed_is_written(
    workshop: Workshop,
    operation: str,
    in_context: bool,
    answer: str,
    is_async: bool,
) -> None:
    given, code = ANSWERS[answer]
    hooks.answer = given
    if is_async:
        workshop.use(AsyncBenchChannel)
        hooks.answer = lambda *call: later(given)
    before = contents()
    outcome = workshop.write(asking(workshop, operation, in_context=in_context))
    if in_context and code is None:
        assert outcome.messages == ()
        assert contents() != before
        return
    message = only(outcome)
    assert message.code == (code if in_context else "NOT_FOUND")
    assert "secret" not in message.message
    assert bool(hooks.calls) is in_context
    assert contents() == before


@pytest.mark.parametrize("in_context", [True, False], ids=["inside", "outside"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_not_declared_is_refused_before_any_query(
    workshop: Workshop, operation: str, in_context: bool
) -> None:
    request = asking(workshop, operation, in_context=in_context)
    view = workshop.view()
    closed = compile_channel(ReadOnlyBenchChannel)
    context = ReadOnlyBenchChannel(workshop.ann, {"bench_id": workshop.bench.pk})
    with (
        CaptureQueriesContext(
            connection,
        ) as queries,
        pytest.raises(Forbidden),
    ):
        write(context, closed, view.root.id, view, [request])
    with CaptureQueriesContext(connection) as more, pytest.raises(Forbidden):
        authorise_declared(closed, "Job", operation)
    assert (len(queries), len(more)) == (0, 0)
    assert not hooks.calls


def test_a_spec_of_another_channel_is_refused_before_any_query(workshop: Workshop) -> None:
    view, foreign = workshop.view(), compile_channel(AsyncBenchChannel)
    (spec,) = [s for s in foreign.writes if s.field_name == "asyncBenchSaveJob"]
    request = WriteRequest(spec, id=str(workshop.job.pk), data={"title": "x"})
    context = BenchChannel(workshop.ann, {})
    with CaptureQueriesContext(connection) as queries, pytest.raises(Forbidden):
        write(context, workshop.compiled, view.root.id, view, [request])
    assert len(queries) == 0


def test_an_operation_of_a_layer_that_has_others_is_refused(workshop: Workshop) -> None:
    assert authorise_declared(workshop.compiled, "Sheet", "CREATE").layer.typename == "Sheet"
    for typename, operation in (("Sheet", "DELETE"), ("Nothing", "SAVE"), ("Job", "DROP")):
        with pytest.raises(Forbidden):
            authorise_declared(workshop.compiled, typename, operation)


@pytest.mark.parametrize(
    "data",
    [
        {"id": 5},
        {"pk": 5},
        {"internal": "x"},
        {"tools": []},
        {"bench": 1},
        {"bench_id": 1},
        {"nothing": 1},
        {"title": "fine", "internal": "x"},
        {"__class__": "x"},
    ],
)
def test_fields_that_are_not_declared_are_refused_before_any_query(
    workshop: Workshop, data: dict[str, Any]
) -> None:
    view = workshop.view()
    with CaptureQueriesContext(connection) as queries, pytest.raises(Forbidden):
        workshop.write(workshop.request("SAVE", "Job", workshop.job.pk, data), view=view)
    assert len(queries) == 0


def test_nobody_writes_without_signing_in(workshop: Workshop) -> None:
    view = workshop.view()
    context = BenchChannel(AnonymousUser(), {})
    request = workshop.request("SAVE", "Job", workshop.job.pk, {"title": "x"})
    with CaptureQueriesContext(connection) as queries, pytest.raises(Unauthenticated):
        write(context, workshop.compiled, view.root.id, view, [request])
    assert len(queries) == 0


def test_an_async_hook_asks_the_database_inside_the_transaction(workshop: Workshop) -> None:
    workshop.use(AsyncBenchChannel)
    seen: list[Any] = []

    async def look(instance: Any) -> bool:
        seen.append(connection.in_atomic_block)  # another thread's: says nothing, must not fail
        await Job.objects.filter(pk=instance.pk).aupdate(hours=41)
        seen.append(await Job.objects.filter(pk=instance.pk).values_list("hours", flat=True).aget())
        return False

    hooks.answer = lambda kind, instance, data: look(instance)
    assert only(workshop.save(workshop.job, {"title": "x"})).code == "FORBIDDEN"
    assert seen[1] == 41, "the hook did not see its own change"
    workshop.job.refresh_from_db()
    assert workshop.job.hours == 1, "the hook's change was not part of the transaction"


async def test_an_async_hook_works_where_a_server_runs_writes_on_its_threads(
    transactional_db: None,
) -> None:
    from channels.db import database_sync_to_async

    def work() -> None:
        workshop = Workshop(AsyncBenchChannel)

        async def look(instance: Any) -> bool:
            return await Job.objects.filter(pk=instance.pk, title="shelf").aexists()

        hooks.answer = lambda kind, instance, data: look(instance)
        assert workshop.save(workshop.job, {"title": "table"}).results

    await database_sync_to_async(work)()
    await asyncio.get_running_loop().run_in_executor(None, closing, check_saved)


def check_saved() -> None:
    """See from another thread what was committed."""
    assert Job.objects.filter(title="table").exists()


def closing(function: Any) -> None:
    """Call *function*, then give this thread's connection back."""
    try:
        function()
    finally:
        connection.close()
