"""The whole way, for real: a server process, sockets, the stock graphql-ws client and ours."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from rxgraph.testing import (
    ConnectionClosed,
    OperationFailed,
    SubscriptionClient,
    document_for,
    query_for,
)
from tests.integration.board import Board, serving_board

CLIENTS = Path(__file__).parent.parent / "clients"


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    folder = tmp_path_factory.mktemp("board")
    with serving_board(folder, rxgraph={"INIT_TIMEOUT_SECONDS": 1.0}) as board:
        yield board
    assert "Traceback" not in board.server.log
    assert "never retrieved" not in board.server.log


@pytest.fixture
def live(board: Board) -> str:
    return document_for(board.sdl, "project")


@pytest.fixture
def read(board: Board) -> str:
    return query_for(board.sdl, "project")


@pytest.fixture
async def ann(board: Board) -> AsyncIterator[SubscriptionClient]:
    async with board.client("ann") as client:
        yield client


async def settled(board: Board) -> dict[str, Any]:
    """Return what the server holds, once nobody has left it anything to give back."""
    deadline = time.monotonic() + 5
    while True:
        facts = board.server.facts()
        if not facts["replicas"] or time.monotonic() > deadline:
            return facts
        await asyncio.sleep(0.05)


class TestEvents:
    async def test_snapshot_then_a_delta_for_each_transaction(self, board, live, ann):
        await ann.subscribe(live, board.variables)
        await ann.expect_snapshot()
        assert ann.state["tasks"][0]["assignee"]["username"] == "bob"
        board.server.write(
            {"op": "save", "model": "channels_app.Task", "pk": board.task, "data": {"title": "A"}},
            {"op": "save", "model": "channels_app.Project", "pk": board.project,
             "data": {"name": "B"}},
        )  # fmt: skip
        event = await ann.expect_delta()
        assert [item["title"] for item in event["changed"]["tasks"]] == ["A"]
        assert [item["name"] for item in event["changed"]["projects"]] == ["B"]
        assert (ann.state["name"], ann.state["tasks"][0]["title"]) == ("B", "A")

    async def test_the_folded_state_equals_what_a_query_reads(self, board, live, read, ann):
        await ann.subscribe(live, board.variables)
        await ann.expect_snapshot()
        task = board.create("Task", project_id=board.project, title="New", position=9)
        await ann.expect_delta()
        board.create("Comment", task_id=task, author_id=board.people["ann"]["id"], body="Hm")
        await ann.expect_delta()
        board.delete("Task", task)
        event = await ann.expect_delta()
        assert {item["typename"] for item in event["removed"]} == {"Task", "Comment"}
        data = await ann.query(read, board.variables)
        assert without_typenames(data["project"]["state"]) == ann.state

    async def test_a_fresh_cursor_resumes_with_what_was_missed(self, board, live):
        task = board.create("Task", project_id=board.project, title="Will go")
        async with board.client("ann") as client:
            await client.subscribe(live, board.variables)
            await client.expect_snapshot()
            cursor = client.cursor
            await client.drop()
        board.delete("Task", task)
        board.save("Task", board.task, title="Meanwhile")
        async with board.client("ann") as client:
            await client.subscribe(live, {**board.variables, "after": cursor})
            event = await client.expect_delta()
            assert {"typename": "Task", "nodeId": str(task), "reason": "DELETED"} in event[
                "removed"
            ]
            assert "Meanwhile" in [item["title"] for item in event["changed"]["tasks"]]
            assert event["query"] is None

    async def test_a_cursor_of_another_viewer_is_reset_then_snapshot(self, board, live, ann):
        async with board.client("bob") as bob:
            await bob.subscribe(live, board.variables)
            await bob.expect_snapshot()
            cursor = bob.cursor
        await ann.subscribe(live, {**board.variables, "after": cursor})
        await ann.expect_reset("CURSOR_EXPIRED")
        await ann.expect_snapshot()

    async def test_a_query_s_cursor_begins_a_stream(self, board, live, read, ann):
        data = await ann.query(read, board.variables)
        board.save("Task", board.task, title="Between")
        await ann.subscribe(live, {**board.variables, "after": data["project"]["cursor"]})
        event = await ann.expect_delta()
        assert [item["title"] for item in event["changed"]["tasks"]] == ["Between"]

    async def test_one_of_two_on_one_socket_and_anchor_ends_and_the_other_goes_on(
        self, board, live, ann
    ):
        first = await ann.subscribe(live, board.variables)
        second = await ann.subscribe(live, board.variables)
        one, two = await first.expect_snapshot(), await second.expect_snapshot()
        assert one["session"] != two["session"]
        await first.stop()
        board.save("Task", board.task, title="For the second only")
        event = await second.expect_delta()
        assert event["changed"]["tasks"][0]["title"] == "For the second only"
        await first.expect_silence()

    async def test_nobody_s_private_notes_are_anywhere(self, board, live, read):
        frames: list[str] = []
        async with board.client("ann") as ann, board.client("bob") as bob:
            for client in (ann, bob):
                await client.subscribe(live, board.variables)
                await client.expect_snapshot()
            board.save("Note", board.notes["bob"], body="secret of bob, changed")
            event = await bob.expect_delta()
            assert event["changed"]["notes"][0]["body"].endswith("changed")
            await ann.subscription.expect_silence()
            frames += [json.dumps(event) for event in ann.subscription.events]
            frames.append(json.dumps(await ann.query(read, board.variables)))
            assert [note["id"] for note in ann.state["tasks"][0]["notes"]] == [
                str(board.notes["ann"])
            ]
        his = f'"__typename": "Note", "id": "{board.notes["bob"]}"'
        assert not any("secret of bob" in frame or his in frame for frame in frames)

    async def test_a_deleted_anchor_empties_the_channel_and_ends_the_stream(self, board, live, ann):
        project = board.create("Project", name="Short", owner_id=board.people["ann"]["id"])
        await ann.subscribe(live, {"projectId": project})
        await ann.expect_snapshot()
        board.delete("Project", project)
        event = await ann.expect_delta()
        assert event["channel"]["state"] is None
        assert {"typename": "Project", "nodeId": str(project), "reason": "DELETED"} in event[
            "removed"
        ]
        await ann.expect_complete()
        await ann.subscribe(live, {"projectId": project})
        await ann.expect_error("NOT_FOUND")


class TestRefusals:
    @pytest.mark.parametrize(
        ("variables", "code", "words"),
        [
            ({"projectId": 999}, "NOT_FOUND", "project(projectId: 999) does not exist"),
            ({"projectId": "abc"}, "BAD_REQUEST", "abc"),
            ({"projectId": 2**40}, "BAD_REQUEST", "projectId"),
            ({}, "BAD_REQUEST", "projectId"),
            ({"projectId": 1, "after": "garbage"}, "BAD_REQUEST", "after"),
            ({"projectId": 1, "after": 5}, "BAD_REQUEST", "after"),
        ],
    )
    async def test_a_wrong_request_is_an_error_and_the_socket_lives(
        self, board, live, read, ann, variables, code, words
    ):
        await ann.subscribe(live, variables)
        error = await ann.expect_error(code)
        assert words in str(error)
        assert error.errors[0]["extensions"]["status"] in (400, 404)
        assert await ann.query(read, board.variables)

    async def test_a_cursor_of_another_project_is_named(self, board, live, ann):
        other = board.create("Project", name="Other", owner_id=board.people["ann"]["id"])
        await ann.subscribe(live, {"projectId": other})
        event = await ann.expect_snapshot()
        await ann.subscribe(live, {**board.variables, "after": event["cursor"]})
        assert "another instance" in str(await ann.expect_error("BAD_REQUEST"))

    @pytest.mark.parametrize(
        "query", ["subscription { nothing }", "subscription {", "", "{ nothing }", "query A { a }"]
    )
    async def test_a_wrong_document_is_an_error_and_the_socket_lives(self, board, read, ann, query):
        await ann.subscribe(query)
        await ann.expect_error("BAD_REQUEST")
        assert await ann.query(read, board.variables)

    async def test_strangers_are_forbidden_and_the_anonymous_must_sign_in(self, board, live):
        async with board.client("eve") as eve:
            await eve.subscribe(live, board.variables)
            await eve.expect_error("FORBIDDEN")
        async with board.client(None) as nobody:
            await nobody.subscribe(live, board.variables)
            await nobody.expect_error("UNAUTHENTICATED")

    @pytest.mark.parametrize("token", ["wrong", "off"])
    async def test_wrong_credentials_close_the_socket(self, board, token):
        key = board.token("off") if token == "off" else token
        with pytest.raises(ConnectionClosed) as caught:
            await board.client(None, token=key).open()
        assert caught.value.code == 4401


class TestProtocol:
    async def raw(self, board: Board, *frames: Any, init: bool = True) -> int:
        """Send *frames*; return the code the server closes with."""
        async with websockets.connect(
            board.server.websocket_url,
            subprotocols=[websockets.Subprotocol("graphql-transport-ws")],
        ) as socket:
            payload = {"Authorization": f"Token {board.token('ann')}"}
            if init:
                await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
                assert json.loads(await socket.recv()) == {"type": "connection_ack"}
            for frame in frames:
                await socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))
            await asyncio.wait_for(socket.wait_closed(), 10)
            return socket.close_code or 0

    @pytest.mark.parametrize(
        "frame",
        [
            "no json",
            "",
            "[]",
            "null",
            "5",
            b"binary",
            {},
            {"type": 5},
            {"type": "nothing"},
            {"type": "subscribe"},
            {"type": "subscribe", "id": "1"},
            {"type": "subscribe", "id": 1, "payload": {"query": "{ a }"}},
            {"type": "subscribe", "id": "", "payload": {"query": "{ a }"}},
            {"type": "subscribe", "id": "1", "payload": "{ a }"},
            {"type": "subscribe", "id": "1", "payload": {"query": 5}},
            {"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "variables": []}},
            {"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "operationName": 5}},
            {"type": "complete"},
            {"type": "complete", "id": {}},
        ],
    )
    async def test_a_malformed_frame_closes_with_4400(self, board, frame):
        assert await self.raw(board, frame) == 4400

    async def test_a_second_subscriber_with_an_id_closes_with_4409(self, board, live):
        subscribe = {
            "type": "subscribe",
            "id": "x" * 300,  # a reason must not be longer than a close frame can hold
            "payload": {"query": live, "variables": board.variables},
        }
        assert await self.raw(board, subscribe, subscribe) == 4409

    async def test_no_init_in_time_closes_with_4408(self, board):
        assert await self.raw(board, init=False) == 4408

    async def test_subscribing_before_the_acknowledgement_closes_with_4401(self, board):
        subscribe = {"type": "subscribe", "id": "1", "payload": {"query": "{ a }"}}
        assert await self.raw(board, subscribe, init=False) == 4401

    async def test_a_second_init_closes_with_4429(self, board):
        assert await self.raw(board, {"type": "connection_init"}) == 4429

    async def test_a_ping_is_answered(self, ann):
        await ann.send({"type": "ping", "payload": {"any": 1}})
        await ann.send({"type": "pong"})
        await ann.send({"type": "complete", "id": "unknown"})

    async def test_an_id_can_be_used_again_at_once(self, board, live, ann):
        subscription = await ann.subscribe(live, board.variables)
        await subscription.expect_snapshot()
        for _ in range(5):
            await ann.send({"id": subscription.id, "type": "complete"})
            payload = {"query": live, "variables": board.variables}
            await ann.send({"id": subscription.id, "type": "subscribe", "payload": payload})
            await subscription.expect_snapshot()

    @pytest.mark.parametrize("protocol", ["graphql-ws", None])
    async def test_other_subprotocols_are_refused(self, board, protocol):
        chosen = None if protocol is None else [websockets.Subprotocol(protocol)]
        async with websockets.connect(board.server.websocket_url, subprotocols=chosen) as socket:
            await asyncio.wait_for(socket.wait_closed(), 10)
            assert socket.close_code == 4406

    async def test_pages_of_other_origins_are_refused(self, board):
        with pytest.raises(websockets.InvalidStatus) as caught:
            await board.client("ann", headers={"Origin": "https://evil.example"}).open()
        assert caught.value.response.status_code == 403
        origin = f"http://127.0.0.1:{board.server.port}"
        async with board.client("ann", headers={"Origin": origin}):
            pass

    async def test_nothing_else_is_served_over_websocket(self, board):
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(f"ws://127.0.0.1:{board.server.port}/elsewhere")


async def test_what_leaves_leaves_nothing_behind(board, live):
    clients = [board.client("ann") for _ in range(5)]
    for client in clients:
        await client.open()
        for _ in range(3):
            await client.subscribe(live, board.variables)
        await client.next_event()
    assert board.server.facts()["replicas"] == [str(board.project)]
    for number, client in enumerate(clients):
        await (client.drop() if number % 2 else client.close())
    facts = await settled(board)
    assert facts["replicas"] == []
    assert not [name for name in facts["tasks"] if "outbox" in name or "close" in name]


class TestHTTP:
    def post(self, board: Board, body: Any, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Token {board.token('ann')}", **options.pop("headers", {})}
        return httpx.post(board.server.graphql_url, json=body, headers=headers, **options)

    def test_a_query_is_answered(self, board, read):
        answer = self.post(board, {"query": read, "variables": board.variables})
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.json()["data"]["project"]["id"] == str(board.project)

    def test_errors_are_graphql_errors(self, board, read):
        answer = self.post(board, {"query": read, "variables": {"projectId": 999}}).json()
        assert answer["errors"][0]["extensions"] == {"code": "NOT_FOUND", "status": 404}
        answer = self.post(board, {"query": "{"}).json()
        assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"

    @pytest.mark.parametrize(
        ("content", "kind", "status"),
        [
            ("{", "application/json", 400),
            ("[]", "application/json", 400),
            ("5", "application/json", 400),
            ("{}", "application/json", 400),
            ('{"query": 5}', "application/json", 400),
            ('{"query": "{ a }", "variables": []}', "application/json", 400),
            ("query={a}", "application/x-www-form-urlencoded", 415),
            ("--x--", "multipart/form-data; boundary=x", 415),
            ('{"query": "{ a }"}', "text/plain", 415),
        ],
    )
    def test_a_malformed_body_is_a_bad_request_in_json(self, board, content, kind, status):
        answer = httpx.post(
            board.server.graphql_url,
            content=content,
            headers={"Content-Type": kind, "Authorization": f"Token {board.token('ann')}"},
        )
        assert answer.status_code == status
        assert answer.json()["errors"][0]["extensions"] == {"code": "BAD_REQUEST", "status": status}

    def test_a_wrong_token_is_401(self, board, read):
        answer = self.post(board, {"query": read}, headers={"Authorization": "Token wrong"})
        assert answer.status_code == 401
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"

    def test_only_post_is_served(self, board):
        answer = httpx.get(board.server.graphql_url, params={"query": "{ __typename }"})
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")

    def test_a_subscription_needs_a_transport_that_streams(self, board, live):
        answer = self.post(board, {"query": live, "variables": board.variables})
        assert "text/event-stream" in answer.json()["errors"][0]["message"]

    def test_introspection_is_off_where_debug_is_off(self, board):
        answer = self.post(board, {"query": "{ __schema { types { name } } }"}).json()
        assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"

    async def test_server_sent_events_end_with_the_client(self, board, live):
        async with (
            httpx.AsyncClient() as http,
            http.stream(
                "POST",
                board.server.graphql_url,
                json={"query": live, "variables": board.variables},
                headers={
                    "Authorization": f"Token {board.token('ann')}",
                    "Accept": "text/event-stream",
                },
            ) as response,
        ):
            assert response.headers["content-type"] == "text/event-stream"
            kinds = []
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    kinds.append(json.loads(line[6:])["data"]["project"]["kind"])
                    board.save("Task", board.task, title="Streamed")
                if len(kinds) == 2:
                    break
            assert kinds == ["SNAPSHOT", "DELTA"]
            assert board.server.facts()["replicas"] == [str(board.project)]
        assert (await settled(board))["replicas"] == []

    def test_a_session_is_accepted_from_its_own_pages_only(self, board, read):
        with httpx.Client(base_url=board.server.url) as browser:
            page = browser.get("/admin/login/")
            token = page.cookies["csrftoken"]
            browser.post(
                "/admin/login/",
                data={"username": "ann", "password": "secret", "csrfmiddlewaretoken": token},
                headers={"Referer": f"{board.server.url}/admin/login/"},
            )
            body = {"query": read, "variables": board.variables}
            assert browser.post("/graphql", json=body).status_code == 403  # no proof of a page
            own = {"Origin": board.server.url}
            assert browser.post("/graphql", json=body, headers=own).json()["data"]
            foreign = {"Origin": "https://evil.example"}
            answer = browser.post("/graphql", json=body, headers=foreign)
            assert answer.status_code == 403
            assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"


class NodeClient:
    """A JavaScript client in a process of its own."""

    def __init__(self, script: str, **options: Any) -> None:
        self._script, self._options = script, options

    async def __aenter__(self) -> NodeClient:
        self._process = await asyncio.create_subprocess_exec(
            "node",
            str(CLIENTS / self._script),
            json.dumps(self._options),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**24,
        )
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def line(self) -> dict[str, Any]:
        """Return the next line that is no news of the connection."""
        assert self._process.stdout is not None
        while True:
            line = await asyncio.wait_for(self._process.stdout.readline(), 15)
            found: dict[str, Any] = json.loads(line)
            if "connected" not in found:
                return found

    async def event(self) -> dict[str, Any]:
        """Return the next event."""
        event: dict[str, Any] = (await self.line())["event"]["data"]["project"]
        return event

    async def say(self, word: str) -> None:
        """Write a line to the client."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())
        await self._process.stdin.drain()


class TestStockClients:
    def options(self, board: Board, live: str, **more: Any) -> dict[str, Any]:
        return {
            "url": board.server.websocket_url,
            "token": board.token("ann"),
            "query": live,
            "variables": board.variables,
            **more,
        }

    async def test_graphql_ws_gets_the_state_then_each_change(self, board, live):
        async with NodeClient("subscribe.mjs", **self.options(board, live)) as node:
            assert (await node.event())["kind"] == "SNAPSHOT"
            board.save("Task", board.task, title="For node")
            event = await node.event()
            assert event["changed"]["tasks"][0]["title"] == "For node"
            await node.say("stop")
            assert await node.line() == {"complete": True}

    async def test_graphql_ws_that_reconnects_is_right_though_its_cursor_is_stale(
        self, board, live
    ):
        async with board.client("ann") as client:
            await client.subscribe(live, board.variables)
            await client.expect_snapshot()
            cursor = client.cursor
        variables = {**board.variables, "after": cursor}
        options = self.options(board, live, variables=variables, retryAttempts=5)
        async with NodeClient("subscribe.mjs", **options) as node:
            assert (await node.event())["kind"] == "DELTA"
            board.save("Task", board.task, title="Before the drop")
            assert (await node.event())["changed"]["tasks"][0]["title"] == "Before the drop"
            await node.say("drop")
            again = await node.event()  # resubscribed with the variables it began with
            assert again["kind"] == "DELTA"
            titles = [item["title"] for item in again["changed"]["tasks"]]
            assert "Before the drop" in titles

    async def test_graphql_ws_gets_typed_errors_and_close_codes(self, board, live):
        options = self.options(board, live, variables={"projectId": 999})
        async with NodeClient("subscribe.mjs", **options) as node:
            assert (await node.line())["error"][0]["extensions"]["code"] == "NOT_FOUND"
        options = self.options(board, live, token="wrong")
        async with NodeClient("subscribe.mjs", **options) as node:
            assert (await node.line())["error"]["code"] == 4401

    async def test_graphql_sse_gets_the_state_then_each_change(self, board, live):
        options = self.options(board, live, url=board.server.graphql_url, events=2)
        async with NodeClient("sse.mjs", **options) as node:
            assert (await node.event())["kind"] == "SNAPSHOT"
            board.save("Task", board.task, title="For SSE")
            assert (await node.event())["changed"]["tasks"][0]["title"] == "For SSE"


def without_typenames(value: Any) -> Any:
    """Return nested data as a fold has it."""
    if isinstance(value, dict):
        return {k: without_typenames(v) for k, v in value.items() if k != "__typename"}
    return [without_typenames(item) for item in value] if isinstance(value, list) else value


async def test_too_many_operations_are_an_error_and_never_close_the_socket(tmp_path):
    with serving_board(tmp_path, rxgraph={"OPERATIONS_PER_CONNECTION": 2}) as board:
        live = document_for(board.sdl, "project")
        async with board.client("ann") as client:
            kept = [await client.subscribe(live, board.variables) for _ in range(2)]
            for subscription in kept:
                await subscription.expect_snapshot()
            await client.subscribe(live, board.variables)
            await client.expect_error("RATE_LIMITED")
            await kept[0].stop()
            await asyncio.sleep(0.1)
            await client.subscribe(live, board.variables)
            await client.expect_snapshot()


async def test_a_token_that_ends_ends_the_stream(tmp_path):
    with serving_board(tmp_path, rxgraph={"REAUTH_SECONDS": 0.2}) as board:
        live = document_for(board.sdl, "project")
        async with board.client("bob") as bob, board.client("ann") as ann:
            await ann.subscribe(live, board.variables)
            await ann.expect_snapshot()
            await bob.subscribe(live, board.variables)
            await bob.expect_snapshot()
            membership = bob.state["memberships"][0]["id"]
            board.delete("Membership", membership)
            event = await bob.next_event()
            while event["kind"] != "RESET":  # the deletion, and his task, may be told first
                assert event["kind"] in ("DELTA", "MESSAGE")
                event = await bob.next_event()
            assert event["resetReason"] == "PERMISSION_CHANGED"
            event = await bob.expect_delta()
            assert event["channel"]["state"] is None
            assert bob.subscription.entities == {}
            with pytest.raises(OperationFailed) as caught:
                await bob.next_event()
            assert caught.value.code == "FORBIDDEN"
            assert (await ann.next_event())["kind"] == "DELTA"
            await bob.subscribe(live, board.variables)
            await bob.expect_error("FORBIDDEN")
