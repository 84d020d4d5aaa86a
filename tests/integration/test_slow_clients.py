"""Clients that read nothing or are gone without a word cost the server little, and others nothing.

``STALLED_CLIENTS=1000 STALLED_SECONDS=30`` makes the long run of it; ``-s`` shows its figures.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import websockets

from benchmarks.limits import open_files
from tests.integration import board_work as work
from tests.integration.board_clients import Viewer, settle
from tests.integration.cluster import Cluster, Process, cluster
from tests.integration.servers import Server, stop
from tests.integration.stalling import stalled

Board = dict[str, Any]

CLIENTS = int(os.environ.get("STALLED_CLIENTS", "30"))
SECONDS = float(os.environ.get("STALLED_SECONDS", "3"))
PER_SECOND = 20
FILLING_BYTES, FILLING_WRITES = 200_000, 60  # until nothing more fits into any buffer
UNLIMITED = dict.fromkeys(
    ("OPERATIONS_PER_SECOND", "CONNECTIONS_PER_USER", "CONNECTIONS_PER_ADDRESS")
)
SLACK_SECONDS = 8.0  # for two cores that others use as well


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    open_files(CLIENTS + 500)
    with cluster(tmp_path_factory.mktemp("cluster")) as here:
        yield here


def serve(here: Cluster, **rxgraph: Any) -> Server:
    settings = {**json.loads(here.environ["TEST_RXGRAPH"]), **rxgraph}
    # The server's own pings would end who reads nothing before ours do.
    [server] = here.serve(TEST_RXGRAPH=json.dumps(settings), UVICORN_WS_PING_INTERVAL="3600")
    return server


async def latencies(shell: Process, viewer: Viewer, board: Board, count: int) -> list[float]:
    """Save again and again; answer the seconds from the beginning of each save to its event."""
    found = []
    for number in range(count):
        began = time.monotonic()
        title = f"{began} {number}"
        values = {"title": title}
        saving = asyncio.to_thread(shell.call, work.save, "Task", board["tasks"][0], values)
        await asyncio.gather(saving, viewer.until_titled(board["tasks"][0], title))
        found.append(time.monotonic() - began)
        await asyncio.sleep(max(0.0, 1 / PER_SECOND - found[-1]))
    return sorted(found)


async def test_those_who_read_nothing_take_no_memory_and_delay_nobody(
    here: Cluster, shell: Process, board: Board
) -> None:
    server = await asyncio.to_thread(serve, here, PING_SECONDS=0, **UNLIMITED)
    person, other = board["people"]

    async def facts() -> dict[str, Any]:
        return await asyncio.to_thread(server.facts)

    async with Viewer(server, board, person) as viewer:
        await viewer.ready()
        before = await latencies(shell, viewer, board, PER_SECOND)
        empty = (await facts())["rss_bytes"]
        connecting = stalled(server, other["token"], board["project"], CLIENTS)
        crowd = await asyncio.to_thread(connecting.__enter__)
        try:
            deadline = time.monotonic() + 10 + CLIENTS / 20
            while (await facts())["contexts"] <= CLIENTS:
                assert time.monotonic() < deadline, await facts()
                await asyncio.sleep(0.1)
            for number in range(FILLING_WRITES):
                values = {"description": f"{number} " + "x" * FILLING_BYTES}
                await asyncio.to_thread(shell.call, work.save, "Project", board["project"], values)
                if (await facts())["stalled"] >= CLIENTS:
                    break
                await asyncio.sleep(CLIENTS / 1000)  # or the writes become one message
            values = {"description": ""}
            await asyncio.to_thread(shell.call, work.save, "Project", board["project"], values)
            assert (await facts())["stalled"] == CLIENTS
            sizes, after = [(await facts())["rss_bytes"]], list[float]()
            for _ in range(3):
                after += await latencies(shell, viewer, board, int(PER_SECOND * SECONDS / 3))
                sizes.append((await facts())["rss_bytes"])
            after.sort()
            assert not any(client.is_gone for client in crowd)
            assert (await facts())["contexts"] == CLIENTS + 1
        finally:
            await asyncio.to_thread(connecting.__exit__, None, None, None)
        await settle(shell, [viewer])
        assert "RESET" not in viewer.kinds
    await asyncio.to_thread(stop, server)
    slow = [sizes[0] - empty, *(size - sizes[0] for size in sizes[1:])]
    p50, p99 = after[len(after) // 2], after[int(len(after) * 0.99)]
    figures = (
        f"{CLIENTS} clients read nothing while {PER_SECOND} writes/s happen for {SECONDS:g} s:"
        f" {empty / 1e6:.1f} MB before, {sizes[0] / 1e6:.1f} MB when all are stalled, then"
        f" {', '.join(f'{size / 1e6:+.1f} MB' for size in slow[1:])};"
        f" one who reads: p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms"
        f" (before: {before[len(before) // 2] * 1e3:.1f}, {before[-1] * 1e3:.1f} ms)"
    )
    sys.stderr.write(f"\n{figures}\n")
    assert slow[-1] < 3e6 + CLIENTS * 20_000, slow
    assert p50 < 3 * before[len(before) // 2] + 0.1


async def test_who_reads_nothing_for_long_is_let_go(
    here: Cluster, shell: Process, board: Board
) -> None:
    server = await asyncio.to_thread(serve, here, PING_SECONDS=4)  # the viewer has to keep up
    person, other = board["people"]
    async with Viewer(server, board, person) as viewer:
        await viewer.ready()
        connecting = stalled(server, other["token"], board["project"])
        [client] = await asyncio.to_thread(connecting.__enter__)
        for _ in range(200):
            if (await asyncio.to_thread(server.facts))["contexts"] == 2:
                break
            await asyncio.sleep(0.05)
        for number in range(FILLING_WRITES):
            values = {"description": f"{number} " + "x" * FILLING_BYTES}
            await asyncio.to_thread(shell.call, work.save, "Project", board["project"], values)
            if (await asyncio.to_thread(server.facts))["contexts"] == 1:
                break
        deadline = time.monotonic() + 2 * 4 + 1 + 5 + SLACK_SECONDS
        while (await asyncio.to_thread(server.facts))["contexts"] > 1:
            assert time.monotonic() < deadline, "whoever reads nothing stays for ever"
            await asyncio.sleep(0.2)
        while not client.is_gone:
            assert time.monotonic() < deadline, "its connection stays for ever"
            await asyncio.sleep(0.2)
        await asyncio.to_thread(connecting.__exit__, None, None, None)
        await settle(shell, [viewer])
        assert viewer.failure is None, "whoever answers stays"
    await asyncio.to_thread(stop, server)
    assert "Traceback" not in server.log


async def test_a_client_that_does_not_answer_is_let_go(here: Cluster, board: Board) -> None:
    server = await asyncio.to_thread(serve, here, PING_SECONDS=1)
    protocol = websockets.Subprotocol("graphql-transport-ws")
    async with websockets.connect(server.websocket_url, subprotocols=[protocol]) as silent:
        payload = {"token": board["people"][0]["token"]}
        await silent.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert json.loads(await silent.recv()) == {"type": "connection_ack"}
        async with asyncio.timeout(4 + SLACK_SECONDS):
            for _ in range(2):
                assert json.loads(await silent.recv()) == {"type": "ping"}
                await silent.send(json.dumps({"type": "pong"}))
            assert json.loads(await silent.recv()) == {"type": "ping"}
            with pytest.raises(websockets.ConnectionClosed) as end:
                await silent.recv()
    assert end.value.rcvd is not None
    assert end.value.rcvd.code == 1013
    await asyncio.to_thread(stop, server)
