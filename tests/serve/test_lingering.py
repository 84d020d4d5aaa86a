"""What lingers is dropped when its time is over, unless somebody comes back for it."""

from __future__ import annotations

import asyncio

import pytest

from rxgraph.serve.lingering import Lingering


class Drops:
    """Records what is dropped."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.dropped = asyncio.Event()

    async def __call__(self, value: str) -> None:
        await asyncio.sleep(0)
        self.seen.append(value)
        self.dropped.set()


@pytest.fixture
def drops() -> Drops:
    return Drops()


async def test_a_value_is_dropped_when_its_time_is_over(drops: Drops) -> None:
    lingering = Lingering(drops, 0.02)
    assert lingering.begin("key", "value")
    assert not drops.seen
    await asyncio.wait_for(drops.dropped.wait(), 10)
    assert drops.seen == ["value"]
    assert not lingering.end("key")
    assert not lingering._waiting
    await asyncio.sleep(0.01)
    assert not lingering._dropping


async def test_a_value_that_somebody_comes_back_for_stays(drops: Drops) -> None:
    lingering = Lingering(drops, 0.02)
    lingering.begin("key", "value")
    assert lingering.end("key")
    await asyncio.sleep(0.06)
    assert not drops.seen


async def test_time_counts_from_the_last_beginning(drops: Drops) -> None:
    lingering = Lingering(drops, 0.2)
    for _ in range(5):
        lingering.begin("key", "value")
        await asyncio.sleep(0.01)
    assert len(lingering._waiting) == 1
    await asyncio.wait_for(drops.dropped.wait(), 10)
    await asyncio.sleep(0.05)
    assert drops.seen == ["value"]


async def test_nothing_lingers_for_no_time(drops: Drops) -> None:
    assert not Lingering(drops, 0).begin("key", "value")


async def test_closing_drops_what_waits(drops: Drops) -> None:
    lingering = Lingering(drops, 60)
    lingering.begin("one", "1")
    lingering.begin("two", "2")
    await lingering.close()
    assert drops.seen == ["1", "2"]
    assert not lingering._waiting
