"""The life of caches under real servers: cleared while watched, expired, buried with a server."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration import board_work as work
from tests.integration import cache_work
from tests.integration.board_clients import Viewer, read_once, settle
from tests.integration.cluster import Cluster, Process, cluster
from tests.integration.servers import Server, environment, manage, serving, stop

Board = dict[str, Any]

LEASE_SECONDS, TTL_SECONDS = 1.0, 3.0


async def soon(is_so: Callable[[], Any], patience_seconds: float = 60.0) -> None:
    """Return when ``is_so()``, asked on a thread, is true."""
    deadline = time.monotonic() + patience_seconds
    while not await asyncio.to_thread(is_so):
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.1)


# -- one process with the memory store


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[tuple[Server, Process]]:
    """A server on SQLite with the memory store, and a process beside it."""
    environ = environment(database=tmp_path / "db.sqlite3", rxgraph={"CACHE_TTL": 2})
    manage(environ, "migrate", "-v", "0")
    shell = Process(environ, tmp_path / "shell.log")
    with serving(
        environ, tmp_path / "server.log", "tests.integration.cache_asgi:application"
    ) as it:
        yield it, shell
    shell.close()


def ask(server: Server, path: str) -> Any:
    return httpx.get(f"{server.url}{path}", timeout=30).raise_for_status().json()


async def test_on_the_memory_store_the_server_clears_and_expires_and_others_say_they_cannot(
    alone: tuple[Server, Process],
) -> None:
    server, shell = alone
    board = shell.call(work.make_board)
    project = str(board["project"])
    async with Viewer(server, board, board["people"][0]) as viewer:
        await viewer.ready()
        for number, path in enumerate(("/clear", "/clear-sync"), 1):
            assert await asyncio.to_thread(ask, server, f"{path}?{project}") is True
            await viewer.until(partial(_has_snapshots, viewer, number + 1))
            assert viewer.kinds[-2:] == ["RESET", "SNAPSHOT"]
            assert viewer.events[-2]["resetReason"] == "CACHE_CLEARED"
        assert await asyncio.to_thread(ask, server, "/clear?999999") is False
        await settle(shell, [viewer])

        assert shell.call(cache_work.clear_cache, board["project"]) is False
        assert "inside the server's process" in shell.log
        await viewer.until(lambda: viewer.kinds.count("SNAPSHOT") == 4)  # which was asked to
        told = shell.call(cache_work.command, "expire_rxgraph_cache")
        assert "inside the server's process" in told
        told = json.loads(shell.call(cache_work.command, "rxgraph_status", "--json"))
        assert told["store"] == {
            "kind": "memory",
            "answers": True,
            "visible": False,
            "error": None,
        }
        assert [item["field"] for item in told["channels"]] == ["project", "projectList"]
        await asyncio.sleep(3)  # longer than the TTL: who watches keeps it
        assert ask(server, "/phases")[project] == "HOT"
    await soon(lambda: ask(server, "/phases")[project] == "COLD")
    async with Viewer(server, board, board["people"][1]) as viewer:
        await settle(shell, [await viewer.ready()])


# -- several processes on MongoDB


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    rxgraph = {"LEASE_SECONDS": LEASE_SECONDS, "CACHE_TTL": TTL_SECONDS, "POLL_SECONDS": 0.5}
    with cluster(tmp_path_factory.mktemp("cluster"), rxgraph=rxgraph) as here:
        yield here


async def test_clear_cache_of_any_process_reaches_the_viewers_of_all(
    here: Cluster, shell: Process, board: Board
) -> None:
    servers = here.serve(2)
    ada, grace = board["people"]
    async with Viewer(servers[0], board, ada) as one, Viewer(servers[1], board, grace) as two:
        await settle(shell, [one, two])
        assert shell.call(cache_work.clear_cache, board["project"]) is True
        for viewer in (one, two):
            await viewer.until_reset()
            assert viewer.events[-2]["resetReason"] == "CACHE_CLEARED"
        await settle(shell, [one, two])
        assert shell.call(cache_work.clear_cache, 999_999) is False
    for server in servers:
        stop(server)


async def test_the_session_of_a_killed_server_is_buried_and_its_cache_expires(
    here: Cluster, shell: Process, board: Board
) -> None:
    doomed, other = here.serve(2)
    project = board["project"]
    async with Viewer(doomed, board, board["people"][0]) as viewer:
        await viewer.ready()
        assert len(here.record(project)["sessions"]) == 1
        stop(doomed, kill=True)
    told = json.loads(shell.call(cache_work.command, "rxgraph_status", "--json"))
    [record] = [item for item in told["anchors"] if item["id"] == str(project)]
    assert record["sessions_alive"] + record["sessions_dead"] == 1

    await soon(lambda: here.record(project)["sessions"] == [])
    buried = time.time()
    assert here.record(project)["phase"] == "HOT"
    await soon(lambda: here.record(project)["phase"] == "COLD")
    assert time.time() - here.record(project)["idle_since"] >= TTL_SECONDS
    assert time.time() - buried < TTL_SECONDS + 15
    assert shell.call(cache_work.command, "expire_rxgraph_cache") == "nothing has expired\n"
    async with Viewer(other, board, board["people"][1]) as viewer:
        await settle(shell, [await viewer.ready()])
    stop(other)


async def test_a_server_that_was_paused_and_buried_counts_again(
    here: Cluster, shell: Process, board: Board
) -> None:
    [server] = here.serve(1)
    project = board["project"]
    async with Viewer(server, board, board["people"][0]) as viewer:
        await viewer.ready()
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            await soon(lambda: shell.call(work.bury) == 1)
            assert here.record(project)["sessions"] == []
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        await soon(lambda: len(here.record(project)["sessions"]) == 1)
        shell.call(work.save, "Task", board["tasks"][0], {"title": "still here"})
        await viewer.until_titled(board["tasks"][0], "still here")
    stop(server)


async def test_clients_that_arrive_while_their_cache_expires_get_what_the_database_has(
    here: Cluster, shell: Process, board: Board
) -> None:
    servers = here.serve(2, TEST_RXGRAPH=json.dumps({"CACHE_TTL": 0, "LEASE_SECONDS": 1.0}))
    janitors = [here.process(TEST_RXGRAPH=json.dumps({"CACHE_TTL": 0})) for _ in range(2)]
    rival = here.process()
    rng = random.Random(4)
    writing = asyncio.create_task(
        asyncio.to_thread(rival.call, work.write_much, board["project"], 150, 3)
    )
    expired = 0
    rounds = 0
    while not writing.done() or rounds < 6:
        rounds += 1
        sweeping = [
            asyncio.create_task(asyncio.to_thread(janitor.call, cache_work.expire_much, 5))
            for janitor in janitors
        ]
        viewers = [
            Viewer(rng.choice(servers), board, rng.choice(board["people"])) for _ in range(3)
        ]
        for viewer in viewers:
            await viewer.open()
            await viewer.ready()
            assert await read_once(rng.choice(servers), board, viewer.person)
        expired += sum(await asyncio.gather(*sweeping))
        for viewer in viewers:
            assert viewer.kinds[0] == "SNAPSHOT"
            assert viewer.failure is None
            await viewer.close()
    await writing
    assert expired > 0
    last = [Viewer(server, board, board["people"][0]) for server in servers]
    for viewer in last:
        await viewer.open()
    await settle(shell, last)
    for process in (*janitors, rival):
        process.close()
    for server in servers:
        stop(server)


def _has_snapshots(viewer: Viewer, count: int) -> bool:
    return viewer.kinds.count("SNAPSHOT") == count
