"""What dies or goes deaf between a commit and its viewers: others bring the change all the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from rxgraph.testing import OperationFailed
from tests.integration import board_work as work
from tests.integration.board_clients import Viewer, settle
from tests.integration.cluster import Cluster, Died, Process, cluster
from tests.integration.servers import stop

Board = dict[str, Any]

SWEEP_SECONDS, GRACE_SECONDS, POLL_SECONDS, LEASE_SECONDS = 0.5, 1.0, 0.5, 1.0
SLACK_SECONDS = 3.0  # for two cores that others use as well


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster that is quick to notice; each test starts the servers it needs."""
    rxgraph = {
        "MONGO_DRIVER": "pymongo",  # every other test of this folder has Motor
        "SWEEP_SECONDS": SWEEP_SECONDS,
        "SWEEP_GRACE_SECONDS": GRACE_SECONDS,
        "POLL_SECONDS": POLL_SECONDS,
        "LEASE_SECONDS": LEASE_SECONDS,
    }
    with cluster(tmp_path_factory.mktemp("cluster"), rxgraph=rxgraph) as here:
        yield here


async def test_a_change_of_a_process_that_died_before_publishing_is_swept(
    here: Cluster, shell: Process, board: Board
) -> None:
    [server] = here.serve()
    async with Viewer(server, board, board["people"][0]) as viewer:
        await viewer.ready()
        for number in range(2):
            doomed = here.process()
            title = f"last words {number}"
            with pytest.raises(Died, match=": 9"):
                doomed.call(work.die_before_publishing, board["tasks"][number], title)
            committed = time.monotonic()
            assert here.intents() == 1
            await viewer.until_titled(board["tasks"][number], title)
            assert time.monotonic() - committed < SWEEP_SECONDS + GRACE_SECONDS + SLACK_SECONDS
            doomed.close()
        await settle(shell, [viewer])
        assert await asyncio.to_thread(_is_swept, here)
        assert viewer.kinds == ["SNAPSHOT"] + 2 * ["DELTA"]
    stop(server)


def _is_swept(here: Cluster) -> bool:
    for _ in range(100):
        if here.intents() == 0:
            return True
        time.sleep(0.05)
    return False


async def test_a_change_left_while_no_server_ran_is_in_what_the_next_one_shows(
    here: Cluster, shell: Process, board: Board
) -> None:
    [server] = here.serve()
    ada = board["people"][0]
    async with Viewer(server, board, ada) as before:
        await before.ready()
    stop(server)
    doomed = here.process()
    with pytest.raises(Died):
        doomed.call(work.die_before_publishing, board["tasks"][0], "nobody was there")
    doomed.close()
    [server] = here.serve()
    async with Viewer(server, board, ada, after=before.cursor, known=before) as after:
        await after.until_titled(board["tasks"][0], "nobody was there")
        await settle(shell, [after])
    stop(server)


@pytest.mark.parametrize("layer", ["elsewhere", "memory"])
async def test_a_server_that_hears_no_wake_ups_polls(
    here: Cluster, shell: Process, board: Board, layer: str
) -> None:
    [deaf] = here.serve(TEST_LAYER=layer)
    async with Viewer(deaf, board, board["people"][1]) as viewer:
        await viewer.ready()
        for number, task in enumerate(board["tasks"]):
            shell.call(work.save, "Task", task, {"title": f"unheard {number}"})
            saved = time.monotonic()
            await viewer.until_titled(task, f"unheard {number}")
            assert time.monotonic() - saved < POLL_SECONDS + SLACK_SECONDS
        shell.call(work.write_much, board["project"], 30, 3)
        await settle(shell, [viewer])
        assert shell.call(work.clear, board["project"]) is True
        await viewer.until_reset()
        await settle(shell, [viewer])
    stop(deaf)


async def test_the_session_of_a_killed_server_is_buried(
    here: Cluster, shell: Process, board: Board
) -> None:
    [doomed] = here.serve()
    viewer = Viewer(doomed, board, board["people"][0])
    await viewer.open()
    await viewer.ready()
    assert len(here.record(board["project"])["sessions"]) == 1
    await asyncio.to_thread(stop, doomed, kill=True)
    await viewer.close()
    for _ in range(200):
        shell.call(work.bury)
        if here.record(board["project"])["sessions"] == []:
            break
        await asyncio.sleep(0.1)
    else:
        raise AssertionError("the session of a dead server stays")
    assert here.record(board["project"])["idle_since"] > 0


async def test_a_server_that_ends_in_order_leaves_no_session(here: Cluster, board: Board) -> None:
    [server] = here.serve()
    viewer = Viewer(server, board, board["people"][0])
    await viewer.open()
    await viewer.ready()
    await asyncio.to_thread(stop, server)
    await viewer.close()
    assert here.record(board["project"])["sessions"] == []


async def test_a_killed_server_does_not_keep_changes_from_the_viewers_of_another(
    here: Cluster, shell: Process, board: Board
) -> None:
    doomed, other = here.serve(2)
    ada, grace = board["people"]
    first, second = Viewer(doomed, board, ada), Viewer(other, board, grace)
    for viewer in (first, second):
        await viewer.open()
        await viewer.ready()
    await asyncio.to_thread(stop, doomed, kill=True)
    for number in range(3):
        title = f"after the kill {number}"
        shell.call(work.save, "Task", board["tasks"][0], {"title": title})
        saved = time.monotonic()
        await second.until_titled(board["tasks"][0], title)
        assert time.monotonic() - saved < SWEEP_SECONDS + GRACE_SECONDS + SLACK_SECONDS
    await settle(shell, [second])
    await second.close()
    stop(other)


async def test_a_database_connection_that_dies_while_reading_ends_no_stream(
    here: Cluster, shell: Process, board: Board
) -> None:
    [server] = here.serve()
    async with Viewer(server, board, board["people"][0]) as viewer:
        await viewer.ready()
        with here.locked("channels_app_checklistitem"):
            shell.call(work.create, "Task", {"project_id": board["project"], "title": "new"})
            cut, deadline = 0, time.monotonic() + 6
            while time.monotonic() < deadline:
                cut += await asyncio.to_thread(here.cut_waiting)
                await asyncio.sleep(0.05)
            assert cut > 1, "nobody was reading"
        await settle(shell, [viewer])
        assert "RESET" not in viewer.kinds
    assert await asyncio.to_thread(_is_swept, here)
    stop(server)


async def test_a_first_load_that_fails_is_refused_and_the_next_one_works(
    here: Cluster, shell: Process, board: Board
) -> None:
    [server] = here.serve()
    viewer = Viewer(server, board, board["people"][0])
    with here.locked("channels_app_checklistitem"):
        await viewer.open()
        for _ in range(200):
            if await asyncio.to_thread(here.cut_waiting):
                break
            await asyncio.sleep(0.05)
        with pytest.raises(OperationFailed) as refusal:
            await viewer.ready()
    assert refusal.value.code == "UNAVAILABLE"
    assert "terminating connection" not in str(refusal.value), "what failed is nobody's business"
    await viewer.close()
    async with Viewer(server, board, board["people"][0]) as again:
        await settle(shell, [again])
    stop(server)
