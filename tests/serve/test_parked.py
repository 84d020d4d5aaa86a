"""Subscriptions after their first event: told on the stack of whoever moved them, and together."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from rxgraph.serve.plans import Plan, Unplanned, fallbacks
from rxgraph.serve.replica import Move, MoveKind
from rxgraph.serve.websocket import websocket_application
from rxgraph.types import mark
from tests.serve.shop import (
    ANN,
    BOB,
    HIS,
    MINE,
    FakeHub,
    Hooks,
    Shop,
    User,
    album,
    gone,
    hooks,
    memo,
    track,
)

USERS = {str(user.pk): user for user in (ANN, BOB)}


async def by_name(credentials: Any) -> Any:
    """Let in whom the payload names."""
    return USERS[credentials.params["user"]]


@pytest.fixture(autouse=True)
def _open_doors(settings: Any) -> Iterator[None]:
    settings.RXGRAPH = {**settings.RXGRAPH, "AUTHENTICATE": f"{__name__}.by_name", "PLANS": True}
    vars(hooks).update(vars(Hooks()))
    yield
    vars(hooks).update(vars(Hooks()))


class Client:
    """A socket whose frames are looked at without letting the event loop turn."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[Any] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._arrived = asyncio.Event()

    async def send(self, message: dict[str, Any]) -> None:
        """Take a frame, unless the gate is closed."""
        if not self.gate.is_set():
            await self.gate.wait()
        self.sent.append(message)
        self._arrived.set()

    def say(self, **message: Any) -> None:
        """Send a message."""
        self.incoming.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    def events(self, id_: str = "1") -> list[dict[str, Any]]:
        """Return the events of an operation that have arrived."""
        return [frame["payload"]["data"]["shelf"] for frame in self.frames(id_, "next")]

    def frames(self, id_: str, type_: str) -> list[dict[str, Any]]:
        """Return the frames of an operation that have arrived."""
        texts = [json.loads(item["text"]) for item in self.sent if item["type"] == "websocket.send"]
        return [frame for frame in texts if (frame.get("id"), frame["type"]) == (id_, type_)]

    async def until(self, id_: str, type_: str, count: int) -> None:
        """Return when *count* frames have arrived."""
        async with asyncio.timeout(10):
            while len(self.frames(id_, type_)) < count:
                self._arrived.clear()
                await self._arrived.wait()

    async def until_quiet(self) -> None:
        """Return when nothing has arrived for a moment."""
        while True:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), 0.05)
            except TimeoutError:
                return


@asynccontextmanager
async def connected(shop: Shop, user: User = ANN) -> AsyncIterator[Client]:
    client = Client()
    scope = {"type": "websocket", "path": "/", "headers": [],
             "subprotocols": ["graphql-transport-ws"]}  # fmt: skip
    application = websocket_application(shop.schema)
    serving = asyncio.ensure_future(application(scope, client.incoming.get, client.send))
    client.incoming.put_nowait({"type": "websocket.connect"})
    client.say(type="connection_init", payload={"user": str(user.pk)})
    try:
        yield client
    finally:
        client.gate.set()
        client.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(serving, 10)


async def subscribed(shop: Shop, client: Client, id_: str = "1", document: str = "") -> None:
    """Open an operation and wait for its first event."""
    query = document or shop.document
    client.say(type="subscribe", id=id_, payload={"query": query, "variables": {"albumId": 7}})
    await client.until(id_, "next", 1)
    await asyncio.sleep(0.01)  # the pipeline is closed behind it


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    shop = Shop()
    yield shop
    assert shop.hub.receivers == []
    assert shop.hub.replica.cohorts == {}
    assert [task for task in asyncio.all_tasks() if "rxgraph" in task.get_name()] == []


@pytest.fixture
def renders(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What plans made of the sources of events for a cohort."""
    made: list[Any] = []
    parts = Plan.parts

    def counting(self: Plan, source: Any) -> tuple[str, ...]:
        made.append(source)
        return parts(self, source)

    monkeypatch.setattr(Plan, "parts", counting)
    return made


async def test_a_change_is_sent_before_the_event_loop_turns(shop):
    async with connected(shop) as client:
        await subscribed(shop, client)
        tasks = len(asyncio.all_tasks())
        shop.hub.change(track(0, 11, "One"))
        assert client.events()[-1]["changed"]["tracks"][0]["title"] == "One"
        assert len(asyncio.all_tasks()) == tasks


async def test_nothing_works_for_an_idle_subscription(shop):
    async with connected(shop) as client:
        await asyncio.sleep(0.01)
        tasks = len(asyncio.all_tasks())
        await subscribed(shop, client)
        assert len(asyncio.all_tasks()) == tasks


async def test_what_all_see_is_rendered_once(shop, renders):
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(shop)) for _ in range(5)]
        for number, client in enumerate(clients):
            await subscribed(shop, client, str(number))
        renders.clear()
        shop.hub.change(track(0, 11, "One"))
        assert len(renders) == 1
        last = [client.events(str(number))[-1] for number, client in enumerate(clients)]
        assert len({event.pop("session") for event in last}) == 5
        assert all(event == last[0] for event in last)


async def test_nobody_is_told_what_is_not_his(shop, renders):
    async with connected(shop, ANN) as ann, connected(shop, BOB) as bob:
        await subscribed(shop, ann)
        await subscribed(shop, bob)
        before = len(bob.events())
        shop.hub.change(memo(MINE, ANN, 11))
        assert [item["body"] for item in ann.events()[-1]["changed"]["memos"]] == ["secret of 1"]
        assert len(bob.events()) == before
        shop.hub.change(memo(HIS, ANN, 12))
        assert ann.events()[-1]["changed"]["memos"][0]["id"] == "2"
        assert bob.events()[-1]["removed"][0]["nodeId"] == "2"


async def test_a_slow_socket_holds_back_nobody_and_catches_up(shop):
    async with connected(shop) as slow, connected(shop) as quick:
        await subscribed(shop, slow)
        await subscribed(shop, quick)
        slow.gate.clear()
        for number in range(11, 31):
            shop.hub.change(track(0, number, f"Take {number}"))
        assert len(quick.events()) == 21
        assert len(slow.events()) == 1
        slow.gate.set()
        await slow.until("1", "next", 21)
        titles = [event["changed"]["tracks"][0]["title"] for event in slow.events()[1:]]
        assert titles == [f"Take {number}" for number in range(11, 31)]
        await asyncio.sleep(0.01)
        shop.hub.change(track(0, 31, "Together"))
        assert slow.events()[-1]["changed"] == quick.events()[-1]["changed"]
        assert slow.events()[-1]["cursor"] == quick.events()[-1]["cursor"]


async def test_who_is_too_slow_begins_anew():
    shop = Shop(queue_events=5)
    async with connected(shop) as slow:
        await subscribed(shop, slow)
        slow.gate.clear()
        for number in range(11, 41):
            shop.hub.change(track(0, number, f"Take {number}"))
            if number % 3 == 0:  # leaves too little to merge
                for stream in shop.hub.contexts.of_user("1"):
                    stream.tell({"number": number})
        slow.gate.set()
        shop.hub.change(track(0, 41, "Last"))
        await slow.until_quiet()
        resets = [event["resetReason"] for event in slow.events() if event["kind"] == "RESET"]
        assert set(resets) == {"OVERFLOW"}
        titles = [item["title"] for event in slow.events() for item in event["changed"]["tracks"]]
        assert titles[-1] == "Last"
        assert len(slow.events()) < 15


def write_by(shop: Shop, user: User, client_mutation_id: str, title: str) -> None:
    """Tell a batch with a write that *user* made."""
    hub, replica = shop.hub, shop.hub.replica
    document = track(0, replica.position + 1, title)
    replica.state = {**replica.state, document.key: document}
    replica.position += 1
    mine = mark(str(user.pk), client_mutation_id, "nonce").pk
    hub.tell(MoveKind.CHANGES, {document.key: document}, (mine,))


async def test_own_writes_are_named_to_the_writer_alone(shop):
    async with connected(shop, ANN) as ann, connected(shop, BOB) as bob:
        await subscribed(shop, ann)
        await subscribed(shop, bob)
        write_by(shop, ANN, "first", "By Ann")
        await asyncio.sleep(0.01)
        assert ann.events()[-1]["clientMutationIds"] == ["first"]
        assert bob.events()[-1]["clientMutationIds"] == []
        shop.hub.change(track(0, 20, "Later"))
        assert ann.events()[-1]["clientMutationIds"] == []
        assert ann.events()[-1]["changed"] == bob.events()[-1]["changed"]


async def test_an_operation_with_something_on_its_way_keeps_the_order(shop):
    async with connected(shop) as client:
        await subscribed(shop, client)
        (stream,) = shop.hub.contexts.of_user("1")
        place = stream._scope.reserve()  # as a query does whose result is being made
        shop.hub.change(track(0, 11, "One"))
        assert len(client.events()) == 1
        place.release()
        await client.until("1", "next", 2)
        assert client.events()[-1]["changed"]["tracks"][0]["title"] == "One"


async def test_after_complete_nothing_follows_and_the_id_is_free(shop):
    async with connected(shop) as client:
        await subscribed(shop, client)
        client.say(type="complete", id="1")
        await asyncio.sleep(0.02)
        assert shop.hub.receivers == []
        shop.hub.change(track(0, 11, "One"))
        assert len(client.events()) == 1
        await subscribed(shop, client)
        await client.until("1", "next", 2)
        assert client.events()[-1]["kind"] == "SNAPSHOT"


async def test_a_refusal_ends_it_with_an_error(shop):
    async with connected(shop) as client:
        await subscribed(shop, client)
        hooks.permission = False
        for stream in shop.hub.contexts.of_user("1"):
            stream.doubt()
        shop.hub.change(track(0, 11, "One"))
        await client.until("1", "error", 1)
        assert [event["kind"] for event in client.events()] == ["SNAPSHOT", "RESET", "DELTA"]
        (error,) = client.frames("1", "error")
        assert error["payload"][0]["extensions"]["code"] == "FORBIDDEN"


async def refuse_everybody(shop: Shop) -> None:
    hooks.permission = False
    for stream in shop.hub.contexts.of_user("1"):
        stream.doubt()


async def lose_the_root(shop: Shop) -> None:
    shop.hub.change(gone(album().key, 12))


async def fail(shop: Shop) -> None:
    shop.hub.tell(MoveKind.LOST, {})  # with its state: it is not the root that is gone


@pytest.mark.parametrize("end", [refuse_everybody, lose_the_root, fail])
async def test_what_moves_while_the_end_waits_for_the_socket_holds_up_nobody(shop, end):
    async with connected(shop) as client:
        await subscribed(shop, client)
        client.gate.clear()
        await end(shop)
        await asyncio.sleep(0.02)
        for number in range(13, 16):
            shop.hub.change(track(0, number, "Behind it"))
        await asyncio.sleep(0.02)
        client.gate.set()
        await client.until("1", "complete" if end is lose_the_root else "error", 1)
        client.say(type="subscribe", id="2", payload={"query": "{ __typename }"})
        await client.until("2", "complete", 1)
        assert "Behind it" not in str(client.events())


async def test_it_is_asked_again_in_time_though_nothing_moves():
    shop = Shop(reauth_seconds=0.1)
    async with connected(shop) as client:
        await subscribed(shop, client)
        await asyncio.sleep(0.15)
        hooks.permission = False
        await client.until("1", "error", 1)


async def test_the_root_that_goes_ends_it(shop):
    async with connected(shop) as client:
        await subscribed(shop, client)
        shop.hub.change(gone(album().key, 11))
        await client.until("1", "complete", 1)
        assert client.events()[-1]["channel"]["state"] is None


async def test_another_life_of_the_cache_is_told_to_all(shop):
    async with connected(shop) as one, connected(shop) as other:
        await subscribed(shop, one)
        await subscribed(shop, other)
        shop.hub.restart()
        for client in (one, other):
            assert [event["kind"] for event in client.events()] == ["SNAPSHOT", "RESET", "SNAPSHOT"]
        shop.hub.change(track(0, 11, "One"))
        assert one.events()[-1]["changed"] == other.events()[-1]["changed"]


async def test_what_the_plan_cannot_tell_is_told_as_graphql_core_does(shop, monkeypatch):
    async with connected(shop) as client:
        await subscribed(shop, client)
        before = sum(fallbacks().values())
        monkeypatch.setattr(Plan, "parts", refuse)
        shop.hub.change(track(0, 11, "One"))
        monkeypatch.undo()
        shop.hub.change(track(0, 12, "Two"))
        stock, planned = client.events()[-2:]
        assert sum(fallbacks().values()) == before + 1
        assert stock["changed"]["tracks"][0].pop("title") == "One"
        assert planned["changed"]["tracks"][0].pop("title") == "Two"
        assert list(stock) == list(planned)
        assert stock.pop("cursor") != planned.pop("cursor")
        assert stock == planned


def refuse(self: Plan, source: Any) -> tuple[str, ...]:
    """Be no plan."""
    raise Unplanned("for a test")


async def test_a_value_of_no_known_shape_is_an_error_of_its_field(shop):
    async with connected(shop) as client:
        await subscribed(shop, client)
        shop.hub.change(track(0, 11, None))  # type: ignore[arg-type]
        (frame,) = client.frames("1", "next")[1:]
        assert frame["payload"]["data"] is None
        assert frame["payload"]["errors"][0]["path"] == ["shelf", "changed", "tracks", 0, "title"]


async def test_a_message_is_told_at_once_and_only_here(shop):
    async with connected(shop) as one, connected(shop) as other:
        await subscribed(shop, one)
        await subscribed(shop, other)
        first, _ = shop.hub.contexts.of_user("1")
        first.tell({"text": "hi"})
        told = [client for client in (one, other) if len(client.events()) == 2]
        assert [client.events()[-1]["notifications"] for client in told] == [
            [{"data": {"text": "hi"}}]
        ]


async def test_leaving_right_after_complete_leaves_nothing(shop):
    async with connected(shop) as client:
        await subscribed(shop, client)
        client.say(type="complete", id="1")


async def test_leaving_while_an_operation_ends_leaves_nothing(shop):
    async with connected(shop) as client:
        await subscribed(shop, client)
        client.gate.clear()
        shop.hub.change(track(0, 11, "One"))
        shop.hub.change(gone(album().key, 12))


async def test_leaving_while_the_socket_is_stuck_leaves_nothing(shop):
    async with connected(shop) as client:
        await subscribed(shop, client)
        client.gate.clear()
        for number in range(11, 15):
            shop.hub.change(track(0, number, "One"))
        client.incoming.put_nowait({"type": "websocket.disconnect", "code": 1006})
        await asyncio.sleep(0.05)
        assert shop.hub.receivers == []


def test_a_fake_hub_tells_marks():
    moves: list[Move] = []
    hub = FakeHub()
    hub.receivers.append(moves.append)
    hub.tell(MoveKind.CHANGES, {}, ("a",))
    assert moves[0].marks == ("a",)
