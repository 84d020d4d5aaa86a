"""A server that is told to end, and the next one: nobody loses anything, nobody sees a mixture."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
import websockets

from rxgraph.testing import ConnectionClosed, SubscriptionClient
from tests.integration import board_work as work
from tests.integration.board_clients import Viewer, live_document, settle
from tests.integration.cluster import Cluster, Process, cluster
from tests.integration.servers import Server, stop
from tests.integration.stalling import stalled

Board = dict[str, Any]

SAVE = """
mutation Save($projectId: Int!, $id: ID!, $data: TaskSaveInput!) {
  projectSaveTask(projectId: $projectId, id: $id, data: $data) { cursor messages { message } }
}
"""
DRAIN_SECONDS = 2.0
SLACK_SECONDS = 10.0  # for two cores that others use as well


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    rxgraph = {"DRAIN_SECONDS": DRAIN_SECONDS, "POLL_SECONDS": 0.5}
    with cluster(tmp_path_factory.mktemp("cluster"), rxgraph=rxgraph) as here:
        yield here


def tell_to_end(server: Server) -> None:
    server.process.send_signal(signal.SIGTERM)


async def ended(server: Server, seconds: float) -> None:
    """Return when the process is gone, which takes at most *seconds*."""
    await asyncio.wait_for(asyncio.to_thread(server.process.wait, 60), seconds)
    assert "Traceback" not in server.log
    assert "ERROR" not in server.log, server.log


async def test_clients_move_to_the_next_server_a_few_at_a_time(
    here: Cluster, shell: Process, board: Board
) -> None:
    old, new = await asyncio.to_thread(here.serve, 2)
    viewers = [Viewer(old, board, board["people"][n % 2]) for n in range(30)]
    await asyncio.gather(*(viewer.open() for viewer in viewers))
    await asyncio.gather(*(viewer.ready() for viewer in viewers))
    closed: list[float] = []

    async def move(viewer: Viewer) -> Viewer:
        with pytest.raises(ConnectionClosed) as end:
            await viewer.until(lambda: False)
        closed.append(time.monotonic())
        assert end.value.code == 1012
        after = Viewer(new, board, viewer.person, after=viewer.cursor, known=viewer)
        await after.open()
        return await after.ready()

    began = time.monotonic()
    moving = [asyncio.create_task(move(viewer)) for viewer in viewers]
    tell_to_end(old)
    for number in range(5):
        await asyncio.to_thread(
            shell.call, work.save, "Task", board["tasks"][0], {"title": f"move {number}"}
        )
    moved = await asyncio.gather(*moving)
    assert max(closed) - min(closed) > 0.1, "all at one moment"
    assert max(closed) - began < DRAIN_SECONDS + SLACK_SECONDS
    await ended(old, SLACK_SECONDS)
    assert all("RESET" not in viewer.kinds for viewer in moved), "the cursors are still good"
    await settle(shell, moved)
    assert len(here.record(board["project"])["sessions"]) == 1, "that of the new server"
    await asyncio.to_thread(stop, new)
    assert here.record(board["project"])["sessions"] == []


async def test_a_write_that_runs_is_answered_and_what_is_new_is_refused(
    here: Cluster, shell: Process, board: Board
) -> None:
    [server] = await asyncio.to_thread(here.serve)
    person, task = board["people"][0], board["tasks"][0]

    def client() -> SubscriptionClient:
        return SubscriptionClient(server.websocket_url, token=person["token"], timeout=20)

    async with client() as writer, client() as idle, client() as asking:
        with here.locked("channels_app_task"):
            variables = {"projectId": board["project"], "id": task, "data": {"title": "in time"}}
            writing = asyncio.create_task(writer.query(SAVE, variables))
            await asyncio.sleep(0.5)
            tell_to_end(server)
            assert await idle.wait_closed() == 1012
            with pytest.raises(websockets.InvalidStatus) as refusal:
                await client().open()
            assert refusal.value.response.status_code == 503
            assert refusal.value.response.headers["retry-after"] == "1"
            assert not writing.done()
        answer = await writing
        assert answer["projectSaveTask"]["messages"] == []
        assert await writer.wait_closed() == 1012
        assert await asking.wait_closed() == 1012
    await ended(server, SLACK_SECONDS)
    assert here.intents() == 0


async def test_who_asks_a_server_that_ends_is_sent_away_before_others(
    here: Cluster, board: Board
) -> None:
    [server] = await asyncio.to_thread(here.serve)
    token = board["people"][0]["token"]
    crowd = [SubscriptionClient(server.websocket_url, token=token) for _ in range(100)]
    await asyncio.gather(*(client.open() for client in crowd))
    gone: list[SubscriptionClient] = []
    somebody_is = asyncio.Event()

    async def watch(client: SubscriptionClient) -> None:
        assert await client.wait_closed() == 1012
        gone.append(client)
        somebody_is.set()

    watching = [asyncio.create_task(watch(client)) for client in crowd]
    tell_to_end(server)
    await somebody_is.wait()
    asking = [client for client in crowd if client not in gone][:10]
    for client in asking:
        with suppress(websockets.ConnectionClosed):
            await client.subscribe(live_document(), {"projectId": board["project"]})
    await asyncio.gather(*watching)
    places = sorted(gone.index(client) for client in asking)
    assert places[5] < 60, "as late as those who ask for nothing"
    await asyncio.gather(*(client.close() for client in crowd))
    await ended(server, SLACK_SECONDS)


async def test_a_stream_over_http_ends_so_that_its_client_comes_back(
    here: Cluster, board: Board
) -> None:
    [server] = await asyncio.to_thread(here.serve)
    headers = {
        "Accept": "text/event-stream",
        "Authorization": f"Token {board['people'][0]['token']}",
    }
    body = {"query": live_document(), "variables": {"projectId": board["project"]}}
    async with (
        httpx.AsyncClient(timeout=20) as client,
        client.stream("POST", server.graphql_url, json=body, headers=headers) as response,
    ):
        lines = response.aiter_lines()
        assert await anext(lines) == "event: next"
        tell_to_end(server)
        with pytest.raises(httpx.TransportError):  # an orderly end would mean that it is complete
            await _read_all(lines)
    await ended(server, SLACK_SECONDS)


async def _read_all(lines: AsyncIterator[str]) -> None:
    async for line in lines:
        assert line != "event: complete"


async def test_a_client_that_reads_nothing_does_not_keep_a_server(
    here: Cluster, shell: Process, board: Board
) -> None:
    [server] = await asyncio.to_thread(here.serve)
    with stalled(server, board["people"][0]["token"], board["project"]):
        for number in range(40):  # until nothing more fits into the buffers
            description = f"{number} " + "x" * 400_000
            values = {"description": description}
            await asyncio.to_thread(shell.call, work.save, "Project", board["project"], values)
            if (await asyncio.to_thread(server.facts))["stalled"]:
                break
        else:
            raise AssertionError("whoever reads nothing takes all")
        tell_to_end(server)
        await ended(server, DRAIN_SECONDS + SLACK_SECONDS)
    assert here.record(board["project"])["sessions"] == []


async def test_two_versions_beside_each_other_show_no_mixture(
    here: Cluster, shell: Process, board: Board
) -> None:
    [old] = await asyncio.to_thread(here.serve)
    [new] = await asyncio.to_thread(lambda: here.serve(TEST_APPS="tests.integration.newer"))
    newer = here.process(TEST_APPS="tests.integration.newer")
    person, task = board["people"][0], board["tasks"][0]

    def no_mixture(marked: bool) -> Callable[[Viewer], None]:
        def check(viewer: Viewer) -> None:
            if viewer.kinds[-1] == "RESET":
                return
            titles = [found["title"] for found in viewer.state["tasks"]]
            assert all(title.endswith("!") is marked for title in titles), titles

        return check

    async with (
        Viewer(old, board, person, check=no_mixture(False)) as before,
        Viewer(new, board, person, check=no_mixture(True)) as after,
    ):
        await before.ready()
        await after.ready()
        began = time.monotonic()
        for number in range(6):
            writer = (shell, newer)[number % 2]
            await asyncio.to_thread(writer.call, work.save, "Task", task, {"title": f"t{number}"})
            await before.until_titled(task, f"t{number}")
            await after.until_titled(task, f"t{number}!")
        # They take turns with the one cache, and not as fast as they can.
        took = time.monotonic() - began
        assert before.kinds.count("RESET") + after.kinds.count("RESET") < 20 + 6 * took
        cursor = before.cursor
        await asyncio.to_thread(stop, old)
    async with Viewer(new, board, person, after=cursor, check=no_mixture(True)) as moved:
        await moved.ready()
        assert moved.kinds[:2] == ["RESET", "SNAPSHOT"]
        await asyncio.to_thread(newer.call, work.save, "Task", task, {"title": "last"})
        await moved.until_titled(task, "last!")
    await asyncio.to_thread(stop, new)
