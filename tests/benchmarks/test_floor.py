"""The floor and the crowd that is measured with it: real processes, real sockets."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.crowd import Crowd
from benchmarks.limits import open_files
from benchmarks.processes import Server, Worker
from benchmarks.visits import first_payload, look

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def env() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT)}


@pytest.fixture
def server(env: dict[str, str], tmp_path: Path) -> Iterator[Server]:
    found = Server(Path(sys.executable), "raw", env, tmp_path / "server.log")
    yield found
    found.stop()


@pytest.fixture
def listeners(env: dict[str, str], tmp_path: Path) -> Iterator[list[Worker]]:
    command = [sys.executable, "-m", "benchmarks.listeners"]
    found = [Worker(command, env, tmp_path / f"listeners-{n}.log") for n in range(2)]
    yield found
    for worker in found:
        worker.stop()


async def test_a_crowd_gets_every_broadcast(server: Server, listeners: list[Worker]) -> None:
    crowd = Crowd(listeners, server, "raw")
    connected = await crowd.connect(0, "", 7)
    assert (connected.count, connected.problems) == (7, [])
    committed = server.fetch("broadcast?size=300&per_second=50&seconds=0.2")
    assert len(committed) == 10
    await crowd.wait(len(committed) - 1)
    report = await crowd.report(committed, None)
    assert (report.clients, report.open, report.equal) == (7, 7, 7)
    assert (report.delivered, report.unseen) == (70, 0)
    assert report.message_bytes == 300
    assert len(report.latencies) == 70
    assert all(0 <= seconds < 5 for seconds in report.latencies)
    server.stop()
    await crowd.wait(100, quiet_seconds=0.1)
    assert await crowd.still_there() == 0


async def test_a_crowd_says_who_was_not_let_in(listeners: list[Worker], server: Server) -> None:
    server.stop()
    connected = await Crowd(listeners, server, "raw").connect(0, "", 2)
    assert connected.count == 0
    assert len(connected.problems) == 2
    assert "refused" in connected.problems[0]


async def test_the_floor_sends_the_kept_bytes(server: Server) -> None:
    text = "ü" * 100_000
    server.fetch("keep", text.encode())
    client = await look(server, "raw", 0, "")
    assert first_payload(client).decode() == text
    assert client.conversation.asked_seconds <= client.conversation.seconds
    client.close()


def test_a_limit_of_open_files_is_told_as_it_is() -> None:
    assert open_files(64) == 64
    assert open_files(1 << 40) < 1 << 40
