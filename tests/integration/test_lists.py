"""Lists on several servers: rows that come, go and move, written anywhere; servers that die."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.integration import board_work as work
from tests.integration import list_scene as scene
from tests.integration.cluster import Cluster, Process, cluster
from tests.integration.list_scene import Board, ListViewer, cached_roots, settle_lists
from tests.integration.servers import Server, run_code, stop

REAUTH_SECONDS = 2.0
CLAIMED_SECONDS = 2 + 2 + 1  # CACHE_TTL_SECONDS, two claims, the next look at the clock
SLACK_SECONDS = 8.0  # for two cores that others use as well


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster that is quick to notice."""
    folder = tmp_path_factory.mktemp("cluster")
    rxgraph = {
        "POLL_SECONDS": 1,
        "LEASE_SECONDS": 2,
        "SWEEP_GRACE_SECONDS": 2,
        "REAUTH_SECONDS": REAUTH_SECONDS,
    }
    environ = {**scene.APP, "TEST_QUERY_LOG": str(folder / "queries.log")}
    with cluster(folder, rxgraph=rxgraph, environ=environ) as here:
        yield here


@pytest.fixture(scope="module")
def servers(here: Cluster) -> Iterator[list[Server]]:
    servers = here.serve(2)
    yield servers
    for server in servers:
        assert "Traceback" not in server.log, server.log[-4000:]
        assert "never retrieved" not in server.log, server.log[-4000:]


@pytest.fixture
def board(shell: Process) -> Board:
    """Two people and three projects of the first, for each test."""
    made: Board = shell.call(scene.make_lists)
    return made


async def eventually(is_reached: Callable[[], Any], what: str, seconds: float = 20) -> None:
    """Return when ``is_reached()``."""
    deadline = time.monotonic() + seconds
    while not await asyncio.to_thread(is_reached):
        assert time.monotonic() < deadline, f"not reached in {seconds:g} s: {what}"
        await asyncio.sleep(0.05)


async def test_a_list_follows_what_servers_shells_and_bulk_operations_write(
    here: Cluster, servers: list[Server], shell: Process, board: Board
) -> None:
    left, right = servers
    ada, grace = board["people"]
    first, second, third = board["projects"]

    async def run(function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.to_thread(shell.call, function, *arguments)

    async with (
        ListViewer(left, ada) as mine,
        ListViewer(right, ada) as too,
        ListViewer(left, grace) as hers,
    ):
        viewers = [mine, too, hers]
        await settle_lists(shell, viewers)
        assert hers.names == []

        change = {"op": "save", "model": "channels_app.Project"}
        right.write({**change, "pk": first, "data": {"name": "by the right"}})
        for viewer in (mine, too):
            await viewer.until_lists("by the right", "p1", "p2")
        code = "from channels_app.models import Project\nProject.objects.create({}).save()"
        given = f"owner_id={grace['id']}, name='by a shell'"
        await asyncio.to_thread(run_code, here.environ, code.format(given))
        await hers.until_lists("by a shell")
        await run(scene.create_in_bulk, ada["id"], ["bulk 1", "bulk 2", "bulk 3"])
        for viewer in (mine, too):
            await viewer.until_lists("by the right", "p1", "p2", "bulk 1", "bulk 2", "bulk 3")
        joined = {"project_id": second, "user_id": grace["id"]}
        left.write({"op": "create", "model": "channels_app.Membership", "data": joined})
        await hers.until_lists("by a shell", "p1")
        await run(scene.join_in_bulk, grace["id"], [first, third])
        await hers.until_lists("by a shell", "by the right", "p1", "p2")
        await run(scene.move_tasks, first, third)
        await settle_lists(shell, viewers)
        assert len(hers.state[hers.names.index("p2")]["tasks"]) == 2
        right.write({"op": "delete", "model": "channels_app.Project", "pk": third})
        await hers.until_lists("by a shell", "by the right", "p1")
        await run(scene.leave_in_bulk, grace["id"])
        await hers.until_lists("by a shell")
        await run(scene.join_by_relation, grace["id"], first, True)
        await hers.until_lists("by a shell", "by the right")
        await run(scene.join_by_relation, grace["id"], first, False)
        await hers.until_lists("by a shell")
        await run(scene.give_away, [first, second], grace["id"])
        await hers.until_lists("by a shell", "by the right", "p1")
        for viewer in (mine, too):
            await viewer.until_lists("bulk 1", "bulk 2", "bulk 3")
        await settle_lists(shell, viewers)
        assert {kind for viewer in viewers for kind in viewer.kinds[1:]} == {"DELTA"}
    await eventually(lambda: here.intents() == 0, "an empty intent log")


async def test_a_creation_that_is_rolled_back_joins_no_list(
    servers: list[Server], shell: Process, board: Board
) -> None:
    ada = board["people"][0]
    async with ListViewer(servers[0], ada) as viewer:
        await viewer.ready()
        await asyncio.to_thread(shell.call, scene.create_project, ada["id"], "never", 2, True)
        await asyncio.to_thread(shell.call, scene.create_project, ada["id"], "after", 2)
        await viewer.until_lists("after", "p0", "p1", "p2")
        assert viewer.kinds == ["SNAPSHOT", "DELTA"]
        assert len(viewer.events[-1]["changed"]["tasks"]) == 2
        assert "never" not in json.dumps(viewer.events)


async def test_two_list_channels_on_one_model_follow_their_own_rules(
    servers: list[Server], shell: Process, board: Board
) -> None:
    left, right = servers
    ada = board["people"][0]
    first, second, _ = board["projects"]
    shell.call(work.save, "Project", first, {"status": "done"})
    async with (
        ListViewer(left, ada) as everything,
        ListViewer(right, ada, "doneList") as done,
    ):
        await everything.ready()
        await done.ready()
        assert done.names == ["p0"]
        shell.call(work.save, "Project", second, {"status": "done"})
        shell.call(work.save, "Project", first, {"name": "renamed", "status": "active"})
        await done.until_lists("renamed")  # it stays: nobody asked again
        await settle_lists(shell, [everything])
        shell.call(work.delete, "Project", first)
        await done.until_lists()
        await everything.until_lists("p1", "p2")
        for viewer in (everything, done):
            told = [(gone["nodeId"], gone["reason"]) for gone in viewer.events[-1]["removed"]]
            assert (str(first), "DELETED") in told
    async with ListViewer(left, ada, "doneList") as again:
        await again.ready()
        assert again.names == ["p1"]


async def test_many_clients_at_once_on_a_cold_list_cause_one_load(
    here: Cluster, servers: list[Server], shell: Process
) -> None:
    board = shell.call(scene.make_lists, 40)
    ada = board["people"][0]
    # Nothing of this channel is shown or cached, and what writers left is done.
    await eventually(
        lambda: here.intents() == 0 and not cached_roots(here, "DoneListChannel"), "a cold cache"
    )
    shell.call(scene.raw, "UPDATE channels_app_project SET status = 'done'", [])
    log = here.folder / "queries.log"
    before = len(log.read_text())
    viewers = [ListViewer(servers[number % 2], ada, "doneList") for number in range(20)]
    await asyncio.gather(*(viewer.open() for viewer in viewers))
    for viewer in viewers:
        await viewer.ready()
    queries = log.read_text()[before:].splitlines()
    loads = [line for line in queries if 'FROM "channels_app_checklistitem"' in line]
    # One for what is below the roots, one to look again at what entered.
    assert len(loads) <= 2 * len(servers), loads
    wanted = {str(pk) for pk in board["projects"]}
    for viewer in viewers:
        assert wanted <= {item["id"] for item in viewer.state}
        assert viewer.state == viewers[0].state
        await viewer.close()


async def test_idle_roots_leave_the_cache_and_others_stay(
    here: Cluster, servers: list[Server], shell: Process, board: Board
) -> None:
    ada, grace = board["people"]
    hers = shell.call(scene.create_project, grace["id"], "hers")
    async with ListViewer(servers[1], grace) as stays:
        await stays.ready()
        async with ListViewer(servers[0], ada) as goes:
            await goes.ready()
            assert {hers, *board["projects"]} <= cached_roots(here)
        left = time.monotonic()
        await eventually(
            lambda: cached_roots(here) == {hers}, "idle roots", CLAIMED_SECONDS + SLACK_SECONDS
        )
        assert time.monotonic() - left > 1.0  # whoever comes back at once finds them
        shell.call(work.save, "Project", hers, {"name": "still live"})
        await stays.until_lists("still live")
        shell.call(work.save, "Project", board["projects"][0], {"name": "changed while away"})
        async with ListViewer(servers[0], ada, after=goes.cursor, known=goes) as back:
            await back.until_lists("changed while away", "p1", "p2")
            await settle_lists(shell, [back, stays])
        assert stays.kinds == ["SNAPSHOT", "DELTA"]


async def test_a_cursor_resumes_a_list_on_the_other_server(
    servers: list[Server], shell: Process, board: Board
) -> None:
    left, right = servers
    ada, grace = board["people"]
    first, second, third = board["projects"]
    async with ListViewer(left, grace) as keeper, ListViewer(right, ada) as other:
        await keeper.ready()
        await other.ready()
        async with ListViewer(left, ada) as before:
            await before.ready()
        shell.call(work.delete, "Project", first)
        shell.call(scene.move_tasks, second, third)
        late = shell.call(scene.create_project, ada["id"], "late")
        async with ListViewer(right, ada, after=before.cursor, known=before) as after:
            await after.until_lists("late", "p1", "p2")
            await settle_lists(shell, [after])
            assert after.kinds[0] == "DELTA"
        # A task that was somebody else's comes below a root that stays listed.
        his = shell.call(scene.create_project, grace["id"], "his", 1)
        await keeper.until_lists("his")
        shell.call(scene.move_tasks, his, late)
        async with ListViewer(left, ada, after=after.cursor, known=after) as again:
            await settle_lists(shell, [again])
            assert again.kinds[0] == "DELTA"


async def test_the_clients_of_a_killed_server_come_back_elsewhere_and_its_roots_are_dropped(
    here: Cluster, servers: list[Server], shell: Process, board: Board
) -> None:
    ada, grace = board["people"]
    left = servers[0]
    hers = shell.call(scene.create_project, grace["id"], "hers")
    [doomed] = here.serve()
    async with ListViewer(left, grace) as stays:
        await stays.ready()
        viewers = [ListViewer(doomed, ada) for _ in range(2)]
        for viewer in viewers:
            await viewer.open()
            await viewer.ready()
        assert len(scene.forest(here)["sessions"]) == 2
        await asyncio.to_thread(stop, doomed, kill=True)
        for viewer in viewers:
            await viewer.close()
        first, second, _ = board["projects"]
        shell.call(work.delete, "Project", first)
        shell.call(work.save, "Project", second, {"name": "while it was dead"})
        back, known = viewers[0].cursor, viewers[0]
        async with ListViewer(left, ada, after=back, known=known) as again:
            await again.until_lists("while it was dead", "p2")
            await settle_lists(shell, [again, stays])
            assert again.kinds[0] == "DELTA"
        await eventually(
            lambda: cached_roots(here) == {hers},
            "roots of a dead server",
            CLAIMED_SECONDS + SLACK_SECONDS,
        )
        shell.call(work.save, "Project", hers, {"name": "still live"})
        await stays.until_lists("still live")


async def test_who_loses_access_past_the_orm_loses_the_root_within_reauth_seconds(
    servers: list[Server], shell: Process, board: Board
) -> None:
    ada, grace = board["people"]
    first, second, _ = board["projects"]
    shell.call(scene.join_in_bulk, grace["id"], [first, second])
    async with ListViewer(servers[0], grace) as viewer, ListViewer(servers[1], ada) as owner:
        await viewer.until_lists("p0", "p1")
        await owner.ready()
        sql = "DELETE FROM channels_app_membership WHERE user_id = %s AND project_id = %s"
        shell.call(scene.raw, sql, [grace["id"], first])
        lost = time.monotonic()
        await viewer.until_lists("p1")
        assert time.monotonic() - lost < REAUTH_SECONDS + SLACK_SECONDS
        seen = len(viewer.events)
        task = shell.call(work.create, "Task", {"project_id": first, "title": "top secret"})
        shell.call(work.save, "Project", first, {"name": "top secret too"})
        shell.call(work.save, "Task", task, {"title": "top secret still"})
        shell.call(work.save, "Project", second, {"name": "told"})
        await viewer.until_lists("told")
        assert "top secret" not in json.dumps(viewer.events[seen:])
        await owner.until_lists("top secret too", "told", "p2")
        # And the whole list, when the channel itself is refused.
        ban = "UPDATE auth_user SET last_name = 'banned' WHERE id = %s"
        shell.call(scene.raw, ban, [grace["id"]])
        await viewer.until(lambda: viewer.events[-1]["kind"] == "DELTA" and viewer.state == [])
        for _ in range(200):
            if viewer.failure is not None:
                break
            await asyncio.sleep(0.05)
        assert getattr(viewer.failure, "code", None) == "FORBIDDEN"
        assert viewer.kinds[-2:] == ["RESET", "DELTA"]
        assert viewer.events[-2]["resetReason"] == "PERMISSION_CHANGED"


async def test_random_work_of_several_processes_leaves_all_lists_equal_to_the_database(
    here: Cluster, servers: list[Server], shell: Process
) -> None:
    boards = [shell.call(scene.make_lists, 4) for _ in range(3)]
    people = [person for board in boards for person in board["people"]]
    rival = here.process()
    viewers = [ListViewer(servers[n % 2], person) for n, person in enumerate(2 * people)]
    await asyncio.gather(*(viewer.open() for viewer in viewers))
    for viewer in viewers:
        await viewer.ready()
    await asyncio.gather(
        asyncio.to_thread(shell.call, work.work, 11, 60),
        asyncio.to_thread(rival.call, work.work, 12, 60),
    )
    await settle_lists(shell, viewers)
    assert not {"RESET"} & {kind for viewer in viewers for kind in viewer.kinds}
    rival.close()


async def test_nothing_is_left_when_the_last_viewer_of_a_list_has_gone(
    here: Cluster, servers: list[Server], shell: Process, board: Board
) -> None:
    ada, grace = board["people"]
    viewers = [ListViewer(server, who) for server in servers for who in (ada, grace, ada)]
    for viewer in viewers:
        await viewer.open()
    for viewer in viewers:
        await viewer.ready()
    for number, viewer in enumerate(viewers):
        await (viewer.drop() if number % 2 else viewer.close())
    for server in servers:
        await eventually(partial(_holds_nothing, server), "no replicas")
    assert scene.forest(here)["sessions"] == []
    names = [name for server in servers for name in server.facts()["tasks"]]
    assert not [name for name in names if "list" in name or "judge" in name or "close" in name]


def _holds_nothing(server: Server) -> bool:
    replicas: list[str] = server.facts()["replicas"]
    return not replicas
