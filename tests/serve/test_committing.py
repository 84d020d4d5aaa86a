"""A write is answered as soon as the stream shows it, and never before it is committed."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from rxgraph.declare.operations import Operation
from rxgraph.serve.committing import Committing, is_written_elsewhere
from rxgraph.serve.replica import Move, MoveKind
from rxgraph.sync.writing import Outcome, Written

DONE = Outcome((Written("Track", "1", Operation.SAVE),))
REFUSED = Outcome()


class Threads:
    """The part of a backend that runs work on threads."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)
        self.tasks: list[asyncio.Task[Any]] = []

    def start_on_thread(self, work: Any) -> asyncio.Task[Any]:
        async def run() -> Any:
            return await asyncio.get_running_loop().run_in_executor(self.pool, work)

        self.tasks.append(asyncio.create_task(run()))
        return self.tasks[-1]


def move(*marks: str) -> Move:
    """Return a move that carries these marks."""
    return Move(MoveKind.CHANGES, {}, {}, 1, 2, 0.0, marks)


@pytest.fixture
def threads() -> Any:
    found = Threads()
    yield found
    found.pool.shutdown()


def committing(threads: Threads, connection: object | None = None) -> Committing:
    return Committing(threads, "mark", "again", connection=connection)  # type: ignore[arg-type]


async def test_it_is_answered_when_it_is_shown_and_the_thread_still_works(threads: Threads) -> None:
    write, gate = committing(threads), Event()
    prepared = Event()

    def work() -> Outcome:
        write.prepare(DONE)
        prepared.set()
        assert gate.wait(5)
        return DONE

    running = asyncio.create_task(write.run(work, 5))
    await asyncio.to_thread(prepared.wait, 5)
    write.receive(move("of somebody else"))
    await asyncio.sleep(0.02)
    assert not running.done()
    write.receive(move("other", "mark"))
    assert await asyncio.wait_for(running, 10) is DONE
    assert write.is_shown
    assert not threads.tasks[0].done()
    gate.set()
    await threads.tasks[0]


async def test_a_refusal_is_answered_when_the_thread_is_done(threads: Threads) -> None:
    write = committing(threads)
    assert await write.run(lambda: REFUSED, 5) is REFUSED
    assert not write.is_shown


async def test_what_is_not_shown_in_time_is_answered_all_the_same(threads: Threads) -> None:
    write = committing(threads)
    assert await write.run(lambda: DONE, 0.02) is DONE
    assert not write.is_shown


async def test_a_move_that_comes_after_the_thread_counts(threads: Threads) -> None:
    write = committing(threads)
    running = asyncio.create_task(write.run(lambda: DONE, 5))
    await asyncio.sleep(0.05)
    write.receive(move("again"))
    assert await asyncio.wait_for(running, 10) is DONE
    assert write.is_shown


async def test_what_the_thread_raises_is_raised(threads: Threads) -> None:
    def work() -> Outcome:
        raise ValueError("no database")

    with pytest.raises(ValueError, match="no database"):
        await committing(threads).run(work, 5)


async def test_what_fails_when_nobody_waits_any_more_is_logged(
    threads: Threads, caplog: pytest.LogCaptureFixture
) -> None:
    write, gate, prepared = committing(threads), Event(), Event()

    def work() -> Outcome:
        write.prepare(DONE)
        prepared.set()
        assert gate.wait(5)
        raise ValueError("late")

    running = asyncio.create_task(write.run(work, 5))
    await asyncio.to_thread(prepared.wait, 5)
    write.receive(move("mark"))
    assert await running is DONE
    gate.set()
    with caplog.at_level(logging.ERROR), pytest.raises(ValueError, match="late"):
        await threads.tasks[0]
    await asyncio.sleep(0)
    assert "nobody waits" in caplog.text


async def test_a_client_that_hangs_up_leaves_the_write_alone(threads: Threads) -> None:
    write, gate = committing(threads), Event()

    def work() -> Outcome:
        assert gate.wait(5)
        return DONE

    running = asyncio.create_task(write.run(work, 5))
    await asyncio.sleep(0.02)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    gate.set()
    assert await threads.tasks[0] is DONE
    assert not is_written_elsewhere(["mark"], object())


async def test_only_the_connection_that_waits_is_told_first(threads: Threads) -> None:
    here, there = object(), object()
    write, gate = committing(threads, here), Event()

    def work() -> Outcome:
        assert gate.wait(5)
        return DONE

    running = asyncio.create_task(write.run(work, 0.01))
    await asyncio.sleep(0.02)
    assert is_written_elsewhere(["mark"], there)
    assert is_written_elsewhere(["x", "mark"], None)
    assert not is_written_elsewhere(["mark"], here)
    assert not is_written_elsewhere(["x"], there)
    assert not is_written_elsewhere([], there)
    gate.set()
    await running
    assert not is_written_elsewhere(["mark"], there)
