"""Signals reach who joined their key, after the commit, at most once, and are not lost silently."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from django.db import connections, transaction
from hypothesis import given
from hypothesis import strategies as st

from rxgraph import outage as outage_module
from rxgraph.cache.steps import Wakeup
from rxgraph.serve.signals import Signals
from rxgraph.sync import intents
from rxgraph.sync.engine import Engine, get_engine
from rxgraph.sync.signals import MAX_BYTES, Signal, decode_signal, encode_signal
from rxgraph.sync.wakeups import LocalBus, LocalListener
from rxgraph.sync.wakeups_layer import ChannelLayerBus
from rxgraph.types import EVERYBODY, SIGNAL, AnchorKey, RowKey, process_key, process_of
from tests.sync.test_wakeups import Broken, Wire, make_layer, redis_url, wait_for, wire

__all__ = ["make_layer", "redis_url", "wire"]  # fixtures

PROJECT, OTHER = AnchorKey("board.ProjectChannel", "1"), AnchorKey("board.ProjectChannel", "2")

_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


# -- text


@given(_json, st.text(max_size=5))
def test_a_signal_comes_back_from_its_text(body: Any, kind: str) -> None:
    original = Signal(PROJECT, kind, body)
    again = decode_signal(encode_signal(original))
    assert again == original
    assert again is not None
    assert again.id == original.id


def test_the_text_of_another_version_is_no_signal() -> None:
    assert decode_signal('[99,"whatever"]') is None


def test_a_body_that_is_too_much_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"board\.moved to board\.ProjectChannel 1 has .* save"):
        encode_signal(Signal(PROJECT, "board.moved", "x" * MAX_BYTES))


def test_a_body_that_is_no_json_is_an_error_that_names_the_signal() -> None:
    with pytest.raises(TypeError, match=r"board\.moved to rxgraph\.everybody cannot be sent"):
        encode_signal(Signal(EVERYBODY, "board.moved", object()))


def test_a_session_says_which_process_holds_it() -> None:
    assert process_of("abc.def") == process_key("abc")


# -- on the bus


async def test_a_local_signal_is_delivered_in_order_with_wakeups() -> None:
    bus = LocalBus()
    received: list[Any] = []
    listener = LocalListener(bus)
    await listener.start(received.append)
    for key in (PROJECT, EVERYBODY):
        await listener.join(key)
    told: list[Wakeup | Signal] = [
        Wakeup(PROJECT, 1, 0, 1, 0.0, None),
        Signal(PROJECT, "one"),
        Signal(EVERYBODY, "two"),
        Wakeup(PROJECT, 1, 1, 2, 0.0, None),
    ]
    for item in [*told, Signal(OTHER, "for somebody else")]:
        bus.publish(item)
    await asyncio.sleep(0.01)
    assert received == told
    await listener.close()


@pytest.mark.integration
async def test_signals_travel_through_redis_in_order_with_wakeups(wire: Wire) -> None:
    for key in (PROJECT, EVERYBODY):
        await wire.listener.join(key)
    told: list[Wakeup | Signal] = [
        Signal(EVERYBODY, "one", {"n": 1}),
        Wakeup(PROJECT, 1, 0, 1, 0.0, None),
        Signal(PROJECT, "two", ["ünï", None]),
        Signal(EVERYBODY, "three", "x" * (MAX_BYTES - 200)),
    ]
    wire.bus.publish(Signal(OTHER, "for somebody else"))
    for item in told:
        wire.bus.publish(item)
    for _ in range(1_000):
        if len(wire.received) == len(told):
            break
        await asyncio.sleep(0.01)
    assert list(wire.received) == told


def test_signals_that_an_outage_swallows_are_logged_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage_module, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(outage_module, "LONGEST_PAUSE_SECONDS", 0.002)
    layer = Broken()
    bus = ChannelLayerBus(namespace="x", layer=lambda: layer)

    def errors() -> list[str]:
        return [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]

    for outage in (1, 2):
        layer.works = False
        before = bus.dropped
        for number in range(5):
            bus.publish(Signal(PROJECT, f"kind {number}"))
        wait_for(lambda before=before: bus.dropped == before + 5)  # type: ignore[misc]
        assert len(errors()) == outage
        assert "the signal kind 0 to board.ProjectChannel 1 was lost" in errors()[-1]
        layer.works, layer.sent = True, []
        bus.publish(Signal(PROJECT, "fine"))
        wait_for(lambda: layer.sent != [])
    bus.close()


def test_signals_that_a_full_queue_drops_are_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    layer = Broken()
    layer.works = True
    layer.hold.clear()
    bus = ChannelLayerBus(namespace="x", layer=lambda: layer, queue_limit=10)
    for number in range(100):
        bus.publish(Signal(PROJECT, str(number)))
    layer.hold.set()
    bus.close()
    errors = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "too much waits" in errors[0]


# -- from a transaction


class Heard(list[Signal]):
    """What a serving process of the memory store is sent."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        engine.listeners.append(self._note)

    def _note(self, told: Any) -> None:
        if isinstance(told, Signal):
            self.append(told)


@pytest.fixture
def serving(transactional_db: None) -> Heard:
    """The engine of a process that serves."""
    engine = get_engine()
    engine.is_serving = True
    return Heard(engine)


def test_outside_a_transaction_a_signal_is_sent_at_once(serving: Heard) -> None:
    get_engine().signal(Signal(PROJECT, "now", {"a": (1, 2)}))
    assert [signal.body for signal in serving] == [{"a": [1, 2]}]


def test_inside_a_transaction_it_is_sent_after_the_commit_as_it_was(serving: Heard) -> None:
    body = {"title": "as it was"}
    with transaction.atomic():
        get_engine().signal(Signal(PROJECT, "later", body))
        body["title"] = "changed since"
        assert serving == []
    assert [signal.body for signal in serving] == [{"title": "as it was"}]


def test_a_rollback_drops_it_and_so_does_one_of_its_savepoint(serving: Heard) -> None:
    with transaction.atomic():
        get_engine().signal(Signal(PROJECT, "never"))
        transaction.set_rollback(True)
    with transaction.atomic():
        get_engine().signal(Signal(PROJECT, "kept"))
        with transaction.atomic():
            get_engine().signal(Signal(PROJECT, "never"))
            transaction.set_rollback(True)
    assert [signal.kind for signal in serving] == ["kept"]


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_it_waits_for_the_transaction_of_its_own_database(serving: Heard) -> None:
    with transaction.atomic("other"):
        get_engine().signal(Signal(PROJECT, "default"))
        get_engine().signal(Signal(PROJECT, "other"), using="other")
        assert [signal.kind for signal in serving] == ["default"]
    assert [signal.kind for signal in serving] == ["default", "other"]


async def test_it_can_be_sent_from_an_event_loop(serving: Heard) -> None:
    get_engine().signal(Signal(PROJECT, "from here"))
    assert [signal.kind for signal in serving] == ["from here"]


# -- from a process without a way to the server


@pytest.mark.django_db(transaction=True)
def test_a_shell_leaves_its_signals_in_the_database_for_the_sweeper() -> None:
    engine = get_engine()
    heard = Heard(engine)
    with transaction.atomic():
        engine.signal(Signal(PROJECT, "left", {"n": 1}))
    with transaction.atomic():
        engine.signal(Signal(PROJECT, "never"))
        transaction.set_rollback(True)
    assert heard == []
    engine.is_serving = True
    assert engine.sweep(at_once=True) == 1
    assert [(signal.kind, signal.body) for signal in heard] == [("left", {"n": 1})]
    assert engine.sweep(at_once=True) == 0
    assert len(heard) == 1


@pytest.mark.django_db(transaction=True)
def test_a_signal_of_another_version_is_swept_away() -> None:
    intents.write(connections["default"], [RowKey(SIGNAL, '[99,"new"]')])
    engine = get_engine()
    heard = Heard(engine)
    assert engine.sweep(at_once=True) == 1
    assert heard == []
    assert intents.outstanding("default") == []


# -- at their handlers


def told(kind: str, key: AnchorKey = EVERYBODY) -> Signal:
    return Signal(key, kind)


async def test_handlers_get_the_signals_of_their_kind_in_order() -> None:
    signals = Signals("here")
    calls: list[Any] = []

    async def slow(signal: Signal) -> None:
        calls.append("slow begins")
        await asyncio.sleep(0.01)
        calls.append("slow ends")

    signals.on("a", slow)
    signals.on("a", lambda signal: calls.append(signal.kind))
    signals.on("b", lambda signal: calls.append(signal.kind))
    for kind in ("a", "b", "unknown"):
        signals.deliver(told(kind))
    await asyncio.sleep(0.05)
    assert calls == ["a", "b", "slow begins", "slow ends"]
    await signals.close()


async def test_a_signal_is_handled_once_and_only_by_the_process_it_names() -> None:
    signals = Signals("here")
    calls: list[Any] = []
    signals.on("a", calls.append)
    signal = told("a", process_key("here"))
    for item in (signal, signal, told("a", process_key("there"))):
        signals.deliver(item)
    assert calls == [signal]


async def test_errors_of_handlers_are_logged_and_end_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    signals = Signals("here")
    calls: list[Any] = []

    def fail(signal: Signal) -> None:
        raise ValueError("at once")

    async def fail_later(signal: Signal) -> None:
        raise ValueError("later")

    for handler in (fail, fail_later, calls.append):
        signals.on("a", handler)
    signals.deliver(told("a"))
    await asyncio.sleep(0.01)
    assert len(calls) == 1
    assert caplog.text.count("the signal a could not be handled") == 2
    assert "at once" in caplog.text
    assert "later" in caplog.text


async def test_closing_ends_what_handlers_still_do() -> None:
    signals = Signals("here")
    ended: list[str] = []

    async def wait(signal: Signal) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(signal.kind)

    signals.on("a", wait)
    signals.deliver(told("a"))
    await asyncio.sleep(0.01)
    await signals.close()
    assert ended == ["a"]
