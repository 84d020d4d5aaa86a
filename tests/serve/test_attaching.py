"""Attaching many anchors in the same moment takes a few round trips, not a few for each."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from rxgraph.declare import registry
from rxgraph.errors import NotFound
from rxgraph.serve.replica import Move
from rxgraph.serve.runtime import Runtime, current
from rxgraph.sync import tracking
from rxgraph.types import AnchorKey
from tests.serve.live import in_database
from tests.sync.marked.declared import PlainShopChannel
from tests.sync.marked.models import Item, Shop

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 60


@pytest.fixture(autouse=True)
def _channel() -> Iterator[None]:
    with registry.isolated():
        registry.register(PlainShopChannel)
        tracking.refresh()
        yield
    tracking.refresh()


def shops(count: int) -> list[AnchorKey]:
    made = [Shop.objects.create(name=f"shop {number}") for number in range(count)]
    for shop in made:
        Item.objects.create(shop=shop, name="item")
    return [AnchorKey(PlainShopChannel.name, str(shop.pk)) for shop in made]


async def hot(runtime: Runtime, keys: list[AnchorKey]) -> None:
    for key in keys:
        await runtime.backend.heat(key)


def counted(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what the event loop asks the store for."""
    counts: Counter[str] = Counter()
    perform = runtime.backend._store.perform

    async def counting(step: Any) -> Any:
        counts[type(step).__name__] += 1
        return await perform(step)

    monkeypatch.setattr(runtime.backend._store, "perform", counting)
    return counts


async def test_many_are_attached_in_five_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = await in_database(shops)(MANY)
    runtime = current()
    await runtime.ready()
    await hot(runtime, keys)
    counts = counted(runtime, monkeypatch)
    moved = asyncio.get_running_loop().create_future()
    held = await asyncio.gather(*(runtime.hub.attach(key, moved.set_result) for key in keys))
    assert counts == {"LoadAnchors": 3, "SwapAnchors": 1, "ReadSeveral": 1}
    assert {len(attachment.replica.state) for attachment in held} == {2}
    records = await runtime.backend.load_anchors(keys)
    assert {anchor.sessions for anchor in records.values()} == {
        frozenset([runtime.backend.session])
    }

    await in_database(Shop.objects.filter(pk=keys[7].anchor_id).update)(name="changed")
    move: Move = await asyncio.wait_for(moved, 10)
    assert [document.data["name"] for document in move.changes.values()] == ["changed"]

    counts.clear()
    await asyncio.gather(*(attachment.detach() for attachment in held))
    await runtime.hub.drop_lingering()
    assert counts == {"LoadAnchors": 1, "SwapAnchors": 1}
    records = await runtime.backend.load_anchors(keys)
    assert {anchor.sessions for anchor in records.values()} == {frozenset()}
    await runtime.close()


async def test_one_that_is_missing_does_not_keep_the_others() -> None:
    keys = await in_database(shops)(3)
    missing = AnchorKey(PlainShopChannel.name, "987654")
    runtime = current()
    found = await asyncio.gather(
        *(runtime.hub.attach(key, lambda move: None) for key in [*keys, missing]),
        return_exceptions=True,
    )
    assert isinstance(found.pop(), NotFound)
    for attachment in found:
        assert not isinstance(attachment, BaseException)
        assert len(attachment.replica.state) == 2
    await runtime.close()


async def test_those_who_give_up_while_joining_leave_no_session() -> None:
    keys = await in_database(shops)(20)
    runtime = current()
    await runtime.ready()
    await hot(runtime, keys)
    for steps in range(12):
        attaching = [
            asyncio.create_task(runtime.hub.attach(key, lambda move: None)) for key in keys
        ]
        for _ in range(steps):
            await asyncio.sleep(0)
        for task in attaching:
            task.cancel()
        await asyncio.wait(attaching)
        for task in attaching:
            if not task.cancelled():
                await task.result().detach()
        await runtime.hub.drop_lingering()
        records = await runtime.backend.load_anchors(keys)
        assert {anchor.sessions for anchor in records.values()} == {frozenset()}
    await runtime.close()
