"""What others write with SQL reaches viewers of every server, through triggers and NOTIFY."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.integration import board_work as work
from tests.integration.board_clients import Viewer, settle
from tests.integration.cluster import Cluster, cluster
from tests.integration.servers import manage, stop

LEASE_SECONDS, SWEEP_SECONDS = 1.0, 0.5
WRITES = 20

Raw = Any


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster whose database sees by itself."""
    rxgraph = {
        "CAPTURE": "triggers",
        "LEASE_SECONDS": LEASE_SECONDS,
        "SWEEP_SECONDS": SWEEP_SECONDS,
    }
    folder = tmp_path_factory.mktemp("triggers")
    with cluster(folder, rxgraph=rxgraph, environ={"TEST_APPS": "pgtrigger"}) as here:
        manage(here.environ, "migrate", "-v", "0")
        yield here


@pytest.fixture
def raw(here: Cluster) -> Iterator[Raw]:
    with psycopg.connect(here.database_url, autocommit=True) as found:
        yield found


async def test_raw_sql_is_live_and_survives_the_death_of_who_listens(
    here: Cluster, raw: Raw, capsys: pytest.CaptureFixture[str]
) -> None:
    servers = here.serve(2)
    shell = here.process()
    board = await asyncio.to_thread(shell.call, work.make_board)
    [first, second, third] = board["tasks"]
    viewers = [Viewer(server, board, board["people"][0]) for server in servers]
    for viewer in viewers:
        await viewer.open()
        await viewer.ready()
    await _until_listened(raw)

    def write(sql: str, *params: Any) -> None:
        raw.execute(sql, params)

    latencies = []
    for number in range(WRITES):
        title = f"raw {number}"
        began = time.monotonic()
        write("UPDATE channels_app_task SET title = %s WHERE id = %s", title, first)
        await asyncio.gather(*(viewer.until_titled(first, title) for viewer in viewers))
        latencies.append(time.monotonic() - began)
    with capsys.disabled():
        milliseconds = statistics.median(latencies) * 1000
        print(f"\nraw SQL to the viewers of two servers, median: {milliseconds:.0f} ms")  # noqa: T201

    # Moves out and in, and everything else that SQL can do, the ORM beside it.
    with raw.transaction():
        write("UPDATE channels_app_task SET position = position + 1")
        write("DELETE FROM channels_app_comment WHERE task_id = %s", second)
        write(
            "INSERT INTO channels_app_comment (task_id, author_id, body, created_at)"
            " VALUES (%s, %s, 'raw', now())",
            third,
            board["people"][0]["id"],
        )
    other = await asyncio.to_thread(shell.call, work.make_board)
    write("UPDATE channels_app_task SET project_id = %s WHERE id = %s", other["project"], second)
    write("DELETE FROM channels_app_task_labels WHERE task_id = %s", third)
    await asyncio.to_thread(shell.call, work.save, "Task", third, {"title": "by the ORM"})
    await settle(shell, viewers)
    write("UPDATE channels_app_task SET project_id = %s WHERE id = %s", board["project"], second)
    with raw.transaction(force_rollback=True):
        write("UPDATE channels_app_task SET title = 'never'")
    await settle(shell, viewers)

    # If it was the first one that listened, the second one goes on; else it just does.
    stop(servers[0], kill=True)
    write("UPDATE channels_app_task SET title = 'after its death' WHERE id = %s", first)
    await viewers[1].until_titled(first, "after its death")
    await settle(shell, viewers[1:])
    assert await _is_empty(here)
    for viewer in viewers:
        await viewer.close()


async def _until_listened(raw: Raw) -> None:
    for _ in range(600):
        [(found,)] = raw.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE query = 'LISTEN rxgraph_intent' AND datname = current_database()"
        ).fetchall()
        if found:
            assert found == 1, "one process sweeps, and it alone listens"
            return
        await asyncio.sleep(0.05)
    raise AssertionError("nobody listens")


async def _is_empty(here: Cluster) -> bool:
    for _ in range(200):
        if not await asyncio.to_thread(here.intents):
            return True
        await asyncio.sleep(0.05)
    return False
