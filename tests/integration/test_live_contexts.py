"""What is told to live contexts from anywhere, over real sockets, on both kinds of servers.

The first viewer sits on the first server, the second on the last one, which is another process
where there is one; whoever tells them something is one more process that serves nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from rxgraph.testing import OperationFailed
from tests.integration import board_work
from tests.integration.live_scene import Board, Scene, Watcher, clustered, embedded
from tests.integration.servers import Server

SETTINGS = {"REAUTH_SECONDS": 600}


@pytest.fixture(scope="module", params=["embedded", "clustered"])
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    make = embedded if request.param == "embedded" else clustered
    with make(tmp_path_factory.mktemp("live"), rxgraph=SETTINGS) as found:
        yield found


@pytest.fixture
async def board(scene: Scene) -> Board:
    return await scene.board()


class Audience:
    """Clients that are closed at the end."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.stack = scene, AsyncExitStack()

    async def watcher(self, server: Server, board: Board, number: int) -> Watcher:
        """Return somebody who watches a board and has its snapshot."""
        client = Watcher(server, board["people"][number])
        await self.stack.enter_async_context(client)
        event = await client.watch(board)
        assert event["kind"] == "SNAPSHOT"
        return client

    async def both(self, board: Board) -> tuple[Watcher, Watcher]:
        """Return the two people of a board, on the first and on the last server."""
        return (
            await self.watcher(self.scene.servers[0], board, 0),
            await self.watcher(self.scene.far, board, 1),
        )


@pytest.fixture
async def audience(scene: Scene) -> AsyncIterator[Audience]:
    found = Audience(scene)
    yield found
    await found.stack.aclose()


# -- notifications


async def test_a_notification_reaches_everybody_who_shows_the_anchor(scene, board, audience):
    ada, grace = await audience.both(board)
    other = await audience.watcher(scene.far, await scene.board(), 0)
    await scene.work("notify", project=board["project"], data={"text": "hello", "n": 1})
    for client in (ada, grace):
        assert await client.expect_message() == {"text": "hello", "n": 1}
    await other.subscription.expect_silence()


async def test_a_notification_to_one_user_is_nobody_elses(scene, board, audience):
    ada, grace = await audience.both(board)
    again = await audience.watcher(scene.far, board, 0)
    user = board["people"][0]["id"]
    await scene.work("notify", project=board["project"], data="for ada", user=user)
    for client in (ada, again):
        assert await client.expect_message() == "for ada"
    await grace.subscription.expect_silence()
    assert "for ada" not in grace.text


async def test_a_notification_waits_for_the_commit_and_goes_with_a_rollback(scene, board, audience):
    ada, grace = await audience.both(board)
    for server in scene.servers:
        for commit, data in ((False, "never"), (True, "once")):
            await scene.work_in(
                server, "notify", project=board["project"], data=data, commit=commit
            )
        for client in (ada, grace):
            assert await client.expect_message() == "once"
    await scene.work("notify", project=board["project"], data="never", commit=False)
    await scene.work("notify", project=board["project"], data="last")
    for client in (ada, grace):
        assert await client.expect_message() == "last"


async def test_nobody_who_shows_an_anchor_is_no_harm(scene, board):
    await scene.work("notify", project=board["project"], data="to nobody")
    await scene.work("retell", project=board["project"], model="task", pk=board["tasks"][0])
    await scene.work("notify", project=999_999_999, data="to nobody")
    await scene.work("retell", project=999_999_999, model="task", pk=board["tasks"][0])


# -- instances


async def test_an_instance_is_told_whole_though_nothing_differs(scene, board, audience):
    ada, grace = await audience.both(board)
    task = board["tasks"][1]
    shown = next(item for item in ada.state["tasks"] if item["id"] == str(task))
    await scene.work("retell", project=board["project"], model="task", pk=task)
    for client in (ada, grace):
        event = await client.expect_delta()
        assert [item["id"] for item in event["changed"]["tasks"]] == [str(task)]
        assert event["changed"]["tasks"][0]["title"] == shown["title"]
        assert sum(len(items) for items in event["changed"].values()) == 1
        assert event["removed"] == []


async def test_only_the_one_anchor_hears_of_a_shared_instance(scene, board, audience):
    ada, grace = await audience.both(board)
    other_board = await scene.board()
    await scene.call(board_work.add_label, other_board["tasks"][0], board["label"])
    other = await audience.watcher(scene.far, other_board, 0)
    await scene.work("retell", project=board["project"], model="label", pk=board["label"])
    for client in (ada, grace):
        event = await client.expect_delta()
        assert [item["id"] for item in event["changed"]["labels"]] == [str(board["label"])]
    await other.subscription.expect_silence()


async def test_what_was_written_past_the_orm_is_read_again(scene, board, audience):
    ada, grace = await audience.both(board)
    task = board["tasks"][0]
    change = "UPDATE channels_app_task SET title = %s WHERE id = %s"
    await scene.work("raw", sql=change, params=["past the ORM", task])
    await ada.subscription.expect_silence()
    given: dict[str, Any] = {"project": board["project"], "model": "task", "pk": task}
    await scene.work("retell", **given, commit=False)
    await scene.work("retell", **given)
    for client in (ada, grace):
        event = await client.expect_delta()
        assert event["changed"]["tasks"][0]["title"] == "past the ORM"


async def test_state_follows_the_database_whatever_the_operation_says(scene, board, audience):
    ada, grace = await audience.both(board)
    task = board["tasks"][2]
    given: dict[str, Any] = {"project": board["project"], "model": "task", "pk": task}
    for operation in ("create", "delete"):
        await scene.work("retell", **given, operation=operation)
        for client in (ada, grace):
            event = await client.expect_delta()
            assert [item["id"] for item in event["changed"]["tasks"]] == [str(task)]
    said = "broadcast_instance said delete, but channels_app.task"
    assert said in scene.shell.log + scene.servers[0].log
    for table in ("note", "comment", "checklistitem", "task_labels"):
        sql = f"DELETE FROM channels_app_{table} WHERE task_id = %s"  # noqa: S608
        await scene.work("raw", sql=sql, params=[task])
    await scene.work("raw", sql="DELETE FROM channels_app_task WHERE id = %s", params=[task])
    await scene.work("retell", **given, operation="delete")
    for client in (ada, grace):
        event = await client.expect_delta()
        gone = {(item["typename"], item["nodeId"]): item["reason"] for item in event["removed"]}
        assert gone["Task", str(task)] == "DELETED"
        assert len(client.state["tasks"]) == 2


# -- system messages


async def test_a_system_message_reaches_every_live_context(scene, board, audience):
    ada, grace = await audience.both(board)
    other = await audience.watcher(scene.far, await scene.board(), 0)
    board_channel = Watcher(scene.far, board["people"][0])
    await audience.stack.enter_async_context(board_channel)
    subscription = await board_channel.subscribe(
        "subscription ($id: Int!) { project(projectId: $id) { kind cursor notifications { data }"
        " changed { projects { id __typename } } removed { typename nodeId } } }",
        {"id": board["project"]},
    )
    await subscription.next_event()
    printed = await scene.manage("rxgraph_broadcast", "Back soon", "--kind", "maintenance")
    assert "Back soon" in printed
    expected = {"source": "rxgraph", "kind": "maintenance", "message": "Back soon"}
    for client in (ada, grace, other, board_channel):
        assert await client.expect_message() == expected
    await scene.manage("rxgraph_broadcast", "Hello")
    for client in (ada, grace, other, board_channel):
        assert await client.expect_message() == {**expected, "kind": "system", "message": "Hello"}


# -- access that ends


async def test_who_is_dismissed_is_told_nothing_more(scene, board, audience):
    ada, grace = await audience.both(board)
    await scene.work(
        "dismiss", project=board["project"], user=board["people"][1]["id"], secret="top secret"
    )
    await grace.expect_reset("PERMISSION_CHANGED")
    event = await grace.expect_delta()
    assert event["channel"]["state"] is None
    assert grace.state is None
    await grace.expect_error("FORBIDDEN")
    await ada.subscription.until(
        lambda state: any(t["title"] == "top secret 19" for t in state["tasks"])
    )
    assert "secret 1" not in grace.text.replace("secret of", "")
    assert "top secret" not in grace.text
    with pytest.raises(OperationFailed) as refused:
        await grace.watch(board)
    assert refused.value.code == "FORBIDDEN"


@pytest.mark.parametrize("how", ["sign_out", "deactivate"])
async def test_who_is_signed_out_or_deactivated_is_out_at_once(scene, board, audience, how):
    ada, grace = await audience.both(board)
    await scene.work(how, user=board["people"][1]["id"])
    await grace.expect_reset("PERMISSION_CHANGED")
    await grace.expect_delta()
    await grace.expect_error("UNAUTHENTICATED")
    with pytest.raises(OperationFailed) as refused:
        await grace.watch(board)  # on the same socket
    assert refused.value.code == "UNAUTHENTICATED"
    given = f"projectId: {board['project']}"
    for operation in (
        f"query {{ project({given}) {{ id }} }}",
        f'mutation {{ projectSaveTask({given}, id: {board["tasks"][0]}, data: {{ title: "mine" }})'
        " { messages { code } } }",
    ):
        with pytest.raises(OperationFailed) as refused:
            await grace.query(operation)
        assert refused.value.code == "UNAUTHENTICATED"
    await ada.subscription.expect_silence()


async def test_credentials_that_ended_while_nothing_was_watched_open_nothing(
    scene, board, audience
):
    client = Watcher(scene.far, board["people"][1])
    await audience.stack.enter_async_context(client)
    await scene.work("sign_out", user=board["people"][1]["id"])
    await asyncio.sleep(1.5)  # no context is there to be told
    with pytest.raises(OperationFailed) as refused:
        await client.watch(board)
    assert refused.value.code == "UNAUTHENTICATED"


async def test_who_may_still_watch_notices_nothing(scene, board, audience):
    ada, grace = await audience.both(board)
    user = board["people"][1]["id"]
    await scene.work("revoke", user=user)
    await scene.work("revoke", user=user, project=board["project"], commit=False)
    await scene.work("revoke", user=user, project=board["project"])
    await grace.subscription.expect_silence(1.0)
    await scene.call(board_work.save, "Task", board["tasks"][0], {"title": "still there"})
    for client in (ada, grace):
        await client.subscription.until(lambda state: state["tasks"][0]["title"] == "still there")


# -- lists


async def test_whoever_lists_an_anchor_is_told_and_nobody_else(scene, board, audience):
    other_board = await scene.board()
    ada, stranger = (
        Watcher(server, found["people"][0])
        for server, found in ((scene.servers[0], board), (scene.far, other_board))
    )
    for client in (ada, stranger):
        await audience.stack.enter_async_context(client)
        event = await client.list()
        assert event["kind"] == "SNAPSHOT"
        assert event["runtime"] == {"count": 1}
    task = board["tasks"][0]
    await scene.work("tell_shelf", project=board["project"], pk=task, data="look")
    assert await ada.expect_message() == "look"
    event = await ada.expect_delta()
    assert [item["id"] for item in event["changed"]["tasks"]] == [str(task)]
    await stranger.subscription.expect_silence()


async def test_a_list_that_is_taken_away_is_emptied_and_ends(scene, board, audience):
    people = board["people"]
    ada, grace = Watcher(scene.servers[0], people[0]), Watcher(scene.far, people[1])
    for client in (ada, grace):
        await audience.stack.enter_async_context(client)
        await client.list()
    await scene.work("lock_out", user=people[1]["id"], project=board["project"])
    await grace.expect_reset("PERMISSION_CHANGED")
    event = await grace.expect_delta()
    assert event["channel"]["state"] == []
    await grace.expect_error("FORBIDDEN")
    await ada.subscription.until(
        lambda state: any(task["title"] == "top secret 9" for task in state[0]["tasks"])
    )
    assert "top secret" not in grace.text


# -- rows that change hands


async def test_a_row_that_changes_hands_leaves_one_and_enters_the_other(scene, board, audience):
    ada, grace = await audience.both(board)
    task, (first, second) = board["tasks"][0], board["people"]
    values = {"task_id": task, "body": "pass it on", "owner_id": first["id"]}
    note = await scene.call(board_work.create, "Note", values)
    notes = ("Note", str(note))
    await ada.subscription.until(lambda state: notes in ada.subscription.entities)
    await scene.call(board_work.save, "Note", note, {"owner_id": second["id"]})
    await grace.subscription.until(lambda state: notes in grace.subscription.entities)
    event = await ada.expect_delta()
    assert [(item["nodeId"], item["reason"]) for item in event["removed"]] == [(str(note), "LEFT")]
    assert notes not in ada.subscription.entities
    assert str(note) not in {item["id"] for item in ada.state["tasks"][0]["notes"]}
    seen = len(ada.frames)
    await scene.call(board_work.save, "Note", note, {"body": "not for ada"})
    await grace.subscription.until(
        lambda state: grace.subscription.entities[notes]["body"] == "not for ada"
    )
    await ada.subscription.expect_silence()
    assert len(ada.frames) == seen
    await scene.call(board_work.save, "Note", note, {"owner_id": first["id"], "body": "back"})
    await ada.subscription.until(lambda state: notes in ada.subscription.entities)
    await grace.subscription.until(lambda state: notes not in grace.subscription.entities)
    assert "back" not in grace.text
    for client, person in ((ada, first), (grace, second)):
        assert client.state == await scene.call(board_work.expected, board["project"], person["id"])


# -- runtime state and groups


async def test_runtime_state_and_events_of_groups(scene, board, audience):
    ada, grace = await audience.both(board)
    for client, person in zip((ada, grace), board["people"], strict=True):
        first = client.subscription.events[0]
        assert first["runtime"] == {"greeting": f"Hello {person['id']}", "lastWord": None}
    more: dict[str, Any] = {"project": board["project"]}
    if scene.is_embedded:
        await scene.work_in(scene.servers[0], "say", **more, text="hello")
    else:
        await scene.work("say", **more, text="hello")
    for client in (ada, grace):
        runtime = await client.expect_runtime(lastWord="hello")
        assert runtime["greeting"].startswith("Hello ")
    await scene.work_in(scene.servers[0], "say", **more, text="there", wants_answer=True)
    for client in (ada, grace):
        await client.expect_runtime(lastWord="there")
        assert await client.expect_message() == {"heard": "there"}
    await scene.call(board_work.save, "Task", board["tasks"][0], {"title": "changed"})
    for client in (ada, grace):
        assert (await client.expect_delta())["runtime"]["lastWord"] == "there"


async def test_nothing_is_left_when_everybody_has_gone(scene, board):
    first = Audience(scene)
    await first.both(board)
    assert scene.servers[0].facts()["contexts"] >= 1
    await first.stack.aclose()
    own = {"close", "consume", "list", "outbox", "receive", "renew"}
    for server in scene.servers:
        for _ in range(200):
            facts = await asyncio.to_thread(server.facts)
            rest = {task.removeprefix("rxgraph ") for task in facts["tasks"]} & own
            if not facts["contexts"] and not facts["replicas"] and not rest:
                break
            await asyncio.sleep(0.05)
        assert facts["contexts"] == 0
        assert facts["replicas"] == []
        assert rest == set()
