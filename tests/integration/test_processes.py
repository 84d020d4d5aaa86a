"""Several processes show and write the same boards, on PostgreSQL, MongoDB and Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration import board_work as work
from tests.integration.board_clients import (
    Viewer,
    difference,
    read_once,
    refused,
    settle,
)
from tests.integration.cluster import Cluster, Process, cluster
from tests.integration.servers import Server, run_code

Board = dict[str, Any]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two servers and one other process."""
    with cluster(tmp_path_factory.mktemp("cluster"), rxgraph={"POLL_SECONDS": 1}) as here:
        yield here


@pytest.fixture(scope="module")
def servers(here: Cluster) -> list[Server]:
    return here.serve(2)


async def test_a_change_made_anywhere_reaches_the_clients_of_both_servers(
    here: Cluster, servers: list[Server], shell: Process, board: Board
) -> None:
    left, right = servers
    ada, grace = board["people"]
    first, second, third = board["tasks"]
    async with (
        Viewer(left, board, ada) as one,
        Viewer(right, board, ada) as two,
        Viewer(right, board, grace) as three,
    ):
        viewers = [one, two, three]
        await settle(shell, viewers)

        async def shown(pk: int, title: str) -> None:
            for viewer in viewers:
                await viewer.until_titled(pk, title)

        change = {"op": "save", "model": "channels_app.Task"}
        left.write({**change, "pk": first, "data": {"title": "by the left"}})
        await shown(first, "by the left")
        right.write({**change, "pk": second, "data": {"title": "by the right"}})
        await shown(second, "by the right")
        await asyncio.to_thread(
            run_code,
            here.environ,
            "from channels_app.models import Task\n"
            f"task = Task.objects.get(pk={third}); task.title = 'by a shell'; task.save()",
        )
        await shown(third, "by a shell")
        assert [viewer.kinds for viewer in viewers] == [["SNAPSHOT"] + 3 * ["DELTA"]] * 3

        def by_back_door(server: Server, name: str) -> None:
            for number in range(25):
                data = {"description": f"{name} {number}", "position": number % 3}
                for pk in (first, second):
                    change = {"op": "update", "model": "channels_app.Task", "pk": pk, "data": data}
                    server.write(change)

        await asyncio.gather(
            asyncio.to_thread(by_back_door, left, "left"),
            asyncio.to_thread(by_back_door, right, "right"),
            asyncio.to_thread(shell.call, work.work, 1, 30),
        )
        await settle(shell, viewers)
        state = await read_once(right, board, grace)
        wanted = shell.call(work.expected, board["project"], grace["id"])
        assert difference(state, wanted) is None
    assert here.intents() == 0


async def test_two_processes_saving_the_same_rows_end_on_the_committed_values(
    here: Cluster, servers: list[Server], shell: Process, board: Board
) -> None:
    pair = board["tasks"][:2]
    seen: dict[int, int] = {}

    def whole_and_forward(viewer: Viewer) -> None:
        one, other = (viewer.task(pk) for pk in pair)
        assert one["title"] == other["title"], "half a transaction was shown"
        assert one["position"] == other["position"], "half a transaction was shown"
        assert one["position"] >= seen.get(id(viewer), 0), "an older state was shown"
        seen[id(viewer)] = one["position"]

    rival = here.process()
    viewers = [
        Viewer(server, board, person, check=whole_and_forward)
        for server in servers
        for person in board["people"]
    ]
    try:
        for viewer in viewers:
            await viewer.open()
        for viewer in viewers:
            await viewer.ready()
        rounds = 120
        await asyncio.gather(
            asyncio.to_thread(shell.call, work.save_pairs, pair, rounds),
            asyncio.to_thread(rival.call, work.save_pairs, pair, rounds),
        )
        await settle(shell, viewers)
        for viewer in viewers:
            assert viewer.task(pair[0])["position"] == 2 * rounds
        for person in board["people"]:
            arguments = board["project"], person["id"]
            cached, wanted = (
                shell.call(work.cached, *arguments),
                shell.call(work.expected, *arguments),
            )
            assert difference(cached, wanted) is None
    finally:
        for viewer in viewers:
            await viewer.close()
        rival.close()
    assert here.intents() == 0


async def test_labelling_a_task_is_no_work_for_other_boards_with_that_label(
    here: Cluster, servers: list[Server], shell: Process, board: Board
) -> None:
    other = shell.call(work.make_board)
    async with (
        Viewer(servers[0], board, board["people"][0]) as one,
        Viewer(servers[1], other, other["people"][0]) as two,
    ):
        await settle(shell, [one, two])
        shell.call(work.add_label, other["tasks"][0], board["label"])
        await settle(shell, [one, two])
        before = here.record(other["project"])["seq"]
        shell.call(work.add_label, board["tasks"][0], other["label"])
        await settle(shell, [one, two])
        await asyncio.sleep(0.5)
        assert here.record(other["project"])["seq"] == before


# -- coming back


async def test_a_client_resumes_on_the_other_server_with_what_it_missed(
    servers: list[Server], shell: Process, board: Board
) -> None:
    left, right = servers
    ada = board["people"][0]
    gone, kept, changed = board["tasks"]
    async with Viewer(left, board, ada) as before:
        await before.ready()
        comment = before.task(kept)["comments"][0]["id"]
    shell.call(work.delete, "Task", gone)
    shell.call(work.delete, "Comment", int(comment))
    shell.call(work.save, "Task", changed, {"title": "meanwhile"})
    new = shell.call(work.create, "Task", {"project_id": board["project"], "title": "new"})
    async with Viewer(right, board, ada, after=before.cursor, known=before) as after:
        await after.ready()
        await settle(shell, [after])
        [event] = after.events
        assert event["kind"] == "DELTA"
        told = {(item["typename"], item["nodeId"]) for item in event["removed"]}
        assert {("Task", str(gone)), ("Comment", comment)} <= told
        assert {task["id"] for task in event["changed"]["tasks"]} == {
            *map(str, (kept, changed, new))
        }
        await after.until_titled(changed, "meanwhile")
    async with Viewer(left, board, ada, after=after.cursor, known=after) as again:
        await again.ready()
        assert again.kinds == ["DELTA"]
        assert not any(again.events[0]["changed"].values())
        shell.call(work.save, "Task", kept, {"title": "live again"})
        await again.until_titled(kept, "live again")
        await settle(shell, [again])


async def test_a_cursor_that_cannot_be_resumed_is_reset_to_a_snapshot(
    servers: list[Server], shell: Process, board: Board
) -> None:
    left, right = servers
    ada, grace = board["people"]
    async with Viewer(left, board, ada) as before:
        await before.ready()
    shell.call(work.delete, "Task", board["tasks"][0])
    assert shell.call(work.clear, board["project"]) is True
    async with Viewer(right, board, ada, after=before.cursor, known=before) as stale:
        await settle(shell, [stale])
        assert stale.kinds == ["RESET", "SNAPSHOT"]
        assert stale.events[0]["resetReason"] == "CURSOR_EXPIRED"
    async with Viewer(right, board, grace, after=stale.cursor) as other:
        await settle(shell, [other])
        assert other.kinds == ["RESET", "SNAPSHOT"], "a cursor of somebody else was resumed"


async def test_a_cursor_of_something_else_and_garbage_are_refused(
    servers: list[Server], shell: Process, board: Board
) -> None:
    ada = board["people"][0]
    other = shell.call(work.make_board)
    async with Viewer(servers[0], other, other["people"][0]) as elsewhere:
        await elsewhere.ready()
    for after in (elsewhere.cursor, "garbage", "", "ÿ", "A" * 5000, elsewhere.cursor[:-4]):
        error = await refused(servers[1], ada, {"projectId": board["project"], "after": after})
        assert error.code == "BAD_REQUEST", after
        assert "after" in str(error)


# -- private notes


async def test_private_notes_never_show_to_others(
    servers: list[Server], shell: Process, board: Board
) -> None:
    left, right = servers
    ada, grace = board["people"]
    task = board["tasks"][0]
    theirs: dict[int, set[str]] = {ada["id"]: set(), grace["id"]: set()}

    def give(pk: int, owner: Board) -> str:
        theirs[owner["id"]].add(str(pk))
        return str(pk)

    async with Viewer(left, board, ada) as one, Viewer(right, board, grace) as two:
        for viewer in (one, two):
            await viewer.ready()
        values = {"task_id": task, "body": "the secret"}
        first = shell.call(work.create, "Note", {**values, "owner_id": ada["id"]})
        give(first, ada)
        second = shell.call(work.create, "Note", {**values, "owner_id": grace["id"]})
        give(second, grace)
        shell.call(work.save, "Note", first, {"body": "still secret"})
        await settle(shell, [one, two])
        left_at = {"one": one.cursor, "two": two.cursor}
        third = shell.call(work.create, "Note", {**values, "owner_id": ada["id"]})
        give(third, ada)
        shell.call(work.save, "Note", third, {"body": "and secret"})
        shell.call(work.delete, "Note", second)
        await settle(shell, [one, two])
        live = _text_of(two)
    for pk in theirs[ada["id"]]:
        assert f'"id": "{pk}"' not in live["notes"]
        assert pk not in live["removed"], "the removal of somebody else's note was told"
    assert "still secret" not in live["all"]
    async with Viewer(left, board, grace, after=left_at["two"], known=two) as back:
        await settle(shell, [back])
        resumed = _text_of(back)
        assert back.kinds == ["DELTA"]
    assert not {str(third), str(first)} & resumed["removed"]
    assert "secret" not in resumed["all"].replace(f"secret of {grace['id']}", "")

    # moved to the other, and back
    shell.call(work.save, "Note", first, {"owner_id": grace["id"]})
    async with (
        Viewer(right, board, ada, after=left_at["one"], known=one) as one,
        Viewer(left, board, grace, after=back.cursor, known=back) as two,
    ):
        await settle(shell, [one, two])
        lost, gained = (str(viewer.subscription.state["tasks"]) for viewer in (one, two))
        assert "still secret" not in lost
        assert "still secret" in gained
    for person, own in ((ada, "of " + str(ada["id"])), (grace, "still secret")):
        state = await read_once(right, board, person)
        wanted = shell.call(work.expected, board["project"], person["id"])
        assert difference(state, wanted) is None
        assert own in json.dumps(state)
    stranger = shell.call(work.make_board)["people"][0]
    error = await refused(left, stranger, {"projectId": board["project"]})
    assert error.code == "FORBIDDEN"
    assert "secret" not in str(error.errors)


def _text_of(viewer: Viewer) -> dict[str, Any]:
    notes = [note for event in viewer.events for note in event["changed"]["notes"]]
    lists = [
        note
        for event in viewer.events
        for task in event["changed"]["tasks"]
        for note in task["notes"]
    ]
    removed = {gone["nodeId"] for event in viewer.events for gone in event["removed"]}
    return {
        "notes": json.dumps(notes + lists),
        "removed": removed,
        "all": json.dumps(viewer.events),
    }


# -- nothing is leaked


async def test_nothing_is_left_when_the_last_viewer_has_gone(
    here: Cluster, servers: list[Server], board: Board
) -> None:
    left, right = servers
    ada, grace = board["people"]
    project = str(board["project"])
    viewers = [Viewer(server, board, who) for server in (left, left, right) for who in (ada, grace)]
    for viewer in viewers:
        await viewer.open()
    for viewer in viewers:
        await viewer.ready()
    assert project in left.facts()["replicas"]
    assert len(here.record(board["project"])["sessions"]) == 2
    for number, viewer in enumerate(viewers):
        await (viewer.drop() if number % 2 else viewer.close())
    for server in servers:
        await _quiet(server, project)
    assert here.record(board["project"])["sessions"] == []
    assert here.record(board["project"])["idle_since"] > 0


async def _quiet(server: Server, project: str) -> None:
    """Return when the server holds nothing for *project*, and no task but its own."""
    for _ in range(200):
        facts = await asyncio.to_thread(server.facts)
        if project not in facts["replicas"] and not facts["tasks"]:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the server still holds {facts}")
