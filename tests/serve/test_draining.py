"""When connections are closed at the end of a process; the clock is turned by hand."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxgraph.serve.draining import SECONDS_EACH, Hook, drain, hook_sigterm, moments
from rxgraph.serve.sockets import Sockets, sockets


@given(
    count=st.integers(0, 500),
    seconds=st.floats(0, 60),
    seed=st.integers(0, 1000),
)
def test_closings_are_spread_over_the_time_that_there_is(
    count: int, seconds: float, seed: int
) -> None:
    rng = random.Random(seed)
    found = moments(count, seconds, [rng.random() for _ in range(count)])
    assert len(found) == count
    assert found == sorted(found)
    assert all(0 <= moment <= min(seconds, count * SECONDS_EACH) + 1e-9 for moment in found)
    share = min(seconds / max(1, count), SECONDS_EACH)
    for number, moment in enumerate(found):  # each in a share of its own
        assert abs(moment - (number + 0.5) * share) <= share / 2 + 1e-8


class Fake:
    """A connection that is gone as soon as it is let go."""

    stalled_at: float | None = None
    heard_at = asked_at = 0.0

    def __init__(self, world: World, busy_until: float = 0.0) -> None:
        self._world, self._busy_until = world, busy_until
        self.closed: list[tuple[float, int]] = []
        world.here.add(self)

    @property
    def is_busy(self) -> bool:
        return self._world.now < self._busy_until

    def ask(self) -> None: ...

    def let_go(self, code: int, reason: str) -> None:
        self.closed.append((self._world.now, code))
        self._world.here.discard(self)


class World:
    """Connections, and a clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.here = Sockets()
        self.at: dict[float, Any] = {}

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        for moment in [moment for moment in self.at if moment <= self.now]:
            self.at.pop(moment)()

    async def drain(self, seconds: float) -> None:
        rng = random.Random(1)
        await drain(self.here, seconds, clock=lambda: self.now, sleep=self.sleep, rng=rng)


async def test_everybody_is_closed_at_a_moment_of_his_own() -> None:
    world = World()
    crowd = [Fake(world) for _ in range(1000)]
    await world.drain(5.0)
    times = sorted(socket.closed[0][0] for socket in crowd)
    assert all(socket.closed == [(socket.closed[0][0], 1012)] for socket in crowd)
    assert 4.5 < times[-1] <= 5.1
    assert 2.0 < times[500] < 3.0
    assert [socket.closed[0][0] for socket in crowd] != times, "in the order of their coming"
    assert world.here.is_draining


async def test_a_few_need_not_wait_for_long() -> None:
    world = World()
    few = [Fake(world) for _ in range(3)]
    await world.drain(5.0)
    assert max(socket.closed[0][0] for socket in few) <= 0.1


async def test_who_writes_is_waited_for_but_not_for_ever() -> None:
    world = World()
    brief, endless = Fake(world, busy_until=3.0), Fake(world, busy_until=1e9)
    await world.drain(5.0)
    assert 3.0 <= brief.closed[0][0] <= 3.1
    assert 10.0 <= endless.closed[0][0] <= 10.1


async def test_who_asks_for_something_goes_first() -> None:
    world = World()
    crowd = [Fake(world) for _ in range(1000)]
    last = max(range(1000), key=_moments_of(crowd).__getitem__)
    again = World()
    others = [Fake(again) for _ in range(1000)]
    again.at[1.0] = lambda: again.here.hurry(others[last])
    await again.drain(5.0)
    assert others[last].closed[0][0] <= 1.1


def _moments_of(crowd: list[Fake]) -> list[float]:
    """Return when the one shuffle of this seed closes each."""
    order = list(range(len(crowd)))
    rng = random.Random(1)
    rng.shuffle(order)
    due = [0.0] * len(crowd)
    for number, index in enumerate(order):
        due[index] = float(number)
    return due


async def test_who_opens_meanwhile_is_closed_at_once() -> None:
    world = World()
    [Fake(world) for _ in range(1000)]
    late: list[Fake] = []
    world.at[2.0] = lambda: late.append(Fake(world))
    await world.drain(5.0)
    assert late[0].closed[0][0] <= 2.1


async def test_one_that_never_ends_does_not_keep_the_process() -> None:
    world = World()
    stuck = Fake(world)
    stuck.let_go = lambda code, reason: None  # type: ignore[method-assign]
    await world.drain(5.0)
    assert 15.0 <= world.now <= 17.0
    world.here.discard(stuck)


@pytest.fixture
async def handled() -> AsyncIterator[list[int]]:
    """SIGTERM as a server handles it."""
    got: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: got.append(number))
    yield got
    signal.signal(signal.SIGTERM, before)
    sockets().is_draining = False


async def test_the_server_hears_of_sigterm_when_the_drain_is_over(handled: list[int]) -> None:
    hook = hook_sigterm()
    assert isinstance(hook, Hook)
    assert hook_sigterm() is None, "once is enough"
    signal.raise_signal(signal.SIGTERM)
    assert handled == []
    for _ in range(100):
        await asyncio.sleep(0.01)
        if handled:
            break
    assert handled == [signal.SIGTERM]
    hook.remove()
    signal.raise_signal(signal.SIGTERM)
    assert handled == [signal.SIGTERM] * 2


async def test_a_second_signal_does_not_wait(handled: list[int]) -> None:
    hook = hook_sigterm()
    assert hook is not None
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    assert handled == [signal.SIGTERM]
    await asyncio.sleep(0.05)
    hook.remove()


async def test_a_signal_that_nobody_handles_is_left_alone() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        assert hook_sigterm() is None
    finally:
        signal.signal(signal.SIGTERM, before)
