"""Runtime state is whole in every event, and what is set is an event of its own."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pytest

from rxgraph.serve.backlog import Delta, Lost, Restart, RuntimeChange
from rxgraph.serve.replica import MoveKind
from tests.serve.radio import Mood, Radio, RadioChannel, Station, radio, take
from tests.serve.shop import track
from tests.serve.test_backlog import Desk

NOTHING = {"viewers": None, "nowPlaying": None, "mood": None, "since": None}


@pytest.fixture(autouse=True)
def _fresh_radio() -> Iterator[None]:
    vars(radio).update(vars(Radio()))
    yield
    vars(radio).update(vars(Radio()))


async def test_what_on_connect_sets_is_in_the_first_event_and_it_is_the_first():
    radio.values = {"viewers": 3, "mood": Mood.HAPPY}
    results = await Station().stream()
    event = await take(results)
    assert event["kind"] == "SNAPSHOT"
    assert event["runtime"] == {**NOTHING, "viewers": 3, "mood": "happy"}
    (context,) = radio.contexts
    assert context.runtime_state == {
        "viewers": 3,
        "now_playing": None,
        "mood": Mood.HAPPY,
        "since": None,
    }
    await results.aclose()


async def test_each_set_is_a_message_of_its_own_with_the_state_whole():
    results = await Station().stream()
    first = await take(results)
    assert first["runtime"] == NOTHING
    (context,) = radio.contexts
    await context.set_runtime_var("viewers", 1)
    await context.set_runtime_var("now_playing", "So What")
    for expected in ({"viewers": 1}, {"viewers": 1, "nowPlaying": "So What"}):
        event = await take(results)
        assert event["kind"] == "MESSAGE"
        assert event["notifications"] == []
        assert event["cursor"] == first["cursor"]
        assert event["channel"] is None
        assert event["runtime"] == {**NOTHING, **expected}
    await results.aclose()


async def test_deltas_resets_and_messages_carry_it_whole_too():
    station = Station()
    results = await station.stream()
    await take(results)
    (context,) = radio.contexts
    moment = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)
    await context.set_runtime_var("since", moment)
    station.hub.change(track(0, 11, "Blue in Green"))
    await context.send("hello")
    kinds = []
    for number in range(5):
        if number == 3:
            station.hub.restart()
        event = await take(results)
        kinds.append(event["kind"])
        assert event["runtime"] == {**NOTHING, "since": "2026-01-31T12:00:00Z"}
    assert kinds == ["MESSAGE", "DELTA", "MESSAGE", "RESET", "SNAPSHOT"]
    await results.aclose()


async def test_wrong_names_and_values_are_errors_and_change_nothing():
    results = await Station().stream()
    await take(results)
    (context,) = radio.contexts
    with pytest.raises(ValueError, match=r"RadioChannel\.RuntimeState has no 'listeners'; it has"):
        await context.set_runtime_var("listeners", 1)
    with pytest.raises(TypeError, match=r"RuntimeState\.viewers is declared int, and found '1'"):
        await context.set_runtime_var("viewers", "1")
    with pytest.raises(TypeError, match=r"read-only; write await self\.set_runtime_var\('viewers'"):
        context.runtime_state["viewers"] = 1
    with pytest.raises(AttributeError):
        context.runtime_state = {"viewers": 1}
    with pytest.raises(KeyError):
        context.runtime_state["listeners"]
    assert context.runtime_state["viewers"] is None
    await results.aclose()


async def test_after_the_end_values_are_kept_and_nobody_is_told():
    results = await Station().stream()
    await take(results)
    await results.aclose()
    (context,) = radio.contexts
    await context.set_runtime_var("viewers", 5)
    assert context.runtime_state["viewers"] == 5


async def test_a_context_that_is_not_live_keeps_its_values():
    context = RadioChannel()
    await context.set_runtime_var("viewers", 2)
    assert context.runtime_state["viewers"] == 2


def test_a_slow_client_is_told_the_newest_runtime_state_only():
    desk = Desk(limit=6)
    for number in range(50):
        desk.backlog.runtime({"viewers": number})
    items = desk.take_all()
    assert [item.values for item in items if isinstance(item, RuntimeChange)][-1] == {"viewers": 49}
    assert len(items) <= 6
    waiting = {item.place.number for item in items}
    assert all(place.is_released == (place.number not in waiting) for place in desk.places)


def test_runtime_changes_do_not_keep_deltas_from_being_merged():
    desk = Desk(limit=8)
    for number in range(40):
        desk.change(track(0, 11 + number))
        desk.backlog.runtime({"viewers": number})
    items = desk.take_all()
    assert not any(isinstance(item, Restart) for item in items)
    assert len(items) <= 8
    assert isinstance(items[-1], RuntimeChange)
    assert items[-1].values == {"viewers": 39}
    assert any(isinstance(item, Delta) for item in items)


def test_an_overflow_is_followed_by_the_newest_runtime_state():
    desk = Desk(limit=4)
    desk.backlog.runtime({"viewers": 1})
    for number in range(10):
        desk.backlog.message(number)
    items = desk.take_all()
    restarts = [index for index, item in enumerate(items) if isinstance(item, Restart)]
    changes = [index for index, item in enumerate(items) if isinstance(item, RuntimeChange)]
    assert restarts
    assert changes
    assert changes[-1] > restarts[0]


def test_nothing_comes_after_the_end():
    desk = Desk(limit=4)
    desk.backlog.move(desk.moved(MoveKind.LOST, {}))
    desk.backlog.runtime({"viewers": 1})
    assert [type(item) for item in desk.take_all()] == [Lost]
