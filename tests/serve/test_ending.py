"""Tasks end also where something in them has swallowed that they were cancelled."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Any

import pytest

from rxgraph.cache.anchor import Lease
from rxgraph.serve import ending
from rxgraph.serve.backend import Backend
from rxgraph.serve.ending import ended
from rxgraph.types import AnchorKey


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
    await asyncio.wait_for(ended([task]), 10)
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


async def test_a_lease_is_kept_no_longer_than_its_work_takes() -> None:
    backend = object.__new__(Backend)
    lease = Lease("heater", 0.003)
    backend.engine = SimpleNamespace(  # type: ignore[assignment]
        writer=SimpleNamespace(lease=lambda: lease), heat_and_read=None
    )
    asking = asyncio.Event()

    async def swallow(procedure: Any) -> Any:
        if asking.is_set():
            await asyncio.sleep(3600)
        asking.set()
        with contextlib.suppress(asyncio.CancelledError):  # as an answer at this moment does
            await asyncio.sleep(3600)

    async def work(*args: Any) -> Any:
        await asking.wait()

    backend._run, backend.on_thread = swallow, work  # type: ignore[method-assign, assignment]
    await asyncio.wait_for(backend.heat(AnchorKey("shop", "1")), 10)
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "rxgraph keep"]
