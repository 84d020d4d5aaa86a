"""Limits where they are met: on a socket and over HTTP, each with its own answer."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from asgiref.testing import ApplicationCommunicator

from rxgraph.serve import schema
from rxgraph.serve.documents import read
from rxgraph.serve.http import http_application
from rxgraph.serve.limits.guard import guard
from rxgraph.serve.protocol import REFUSED_SECONDS
from rxgraph.serve.websocket import websocket_application
from tests.serve.shop import ANN, Hooks, Shop, hooks

PROTOCOL = "graphql-transport-ws"
READ = "{ shelf(albumId: 7) { id } }"


async def by_name(credentials: Any) -> Any:
    """Let everybody in."""
    return ANN


@pytest.fixture(autouse=True)
def limit(settings: Any) -> Iterator[Any]:
    """Set limits; everybody is Ann."""

    def set_limits(**limits: Any) -> None:
        settings.RXGRAPH = {**settings.RXGRAPH, **limits}

    set_limits(AUTHENTICATE=f"{__name__}.by_name")
    vars(hooks).update(vars(Hooks()))
    yield set_limits
    vars(hooks).update(vars(Hooks()))


class Socket:
    """A connection, frame by frame."""

    def __init__(self, schema: Any, **scope: Any) -> None:
        whole = {"type": "websocket", "path": "/", "headers": [], "subprotocols": [PROTOCOL]}
        self.communicator = ApplicationCommunicator(
            websocket_application(schema), {**whole, **scope}
        )

    async def open(self) -> None:
        """Shake hands."""
        await self.communicator.send_input({"type": "websocket.connect"})
        assert (await self.read())["type"] == "websocket.accept"

    async def send(self, **message: Any) -> None:
        """Send a message."""
        text = json.dumps(message)
        await self.communicator.send_input({"type": "websocket.receive", "text": text})

    async def read(self) -> dict[str, Any]:
        """Return what comes next."""
        found: dict[str, Any] = await self.communicator.receive_output(10)
        return json.loads(found["text"]) if found["type"] == "websocket.send" else found

    async def ask(self, query: str, id_: str = "1") -> dict[str, Any]:
        """Return the first frame that answers an operation."""
        await self.send(type="subscribe", id=id_, payload={"query": query})
        return await self.read()

    async def is_closed(self) -> tuple[int, str]:
        """Return code and reason."""
        found = await self.read()
        assert found["type"] == "websocket.close", found
        return found["code"], found["reason"]


@asynccontextmanager
async def connected(shop: Shop | None = None, **scope: Any) -> AsyncIterator[Socket]:
    socket = Socket((shop or Shop()).schema, **scope)
    await socket.open()
    await socket.send(type="connection_init")
    try:
        assert await socket.read() == {"type": "connection_ack"}
        yield socket
    finally:
        await socket.communicator.send_input({"type": "websocket.disconnect", "code": 1000})
        await socket.communicator.wait(2)


async def post(body: Any, **headers: str) -> httpx.Response:
    """Return the answer to a request."""
    application: Any = http_application(Shop().schema)
    kinds = {"content-type": "application/json", "accept": "application/graphql-response+json"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application), base_url="http://here.example"
    ) as client:
        return await client.post("/graphql", content=body, headers={**kinds, **headers})


@pytest.mark.parametrize(
    ("limits", "query", "told"),
    [
        ({"DOCUMENT_BYTES": 20}, READ, "Bytes of the document: 28 found, 20 allowed"),
        ({"OPERATION_DEPTH": 1}, READ, "Levels of the document: 2 found, 1 allowed"),
        (
            {"OPERATION_ALIASES": 1},
            "{ a: shelf(albumId: 7) { b: id } }",
            "Aliases in the document: 2 found, 1 allowed",
        ),
        (
            {"DOCUMENT_TOKENS": 5},
            READ,
            "Syntax Error: Document contains more than 5 tokens. Parsing aborted.",
        ),
        (
            {"OPERATION_DEPTH": 2},
            "subscription { shelf(albumId: 7) { channel { id } } }",
            "Levels of the document: 3 found, 2 allowed",
        ),
    ],
)
async def test_documents_beyond_a_limit_are_refused_on_every_door(
    limit: Any, limits: dict[str, Any], query: str, told: str
) -> None:
    limit(**limits)
    async with connected() as socket:
        for id_ in ("1", "2"):  # remembering a refused document changes nothing
            frame = await socket.ask(query, id_)
            assert (frame["type"], frame["payload"][0]["message"]) == ("error", told)
        assert (await socket.ask("{", "3"))["type"] == "error"  # the socket goes on
    answer = await post(json.dumps({"query": query}))
    assert answer.json()["errors"][0]["message"] == told
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert answer.status_code == (400 if "Syntax" in told else 413)
    assert hooks.calls == []


async def test_plans_are_no_way_around_a_limit(limit: Any) -> None:
    shop = Shop()
    async with connected(shop) as socket:
        assert (await socket.ask(READ))["type"] == "next"
        assert (await socket.read())["type"] == "complete"
        limit(OPERATION_DEPTH=1)
        assert (await socket.ask(READ))["type"] == "error"


async def test_too_many_operations_are_told_when_to_come_back(limit: Any) -> None:
    limit(OPERATIONS_PER_SECOND=0.5, OPERATIONS_BURST=3)
    async with connected() as socket:
        for number in range(2):
            assert (await socket.ask(READ, str(number)))["type"] == "next"
            assert (await socket.read())["type"] == "complete"
        await socket.ask(READ, "a")
        await socket.read()
        frame = await socket.ask(READ, "b")
        assert frame["type"] == "error"
        extensions = frame["payload"][0]["extensions"]
        assert extensions.pop("retryAfter") == pytest.approx(2, abs=0.5)
        assert extensions == {"code": "RATE_LIMITED", "status": 429}
        assert (await socket.ask(READ, "c"))["type"] == "error"  # and the socket stays
    answer = await post(json.dumps({"query": READ}))
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["status"]) == (429, 429)


async def test_a_socket_is_read_a_moment_after_something_was_refused(limit: Any) -> None:
    limit(OPERATIONS_PER_SECOND=0.001, OPERATIONS_BURST=1)
    async with connected() as socket:
        while (await socket.ask(READ, "a"))["type"] != "error":
            await socket.read()
        begun = time.monotonic()
        for _ in range(3):
            assert (await socket.ask(READ, "b"))["type"] == "error"
        assert time.monotonic() - begun > 2 * REFUSED_SECONDS


async def test_large_new_documents_cost_more_than_known_ones(limit: Any) -> None:
    limit(NEW_DOCUMENTS_PER_SECOND=100, NEW_DOCUMENTS_BURST=5000)
    large = f"{READ} # {'x' * 4000}"
    async with connected() as socket:
        for number in range(15):  # its bytes, and then nothing
            assert (await socket.ask(large, str(number)))["type"] == "next", number
            await socket.read()
        frame = await socket.ask("#" * 4000, "large")
        assert frame["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert "bytes of new documents" in frame["payload"][0]["message"]


async def test_long_documents_are_read_beside_the_event_loop(
    limit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[str] = set()

    def listen(*arguments: Any) -> Any:
        threads.add(threading.current_thread().name)
        return read(*arguments)

    monkeypatch.setattr(schema, "read", listen)
    async with connected() as socket:
        frame = await socket.ask(READ)
        assert (frame["type"], threads) == ("next", {threading.current_thread().name})
        await socket.read()
        frame = await socket.ask(f"{READ} # {'x' * 4000}", "2")
        assert frame["type"] == "next"
        await socket.read()
        assert "rxgraph documents_0" in threads
        wrong = await socket.ask(f"{{ shelf(albumId: 7) {{ idd }} }} # {'x' * 4000}", "3")
        assert "Cannot query field" in wrong["payload"][0]["message"]


async def test_frames_and_bodies_that_are_too_big(limit: Any) -> None:
    limit(MESSAGE_BYTES=1000)
    async with connected() as socket:
        await socket.send(type="ping", payload={"a": "x" * 900})
        assert (await socket.read())["type"] == "pong"
        await socket.send(type="ping", payload={"a": "x" * 1000})
        assert await socket.is_closed() == (1009, "Message too big: 1000 bytes are allowed")
    answer = await post(b"{" + b" " * 1000)
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["message"] == "Bytes of the body: 1,001 found, 1,000 allowed"

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * 300

    assert (await post(parts())).status_code == 413


async def test_connections_of_a_user_are_counted_and_given_back(limit: Any) -> None:
    limit(CONNECTIONS_PER_USER=2)
    async with connected(), connected():
        third = Socket(Shop().schema)
        await third.open()
        await third.send(type="connection_init")
        assert await third.is_closed() == (1013, "This user has 2 connections already")
        await third.communicator.wait(2)
    async with connected():
        assert guard().users.count("1") == 1
    assert len(guard().users) == 0


async def test_connections_of_an_address_are_counted_before_anybody_is_asked(limit: Any) -> None:
    limit(CONNECTIONS_PER_ADDRESS=1, TRUSTED_PROXIES=1)
    told: dict[str, Any] = {
        "headers": [(b"x-forwarded-for", b"9.9.9.9, 1.2.3.4")],
        "client": ("10.0.0.1", 5),
    }
    other: dict[str, Any] = {
        "headers": [(b"x-forwarded-for", b"1.2.3.5")],
        "client": ("10.0.0.1", 6),
    }
    async with connected(**told), connected(**other):
        second = Socket(Shop().schema, **told)
        await second.open()
        assert await second.is_closed() == (1013, "This address has 1 connections already")
        await second.communicator.wait(2)
    assert len(guard().addresses) == 0


async def test_a_connection_that_asks_nothing_is_closed(limit: Any) -> None:
    limit(IDLE_TIMEOUT_SECONDS=0.2)
    async with connected() as socket:
        assert await socket.is_closed() == (1000, "Nothing was asked for; connect again")


async def test_a_connection_that_watches_is_not_idle_until_it_stops(limit: Any) -> None:
    limit(IDLE_TIMEOUT_SECONDS=0.2)
    async with connected() as socket:
        assert (await socket.ask("subscription { shelf(albumId: 7) { kind } }"))["type"] == "next"
        await asyncio.sleep(0.5)
        assert await socket.communicator.receive_nothing(0.01)
        await socket.send(type="complete", id="1")
        assert (await socket.is_closed())[0] == 1000


async def test_suggestions_and_introspection_are_for_those_who_may_explore(limit: Any) -> None:
    wrong = "{ shelf(albumId: 7) { idd } }"
    variable = json.dumps({"query": "query ($a: Boolean!) { a }", "variables": {"a": 1}})
    for explore in (False, True):
        limit(EXPLORE=explore)
        async with connected() as socket:
            message = (await socket.ask(wrong))["payload"][0]["message"]
            assert ("Did you mean 'id'?" in message) is explore
            schema = await socket.ask("{ __schema { queryType { name } } }", "2")
            assert schema["type"] == ("next" if explore else "error")
            if explore:
                await socket.read()
            named = await socket.ask('{ __type(name: "Album") { name } }', "3")
            assert named["type"] == ("next" if explore else "error")
        assert ("Did you mean" in (await post(json.dumps({"query": wrong}))).text) is explore
        assert "Did you mean" not in (await post(variable)).text


async def test_uploads_are_off() -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n'
        b'{"query": "{ __typename }"}\r\n--x--\r\n'
    )
    answer = await post(body, **{"content-type": "multipart/form-data; boundary=x"})
    assert answer.status_code == 415


async def test_other_subprotocols_are_refused() -> None:
    for offered in ([], ["graphql-ws"], ["graphql-sse"]):
        socket = Socket(Shop().schema, subprotocols=offered)
        await socket.open()
        assert (await socket.is_closed())[0] == 4406
        await socket.communicator.wait(2)
