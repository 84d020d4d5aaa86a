"""Requests to a store that is away fail at once, until a probe is answered."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import pytest

from rxgraph.cache.breaker import Breaker
from rxgraph.errors import BackendAway
from rxgraph.outage import Outage


class World:
    """A store that is up or not, and a thread that runs when the test says so."""

    def __init__(self) -> None:
        self.is_up = False
        self.probes = 0
        self.pauses: list[float] = []
        self.started: list[Callable[[], None]] = []
        self.back_after = 0
        self.breaker = Breaker(
            "The store",
            self.probe,
            outage=Outage("The store", jitter=lambda: 1.0),
            sleep=self.pauses.append,
            start=self.started.append,
        )

    def probe(self) -> None:
        self.probes += 1
        if self.probes <= self.back_after:
            raise OSError("still away")


def test_requests_pass_while_the_store_answers() -> None:
    world = World()
    world.breaker.check()
    assert not world.breaker.is_open
    assert world.started == []


def test_after_a_failure_nobody_else_asks() -> None:
    world = World()
    for _ in range(3):  # that were under way
        world.breaker.failed(OSError("gone"))
    for _ in range(100):
        with pytest.raises(BackendAway, match="The store is away"):
            world.breaker.check()
    assert len(world.started) == 1
    assert world.probes == 0, "a request has waited for a probe"


def test_the_probe_pauses_for_longer_and_longer_and_lets_requests_pass_again() -> None:
    world = World()
    world.back_after = 6
    world.breaker.failed(OSError("gone"))
    world.started[0]()
    assert world.probes == 7
    assert world.pauses == [0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    world.breaker.check()
    world.breaker.failed(OSError("gone again"))
    assert len(world.started) == 2
    with pytest.raises(BackendAway):
        world.breaker.check()


def test_a_fork_probes_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.breaker.failed(OSError("gone"))
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(BackendAway):
        world.breaker.check()
    with pytest.raises(BackendAway):
        world.breaker.check()
    assert len(world.started) == 2
    world.started[1]()
    world.breaker.check()


def test_threads_that_fail_at_once_start_one_probe() -> None:
    hold = threading.Event()
    probes: list[int] = []

    def probe() -> None:
        probes.append(1)
        hold.wait(5)

    breaker = Breaker("The store", probe)
    threads = [threading.Thread(target=breaker.failed, args=[OSError("gone")]) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [breaker.is_open] == [True]
    hold.set()
    for _ in range(500):
        if not breaker.is_open:
            break
        threading.Event().wait(0.01)
    breaker.check()
    assert len(probes) == 1
