"""MongoDB, Redis or PostgreSQL away for some seconds: nobody is sent away, nothing is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from rxgraph.testing import OperationFailed, SubscriptionClient
from tests.conftest import service
from tests.integration import board_work as work
from tests.integration.board_clients import Viewer, settle
from tests.integration.cluster import Cluster, Process, cluster
from tests.integration.link import Link, link_to
from tests.integration.servers import Server, stop

Board = dict[str, Any]

STORE_TIMEOUT_SECONDS = 1.0
OUTAGE_SECONDS = 4.0
SLACK_SECONDS = 5.0  # for two cores that others use as well

SAVE = """
mutation Save($projectId: Int!, $id: ID!, $data: TaskSaveInput!) {
  projectSaveTask(projectId: $projectId, id: $id, data: $data) { cursor messages { message } }
}
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    rxgraph = {
        "POLL_SECONDS": 0.5,
        "SWEEP_SECONDS": 0.5,
        "SWEEP_GRACE_SECONDS": 0.5,
        "REAUTH_SECONDS": 2.0,
        "STORE_TIMEOUT_SECONDS": STORE_TIMEOUT_SECONDS,
    }
    with cluster(tmp_path_factory.mktemp("cluster"), rxgraph=rxgraph) as here:
        yield here


@pytest.fixture
def mongo(here: Cluster) -> Iterator[Link]:
    with link_to(here.store_url) as link:
        yield link


@pytest.fixture
def redis() -> Iterator[Link]:
    with link_to(service("REDIS_URL")) as link:
        yield link


@pytest.fixture
def database(here: Cluster) -> Iterator[Link]:
    with link_to(here.database_url) as link:
        yield link


async def save(process: Process, task: int, title: str) -> float:
    """Save a task; answer how many seconds that took."""
    began = time.monotonic()
    await asyncio.to_thread(process.call, work.save, "Task", task, {"title": title})
    return time.monotonic() - began


async def refused(server: Server, board: Board) -> tuple[OperationFailed, float]:
    """Return the error that answers a new subscription, and how long that took."""
    viewer = Viewer(server, board, board["people"][0])
    await viewer.open()
    began = time.monotonic()
    with pytest.raises(OperationFailed) as found:
        await viewer.ready()
    took = time.monotonic() - began
    await viewer.close()
    return found.value, took


def lines(log: str, *words: str) -> list[str]:
    return [line for line in log.splitlines() if all(word in line for word in words)]


@pytest.mark.parametrize("how", ["cut", "deafen"])
async def test_mongodb_away(
    here: Cluster, shell: Process, board: Board, mongo: Link, how: str
) -> None:
    [server] = await asyncio.to_thread(lambda: here.serve(MONGO_URL=mongo.url))
    writer = here.process(MONGO_URL=mongo.url)
    other = await asyncio.to_thread(shell.call, work.make_board)
    async with Viewer(server, board, board["people"][0]) as viewer:
        await viewer.ready()
        await save(writer, board["tasks"][0], "before")
        await viewer.until_titled(board["tasks"][0], "before")
        getattr(mongo, how)()
        began, taken = time.monotonic(), list[float]()
        while time.monotonic() - began < OUTAGE_SECONDS:
            taken.append(await save(writer, board["tasks"][0], f"away {len(taken)}"))
            await asyncio.sleep(0.05)
        assert taken[0] < STORE_TIMEOUT_SECONDS + SLACK_SECONDS
        assert len([seconds for seconds in taken if seconds > 0.5]) <= 2, "not each of them waits"
        error, took = await refused(server, other)
        assert (error.code, error.errors[0]["extensions"]["status"]) == ("UNAVAILABLE", 503)
        assert error.errors[0]["extensions"]["retryAfter"] > 0
        assert took < STORE_TIMEOUT_SECONDS + SLACK_SECONDS
        assert viewer.failure is None
        mongo.mend()
        mended = time.monotonic()
        await viewer.until_titled(board["tasks"][0], f"away {len(taken) - 1}")
        assert time.monotonic() - mended < 2 + SLACK_SECONDS
        assert "RESET" not in viewer.kinds
        async with Viewer(server, other, other["people"][0]) as late:
            await settle(shell, [viewer, late])
    writer.close()
    await asyncio.to_thread(stop, server)
    for log in (server.log, writer.log):
        assert len(lines(log, "MongoDB", "does not answer")) == 1, log
        assert "Traceback" not in log
    assert len(lines(server.log, "MongoDB", "answers again")) == 1
    assert len(server.log.splitlines()) < 12, server.log


async def test_a_server_that_starts_while_mongodb_is_away(
    here: Cluster, shell: Process, board: Board, mongo: Link
) -> None:
    mongo.cut()
    [server] = await asyncio.to_thread(lambda: here.serve(MONGO_URL=mongo.url))
    error, _ = await refused(server, board)
    assert error.code == "UNAVAILABLE"
    mongo.mend()
    await asyncio.sleep(2.5)
    async with Viewer(server, board, board["people"][0]) as viewer:
        await settle(shell, [await viewer.ready()])
    await asyncio.to_thread(stop, server)


async def test_redis_away(here: Cluster, shell: Process, board: Board, redis: Link) -> None:
    [server] = await asyncio.to_thread(lambda: here.serve(REDIS_URL=redis.url))
    other = await asyncio.to_thread(shell.call, work.make_board)
    async with Viewer(server, board, board["people"][0]) as viewer:
        await viewer.ready()
        redis.cut()
        for number in range(3):
            await save(shell, board["tasks"][0], f"away {number}")
            saved = time.monotonic()
            await viewer.until_titled(board["tasks"][0], f"away {number}")
            assert time.monotonic() - saved < 0.5 + SLACK_SECONDS
        began = time.monotonic()
        async with Viewer(server, other, other["people"][0]) as late:
            await late.ready()
            assert time.monotonic() - began < 2 + SLACK_SECONDS
            redis.mend()
            await asyncio.sleep(3)  # the layer subscribes again
            for number in range(10):
                await save(shell, other["tasks"][0], f"back {number}")
                await late.until_titled(other["tasks"][0], f"back {number}")
            await settle(shell, [viewer, late])
        assert "RESET" not in viewer.kinds
    await asyncio.to_thread(stop, server)
    assert len(lines(server.log, "does not answer")) <= 2, server.log


async def test_postgresql_away(here: Cluster, shell: Process, board: Board, database: Link) -> None:
    [server] = await asyncio.to_thread(lambda: here.serve(DATABASE_URL=database.url))
    person = board["people"][0]
    async with (
        Viewer(server, board, person) as viewer,
        SubscriptionClient(server.websocket_url, token=person["token"]) as client,
    ):
        await viewer.ready()
        database.cut()
        variables = {"projectId": board["project"], "id": board["tasks"][0]}
        with pytest.raises(OperationFailed) as refusal:
            await client.query(SAVE, {**variables, "data": {"title": "lost"}})
        assert refusal.value.code == "UNAVAILABLE"
        await asyncio.sleep(OUTAGE_SECONDS)  # two checks of who may watch
        assert viewer.failure is None
        assert not viewer.is_complete
        database.mend()
        await asyncio.sleep(1)
        await client.query(SAVE, {**variables, "data": {"title": "back"}})
        await viewer.until_titled(board["tasks"][0], "back")
        await settle(shell, [viewer])
        assert "RESET" not in viewer.kinds
    await asyncio.to_thread(stop, server)
    assert len(lines(server.log, "the database", "does not answer")) == 1, server.log
    assert len(lines(server.log, "the database", "answers again")) == 1, server.log
