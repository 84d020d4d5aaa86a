"""Events of groups reach the ``@consumer`` methods of live contexts, and nothing is left over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer, channel_layers, get_channel_layer

from rxgraph.serve import groups as groups_module
from rxgraph.serve.groups import Groups
from tests.serve.live import until
from tests.serve.radio import Radio, RadioChannel, Station, radio, take
from tests.serve.shop import track
from tests.sync.test_wakeups import make_layer, redis_url

__all__ = ["make_layer", "redis_url"]  # fixtures


@pytest.fixture(autouse=True)
def _fresh_radio() -> Iterator[None]:
    vars(radio).update(vars(Radio()))
    yield
    vars(radio).update(vars(Radio()))


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> InMemoryChannelLayer:
    """The channel layer of the project, new."""
    made = InMemoryChannelLayer()
    monkeypatch.setitem(channel_layers.backends, "default", made)
    return made


def played(title: str, **more: Any) -> dict[str, Any]:
    return {"type": "radio.played", "title": title, **more}


def names() -> list[str]:
    return sorted(task.get_name() for task in asyncio.all_tasks())


async def test_an_event_calls_every_handler_of_its_type(layer: InMemoryChannelLayer):
    radio.groups = ["radio.7"]
    results = await Station().stream()
    await take(results)
    await layer.group_send("radio.7", played("So What"))
    event = await take(results)
    assert event["kind"] == "MESSAGE"
    assert event["runtime"]["nowPlaying"] == "So What"
    await layer.group_send("radio.7", {"type": "radio.counted", "n": 4})
    await until(lambda: len(radio.heard) == 2)
    assert radio.heard == [("base", "So What"), ("count", 4)]
    await results.aclose()


async def test_events_without_a_handler_and_failing_handlers_end_nothing(
    layer: InMemoryChannelLayer, caplog: pytest.LogCaptureFixture
):
    radio.groups = ["radio.7"]
    results = await Station().stream()
    await take(results)
    sent = ({"type": "radio.unknown"}, {"no": "type"}, played("boom"), played("Blue in Green"))
    for message in sent:
        await layer.group_send("radio.7", message)
    event = await take(results)
    assert event["runtime"]["nowPlaying"] == "Blue in Green"
    assert radio.heard == [("base", "boom"), ("base", "Blue in Green")]
    assert caplog.text.count("RadioChannel.show failed") == 1
    await results.aclose()


async def test_a_slow_handler_delays_no_delta(layer: InMemoryChannelLayer):
    radio.groups = ["radio.7"]
    station = Station()
    results = await station.stream()
    await take(results)
    await layer.group_send("radio.7", played("slow", seconds=0.3))
    await until(lambda: radio.heard == [("base", "slow")])
    station.hub.change(track(0, 11, "at once"))
    event = await take(results)
    assert event["kind"] == "DELTA"
    event = await take(results)
    assert event["runtime"]["nowPlaying"] == "slow"
    await results.aclose()


async def test_a_context_hears_the_groups_it_joined_only(layer: InMemoryChannelLayer):
    station = Station()
    radio.groups = ["radio.one"]
    one = await station.stream()
    await take(one)
    radio.groups = ["radio.two", "radio.three"]
    two = await station.stream()
    await take(two)
    await layer.group_send("radio.one", played("one"))
    await layer.group_send("radio.three", played("three"))
    assert (await take(one))["runtime"]["nowPlaying"] == "one"
    assert (await take(two))["runtime"]["nowPlaying"] == "three"
    for results in (one, two):
        await results.aclose()


async def test_nothing_is_left_when_a_context_ends(layer: InMemoryChannelLayer):
    before = names()
    radio.groups = ["radio.7", "radio.8", "radio.7"]
    results = await Station().stream()
    await take(results)
    assert len(layer.groups) == 2
    await layer.group_send("radio.7", played("slow", seconds=30))
    await until(lambda: radio.heard != [])
    await results.aclose()
    assert names() == before
    assert layer.groups == {}
    assert layer.channels == {}
    assert radio.heard == [("base", "slow"), "gone"]
    (context,) = radio.contexts
    await context.group_add("radio.9")
    assert layer.groups == {}


async def test_one_that_is_refused_while_it_opens_leaves_nothing(layer: InMemoryChannelLayer):
    before = names()
    radio.groups = ["radio.7"]
    radio.values = {"viewers": "wrong"}
    results = await Station().stream()
    assert (await anext(results)).errors
    await results.aclose()
    await until(lambda: names() == before)
    assert layer.groups == {}


async def test_without_a_channel_layer_the_error_says_what_to_do():
    groups = Groups(RadioChannel(), lambda: None)
    with pytest.raises(RuntimeError, match=r"RadioChannel.*needs a channel layer: set CHANNEL_LAY"):
        await groups.add("radio.7")
    await groups.close()


@pytest.mark.parametrize("group", ["white space", "", "x" * 100, 7])
async def test_a_name_that_channels_does_not_allow_is_an_error(
    group: Any, layer: InMemoryChannelLayer
):
    groups = Groups(RadioChannel())
    with pytest.raises(TypeError, match="Group name"):
        await groups.add(group)
    await groups.close()


async def test_group_add_outside_a_live_context_does_nothing():
    await RadioChannel().group_add("radio.7")


async def test_what_waits_for_a_slow_handler_is_bounded(
    layer: InMemoryChannelLayer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setattr(groups_module, "_WAITING_EVENTS", 10)
    radio.groups = ["radio.7"]
    results = await Station().stream()
    await take(results)
    await layer.group_send("radio.7", played("slow", seconds=0.3))
    await until(lambda: radio.heard != [])
    for number in range(50):
        await layer.group_send("radio.7", {"type": "radio.counted", "n": number})
        await asyncio.sleep(0)
    await until(lambda: ("count", 49) in radio.heard)
    counted = [item for item in radio.heard if item[0] == "count"]
    assert counted == [("count", number) for number in range(40, 50)]
    assert caplog.text.count("handlers of") == 1
    await results.aclose()


class Flaky(InMemoryChannelLayer):  # type: ignore[misc]
    """A layer whose Redis may be away."""

    is_away = True

    async def group_add(self, group: str, channel: str) -> None:
        if self.is_away:
            raise ConnectionError("refused")
        await super().group_add(group, channel)


async def test_a_group_is_joined_when_the_layer_is_back(caplog: pytest.LogCaptureFixture):
    layer = Flaky()
    groups = Groups(RadioChannel(), lambda: layer)
    with caplog.at_level(logging.INFO, logger="rxgraph"):
        await groups.add("radio.7")
        assert layer.groups == {}
        assert "will join 'radio.7' when the layer answers" in caplog.text
        layer.is_away = False
        await until(lambda: "radio.7" in layer.groups)
        assert "answers again" in caplog.text
    await layer.group_send("radio.7", {"type": "radio.counted", "n": 1})
    await until(lambda: radio.heard == [("count", 1)])
    await groups.close()


# -- Redis


@pytest.fixture
async def far(
    make_layer: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Any, Any]]:
    """Two ends of a channel layer, as far apart as two processes."""
    near, far = make_layer(), make_layer()
    monkeypatch.setitem(channel_layers.backends, "default", near)
    yield near, far
    for layer in (near, far):
        if hasattr(layer, "close_pools"):
            await layer.close_pools()
        else:
            await layer.flush()


@pytest.mark.integration
async def test_events_come_from_other_processes_through_redis(far: tuple[Any, Any]):
    near, other = far
    radio.groups = ["radio.7"]
    station = Station()
    one, two = await station.stream(), await station.stream()
    for results in (one, two):
        await take(results)

    async def send() -> None:
        while True:  # the first may come before Redis knows of the subscription
            await other.group_send("radio.7", played("So What"))
            await asyncio.sleep(0.2)

    sending = asyncio.create_task(send())
    for results in (one, two):
        assert (await take(results))["runtime"]["nowPlaying"] == "So What"
    sending.cancel()
    assert get_channel_layer() is near
    await one.aclose()
    await two.aclose()


@pytest.mark.integration
async def test_contexts_that_end_leave_nothing_in_the_pubsub_layer(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from channels_redis.pubsub import RedisPubSubChannelLayer

    layer = RedisPubSubChannelLayer(hosts=[redis_url], prefix="test-groups")
    monkeypatch.setitem(channel_layers.backends, "default", layer)
    try:
        radio.groups = ["radio.7", "radio.8"]
        station = Station()
        streams = [await station.stream() for _ in range(5)]
        for results in streams:
            await take(results)
        inner = layer._get_layer()
        assert (len(inner.channels), len(inner.groups)) == (5, 2)
        assert len(inner._shards[0]._subscribed_to) == 7
        await layer.group_send("radio.7", played("slow", seconds=30))
        await until(lambda: len(radio.heard) == 5)
        for results in streams:
            await results.aclose()
        assert (inner.channels, inner.groups) == ({}, {})
        assert inner._shards[0]._subscribed_to == set()
    finally:
        await layer.flush()
