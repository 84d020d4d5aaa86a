"""Two writers at once: the second waits for the first and sees what it did."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from rxgraph.sync.writing import Outcome
from tests.sync.writing.app.declared import hooks
from tests.sync.writing.workshop import Job, Sheet, Workshop

pytestmark = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="rows are locked on PostgreSQL"
)
_PATIENCE_SECONDS = 20


class Turnstile:
    """A hook that holds the first writer inside its transaction until it is let go."""

    def __init__(self) -> None:
        self.entered, self.go = threading.Event(), threading.Event()
        self.seen: list[Any] = []

    def __call__(self, *call: Any) -> bool:
        is_first = not self.entered.is_set()
        self.seen.append(getattr(call[1], "hours", None))
        self.entered.set()
        if is_first:
            assert self.go.wait(_PATIENCE_SECONDS)
        return True


def race(first: Callable[[], Outcome], second: Callable[[], Outcome]) -> tuple[Outcome, Outcome]:
    """Let *second* start while *first* is inside its hook; return both outcomes."""
    gate = hooks.answer = Turnstile()
    found: dict[str, Any] = {}

    def run(name: str, work: Callable[[], Outcome]) -> None:
        try:
            found[name] = work()
        except BaseException as error:  # noqa: BLE001 - shown by the test
            found[name] = error
        finally:
            connection.close()

    one = threading.Thread(target=run, args=("first", first))
    two = threading.Thread(target=run, args=("second", second))
    one.start()
    assert gate.entered.wait(_PATIENCE_SECONDS)
    two.start()
    two.join(0.5)
    assert two.is_alive(), f"the second did not wait: {found}"
    gate.go.set()
    one.join(_PATIENCE_SECONDS)
    two.join(_PATIENCE_SECONDS)
    assert isinstance(found["first"], Outcome), found
    assert isinstance(found["second"], Outcome), found
    return found["first"], found["second"]


def test_the_second_save_sees_the_first(workshop: Workshop) -> None:
    view = workshop.view()

    def save(data: dict[str, Any]) -> Callable[[], Outcome]:
        return lambda: workshop.save(workshop.job, data, view=view)

    first, second = race(save({"hours": 5}), save({"title": "second"}))
    assert first.results
    assert second.results
    assert hooks.answer.seen == [1, 5]
    workshop.job.refresh_from_db()
    assert (workshop.job.hours, workshop.job.title) == (5, "second")


def test_the_second_with_an_expected_version_conflicts(workshop: Workshop) -> None:
    view = workshop.view()

    def save(hours: int) -> Callable[[], Outcome]:
        request = workshop.request(
            "SAVE", "Job", workshop.job.pk, {"hours": hours}, expected_version="cursor"
        )
        return lambda: workshop.write(request, view=view, positions={0: workshop.position})

    first, second = race(save(5), save(6))
    assert first.results
    assert [message.code for message in second.messages] == ["CONFLICT"]
    workshop.job.refresh_from_db()
    assert workshop.job.hours == 5


def test_a_save_of_what_is_being_deleted_finds_nothing(workshop: Workshop) -> None:
    view = workshop.view()
    delete = workshop.request("DELETE", "Job", workshop.job.pk)
    first, second = race(
        lambda: workshop.write(delete, view=view),
        lambda: workshop.save(workshop.job, {"hours": 2}, view=view),
    )
    assert first.results
    assert [message.code for message in second.messages] == ["NOT_FOUND"]


def test_a_one_to_one_is_taken_once(workshop: Workshop) -> None:
    view = workshop.view()

    def create(text: str) -> Callable[[], Outcome]:
        request = workshop.request(
            "CREATE", "Sheet", data={"text": text}, parent=("Job.sheet", workshop.job.pk)
        )
        return lambda: workshop.write(request, view=view)

    first, second = race(create("one"), create("two"))
    assert first.results
    assert [message.code for message in second.messages] == ["CONFLICT"]
    assert Sheet.objects.get(job=workshop.job).text == "one"


@pytest.mark.parametrize("fails", [False, True], ids=["committed", "rolled-back"])
def test_a_repeat_waits_for_the_first(workshop: Workshop, fails: bool) -> None:
    view = workshop.view()
    title = "unclean" if fails else "new"

    def create() -> Outcome:
        request = workshop.request(
            "CREATE", "Job", data={"title": title}, parent=("Bench.jobs", workshop.bench.pk)
        )
        return workshop.write(request, view=view, client_mutation_id="same")

    first, second = race(create, create)
    if fails:
        assert [message.code for message in first.messages] == ["DIRTY"]
        assert second.messages == first.messages
        return
    assert second == Outcome(first.results, is_repeat=True)
    assert Job.objects.filter(title="new").count() == 1


def test_batches_in_opposite_orders_do_not_deadlock(workshop: Workshop) -> None:
    view = workshop.view()

    def save(*jobs: Job) -> Callable[[], Outcome]:
        requests = [workshop.request("SAVE", "Job", job.pk, {"hours": 3}) for job in jobs]
        return lambda: workshop.write(*requests, view=view)

    first, second = race(save(workshop.job, workshop.second), save(workshop.second, workshop.job))
    assert len(first.results) == len(second.results) == 2
