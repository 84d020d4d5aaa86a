"""Token buckets of several processes: what users get over time, and how often they wait."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rxgraph.cache.buckets import Bucket, Spent
from rxgraph.errors import BackendError, RateLimited
from rxgraph.serve.limits.rates import Rate

RATE, BURST = 10.0, 80.0


class World:
    """A clock, a store, and as many processes as are asked for."""

    def __init__(self, processes: int) -> None:
        self.now = 1000.0
        self.is_down = False
        self.asked = 0
        self.buckets: dict[str, Bucket] = {}
        self.processes = [
            Rate("operations", RATE, BURST, self.exchange, clock=lambda: self.now)
            for _ in range(processes)
        ]

    async def exchange(self, spent: Spent) -> float:
        """Take from a bucket."""
        self.asked += 1
        if self.is_down:
            raise BackendError("away")
        bucket = self.buckets.setdefault(spent.key, Bucket(spent.burst, self.now))
        return bucket.spend(spent.tokens, self.now, rate=spent.rate, burst=spent.burst)

    async def report(self) -> None:
        """Do what every process does each second."""
        for process in self.processes:
            await self.report_all(process.unreported())

    async def report_all(self, several: Sequence[Spent]) -> None:
        """Take from several buckets."""
        for spent in several:
            await self.exchange(spent)

    async def flood(self, process: int, user: str = "ann", most: int = 10_000) -> int:
        """Ask until it is refused; return how often it was not."""
        for done in range(most):
            try:
                await self.processes[process].take(user)
            except RateLimited:
                return done
        return most


async def test_a_flood_is_refused_after_the_burst_and_told_when_to_come_back() -> None:
    world = World(1)
    assert BURST <= await world.flood(0) <= BURST + BURST / 8 + 1
    with pytest.raises(RateLimited, match="10 a second are allowed, 80 after a quiet") as caught:
        await world.processes[0].take("ann")
    assert caught.value.code == "RATE_LIMITED"
    assert 0 < caught.value.details["retryAfter"] <= 3
    world.now += caught.value.details["retryAfter"]
    await world.processes[0].take("ann")
    await world.processes[0].take("bob")


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.lists(st.tuples(st.integers(0, 4), st.integers(1, 40)), min_size=40))
async def test_over_time_nobody_gets_more_than_his_rate(
    processes: int, work: list[tuple[int, int]]
) -> None:
    """Law: done <= burst + rate * time + one credit for each process."""
    world = World(processes)
    done, begun = 0, world.now
    for process, most in work:
        done += await world.flood(process % processes, most=most)
        world.now += 0.25
        if not (world.now - begun) % 1:
            await world.report()
    allowed = BURST + RATE * (world.now - begun) + processes * (BURST / 8 + 1)
    assert done <= allowed


async def test_users_in_several_processes_share_one_burst() -> None:
    world = World(4)
    done = sum([await world.flood(process) for process in range(4)])
    assert done <= BURST + 4 * (BURST / 8 + 1)


async def test_who_is_far_below_his_limit_makes_nobody_wait() -> None:
    world = World(1)
    for _ in range(300):  # five operations a second: half of what is allowed
        await world.processes[0].take("ann")
        world.now += 0.2
    assert world.asked <= 300 / 8


async def test_refusals_ask_nobody() -> None:
    world = World(1)
    await world.flood(0)
    asked = world.asked
    for _ in range(1000):
        with pytest.raises(RateLimited):
            await world.processes[0].take("ann")
    assert world.asked == asked


async def test_while_the_store_is_away_each_process_keeps_the_limit_and_tells_it_later() -> None:
    world = World(2)
    world.is_down = True
    assert [await world.flood(process) for process in range(2)] == [80, 80]
    world.is_down = False
    await world.report()
    assert world.buckets["operations ann"].tokens == -80  # is paid back before anything else
    world.now += 1
    await world.flood(0)
    assert await world.flood(0) == 0


async def test_users_who_are_quiet_are_forgotten() -> None:
    world = World(1)
    await world.processes[0].take("ann")
    await world.report()
    world.now += BURST / RATE + 1
    await world.report()
    assert len(world.processes[0]) == 0


async def test_what_costs_more_than_a_burst_waits_for_all_of_it() -> None:
    world = World(1)
    await world.processes[0].take("ann", 1000)
    with pytest.raises(RateLimited):
        await world.processes[0].take("ann")
    world.now += BURST / RATE
    await world.processes[0].take("ann")
