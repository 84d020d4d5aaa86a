"""The first load of a cold anchor, disturbed: by many clients, writes, clearing, a dead heater.

A load is slow because a table that it reads is locked: every other process waits in PostgreSQL.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rxgraph.cache.phases import Phase
from rxgraph.testing import ConnectionClosed, OperationFailed
from tests.integration import board_work as work
from tests.integration.board_clients import Viewer, refused, settle
from tests.integration.cluster import Cluster, Process, cluster
from tests.integration.servers import Server, stop

Board = dict[str, Any]

LEASE_SECONDS = 3.0
SLOW_TABLE = "channels_app_label"  # every first load reads it; no write of these tests does


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two servers and one other process, with a log of all queries."""
    folder = tmp_path_factory.mktemp("cluster")
    with cluster(
        folder,
        rxgraph={"LEASE_SECONDS": LEASE_SECONDS, "POLL_SECONDS": 1},
        environ={"TEST_QUERY_LOG": str(folder / "queries.log")},
    ) as here:
        yield here


@pytest.fixture(scope="module")
def servers(here: Cluster) -> list[Server]:
    return here.serve(2)


@pytest.fixture
def board(shell: Process) -> Board:
    """A project that nobody has looked at yet."""
    made: Board = shell.call(work.make_board, 5)
    return made


async def eventually(is_reached: Callable[[], Any], what: str, seconds: float = 20) -> None:
    """Return when ``is_reached()``."""
    deadline = time.monotonic() + seconds
    while not await asyncio.to_thread(is_reached):
        assert time.monotonic() < deadline, f"not reached in {seconds} s: {what}"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def slow_load(here: Cluster, board: Board, *viewers: Viewer) -> AsyncIterator[None]:
    """Let *viewers* come to a cold project; its load lasts as long as the block."""
    with here.locked(SLOW_TABLE):
        for viewer in viewers:
            await viewer.open()
        await eventually(lambda: phase(here, board) == Phase.HEATING, "HEATING")
        yield
        assert not any(viewer.events for viewer in viewers)


def phase(here: Cluster, board: Board) -> str | None:
    """Return the phase in which MongoDB has the project."""
    return here.record(board["project"]).get("phase")


async def test_twenty_clients_of_two_servers_cost_one_database_load(
    here: Cluster, servers: list[Server], shell: Process, board: Board
) -> None:
    queries = here.folder / "queries.log"
    viewers = [
        Viewer(servers[number % 2], board, board["people"][number // 2 % 2]) for number in range(20)
    ]
    # What earlier writers left to the servers is done: it would read the table as well.
    await eventually(lambda: here.intents() == 0, "an empty intent log")
    await asyncio.sleep(1)  # a second server may still be at what the first has done
    before = len(queries.read_text())
    async with slow_load(here, board, *viewers):
        await asyncio.sleep(1)  # every client waits by now
    for viewer in viewers:
        await viewer.ready()
    loads = [line for line in queries.read_text()[before:].splitlines() if SLOW_TABLE in line]
    assert len(loads) == 1, loads
    await settle(shell, viewers)
    for viewer in viewers:
        await viewer.close()
        assert viewer.kinds == ["SNAPSHOT"]
    assert here.record(board["project"])["seq"] == 1


async def test_five_hundred_writes_during_a_slow_first_load_are_all_there(
    here: Cluster, servers: list[Server], shell: Process, board: Board
) -> None:
    viewers = [
        Viewer(server, board, who) for server, who in zip(servers, board["people"], strict=True)
    ]
    async with slow_load(here, board, *viewers):
        writing = asyncio.create_task(
            asyncio.to_thread(shell.call, work.write_much, board["project"], 500, 1)
        )
        generation = here.record(board["project"])["generation"]
        await asyncio.sleep(LEASE_SECONDS * 0.6)
        assert phase(here, board) == Phase.HEATING
    await writing
    await settle(shell, viewers)
    for viewer in viewers:
        await viewer.close()
    assert here.record(board["project"])["generation"] == generation
    assert here.intents() == 0


async def test_deletes_during_a_cold_load_do_not_come_back(
    here: Cluster, servers: list[Server], shell: Process, board: Board
) -> None:
    gone, _, moved, *_ = board["tasks"]
    other = shell.call(work.make_board)
    viewers = [
        Viewer(server, board, who) for server, who in zip(servers, board["people"], strict=True)
    ]
    async with slow_load(here, board, *viewers):
        shell.call(work.delete, "Task", gone)
        shell.call(work.save, "Task", moved, {"project_id": other["project"]})
        new = shell.call(work.create, "Task", {"project_id": board["project"], "title": "new"})
    await settle(shell, viewers)
    for viewer in viewers:
        shown = {task["id"] for task in viewer.state["tasks"]}
        assert str(new) in shown
        assert not {str(gone), str(moved)} & shown
        await viewer.close()


async def test_a_project_deleted_during_its_cold_load_ends_the_stream(
    here: Cluster, servers: list[Server], shell: Process, board: Board
) -> None:
    viewer = Viewer(servers[0], board, board["people"][0])
    async with slow_load(here, board, viewer):
        await asyncio.to_thread(shell.call, work.delete, "Project", board["project"])
    try:
        await viewer.end()
        assert viewer.state is None
    except OperationFailed as refusal:  # gone before the first event
        if refusal.code != "NOT_FOUND":
            raise
    await viewer.close()
    error = await refused(servers[1], board["people"][0], {"projectId": board["project"]})
    assert error.code == "NOT_FOUND"


async def test_clearing_and_writing_under_clients_resets_them_and_they_end_equal(
    here: Cluster, servers: list[Server], shell: Process, board: Board
) -> None:
    left, right = servers
    ada, grace = board["people"]
    rival = here.process()
    async with Viewer(left, board, ada) as one, Viewer(right, board, grace) as two:
        await settle(shell, [one, two])
        assert shell.call(work.clear, board["project"]) is True
        for viewer in (one, two):
            await viewer.until_reset()
            assert viewer.events[-2]["resetReason"] == "CACHE_CLEARED"
        await settle(shell, [one, two])

        writing = asyncio.create_task(
            asyncio.to_thread(rival.call, work.write_much, board["project"], 200, 2)
        )
        cleared = 0
        while not writing.done():
            cleared += await asyncio.to_thread(shell.call, work.clear, board["project"])
            await asyncio.sleep(0.2)
        await writing
        assert cleared > 1
        await settle(shell, [one, two])
        for viewer in (one, two):
            assert viewer.kinds.count("RESET") > 1
            assert viewer.kinds.count("SNAPSHOT") == viewer.kinds.count("RESET") + 1
    rival.close()
    assert here.intents() == 0


async def test_a_heater_that_dies_is_replaced_when_its_lease_has_run_out(
    here: Cluster, servers: list[Server], shell: Process, board: Board
) -> None:
    [doomed] = here.serve()
    ada, grace = board["people"]
    first, second = Viewer(doomed, board, ada), Viewer(servers[0], board, grace)
    async with slow_load(here, board, first):
        begun = here.record(board["project"])
        await second.open()
        await asyncio.to_thread(stop, doomed, kill=True)
        shell.call(work.save, "Task", board["tasks"][0], {"title": "while nobody heats"})
        assert here.record(board["project"])["lease"] == begun["lease"]
        killed = time.monotonic()
    await settle(shell, [second])
    assert time.monotonic() - killed < LEASE_SECONDS + 10
    assert second.kinds[0] == "SNAPSHOT"
    record = here.record(board["project"])
    assert record["phase"] == Phase.HOT
    assert record["generation"] > begun["generation"]
    assert isinstance(first.failure, ConnectionClosed)
    await second.close()
    await first.close()


async def test_a_load_that_takes_longer_than_a_lease_ends_all_the_same(
    here: Cluster, servers: list[Server], shell: Process, board: Board
) -> None:
    viewers = [
        Viewer(server, board, who) for server, who in zip(servers, board["people"], strict=True)
    ]
    with here.slow(SLOW_TABLE, LEASE_SECONDS + 1):
        for viewer in viewers:
            await viewer.open()
        for viewer in viewers:
            await viewer.ready(4 * LEASE_SECONDS)
    await settle(shell, viewers)
    for viewer in viewers:
        await viewer.close()
