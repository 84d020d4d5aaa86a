"""Commits of several threads are flushed together, each once, and none is waited for in vain."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Lock
from uuid import uuid4

import pytest

from rxgraph.sync.sharing import Sharing, together
from rxgraph.sync.touches import Committed
from rxgraph.types import RowKey

SOON = 5.0


def row(number: int) -> RowKey:
    """Return the key of a row."""
    return RowKey("shop.item", str(number))


def commit(*numbers: int, using: str = "default") -> Committed:
    """Return a commit that touched these rows."""
    return Committed(using, frozenset(map(row, numbers)), {}, (uuid4(),))


class Flushes:
    """Records what is flushed; can be held up."""

    def __init__(self) -> None:
        self.seen: list[Committed] = []
        self.entered, self.gate = Event(), Event()
        self.gate.set()
        self._lock = Lock()

    def __call__(self, committed: Committed) -> None:
        with self._lock:
            self.seen.append(committed)
        self.entered.set()
        assert self.gate.wait(SOON)

    @property
    def rows(self) -> list[frozenset[RowKey]]:
        """The rows of every flush."""
        return [committed.rows for committed in self.seen]


@pytest.fixture
def flushes() -> Flushes:
    return Flushes()


def wait_for(condition: Callable[[], bool]) -> None:
    """Return when *condition* holds."""
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def start(threads: ThreadPoolExecutor, sharing: Sharing, *commits: Committed) -> list[Future[None]]:
    """Flush each commit on a thread of its own; returns when all are waiting."""
    before = len(sharing._queue)
    futures = [threads.submit(sharing.flush, committed) for committed in commits]
    wait_for(lambda: len(sharing._queue) == before + len(commits))
    return futures


def test_a_commit_alone_is_flushed_at_once_and_as_it_is(flushes: Flushes) -> None:
    sharing, mine = Sharing(flushes), commit(1)
    sharing.flush(mine)
    sharing.flush(mine)
    assert flushes.seen == [mine, mine]


def test_what_comes_meanwhile_is_flushed_together(flushes: Flushes) -> None:
    sharing = Sharing(flushes, patience_seconds=SOON)
    flushes.gate.clear()
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(sharing.flush, commit(1))
        assert flushes.entered.wait(SOON)
        others = start(threads, sharing, commit(2), commit(3), commit(4, 5))
        assert not any(future.done() for future in others)
        flushes.gate.set()
        for future in (first, *others):
            future.result(SOON)
    assert flushes.rows == [frozenset({row(1)}), frozenset(map(row, (2, 3, 4, 5)))]
    assert len(flushes.seen[1].intents) == 3


def test_nobody_waits_long_for_a_flush_that_takes_long(flushes: Flushes) -> None:
    sharing = Sharing(flushes, patience_seconds=0.05)
    flushes.gate.clear()
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(sharing.flush, commit(1))
        assert flushes.entered.wait(SOON)
        others = [threads.submit(sharing.flush, commit(number)) for number in (2, 3)]
        wait_for(lambda: len(frozenset().union(*flushes.rows)) == 3)
        assert not first.done()
        flushes.gate.set()
        for future in (first, *others):
            future.result(SOON)
    sharing.flush(commit(4))
    assert sum(len(rows) for rows in flushes.rows) == 4


def test_a_large_commit_keeps_nobody_waiting(flushes: Flushes) -> None:
    sharing = Sharing(flushes, patience_seconds=SOON)
    flushes.gate.clear()
    with ThreadPoolExecutor(2) as threads:
        large = threads.submit(sharing.flush, commit(*range(2000)))
        assert flushes.entered.wait(SOON)
        small = threads.submit(sharing.flush, commit(1))
        wait_for(lambda: len(flushes.seen) == 2)
        flushes.gate.set()
        large.result(SOON)
        small.result(SOON)


def test_a_flush_that_fails_lets_the_others_go_on() -> None:
    entered, gate, seen = Event(), Event(), []

    def flush(committed: Committed) -> None:
        entered.set()
        assert gate.wait(SOON)
        seen.append(committed)
        if len(seen) == 1:
            raise RuntimeError("broken")

    sharing = Sharing(flush, patience_seconds=SOON)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(sharing.flush, commit(1))
        assert entered.wait(SOON)
        (second,) = start(threads, sharing, commit(2))
        gate.set()
        with pytest.raises(RuntimeError, match="broken"):
            first.result(SOON)
        second.result(SOON)
    sharing.flush(commit(3))
    assert [len(committed.rows) for committed in seen] == [1, 1, 1]


def test_databases_are_flushed_each_for_itself() -> None:
    found = together([commit(1), commit(2, using="other"), commit(3)])
    assert [(item.using, len(item.rows), len(item.intents)) for item in found] == [
        ("default", 2, 2),
        ("other", 1, 1),
    ]


def test_columns_of_a_row_that_was_written_twice_are_left_out() -> None:
    def moved(number: int, to: str) -> Committed:
        return Committed("default", frozenset({row(number)}), {row(number): {"box_id": to}})

    (found,) = together([moved(1, "a"), moved(2, "a"), moved(1, "b")])
    assert found.columns == {row(2): {"box_id": "a"}}
    (found,) = together([moved(1, "a"), commit(1)])
    assert found.columns == {}


def test_many_threads_are_each_flushed_once_before_they_go_on() -> None:
    flushed: Counter[RowKey] = Counter()
    lock, calls, chance = Lock(), [0], random.Random(1)

    def flush(committed: Committed) -> None:
        time.sleep(chance.random() * 0.004)
        with lock:
            calls[0] += 1
            flushed.update(committed.rows)

    sharing = Sharing(flush, patience_seconds=0.006)

    def write(thread: int) -> None:
        for n in range(40):
            sharing.flush(commit(thread * 1000 + n))
            with lock:
                assert flushed[row(thread * 1000 + n)] == 1

    with ThreadPoolExecutor(8) as threads:
        for future in [threads.submit(write, thread) for thread in range(8)]:
            future.result(60)
    assert set(flushed.values()) == {1}
    assert len(flushed) == 320
    assert calls[0] < 320
    assert sharing._leaders == 0
