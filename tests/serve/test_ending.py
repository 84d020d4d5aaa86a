"""Tasks end also where something in them has swallowed that they were cancelled."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from rxgraph.serve import ending
from rxgraph.serve.ending import ended


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "AGAIN_SECONDS", 0.01)


async def test_a_task_that_swallows_a_cancellation_is_cancelled_again() -> None:
    heard = 0

    async def deaf() -> None:
        nonlocal heard
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                heard += 1
                if heard == 3:
                    raise

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    await asyncio.wait_for(ended([task]), 5)
    assert task.cancelled()
    assert heard == 3


async def test_a_task_that_cleans_up_is_left_to_it() -> None:
    cleaned = asyncio.Event()

    async def careful() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    task = asyncio.create_task(careful())
    await asyncio.sleep(0)
    await ended([task])
    assert cleaned.is_set()


async def test_what_has_ended_or_fails_or_is_the_caller_does_not_matter() -> None:
    async def fail() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        raise RuntimeError("for nobody")

    async def nothing() -> None: ...

    over, failing = asyncio.create_task(nothing()), asyncio.create_task(fail())
    await asyncio.sleep(0.01)
    own = asyncio.current_task()
    assert own is not None
    await ended([over, failing, own])
    assert failing.done()
    await ended([])
