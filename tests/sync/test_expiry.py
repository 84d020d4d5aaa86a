"""Caches that nobody looks at are cooled; those that somebody comes to are not."""

from __future__ import annotations

import io
import os
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.core.management import CommandError, call_command

from channels_app.channels import ProjectChannel
from channels_app.models import Project
from rxgraph.cache.anchor import Anchor, Lease, give_up, watch
from rxgraph.cache.phases import Phase
from rxgraph.cache.steps import LoadAnchor, SwapAnchor
from rxgraph.cache.turns import expire_anchor, join_anchor, leave_anchor
from rxgraph.channels import ContextChannel
from rxgraph.declare import registry
from rxgraph.models import Intent
from rxgraph.sync import expiry
from rxgraph.sync.engine import Engine, get_engine
from rxgraph.sync.engine import reset as reset_engine
from rxgraph.sync.expiry import Due, Reason, due
from rxgraph.sync.heating import Warmth
from rxgraph.types import EXPIRY, AnchorKey, RowKey
from tests.conftest import forget_database, service
from tests.sync.board import anchor as board_key
from tests.sync.board import seed
from tests.torture.serializers import GenreSerializer

KEY = AnchorKey(ProjectChannel.name, "1")
HOT = Anchor(phase=Phase.HOT, generation=7, seq=3, done=3, idle_since=100.0)


# -- what is due: values in, values out


def test_an_anchor_is_due_when_nobody_has_looked_for_its_ttl() -> None:
    assert due([(KEY, HOT)], 159.9, lambda _: 60.0) == []
    assert due([(KEY, HOT)], 160.0, lambda _: 60.0) == [Due(KEY, Reason.IDLE, 60.0)]
    watched = replace(HOT, sessions=frozenset({"a"}), idle_since=0.0)
    assert due([(KEY, watched)], 1e9, lambda _: 60.0) == []
    assert due([(KEY, replace(HOT, phase=Phase.COLD))], 1e9, lambda _: 60.0) == []


def test_what_crashes_have_left_half_done_is_due_at_once() -> None:
    cooling = replace(HOT, phase=Phase.COOLING)
    heating = replace(HOT, phase=Phase.HEATING, owner="dead", lease_until=120.0)
    assert due([(KEY, cooling)], 101.0, lambda _: 60.0) == [Due(KEY, Reason.COOLING, 1.0)]
    assert due([(KEY, heating)], 119.0, lambda _: 60.0) == []
    assert due([(KEY, heating)], 121.0, lambda _: 60.0) == [Due(KEY, Reason.DESERTED, 21.0)]
    waited_for = replace(heating, sessions=frozenset({"a"}))
    assert due([(KEY, waited_for)], 121.0, lambda _: 60.0) == []


def test_a_heater_that_was_given_up_has_lost_its_turn() -> None:
    rows = frozenset({RowKey("a.b", "1")})
    heating = replace(HOT, phase=Phase.HEATING, owner="w", lease_until=9.0, pending=rows)
    assert give_up(heating, 8.0) is None
    cold = give_up(heating, 9.0)
    assert cold is not None
    assert (cold.phase, cold.owner, cold.pending) == (Phase.COLD, "", frozenset())


def test_each_channel_has_its_own_ttl_and_a_removed_one_that_of_the_settings(settings: Any) -> None:
    settings.RXGRAPH = {**settings.RXGRAPH, "CACHE_TTL": 50}
    with registry.isolated():

        class QuickChannel(ContextChannel):
            class Meta:
                state = GenreSerializer()
                cache_ttl = 5

        class SlowChannel(ContextChannel):
            class Meta:
                state = GenreSerializer()

        keys = [AnchorKey(name, "1") for name in ("gone.Channel", QuickChannel.name)]
        keys.append(AnchorKey(SlowChannel.name, "1"))
        records = [(key, HOT) for key in keys]
        assert [item.key for item in due(records, 105.0)] == [keys[1]]
        assert {item.key for item in due(records, 150.0)} == set(keys)
        assert QuickChannel.get_cache_ttl() == 5
        assert SlowChannel.get_cache_ttl() == 50
        assert expiry.interval_seconds() == 1.25
    assert expiry.interval_seconds() == 12.5


def test_one_server_at_a_time_has_the_duty() -> None:
    mine = watch(Anchor(), Lease("me", 54.0), 100.0)
    assert mine is not None
    assert watch(mine, Lease("you", 54.0), 153.0) is None
    assert watch(mine, Lease("you", 54.0), 154.0) is not None


# -- on both stores


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.integration)])
def engine(request: pytest.FixtureRequest, settings: Any, transactional_db: None) -> Iterator[Any]:
    """An engine that serves, with caches that expire at once, and the board's rows."""
    conf = {**settings.RXGRAPH, "CACHE_TTL": 0}
    if request.param == "mongo":
        url = service("MONGO_URL").rpartition("/")[0]
        conf["STORE"] = f"{url}/rxgraph_expiry_{os.getpid()}_{uuid4().hex[:6]}"
    settings.RXGRAPH = conf
    found = get_engine()
    found.is_serving = True
    for session in ("somebody", "client 0", "client 1"):
        found.store.beat(session, time.time() + 60)
    seed()
    yield found
    reset_engine()
    if request.param == "mongo":
        forget_database(conf["STORE"])


def load(engine: Engine, key: AnchorKey) -> Anchor:
    found: Anchor = engine.run(LoadAnchor(key).__iter__())
    return found


def heated() -> list[AnchorKey]:
    keys = [board_key(project) for project in Project.objects.order_by("pk")]
    for key in keys:
        assert get_engine().heat(key) is Warmth.HOT
    return keys


def test_expiring_cools_what_nobody_watches_and_nothing_else(engine: Engine) -> None:
    idle, watched = heated()
    engine.run(join_anchor(watched, "somebody"))
    assert [item.key for item in expiry.expire(engine)] == [idle]
    assert expiry.expire(engine) == []
    assert load(engine, idle).phase is Phase.COLD
    assert load(engine, watched).phase is Phase.HOT
    engine.run(leave_anchor(watched, "somebody"))
    assert [item.key for item in expiry.expire(engine, ProjectChannel.name)] == [watched]


def test_time_counts_from_the_last_disconnect(engine: Engine, settings: Any) -> None:
    key, _ = heated()
    engine.run(join_anchor(key, "somebody"))
    before = time.time()
    engine.run(leave_anchor(key, "somebody"))
    assert before <= load(engine, key).idle_since <= time.time()
    assert not engine.run(expire_anchor(key, 3600))
    assert engine.run(expire_anchor(key, 0))


def test_a_client_that_arrives_first_keeps_the_cache(engine: Engine) -> None:
    key, _ = heated()
    found = expiry.find(engine)
    engine.run(join_anchor(key, "somebody"))
    assert key in {item.key for item in found}
    assert not engine.run(expire_anchor(key, 0))
    assert load(engine, key).phase is Phase.HOT


def test_a_cooling_that_somebody_left_half_done_is_finished(engine: Engine) -> None:
    key, _ = heated()
    record = load(engine, key)
    engine.run(SwapAnchor(key, replace(record, phase=Phase.COOLING)).__iter__())
    assert Reason.COOLING in {item.reason for item in expiry.expire(engine)}
    assert load(engine, key).phase is Phase.COLD


def test_a_heating_whose_process_died_is_given_up_and_can_be_heated_again(engine: Engine) -> None:
    key, _ = heated()
    record = load(engine, key)
    dead = replace(record, phase=Phase.HEATING, owner="dead", lease_until=time.time() - 1)
    engine.run(SwapAnchor(key, dead).__iter__())
    assert Reason.DESERTED in {item.reason for item in expiry.expire(engine)}
    assert load(engine, key).phase is Phase.COLD
    assert engine.heat(key) is Warmth.HOT
    assert load(engine, key).generation > record.generation


def test_anchors_of_a_channel_that_was_removed_are_expired_too(engine: Engine) -> None:
    gone = AnchorKey("retired.channels.OldChannel", "4")
    record = replace(HOT, idle_since=time.time())
    engine.run(SwapAnchor(gone, record).__iter__())
    assert [item.key for item in expiry.expire(engine)] == [gone]
    assert load(engine, gone).phase is Phase.COLD


@pytest.mark.slow
def test_several_at_once_expire_each_anchor_once_while_clients_come_and_go(engine: Engine) -> None:
    keys = heated()
    counts: list[int] = []
    failures: list[BaseException] = []
    deadline = time.monotonic() + 4

    def expiring() -> None:
        while time.monotonic() < deadline:
            counts.append(len(expiry.expire(engine)))

    def arriving(number: int) -> None:
        rng = random.Random(number)
        while time.monotonic() < deadline:
            key, name = rng.choice(keys), f"client {number}"
            engine.run(join_anchor(key, name))
            while (warmth := engine.heat(key)) is Warmth.WAIT:
                time.sleep(0.001)
            record = load(engine, key)
            # From here on it has a session, so nobody takes the cache away.
            if warmth is not Warmth.HOT or record.phase is not Phase.HOT:
                failures.append(AssertionError(f"{warmth} {record}"))
            engine.run(leave_anchor(key, name))

    def guarded(work: Any, *args: Any) -> None:
        from django.db import connections

        try:
            work(*args)
        except BaseException as error:  # noqa: BLE001 - told by the test
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=guarded, args=(expiring,)) for _ in range(2)]
    threads += [threading.Thread(target=guarded, args=(arriving, n)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[:3]
    assert sum(counts) > 2
    expiry.expire(engine)
    assert {load(engine, key).phase for key in keys} == {Phase.COLD}


def test_servers_take_turns_by_a_record_in_the_store(engine: Engine) -> None:
    first, second = heated()
    assert {item.key for item in expiry.watch(engine)} == {first, second}
    engine.heat(first)
    assert expiry.watch(engine) == []
    assert load(engine, first).phase is Phase.HOT
    assert expiry.find(engine)[0].key == first
    assert EXPIRY not in {item.key for item in expiry.find(engine)}


# -- manage.py expire_rxgraph_cache


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("expire_rxgraph_cache", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_says_what_it_would_do_then_does_it_then_has_nothing_to_do(
    engine: Engine,
) -> None:
    first, second = heated()
    told = command("--dry-run", "-v", "2")
    assert told.splitlines()[0] == f"{ProjectChannel.name}: 2 would expire"
    assert f"  {first.anchor_id} (idle, 0 s)" in told
    assert load(engine, first).phase is Phase.HOT
    assert command("--channel", "project") == f"{ProjectChannel.name}: 2 expired\n"
    assert load(engine, second).phase is Phase.COLD
    assert command() == "nothing has expired\n"
    assert command("--dry-run") == "nothing would expire\n"


def test_the_command_takes_the_name_of_a_removed_channel_and_refuses_others(engine: Engine) -> None:
    gone = AnchorKey("retired.channels.OldChannel", "4")
    engine.run(SwapAnchor(gone, replace(HOT, idle_since=time.time())).__iter__())
    heated()
    assert command("--channel", gone.channel) == f"{gone.channel}: 1 expired\n"
    with pytest.raises(CommandError, match=r"no channel 'nope'; known: .*ProjectChannel"):
        command("--channel", "nope")


def test_beside_a_server_with_the_memory_store_the_command_says_that_it_sees_nothing() -> None:
    assert "inside the server's process" in command()


@pytest.mark.integration
def test_a_store_that_is_away_ends_the_command_with_an_error(settings: Any) -> None:
    settings.RXGRAPH = {"STORE": "mongodb://127.0.0.1:9/x", "STORE_TIMEOUT_SECONDS": 0.2}
    try:
        with pytest.raises(CommandError, match=r"list_anchors on mongodb://127\.0\.0\.1:9/x"):
            command()
    finally:
        reset_engine()


# -- ContextChannel.clear_cache


def test_clear_cache_answers_true_for_a_hot_anchor_and_false_for_any_other(engine: Engine) -> None:
    key, other = heated()
    clear = async_to_sync(ProjectChannel.clear_cache)
    assert clear(key.anchor_id) is True
    assert load(engine, key).phase is Phase.COLD
    assert clear(key.anchor_id) is False
    assert clear(999_999) is False
    assert load(engine, other).phase is Phase.HOT


def test_ids_are_normalised(engine: Engine) -> None:
    key, _ = heated()
    assert async_to_sync(ProjectChannel.clear_cache)(f" 0{key.anchor_id} ") is True


@pytest.mark.parametrize("wrong", ["seven", None, "", 1.5, "7\x00", 2**70])
def test_an_id_that_no_row_can_have_is_an_error(wrong: Any) -> None:
    with pytest.raises(ValueError, match="is not the id of a Project"):
        async_to_sync(ProjectChannel.clear_cache)(wrong)


def test_an_abstract_channel_has_no_cache() -> None:
    with registry.isolated():

        class BaseChannel(ContextChannel):
            class Meta:
                abstract = True
                state = GenreSerializer()

        with pytest.raises(ValueError, match=r"BaseChannel\.clear_cache: BaseChannel is abstract"):
            async_to_sync(BaseChannel.clear_cache)(3)


def test_a_list_channel_has_one_cache_whatever_the_id(engine: Engine) -> None:
    with registry.isolated():

        class AllChannel(ContextChannel):
            class Meta:
                state = GenreSerializer(many=True)

            def list_instances(self) -> Any:
                return []

        assert engine.heat(AnchorKey(AllChannel.name, "")) is Warmth.HOT
        assert async_to_sync(AllChannel.clear_cache)(3) is True
        assert async_to_sync(AllChannel.clear_cache)(None) is False


@pytest.mark.django_db(transaction=True)
def test_in_a_process_that_serves_nobody_the_server_is_asked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert async_to_sync(ProjectChannel.clear_cache)(1) is False
    assert "inside the server's process, which was asked to" in caplog.text
    assert Intent.objects.count() == 1
