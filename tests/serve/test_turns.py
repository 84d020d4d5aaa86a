"""One heavy thing of a kind in each round of the event loop."""

from __future__ import annotations

import asyncio

from rxgraph.serve.turns import Turns, turns


async def rounds(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_one_of_a_kind_has_its_turn_in_a_round() -> None:
    here, seen = Turns(), list[str]()

    async def work(kind: str, number: int) -> None:
        await here.take(kind)
        seen.append(f"{kind}{number}")

    tasks = [asyncio.create_task(work("a", number)) for number in range(4)]
    tasks += [asyncio.create_task(work("b", number)) for number in range(2)]
    counts = []
    for _ in range(6):
        await asyncio.sleep(0)
        counts.append(len(seen))
    await asyncio.gather(*tasks)
    assert [item for item in seen if item[0] == "a"] == ["a0", "a1", "a2", "a3"]
    assert [item for item in seen if item[0] == "b"] == ["b0", "b1"]
    steps = [after - before for before, after in zip([0, *counts], counts, strict=False)]
    assert max(steps) == 2  # one of each


async def test_who_does_something_light_is_not_behind_all_of_them() -> None:
    here, seen = Turns(), list[int]()

    async def heavy(number: int) -> None:
        await here.take("large")
        seen.append(number)

    tasks = [asyncio.create_task(heavy(number)) for number in range(100)]
    await rounds(5)
    assert 1 <= len(seen) <= 5
    await asyncio.gather(*tasks)
    assert seen == list(range(100))


async def test_nobody_waits_for_one_that_was_cancelled_and_nothing_is_kept() -> None:
    here = Turns()
    await here.take("a")
    gone = asyncio.create_task(here.take("a"))
    next_ = asyncio.create_task(here.take("a"))
    await asyncio.sleep(0)
    gone.cancel()
    async with asyncio.timeout(10):
        await next_
    await rounds(3)
    assert not here._waiting
    assert not here._taken
    assert not here._is_coming


async def test_a_loop_has_one() -> None:
    assert turns() is turns()
