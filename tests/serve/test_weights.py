"""What replicas take is known well enough, and kept within a bound."""

from __future__ import annotations

import asyncio
import gc
import logging
import tracemalloc
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from typing import Any

import bson
import pytest
from django.conf import settings as django_settings
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from rxgraph.cache.mongo_codec import decode_document, encode_document
from rxgraph.declare import registry
from rxgraph.delta import apply
from rxgraph.serve.hub import Attachment
from rxgraph.serve.runtime import Runtime, current
from rxgraph.serve.weights import Scales, growth, weigh, weigh_all
from rxgraph.sync import tracking
from rxgraph.types import AnchorKey, Document, InstanceKey, RemovalReason
from tests.serve.live import in_database
from tests.sync.marked.declared import PlainShopChannel
from tests.sync.marked.models import Item, Shop

ONE, TWO = AnchorKey("board", "1"), AnchorKey("board", "2")

MEGABYTE = 1024 * 1024


def task(number: int) -> Document:
    comments = [str(number * 10 + place) for place in range(number % 12)]
    data: dict[str, Any] = {
        "id": str(number),
        "title": f"title {number}",
        "description": "some text " * (number % 7),
        "status": "OPEN",
        "label": None,
        "priority": 300 + number,
        "done": False,
        "extra": {"tags": ["red", "ümlaut"], "due": 1.5 * number},
        "comments": comments,
    }
    links = tuple(InstanceKey("Comment", id_) for id_ in comments)
    return Document(InstanceKey("Task", str(number)), 3, data, links, owner="7")


def comment(number: int) -> Document:
    data = {"id": str(number), "text": f"text {number}", "author": "3"}
    return Document(InstanceKey("Comment", str(number)), 3, data)


@pytest.mark.slow
@pytest.mark.parametrize(
    "documents",
    [
        [task(number) for number in range(4000)],
        [comment(number) for number in range(9000)],
        [make(number) for number in range(3000) for make in (task, comment)],
    ],
    ids=["tasks", "comments", "both"],
)
def test_the_estimate_is_near_to_what_python_takes(documents: list[Document]) -> None:
    raws = [bson.encode(encode_document("1", 1, document)) for document in documents]
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        state = {}
        for raw in raws:
            document = decode_document(bson.decode(raw))
            state[document.key] = document
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0.6 < weigh_all(state) / taken < 1.6  # versions of Python differ


def documents_of(kinds: Mapping[int, str]) -> dict[InstanceKey, Document]:
    found = {}
    for number, kind in kinds.items():
        document = task(number)
        if kind == "dead":
            document = Document(document.key, 4, removed=RemovalReason.DELETED)
        if kind == "long":
            document = replace(document, data={"text": "x" * 999})
        found[document.key] = document
    return found


some = st.dictionaries(st.integers(0, 30), st.sampled_from(["task", "dead", "long"]), max_size=25)


@given(some, some)
def test_what_changes_is_added_and_taken_away(before: Any, after: Any) -> None:
    held, changes = documents_of(before), documents_of(after)
    state = apply({}, held)
    tombstones = {key: document for key, document in held.items() if not document.is_live}
    grown = growth(state, tombstones, changes)
    assert sum(map(weigh, held.values())) + grown == sum(map(weigh, {**held, **changes}.values()))


def test_scales_know_the_sum() -> None:
    scales = Scales(100)
    scales.note(ONE, 60)
    scales.note(TWO, 50)
    assert (scales.total_bytes, scales.is_over) == (110, True)
    scales.note(ONE, 40)
    assert (scales.total_bytes, scales.is_over) == (90, False)
    scales.forget(ONE)
    scales.forget(ONE)
    assert scales.total_bytes == 50


# -- in the hub


@pytest.fixture
def _channel() -> Iterator[None]:
    with registry.isolated():
        registry.register(PlainShopChannel)
        tracking.refresh()
        yield
    tracking.refresh()


def large_shops(count: int) -> list[AnchorKey]:
    made = [Shop.objects.create(name=f"shop {number}") for number in range(count)]
    for shop in made:
        Item.objects.create(shop=shop, name="x" * 300_000)
    return [AnchorKey(PlainShopChannel.name, str(shop.pk)) for shop in made]


@pytest.fixture
async def runtime(_channel: None, request: pytest.FixtureRequest) -> AsyncIterator[Runtime]:
    configured = {**django_settings.RXGRAPH, "REPLICA_MEMORY_MB": 1, **request.param}
    with override_settings(RXGRAPH=configured):
        opened = current()
        yield opened
        await opened.close()


pytest_mark_db = pytest.mark.django_db(transaction=True)


async def attach(runtime: Runtime, key: AnchorKey) -> Attachment:
    return await runtime.hub.attach(key, lambda move: None)


async def settle(runtime: Runtime) -> None:
    await asyncio.gather(*runtime.hub._lingering._dropping)


@pytest_mark_db
@pytest.mark.parametrize("runtime", [{}], indirect=True)
async def test_the_longest_unused_goes_first_and_only_above_the_bound(runtime: Runtime) -> None:
    one, two, three, four, five = await in_database(large_shops)(5)
    for key in (one, two, three):
        await (await attach(runtime, key)).detach()
    assert set(runtime.hub.replicas) == {one, two, three}
    first = runtime.hub.replicas[one]
    again = await attach(runtime, one)
    assert again.replica is first, "it was kept, and nothing was read"
    await again.detach()
    held = await attach(runtime, four)
    await settle(runtime)
    assert set(runtime.hub.replicas) == {three, one, four}
    other = await attach(runtime, five)
    await settle(runtime)
    assert set(runtime.hub.replicas) == {one, four, five}
    records = await runtime.backend.load_anchors([one, two, three, four, five])
    counted_in = {key for key, record in records.items() if record.sessions}
    assert counted_in == {one, four, five}
    await held.detach()
    await other.detach()


@pytest_mark_db
@pytest.mark.parametrize("runtime", [{}], indirect=True)
async def test_what_is_held_is_never_dropped_and_that_is_said_once(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    keys = await in_database(large_shops)(6)
    with caplog.at_level(logging.WARNING, "rxgraph.hub"):
        held = [await attach(runtime, key) for key in keys]
    assert set(runtime.hub.replicas) == set(keys)
    assert caplog.text.count("REPLICA_MEMORY_MB") == 1
    for attachment in held:
        await attachment.detach()
    await settle(runtime)
    assert set(runtime.hub.replicas) == set(keys[3:])
    assert runtime.hub._scales.total_bytes <= MEGABYTE
    with caplog.at_level(logging.WARNING, "rxgraph.hub"):
        held = [await attach(runtime, key) for key in keys]
    assert caplog.text.count("REPLICA_MEMORY_MB") == 2, "it was over in between"
    for attachment in held:
        await attachment.detach()


@pytest_mark_db
@pytest.mark.parametrize("runtime", [{}], indirect=True)
async def test_one_that_grows_makes_the_others_go(runtime: Runtime) -> None:
    one, two, three = await in_database(large_shops)(3)
    held = await attach(runtime, one)
    for key in (two, three):
        await (await attach(runtime, key)).detach()
    assert len(runtime.hub.replicas) == 3
    before = held.replica.size_bytes
    shop = await in_database(Shop.objects.get)(pk=one.anchor_id)
    for number in (1, 2):
        await in_database(Item.objects.create)(shop=shop, name="y" * 300_000)
        while len(held.replica.state) < 2 + number:
            await held.replica._stirred.wait()
            await in_database(lambda: None)()
    await settle(runtime)
    assert held.replica.size_bytes - before == pytest.approx(600_000, rel=0.02)
    assert set(runtime.hub.replicas) == {one}
    await held.detach()


@pytest_mark_db
@pytest.mark.parametrize("runtime", [{"LINGER_SECONDS": 0}], indirect=True)
async def test_nothing_is_kept_where_nothing_is_to_linger(runtime: Runtime) -> None:
    [one] = await in_database(large_shops)(1)
    await (await attach(runtime, one)).detach()
    assert not runtime.hub.replicas
    assert runtime.hub._scales.total_bytes == 0


@pytest_mark_db
@pytest.mark.parametrize("runtime", [{"CACHE_TTL": 0}], indirect=True)
async def test_nothing_lingers_longer_than_its_cache_may_live(runtime: Runtime) -> None:
    [one] = await in_database(large_shops)(1)
    await (await attach(runtime, one)).detach()
    assert not runtime.hub.replicas
