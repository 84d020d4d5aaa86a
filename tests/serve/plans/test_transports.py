"""What plans write reaches the wire as it is, over every transport; with plans and without."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator

from rxgraph.serve import planning
from rxgraph.serve.http import http_application
from rxgraph.serve.messages import Text
from rxgraph.serve.plans.fallbacks import fallbacks, forget
from rxgraph.serve.websocket import websocket_application
from tests.serve.shop import ANN, Hooks, Shop, album, hooks, shelf

FIXED = "session cursor"  # what differs from run to run


async def by_name(credentials: Any) -> Any:
    """Let everybody in."""
    return ANN


@pytest.fixture(params=[True, False], ids=["plans", "stock"])
def plans(request: Any, settings: Any) -> Iterator[bool]:
    """Whether there are plans, which nobody can see."""
    settings.RXGRAPH = {
        **settings.RXGRAPH,
        "AUTHENTICATE": f"{__name__}.by_name",
        "PLANS": request.param,
    }
    vars(hooks).update(vars(Hooks()))
    forget()
    yield request.param
    vars(hooks).update(vars(Hooks()))


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts that went out as they were."""
    found: list[str] = []

    class Noted(Text):
        def __init__(self, text: str) -> None:
            found.append(text)
            super().__init__(text)

    monkeypatch.setattr(planning, "Text", Noted)
    return found


QUERY = "{ shelf(albumId: 7) { __typename id state { id title tracks { id title } } } }"
SUBSCRIPTION = """subscription {
  shelf(albumId: 7) { kind channel { id state { id } } changed { albums { id title format } } }
}"""
ANSWER = (
    '{"data":{"shelf":{"__typename":"ShelfChannel","id":"[\\"7\\",null]","state":{"id":"7",'
    '"title":"Blue","tracks":[{"id":"0","title":"So What"}]}}}}'
)
EVENT = (
    '{"data":{"shelf":{"kind":"SNAPSHOT","channel":{"id":"[\\"7\\",null]","state":{"id":"7"}},'
    '"changed":{"albums":[{"id":"7","title":"Blue","format":"VALUE_7_INCH"}]}}}}'
)


async def post(query: str, *headers: tuple[bytes, bytes], more: int = 0) -> list[str]:
    """Return the body of an answer; of a stream, its first chunks."""
    communicator = ApplicationCommunicator(
        http_application(Shop().schema),
        {
            "type": "http",
            "method": "POST",
            "path": "/graphql",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json"), *headers],
        },
    )
    body = json.dumps({"query": query}).encode()
    await communicator.send_input({"type": "http.request", "body": body})
    start = await communicator.receive_output(10)
    assert start["status"] == 200
    chunks = [(await communicator.receive_output(10))["body"].decode() for _ in range(1 + more)]
    await communicator.send_input({"type": "http.disconnect"})
    await communicator.wait(2)
    return chunks


async def test_an_answer_over_http(plans: bool, planned: list[str]) -> None:
    assert await post(QUERY) == [ANSWER]
    assert len(planned) == plans


async def test_an_event_over_server_sent_events(plans: bool, planned: list[str]) -> None:
    chunks = await post(SUBSCRIPTION, (b"accept", b"text/event-stream"))
    assert any(EVENT in chunk for chunk in chunks)
    assert len(planned) == plans


async def frames(query: str, count: int, shop: Shop | None = None) -> list[str]:
    """Return the first frames of an operation over a WebSocket."""
    protocol = "graphql-transport-ws"
    communicator = ApplicationCommunicator(
        websocket_application((shop or Shop()).schema),
        {"type": "websocket", "path": "/graphql", "headers": [], "subprotocols": [protocol]},
    )
    await communicator.send_input({"type": "websocket.connect"})
    await communicator.receive_output(10)
    messages = [
        {"type": "connection_init"},
        {"type": "subscribe", "id": 'a"1', "payload": {"query": query}},
    ]
    for message in messages:
        await communicator.send_input({"type": "websocket.receive", "text": json.dumps(message)})
    await communicator.receive_output(10)
    found = [(await communicator.receive_output(10))["text"] for _ in range(count)]
    await communicator.send_input({"type": "websocket.disconnect", "code": 1000})
    await communicator.wait(2)
    return found


async def test_frames_of_a_websocket(plans: bool, planned: list[str]) -> None:
    head = r'{"id":"a\"1","type":"next","payload":'
    assert await frames(QUERY, 2) == [head + ANSWER + "}", r'{"id":"a\"1","type":"complete"}']
    assert await frames(SUBSCRIPTION, 1) == [head + EVENT + "}"]
    assert len(planned) == 2 * plans
    assert fallbacks() == {}


async def test_errors_are_those_of_the_stock_way(plans: bool, planned: list[str]) -> None:
    hub = Shop().hub
    hub.replica.state = shelf() | {album().key: album(title=None)}
    (text, _) = await frames(QUERY, 2, Shop(hub))
    payload = json.loads(text)["payload"]
    assert payload["data"]["shelf"]["state"] is None
    assert payload["errors"][0]["path"] == ["shelf", "state", "title"]
    assert planned == []
    assert sum(fallbacks().values()) == plans


async def test_several_root_fields_of_which_one_has_no_plan(
    plans: bool, planned: list[str]
) -> None:
    two = QUERY.replace("{ shelf", "{ __typename other: shelf(albumId: 7) { id } shelf", 1)
    (text, _) = await frames(two, 2)
    data = json.loads(text)["payload"]["data"]
    assert list(data) == ["__typename", "other", "shelf"]
    assert data["other"] == {"id": '["7",null]'}
    assert len(planned) == 2 * plans


async def test_who_asks_in_this_process_gets_dicts(plans: bool) -> None:
    result = await Shop().query()
    assert result.data["shelf"]["state"]["title"] == "Blue"
