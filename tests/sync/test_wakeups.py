"""Wake-ups reach who joined, cost a save nothing, and break nothing when they cannot."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxgraph import outage
from rxgraph.cache.steps import Wakeup
from rxgraph.settings import RxGraphSettings
from rxgraph.sync.wakeup_codec import MAX_BYTES, decode_wakeup, encode_wakeup, group_name
from rxgraph.sync.wakeups import (
    LocalBus,
    LocalListener,
    namespace,
    open_bus,
    open_listener,
)
from rxgraph.sync.wakeups_layer import ChannelLayerBus, ChannelLayerListener
from rxgraph.types import AnchorKey, Document, InstanceKey, RemovalReason

PROJECT, OTHER = AnchorKey("board.ProjectChannel", "1"), AnchorKey("board.ProjectChannel", "2")


def wakeup(seq: int, key: AnchorKey = PROJECT, documents: Any = None) -> Wakeup:
    return Wakeup(key, 1, seq - 1, seq, 1.5, documents)


def big_task(number: int, size: int = 10) -> Document:
    return Document(InstanceKey("Task", str(number)), 1, {"text": "x" * size})


class Received(list[Any]):
    """What a listener was given, to wait for."""

    def __init__(self) -> None:
        super().__init__()
        self._more = asyncio.Event()

    def append(self, item: Any) -> None:
        super().append(item)
        self._more.set()

    async def until(self, count: int, seconds: float = 5.0) -> list[int]:
        async with asyncio.timeout(seconds):
            while len(self) < count:
                await self._more.wait()
                self._more.clear()
        return [item.seq for item in self]


# -- text


_keys = st.builds(InstanceKey, st.text(max_size=3), st.text(max_size=3))
_documents = st.builds(
    Document,
    key=_keys,
    version=st.integers(0, 2**50),
    data=st.dictionaries(st.text(max_size=3), st.none() | st.integers(-5, 5) | st.text(max_size=3)),
    links=st.lists(_keys, max_size=2).map(tuple),
    owner=st.none() | st.text(max_size=3),
    former_owners=st.lists(st.text(max_size=2), max_size=2).map(tuple),
    removed=st.none() | st.sampled_from(RemovalReason),
)


@given(st.none() | st.lists(_documents, max_size=3).map(tuple), st.booleans())
def test_a_wakeup_comes_back_from_its_text(
    documents: tuple[Document, ...] | None, more: bool
) -> None:
    original = replace(wakeup(7, documents=documents), more=more)
    assert decode_wakeup(encode_wakeup(original)) == original


def test_documents_travel_along_up_to_a_size() -> None:
    small = wakeup(1, documents=tuple(big_task(i) for i in range(50)))
    assert decode_wakeup(encode_wakeup(small)) == small
    for documents in (
        (big_task(1, MAX_BYTES),),
        tuple(big_task(i) for i in range(5_000)),
        (Document(InstanceKey("Task", "1"), 1, {"n": 2**70}),),
        (Document(InstanceKey("Task", "1"), 1, {"s": "\ud83d"}),),
    ):
        text = encode_wakeup(wakeup(1, documents=documents))
        assert len(text) < 200
        assert decode_wakeup(text) == wakeup(1)


def test_the_text_of_another_version_is_no_wakeup() -> None:
    assert decode_wakeup('[1,"whatever",{}]') is None


@pytest.mark.parametrize("channel", ["a", "x" * 500, "ünï/$!", "", "\ud83d"])
def test_group_names_are_what_channels_allows(channel: str) -> None:
    from channels.layers import InMemoryChannelLayer

    name = group_name("db", AnchorKey(channel, "1"))
    assert InMemoryChannelLayer().require_valid_group_name(name)
    assert name != group_name("db", AnchorKey(channel, "2"))
    assert name != group_name("other", AnchorKey(channel, "1"))


# -- inside one process


async def test_a_local_wakeup_reaches_those_who_joined_in_order() -> None:
    bus, received, others = LocalBus(), Received(), Received()
    one, two = LocalListener(bus), LocalListener(bus)
    await one.start(received.append)
    await two.start(others.append)
    await one.join(PROJECT)
    await two.join(OTHER)

    def publish_all() -> None:
        for number in range(500):
            bus.publish(wakeup(number))

    thread = threading.Thread(target=publish_all)
    thread.start()
    assert await received.until(500) == list(range(500))
    thread.join()
    bus.publish(wakeup(1, OTHER))
    assert await others.until(1) == [1]
    await one.leave(PROJECT)
    bus.publish(wakeup(9))
    await asyncio.sleep(0.01)
    assert len(received) == 500
    await one.close()
    await two.close()
    assert bus._listeners == {}


async def test_nothing_comes_after_a_listener_has_closed() -> None:
    bus, received = LocalBus(), Received()
    listener = LocalListener(bus)
    await listener.start(received.append)
    await listener.join(PROJECT)
    bus.publish(wakeup(1))
    await listener.close()
    await asyncio.sleep(0.01)
    assert received == []


def test_an_event_loop_that_ended_does_not_break_publishing() -> None:
    bus = LocalBus()

    async def listen() -> None:
        listener = LocalListener(bus)
        await listener.start(lambda _: None)
        await listener.join(PROJECT)

    asyncio.run(listen())
    bus.publish(wakeup(1))
    bus.publish(wakeup(2))
    assert bus._listeners == {}


async def test_the_memory_store_gets_one_local_bus() -> None:
    conf = RxGraphSettings()
    assert open_bus(conf) is open_bus(conf)
    received, listener = Received(), open_listener(conf)
    await listener.start(received.append)
    await listener.join(PROJECT)
    open_bus(conf).publish(wakeup(3))
    assert await received.until(1) == [3]
    await listener.close()


def test_a_channel_layer_of_one_process_is_served_locally() -> None:
    assert isinstance(open_bus(RxGraphSettings(store="mongodb://h/live")), LocalBus)


def test_groups_of_one_redis_are_kept_apart_by_database() -> None:
    stores = ["mongodb://u:p@h1,h2/live?w=1", "mongodb://h3/live", "mongodb://h3"]
    names = [namespace(RxGraphSettings(store=store)) for store in stores]
    assert names == ["live", "live", "rxgraph"]


# -- a channel layer that is away


class Broken:
    """A channel layer whose Redis is away, or hangs."""

    def __init__(self) -> None:
        self.works = False
        self.sent: list[str] = []
        self.hold = threading.Event()
        self.hold.set()

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await asyncio.to_thread(self.hold.wait)
        if not self.works:
            raise ConnectionError("refused")
        self.sent.append(message["text"])

    async def new_channel(self) -> str:
        raise ConnectionError("refused")


def test_an_outage_is_logged_once_and_counted(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(outage, "LONGEST_PAUSE_SECONDS", 0.002)
    layer = Broken()
    bus = ChannelLayerBus(namespace="x", layer=lambda: layer)
    with caplog.at_level(logging.INFO, logger="rxgraph.wakeups"):
        for number in range(5):
            bus.publish(wakeup(number))
        wait_for(lambda: bus.dropped == 5)
        layer.works = True
        bus.publish(wakeup(6))
        wait_for(lambda: layer.sent != [])
        bus.close()
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "refused" in caplog.text


def test_what_waits_is_bounded_and_the_oldest_go() -> None:
    layer = Broken()
    layer.works = True
    layer.hold.clear()
    bus = ChannelLayerBus(namespace="x", layer=lambda: layer, queue_limit=10)
    begun = time.perf_counter()
    for number in range(1_000):
        bus.publish(wakeup(number))
    assert time.perf_counter() - begun < 1
    assert bus.dropped >= 980
    layer.hold.set()
    bus.close()
    assert [decode_wakeup(text) for text in layer.sent[-10:]] == [
        wakeup(number) for number in range(990, 1_000)
    ]


def test_closing_sends_what_waits_and_publishing_opens_again() -> None:
    layer = Broken()
    layer.works = True
    bus = ChannelLayerBus(namespace="x", layer=lambda: layer)
    for expected in (1, 2):
        bus.publish(wakeup(expected))
        bus.close()
        assert len(layer.sent) == expected
        assert "rxgraph-wakeups" not in [thread.name for thread in threading.enumerate()]


def test_a_layer_that_cannot_be_made_does_not_break_a_save(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> Any:
        raise ValueError("no such backend")

    bus = ChannelLayerBus(namespace="x", layer=fail)
    for number in range(3):
        bus.publish(wakeup(number))
    wait_for(lambda: "no such backend" in caplog.text)
    bus.close()


async def test_joining_returns_when_redis_is_away() -> None:
    listener = ChannelLayerListener(namespace="x", layer=Broken, confirm_seconds=0.05)
    await listener.start(lambda _: None)
    async with asyncio.timeout(10):
        await listener.join(PROJECT)
        await listener.leave(PROJECT)
        await listener.close()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_publishes_from_a_thread_of_its_own() -> None:
    layer = Broken()
    layer.works = True
    bus = ChannelLayerBus(namespace="x", layer=lambda: layer)
    bus.publish(wakeup(1))
    wait_for(lambda: len(layer.sent) == 1)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            bus.publish(wakeup(2))
            bus.close()
            status = 0 if len(layer.sent) == 2 else 2
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    bus.close()


def wait_for(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.002)


# -- Redis

LAYERS = ["pubsub", "core"]


@pytest.fixture
def redis_url() -> str:
    url = os.environ.get("REDIS_URL")
    if not url:
        if os.environ.get("CI") == "true":
            pytest.fail("REDIS_URL is not set")
        pytest.skip("REDIS_URL is not set")
    pytest.importorskip("channels_redis")
    return url


@pytest.fixture(params=LAYERS)
def make_layer(request: pytest.FixtureRequest, redis_url: str) -> Callable[[], Any]:
    """A factory of channel layers as separate processes would have them."""
    from channels_redis.core import RedisChannelLayer
    from channels_redis.pubsub import RedisPubSubChannelLayer

    prefix = f"test-{uuid4().hex[:8]}"
    if request.param == "pubsub":
        return lambda: RedisPubSubChannelLayer(hosts=[redis_url], prefix=prefix)
    hosts = [{"address": redis_url, "socket_timeout": 15}]
    return lambda: RedisChannelLayer(hosts=hosts, prefix=prefix, capacity=10_000)


class Wire:
    """A bus and a listener, as far apart as two processes."""

    def __init__(self, make_layer: Callable[[], Any]) -> None:
        self.bus = ChannelLayerBus(namespace="test", layer=make_layer)
        self.layer = make_layer()
        self.listener = ChannelLayerListener(namespace="test", layer=lambda: self.layer)
        self.received = Received()

    async def close(self) -> None:
        await self.listener.close()
        await asyncio.to_thread(self.bus.close)
        if hasattr(self.layer, "close_pools"):
            await self.layer.close_pools()
        else:
            await self.layer.flush()


@pytest.fixture
async def wire(make_layer: Callable[[], Any]) -> AsyncIterator[Wire]:
    opened = Wire(make_layer)
    await opened.listener.start(opened.received.append)
    yield opened
    await opened.close()


@pytest.mark.integration
async def test_whatever_is_published_after_joining_is_received(wire: Wire) -> None:
    for number in range(20):
        key = AnchorKey("board.ProjectChannel", str(number))
        await wire.listener.join(key)
        wire.bus.publish(wakeup(number, key, documents=(big_task(number),)))
    assert await wire.received.until(20) == list(range(20))
    assert wire.received[3].documents == (big_task(3),)


@pytest.mark.integration
async def test_who_has_left_gets_nothing_and_may_come_back(wire: Wire) -> None:
    await wire.listener.join(PROJECT)
    await wire.listener.join(OTHER)
    await wire.listener.leave(PROJECT)
    wire.bus.publish(wakeup(1, PROJECT))
    wire.bus.publish(wakeup(2, OTHER))
    assert await wire.received.until(1) == [2]
    await asyncio.gather(wire.listener.leave(OTHER), wire.listener.join(OTHER))
    await asyncio.gather(wire.listener.join(PROJECT), wire.listener.join(PROJECT))
    wire.bus.publish(wakeup(3, PROJECT))
    wire.bus.publish(wakeup(4, OTHER))
    assert await wire.received.until(3) == [2, 3, 4]


@pytest.mark.integration
async def test_many_wakeups_keep_their_order(wire: Wire) -> None:
    await wire.listener.join(PROJECT)
    begun = time.perf_counter()
    for number in range(1_000):
        wire.bus.publish(wakeup(number))
    assert time.perf_counter() - begun < 1
    assert await wire.received.until(1_000, seconds=20) == list(range(1_000))


@pytest.mark.integration
async def test_a_bad_message_does_not_end_the_stream(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    await wire.listener.join(PROJECT)
    group = group_name("test", PROJECT)
    await wire.layer.group_send(group, {"type": "rxgraph.wakeup", "text": "{nonsense"})
    await wire.layer.group_send(group, {"type": "rxgraph.wakeup"})
    await wire.layer.group_send(group, {"type": "rxgraph.wakeup", "text": "[99]"})
    wire.bus.publish(wakeup(5))
    assert await wire.received.until(1) == [5]
    assert caplog.text.count("could not be delivered") == 2


@pytest.mark.integration
async def test_several_are_joined_at_once_and_all_of_them_heard(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [AnchorKey(PROJECT.channel, str(number)) for number in range(40)]
    probes: list[str] = []
    layer = wire.listener._layer

    async def send(group: str, message: dict[str, Any]) -> None:
        probes.append(group)
        await original(group, message)

    original = layer.group_send
    monkeypatch.setattr(wire.listener, "_layer", Sending(layer, send))
    for round_ in range(3):
        probes.clear()
        await wire.listener.join_all(keys)
        keeps_order = type(layer).__name__ == "RedisPubSubChannelLayer"
        assert len(set(probes)) == (1 if keeps_order else len(keys))
        wire.received.clear()
        for number, key in enumerate(keys):
            wire.bus.publish(wakeup(number, key))
        assert await wire.received.until(40) == list(range(40))
        for key in keys[round_ % 2 :]:
            await wire.listener.leave(key)
        await wire.listener.leave(keys[0])
    assert not any(
        member
        for members in wire.listener._probes.values()
        for member in members
        if not member.confirmed.is_set()
    )


@pytest.mark.integration
async def test_one_that_leaves_while_it_is_joined_does_not_keep_the_others(wire: Wire) -> None:
    keys = [AnchorKey(PROJECT.channel, str(number)) for number in range(10)]
    joining = asyncio.create_task(wire.listener.join_all(keys))
    await asyncio.sleep(0)
    await wire.listener.leave(keys[-1])
    await joining
    assert all(member.confirmed.is_set() for member in wire.listener._members.values())
    wire.bus.publish(wakeup(1, keys[-1]))
    wire.bus.publish(wakeup(2, keys[0]))
    assert await wire.received.until(1) == [2]


class Sending:
    """A channel layer with another way to send to groups."""

    def __init__(self, layer: Any, group_send: Any) -> None:
        self._layer, self.group_send = layer, group_send

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layer, name)


@pytest.mark.integration
async def test_closing_leaves_no_task_and_no_membership(make_layer: Callable[[], Any]) -> None:
    before = asyncio.all_tasks()
    wire = Wire(make_layer)
    await wire.listener.start(wire.received.append)
    await wire.listener.join(PROJECT)
    await wire.close()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    assert wire.listener._members == {}
    assert len(wire.listener._locks) == 0


@pytest.mark.integration
@pytest.mark.slow
async def test_a_listener_that_was_idle_for_long_still_hears(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    await wire.listener.join(PROJECT)
    await asyncio.sleep(7)
    wire.bus.publish(wakeup(1))
    assert await wire.received.until(1) == [1]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.integration
@pytest.mark.slow
async def test_a_listener_whose_connections_were_killed_hears_again(
    make_layer: Callable[[], Any], redis_url: str
) -> None:
    from redis.asyncio import Redis

    async with Redis.from_url(redis_url) as admin:
        others = {client["id"] for client in await admin.client_list()}
        wire = Wire(make_layer)
        await wire.listener.start(wire.received.append)
        await wire.listener.join(PROJECT)
        wire.bus.publish(wakeup(1))
        assert await wire.received.until(1) == [1]
        for client in await admin.client_list():
            if client["id"] not in others and client["cmd"] != "client|list":
                await admin.client_kill_filter(_id=client["id"])
    await asyncio.sleep(2.5)
    wire.bus.publish(wakeup(2))
    assert (await wire.received.until(2))[-1] == 2
    await wire.close()
