"""The protocol over a fake hub: stream order under delays, and giving back what operations took."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator

from rxgraph.serve.operation import RunningOperation
from rxgraph.serve.websocket import websocket_application
from tests.serve.shop import ANN, Hooks, Shop, hooks, track


async def by_name(credentials: Any) -> Any:
    """Let everybody in."""
    return ANN


@pytest.fixture(autouse=True)
def _open_doors(settings: Any) -> Iterator[None]:
    settings.RXGRAPH = {**settings.RXGRAPH, "AUTHENTICATE": f"{__name__}.by_name"}
    vars(hooks).update(vars(Hooks()))
    yield
    vars(hooks).update(vars(Hooks()))


class Socket:
    """A client whose frames can be read one by one."""

    def __init__(self, shop: Shop, communicator: ApplicationCommunicator) -> None:
        self.shop, self._communicator = shop, communicator

    async def send(self, **message: Any) -> None:
        """Send a message."""
        text = json.dumps(message)
        await self._communicator.send_input({"type": "websocket.receive", "text": text})

    async def subscribe(self, id_: str, query: str | None = None) -> None:
        """Start an operation."""
        payload = {"query": query or self.shop.document, "variables": {"albumId": 7}}
        await self.send(type="subscribe", id=id_, payload=payload)

    async def frame(self) -> dict[str, Any]:
        """Return the next frame."""
        found: dict[str, Any] = json.loads((await self._communicator.receive_output(10))["text"])
        return found

    async def frames(self, count: int) -> list[tuple[str, str, str | None]]:
        """Return id, type and the title of the track of the next frames."""
        found = []
        for _ in range(count):
            frame = await self.frame()
            data = (frame.get("payload") or {}).get("data") or {}
            found.append((frame["id"], frame["type"], title(data)))
        return found

    async def is_silent(self) -> bool:
        """Return whether nothing more comes."""
        return bool(await self._communicator.receive_nothing(0.1))


def title(data: dict[str, Any]) -> str | None:
    """Return the title of the first track in an event or an answer."""
    for shelf in data.values():
        tracks = (shelf.get("changed") or shelf.get("state") or {}).get("tracks")
        return tracks[0]["title"] if tracks else None
    return None


@asynccontextmanager
async def connected(shop: Shop | None = None) -> AsyncIterator[Socket]:
    shop = Shop() if shop is None else shop
    protocol = "graphql-transport-ws"
    communicator = ApplicationCommunicator(
        websocket_application(shop.schema),
        {"type": "websocket", "path": "/graphql", "headers": [], "subprotocols": [protocol]},
    )
    await communicator.send_input({"type": "websocket.connect"})
    accepted = await communicator.receive_output(10)
    assert accepted == {"type": "websocket.accept", "subprotocol": protocol}
    socket = Socket(shop, communicator)
    await socket.send(type="connection_init")
    assert await socket.frame() == {"type": "connection_ack"}
    try:
        yield socket
    finally:
        await communicator.send_input({"type": "websocket.disconnect", "code": 1000})
        await communicator.wait(2)
    assert shop.hub.receivers == []
    calls = [call[0] for call in hooks.calls]
    assert calls.count("on_connect") == calls.count("on_disconnect")
    left = [task.get_name() for task in asyncio.all_tasks() if "rxgraph" in task.get_name()]
    assert left == []


@pytest.fixture(autouse=True)
def _slow_ones_keep_their_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parked subscription makes its frames at once: it cannot be slow to render them."""
    park = RunningOperation.park
    monkeypatch.setattr(
        RunningOperation, "park", lambda self: not self.id.startswith("slow") and park(self)
    )


def delay(monkeypatch: pytest.MonkeyPatch, *ids: str, seconds: float = 0.05) -> None:
    """Let the results of some operations take longer to be rendered."""
    send = RunningOperation.send

    async def slowly(self: RunningOperation, type_: str, payload: object = None) -> None:
        if self.id in ids and type_ == "next":
            await asyncio.sleep(seconds)
        await send(self, type_, payload)

    monkeypatch.setattr(RunningOperation, "send", slowly)


async def test_a_query_s_answer_never_overtakes_an_older_event(monkeypatch):
    async with connected() as socket:
        await socket.subscribe("slow")
        await socket.frame()
        delay(monkeypatch, "slow")
        socket.shop.hub.change(track(0, 11, "One"))
        await socket.subscribe("query", socket.shop.query_document)
        assert await socket.frames(3) == [
            ("slow", "next", "One"),
            ("query", "next", "One"),
            ("query", "complete", None),
        ]


async def test_an_event_never_overtakes_an_older_answer(monkeypatch):
    async with connected() as socket:
        await socket.subscribe("live")
        await socket.frame()
        delay(monkeypatch, "query")
        await socket.subscribe("query", socket.shop.query_document)
        for _ in range(200):
            if len(socket.shop.hub.keys) == 2:
                break
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.03)  # it has read, and is not rendered
        socket.shop.hub.change(track(0, 11, "One"))
        assert await socket.frames(3) == [
            ("query", "next", "So What"),
            ("live", "next", "One"),
            ("query", "complete", None),
        ]


async def test_two_contexts_keep_the_order_of_the_moves(monkeypatch):
    async with connected() as socket:
        await socket.subscribe("slow")
        await socket.subscribe("fast")
        await socket.frames(2)
        delay(monkeypatch, "slow", seconds=0.02)
        for version in (11, 12, 13):
            socket.shop.hub.change(track(0, version, str(version)))
        titles = [frame[2] for frame in await socket.frames(6)]
        assert titles == ["11", "11", "12", "12", "13", "13"]


async def test_a_read_of_two_fields_shows_one_moment():
    query = """{ a: shelf(albumId: 7) { state { tracks { title } } }
                 b: shelf(albumId: 7, side: "b") { state { tracks { title } } } }"""
    async with connected() as socket:
        hub = socket.shop.hub
        attach, attached = hub.attach, 0

        async def slowly(*arguments: Any) -> Any:
            nonlocal attached
            attached += 1
            found = await attach(*arguments)
            if attached == 2:
                await asyncio.sleep(0.02)
                hub.change(track(0, 11, "Meanwhile"))
            return found

        hub.attach = slowly  # type: ignore[assignment, method-assign]
        await socket.subscribe("both", query)
        data = (await socket.frame())["payload"]["data"]
        assert title({"a": data["a"]}) == title({"b": data["b"]}) == "Meanwhile"


async def test_an_operation_that_ends_while_it_is_slow_blocks_nobody(monkeypatch):
    async with connected() as socket:
        await socket.subscribe("slow")
        await socket.subscribe("live")
        await socket.frames(2)
        delay(monkeypatch, "slow", seconds=60)
        socket.shop.hub.change(track(0, 11, "One"))
        await asyncio.sleep(0.02)
        await socket.send(type="complete", id="slow")
        assert await socket.frames(1) == [("live", "next", "One")]


async def test_after_complete_no_frame_of_the_operation_follows():
    async with connected() as socket:
        await socket.subscribe("one")
        await socket.frame()
        await socket.send(type="complete", id="one")
        await asyncio.sleep(0.02)
        socket.shop.hub.change(track(0, 11, "One"))
        assert await socket.is_silent()
        await socket.subscribe("one")
        assert (await socket.frame())["payload"]["data"]["shelf"]["kind"] == "SNAPSHOT"


async def test_the_last_event_comes_before_complete():
    async with connected() as socket:
        await socket.subscribe("one")
        await socket.frame()
        socket.shop.hub.lose()
        frames = await socket.frames(2)
        assert [frame[1] for frame in frames] == ["next", "complete"]


async def test_an_error_before_the_first_event_is_an_error_message():
    async with connected() as socket:
        hooks.permission = False
        await socket.subscribe("one")
        frame = await socket.frame()
        assert (frame["type"], frame["id"]) == ("error", "one")
        assert frame["payload"][0]["extensions"]["code"] == "FORBIDDEN"
        assert await socket.is_silent()  # an error is the last message of an operation


async def test_an_error_in_the_middle_ends_the_operation(caplog):
    async with connected() as socket:
        await socket.subscribe("one")
        await socket.frame()
        socket.shop.hub.tell("LOST", {})  # type: ignore[arg-type]
        frame = await socket.frame()
        assert frame["type"] == "error"
        assert frame["payload"][0]["extensions"]["code"] == "INTERNAL"
        await socket.subscribe("one")
        assert (await socket.frame())["type"] == "next"


async def test_leaving_in_the_middle_of_opening_leaves_nothing():
    async def connect(channel: Any) -> None:
        await asyncio.sleep(60)

    hooks.connect = connect
    async with connected() as socket:
        await socket.subscribe("one")
        for _ in range(500):
            if hooks.calls and hooks.calls[-1][0] == "on_connect":
                break
            await asyncio.sleep(0.02)
        assert hooks.calls[-1][0] == "on_connect"


async def test_leaving_with_much_under_way_leaves_nothing():
    async with connected() as socket:
        for number in range(20):
            await socket.subscribe(str(number))
        await socket.frames(7)
        socket.shop.hub.change(track(0, 11, "One"))


async def test_a_client_that_leaves_during_the_handshake_is_no_failure(caplog):
    sent = asyncio.Queue[Any]()
    asked = asyncio.Event()

    async def send(message: Any) -> None:
        asked.set()
        raise OSError("gone")  # ASGI specification, "Disconnected Client - send exception"

    scope = {"type": "websocket", "path": "/graphql", "headers": [],
             "subprotocols": ["graphql-transport-ws"]}  # fmt: skip
    application = websocket_application(Shop().schema)
    serving = asyncio.ensure_future(application(scope, sent.get, send))
    sent.put_nowait({"type": "websocket.connect"})
    await asyncio.wait_for(asked.wait(), 10)
    await asyncio.sleep(0)
    sent.put_nowait({"type": "websocket.disconnect", "code": 1006})
    await asyncio.wait_for(serving, 10)
    assert [record for record in caplog.records if record.name == "rxgraph.websocket"] == []
