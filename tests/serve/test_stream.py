"""A live stream over a hub that is told by hand: what each viewer is told, and the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from rxgraph.errors import Unauthenticated
from rxgraph.serve import stream as stream_module
from rxgraph.serve.auth import Credentials, Identity
from rxgraph.serve.outbox import Outbox
from rxgraph.serve.replica import MoveKind
from rxgraph.serve.scope import OperationScope
from rxgraph.sync.forest import Place
from rxgraph.testing import Fold
from rxgraph.types import InstanceKey, RemovalReason
from tests.serve.shop import (
    ANN,
    AT,
    BOB,
    HIS,
    MINE,
    ROOT,
    FakeHub,
    Hooks,
    Shop,
    album,
    gone,
    hooks,
    is_silent,
    memo,
    shelf,
    take,
    track,
)


@pytest.fixture(autouse=True)
def _fresh_hooks() -> Iterator[None]:
    vars(hooks).update(vars(Hooks()))
    yield
    vars(hooks).update(vars(Hooks()))


async def test_the_first_event_is_a_whole_snapshot():
    results = await Shop().stream()
    event = await take(results)
    assert event["kind"] == "SNAPSHOT"
    assert event["query"]["shelf"] == {"__typename": "ShelfChannel", "id": '["7",null]'}
    assert event["channel"]["state"] == {"__typename": "Album", "id": "7"}
    assert event["changed"]["albums"][0]["format"] == "VALUE_7_INCH"
    assert event["changed"]["albums"][0]["tracks"] == [{"__typename": "Track", "id": "0"}]
    assert event["removed"] == event["notifications"] == event["clientMutationIds"] == []
    fold = Fold()
    fold.apply(event)
    assert fold.state["tracks"][0]["title"] == "So What"
    await results.aclose()


@pytest.mark.parametrize(("user", "own", "other"), [(ANN, "1", "2"), (BOB, "2", "1")])
async def test_private_instances_of_others_are_nowhere_not_even_their_ids(user, own, other):
    shop = Shop()
    results = await shop.stream(user)
    event = await take(results)
    assert event["changed"]["albums"][0]["memos"] == [{"__typename": "Memo", "id": own}]
    assert [memo["id"] for memo in event["changed"]["memos"]] == [own]
    shop.hub.change(memo(MINE, ANN, 11), memo(HIS, BOB, 11))
    event = await take(results)
    assert [memo["id"] for memo in event["changed"]["memos"]] == [own]
    query = await shop.query(user)
    assert [memo["id"] for memo in query.data["shelf"]["state"]["memos"]] == [own]
    assert f"secret of {other}" not in json.dumps([event, query.data])
    await results.aclose()


async def test_a_change_that_a_viewer_may_not_see_is_no_event():
    shop = Shop()
    results = await shop.stream(ANN)
    await take(results)
    shop.hub.change(memo(HIS, BOB, 11))
    assert await is_silent(results)


async def test_a_change_of_owner_takes_an_instance_away_and_gives_it_to_the_other():
    shop = Shop()
    anns, bobs = await shop.stream(ANN), await shop.stream(BOB)
    await take(anns)
    await take(bobs)
    shop.hub.change(memo(MINE, BOB, 11))
    event = await take(anns)
    assert event["removed"] == [{"typename": "Memo", "nodeId": "1", "reason": "LEFT"}]
    assert event["changed"]["albums"][0]["memos"] == []
    event = await take(bobs)
    assert [item["id"] for item in event["changed"]["albums"][0]["memos"]] == ["1", "2"]
    assert [item["id"] for item in event["changed"]["memos"]] == ["1"]
    await anns.aclose()
    await bobs.aclose()


async def test_one_batch_is_one_delta_with_its_instances_whole():
    shop = Shop()
    results = await shop.stream()
    first = await take(results)
    shop.hub.change(album(11, tracks=2), track(1, 11, "Freddie"))
    event = await take(results)
    assert event["kind"] == "DELTA"
    assert event["channel"] is None
    assert event["query"] is None
    assert [item["id"] for item in event["changed"]["albums"][0]["tracks"]] == ["0", "1"]
    assert event["changed"]["tracks"][0]["title"] == "Freddie"
    assert event["session"] == first["session"]
    shop.hub.change(album(12, tracks=1), gone(InstanceKey("Track", "1"), 12))
    event = await take(results)
    assert event["removed"] == [{"typename": "Track", "nodeId": "1", "reason": "DELETED"}]
    await results.aclose()


async def test_an_event_shows_the_state_of_its_own_moment():
    shop = Shop()
    results = await shop.stream()
    await take(results)
    shop.hub.change(track(0, 11, "First"))
    shop.hub.change(track(0, 12, "Second"))
    titles = [(await take(results))["changed"]["tracks"][0]["title"] for _ in range(2)]
    assert titles == ["First", "Second"]
    await results.aclose()


class TestResuming:
    async def cursor(self, shop: Shop, user: Any = ANN) -> str:
        results = await shop.stream(user)
        event = await take(results)
        await results.aclose()
        cursor: str = event["cursor"]
        return cursor

    async def test_a_fresh_cursor_is_answered_with_what_was_written_since(self):
        shop = Shop()
        cursor = await self.cursor(shop)
        shop.hub.change(album(11, tracks=0), gone(InstanceKey("Track", "0"), 11))
        results = await shop.stream(after=cursor)
        event = await take(results)
        assert event["kind"] == "DELTA"
        assert [item["id"] for item in event["changed"]["albums"]] == ["7"]
        assert event["changed"]["memos"] == []
        assert event["removed"] == [{"typename": "Track", "nodeId": "0", "reason": "DELETED"}]
        assert hooks.calls[-1] == ("on_connect", AT)
        await results.aclose()

    async def test_nothing_written_since_is_an_empty_delta(self):
        shop = Shop()
        results = await shop.stream(after=await self.cursor(shop))
        event = await take(results)
        assert event["kind"] == "DELTA"
        assert not any(event["changed"].values())
        await results.aclose()

    async def test_the_cursor_of_a_query_can_be_resumed(self):
        shop = Shop()
        cursor = (await shop.query()).data["shelf"]["cursor"]
        results = await shop.stream(after=cursor)
        assert (await take(results))["kind"] == "DELTA"
        await results.aclose()

    @pytest.mark.parametrize("is_other", [False, True], ids=["batch", "generation"])
    async def test_who_comes_back_to_a_server_that_is_behind_is_not_taken_back(
        self, is_other: bool, monkeypatch: pytest.MonkeyPatch
    ):
        shop = Shop()
        shop.hub.change(track(0, 11, "Newest"))
        replica = shop.hub.replica
        newest = replica.state, replica.generation + is_other, replica.position
        replica.generation = newest[1]
        cursor = await self.cursor(shop)
        shop.hub.stored = newest[1:]
        replica.state, replica.generation, replica.position = shelf(), newest[1] - is_other, 10

        async def reach(place: Place) -> None:
            assert place == newest[1:]
            await asyncio.sleep(0)
            replica.state, replica.generation, replica.position = newest

        monkeypatch.setattr(replica, "reach", reach, raising=False)
        results = await shop.stream(after=cursor)
        event = await take(results)
        assert event["kind"] == "DELTA"
        assert not any(event["changed"].values())
        await results.aclose()

    @pytest.mark.parametrize("change", ["generation", "floor", "future", "viewer", "ttl", "store"])
    async def test_a_cursor_that_cannot_be_resumed_is_reset_then_snapshot(self, change):
        shop = Shop()
        cursor = await self.cursor(shop, BOB if change == "viewer" else ANN)
        replica = shop.hub.replica
        if change == "generation":
            replica.generation += 1
        elif change == "floor":
            replica.floor = replica.position = 11
        elif change == "future":
            replica.position = 9
        elif change == "ttl":
            shop = Shop(shop.hub, cursor_ttl=-1)
        elif change == "store":
            shop = Shop(shop.hub, store="memory://other")
        results = await shop.stream(after=cursor)
        reset = await take(results)
        assert (reset["kind"], reset["resetReason"]) == ("RESET", "CURSOR_EXPIRED")
        assert not any(reset["changed"].values())
        assert (await take(results))["kind"] == "SNAPSHOT"
        await results.aclose()
        again = await shop.stream(after=reset["cursor"])
        assert (await take(again))["kind"] == "RESET"  # it stands for no state
        await again.aclose()

    @pytest.mark.parametrize("after", ["", "garbage", "ÄÖ", "A" * 5000, "AAAA"])
    async def test_garbage_is_a_bad_request(self, after):
        result = await anext(await Shop().stream(after=after))
        assert result.errors[0].extensions["code"] == "BAD_REQUEST"
        assert "after" in result.errors[0].message


class TestTheEnd:
    async def test_a_deleted_root_empties_the_channel_and_ends_the_stream(self):
        shop = Shop()
        results = await shop.stream()
        await take(results)
        shop.hub.change(gone(ROOT, 11), gone(InstanceKey("Track", "0"), 11))
        event = await take(results)
        assert event["channel"]["state"] is None
        assert event["channel"]["id"] == '["7",null]'
        assert {
            (item["typename"], item["nodeId"], item["reason"]) for item in event["removed"]
        } == {
            ("Album", "7", "DELETED"),
            ("Track", "0", "DELETED"),
            ("Memo", "1", "LEFT"),
        }
        with pytest.raises(StopAsyncIteration):
            await anext(results)
        assert shop.hub.receivers == []
        assert hooks.calls.count(("on_disconnect",)) == 1

    async def test_a_lost_replica_without_a_state_is_a_deleted_root(self):
        shop = Shop()
        results = await shop.stream()
        await take(results)
        shop.hub.lose()
        event = await take(results)
        assert {"typename": "Album", "nodeId": "7", "reason": "DELETED"} in event["removed"]
        with pytest.raises(StopAsyncIteration):
            await anext(results)

    async def test_a_replica_that_failed_ends_the_operation_with_an_error(self, caplog):
        shop = Shop()
        results = await shop.stream()
        await take(results)
        shop.hub.tell(MoveKind.LOST, {})
        result = await anext(results)
        assert result.errors[0].extensions["code"] == "INTERNAL"
        assert result.errors[0].path is None

    async def test_a_restart_is_reset_then_snapshot(self):
        shop = Shop()
        results = await shop.stream()
        first = await take(results)
        shop.hub.change(track(0, 11, "never told"))
        shop.hub.restart()
        event = await take(results)
        assert (event["kind"], event["resetReason"]) == ("RESET", "CACHE_CLEARED")
        assert event["channel"] is None
        event = await take(results)
        assert event["kind"] == "SNAPSHOT"
        assert event["session"] == first["session"]
        await results.aclose()

    async def test_closing_gives_everything_back_once(self):
        shop = Shop()
        results = await shop.stream()
        await take(results)
        await results.aclose()
        await results.aclose()
        assert shop.hub.receivers == []
        assert hooks.calls.count(("on_disconnect",)) == 1
        assert not stream_module._closings

    async def test_cancelling_while_it_waits_gives_everything_back(self):
        shop = Shop()
        results = await shop.stream()
        await take(results)
        waiting = asyncio.create_task(anext(results))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert shop.hub.receivers == []
        assert hooks.calls.count(("on_disconnect",)) == 1

    async def test_a_scope_closes_a_stream_that_was_never_read(self):
        shop = Shop()
        scope = OperationScope()
        results = await shop.stream(scope=scope)
        await take(results)
        await scope.close()
        assert shop.hub.receivers == []
        await results.aclose()
        assert hooks.calls.count(("on_disconnect",)) == 1

    async def test_on_connect_that_fails_is_an_error_and_leaves_nothing(self, caplog):
        async def connect(channel: Any) -> None:
            raise RuntimeError("no")

        hooks.connect = connect
        shop = Shop()
        result = await anext(await shop.stream())
        assert result.errors[0].message.startswith("Internal error")
        assert shop.hub.receivers == []
        assert hooks.calls[-1] == ("on_disconnect",)

    async def test_a_root_that_the_viewer_may_not_see_does_not_exist(self):
        state = shelf()
        del state[ROOT]
        result = await anext(await Shop(FakeHub(state)).stream())
        assert result.errors[0].extensions["code"] == "NOT_FOUND"
        assert hooks.calls == [("has_permission", 1, 7)]


class TestMessages:
    async def test_send_is_a_message_event_with_the_data(self):
        async def connect(channel: Any) -> None:
            await channel.send({"hello": 1})  # before the first event: comes after it

        hooks.connect = connect
        shop = Shop()
        results = await shop.stream()
        assert (await take(results))["kind"] == "SNAPSHOT"
        event = await take(results)
        assert event["kind"] == "MESSAGE"
        assert event["notifications"] == [{"data": {"hello": 1}}]
        assert not any(event["changed"].values())
        await results.aclose()

    async def test_what_is_sent_is_what_it_was_then(self):
        data = {"list": [1]}
        sent: list[Any] = []

        async def connect(channel: Any) -> None:
            sent.append(channel)

        hooks.connect = connect
        results = await Shop().stream()
        await take(results)
        await sent[0].send(data)
        data["list"].append(2)
        assert (await take(results))["notifications"] == [{"data": {"list": [1]}}]
        with pytest.raises(TypeError):
            await sent[0].send(object())
        await results.aclose()
        await sent[0].send("late")  # nobody is there: nothing


class TestSlowClients:
    async def test_pending_deltas_become_one_in_the_place_of_the_newest(self):
        outbox = Outbox(lambda frame: asyncio.sleep(0))
        scope = OperationScope(outbox.lane())
        shop = Shop(queue_events=10)
        results = await shop.stream(scope=scope)
        await take(results)
        for version in range(11, 61):
            shop.hub.change(track(0, version, str(version)))
        assert len(outbox.queue) <= 12
        versions = []
        while True:
            versions.append((await take(results))["changed"]["tracks"][0]["title"])
            if versions[-1] == "60":
                break
        assert len(versions) <= 10
        assert versions == sorted(versions)
        await results.aclose()
        await scope.close()
        assert len(outbox.queue) == 0

    async def test_too_many_messages_are_an_overflow_then_a_snapshot(self):
        sent: list[Any] = []

        async def connect(channel: Any) -> None:
            sent.append(channel)

        hooks.connect = connect
        shop = Shop(queue_events=4)
        results = await shop.stream()
        await take(results)
        shop.hub.change(track(0, 11, "newest"))
        for number in range(10):
            await sent[0].send(number)
        event = await take(results)
        assert (event["kind"], event["resetReason"]) == ("RESET", "OVERFLOW")
        event = await take(results)
        assert event["changed"]["tracks"][0]["title"] == "newest"
        await results.aclose()


async def still_good(self: Any, max_age_seconds: float) -> Any:
    """Stand in for ``Identity.recheck``."""
    return self.user


class TestAskingAgain:
    async def test_permission_that_is_lost_empties_the_channel_then_ends_with_an_error(
        self, monkeypatch
    ):
        monkeypatch.setattr(Identity, "recheck", still_good)
        shop = Shop(reauth_seconds=0.02)
        results = await shop.stream()
        await take(results)
        hooks.permission = False
        event = await take(results)
        assert (event["kind"], event["resetReason"]) == ("RESET", "PERMISSION_CHANGED")
        event = await take(results)
        assert event["channel"]["state"] is None
        assert {item["reason"] for item in event["removed"]} == {"LEFT"}
        result = await anext(results)
        assert result.errors[0].extensions == {"code": "FORBIDDEN", "status": 403}
        assert result.errors[0].path is None  # of the operation, not of a field
        assert shop.hub.receivers == []

    async def test_credentials_that_are_no_longer_good_end_it_too(self, monkeypatch):
        async def recheck(self: Any, max_age_seconds: float) -> Any:
            raise Unauthenticated("You were signed out")

        monkeypatch.setattr(Identity, "recheck", still_good)
        results = await Shop(reauth_seconds=0.02).stream(identity=Identity(ANN, Credentials()))
        await take(results)
        monkeypatch.setattr(Identity, "recheck", recheck)
        assert (await take(results))["kind"] == "RESET"
        await take(results)
        assert (await anext(results)).errors[0].extensions["code"] == "UNAUTHENTICATED"

    async def test_who_may_still_watch_notices_nothing(self, monkeypatch):
        monkeypatch.setattr(Identity, "recheck", still_good)
        shop = Shop(reauth_seconds=0.01)
        results = await shop.stream()
        await take(results)
        event = asyncio.create_task(take(results))
        await asyncio.sleep(0.1)
        shop.hub.change(track(0, 11, "later"))
        assert (await event)["kind"] == "DELTA"
        assert hooks.calls.count(("has_permission", 1, 7)) > 2
        await results.aclose()


async def test_query_inside_an_event_reads_nothing_else():
    shop = Shop()
    document = "subscription { shelf(albumId: 7) { query { shelf(albumId: 8) { id } } } }"
    results: Any = await shop.schema.stream(
        document, context_value={"identity": Identity(ANN, Credentials())}
    )
    result = await anext(results)
    assert result.errors[0].extensions["code"] == "BAD_REQUEST"
    assert result.data == {"shelf": {"query": None}}
    await results.aclose()


async def test_a_left_instance_says_so():
    shop = Shop()
    results = await shop.stream()
    await take(results)
    shop.hub.change(album(11, tracks=0), gone(InstanceKey("Track", "0"), 11, RemovalReason.LEFT))
    assert (await take(results))["removed"][0]["reason"] == "LEFT"
    await results.aclose()
