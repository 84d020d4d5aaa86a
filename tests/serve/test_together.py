"""What is asked for in the same moment is done in one go."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from rxgraph.serve.together import Together


class Store:
    """Doubles numbers, and remembers what it was asked for together."""

    def __init__(self) -> None:
        self.groups: list[dict[str, int]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def double(self, asked: Mapping[str, int]) -> Mapping[str, int]:
        self.groups.append(dict(asked))
        await self.open.wait()
        if "bad" in asked:
            raise ValueError("bad")
        return {key: 2 * number for key, number in asked.items() if number >= 0}


@pytest.fixture
async def store() -> Store:
    return Store()


async def test_what_is_asked_in_one_moment_is_one_request(store: Store) -> None:
    together = Together(store.double)
    found = await asyncio.gather(*(together.ask(str(n), n) for n in range(50)))
    assert found == [2 * n for n in range(50)]
    assert len(store.groups) == 1
    assert await together.ask("1", -1) is None, "what is left out of the answer"
    assert len(store.groups) == 2


async def test_the_same_key_is_asked_for_each_time(store: Store) -> None:
    together = Together(store.double)
    assert await asyncio.gather(*(together.ask("a", n) for n in (1, 2))) == [2, 4]
    assert store.groups == [{"a": 1}, {"a": 2}]


async def test_a_shared_request_is_done_once_for_all_who_ask_before_it_begins(store: Store) -> None:
    together = Together(store.double, is_shared=True, groups_at_once=1)
    assert await asyncio.gather(*(together.ask("1", 1) for _ in range(9))) == [2] * 9
    assert store.groups == [{"1": 1}]
    store.open.clear()
    early = asyncio.create_task(together.ask("1", 1))
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(store.groups) == 2
    late = [asyncio.create_task(together.ask("1", 2)) for _ in range(3)]  # that one has begun
    await asyncio.sleep(0)
    store.open.set()
    assert await early == 2
    assert await asyncio.gather(*late) == [4] * 3
    assert store.groups[2:] == [{"1": 2}]


async def test_groups_are_bounded_and_so_is_how_many_are_under_way(store: Store) -> None:
    together = Together(store.double, groups_at_once=2, most=3)
    store.open.clear()
    asking = [asyncio.create_task(together.ask(str(n), n)) for n in range(10)]
    await asyncio.sleep(0.01)
    assert [len(group) for group in store.groups] == [3, 3]
    store.open.set()
    assert await asyncio.gather(*asking) == [2 * n for n in range(10)]
    assert [len(group) for group in store.groups] == [3, 3, 3, 1]
    assert not together._open
    assert not together._running


async def test_an_error_is_everybodys_in_the_group(store: Store) -> None:
    together = Together(store.double)
    found = await asyncio.gather(
        together.ask("good", 1), together.ask("bad", 1), return_exceptions=True
    )
    assert [type(item) for item in found] == [ValueError, ValueError]
    assert await together.ask("good", 1) == 2


async def test_one_who_gives_up_takes_nothing_from_the_others(store: Store) -> None:
    together = Together(store.double)
    store.open.clear()
    quitter = asyncio.create_task(together.ask("a", 1))
    stayer = asyncio.create_task(together.ask("b", 2))
    await asyncio.sleep(0.01)
    quitter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await quitter
    waiting = asyncio.create_task(together.over("a"))
    await asyncio.sleep(0.01)
    assert not waiting.done(), "what the quitter had asked for is still under way"
    store.open.set()
    await waiting
    assert await stayer == 4


async def test_closing_waits_for_what_is_under_way(store: Store) -> None:
    together = Together(store.double, groups_at_once=1, most=1)
    store.open.clear()
    asking = [asyncio.create_task(together.ask(str(n), n)) for n in range(3)]
    closing = asyncio.create_task(together.close())
    await asyncio.sleep(0.01)
    assert not closing.done()
    store.open.set()
    await closing
    assert len(store.groups) == 3
    assert await asyncio.gather(*asking) == [0, 2, 4]
