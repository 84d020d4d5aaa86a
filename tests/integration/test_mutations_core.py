"""Writes over real sockets, the same on both kinds of servers.

The writer sits on the first server and whoever watches on the last one, which is another process
where there is one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from rxgraph.testing import Subscription, SubscriptionClient
from tests.integration.mutation_scene import (
    Recorder,
    Scene,
    agreed,
    clustered,
    embedded,
    live_document,
    outcome,
    unchanged,
)


@pytest.fixture(scope="module", params=["embedded", "clustered"])
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    make = embedded if request.param == "embedded" else clustered
    with make(tmp_path_factory.mktemp("scene")) as found:
        yield found


@pytest.fixture
async def ann(scene: Scene) -> AsyncIterator[Recorder]:
    async with scene.client("ann") as client:
        await scene.watch(client)
        yield client


@pytest.fixture
async def bob(scene: Scene) -> AsyncIterator[Recorder]:
    async with scene.client("bob", scene.far) as client:
        await scene.watch(client)
        yield client


def task_of(client: SubscriptionClient | Subscription, pk: object) -> Any:
    """Return a task as a client shows it."""
    return next(task for task in client.state["tasks"] if task["id"] == str(pk))


async def test_a_task_from_its_creation_to_its_end(scene, ann, bob):
    title = scene.name()
    made = await ann.mutate(
        "projectCreateTask",
        projectId=scene.project,
        parent={"project": scene.project},
        data={
            "title": title,
            "priority": "URGENT",
            "status": "IN_PROGRESS",
            "estimate": "1 02:00:00",
            "due": "2026-12-24",
            "assigneeId": scene.people["bob"]["id"],
            "labelIds": scene.labels[:2],
        },
        clientMutationId="make",
    )
    task = made["task"]
    assert made["clientMutationId"] == "make"
    assert (task["title"], task["priority"], task["status"]) == (title, "URGENT", "IN_PROGRESS")
    assert (task["estimate"], task["due"]) == ("1 02:00:00", "2026-12-24")
    assert task["assignee"] == {"__typename": "User", "id": str(scene.people["bob"]["id"])}
    (project,) = made["parents"]["projects"]
    assert {"__typename": "Task", "id": task["id"]} in project["tasks"]
    assert {item["id"] for item in task["labels"]} == set(map(str, scene.labels[:2]))
    event = await ann.expect_own("make")
    assert [item["id"] for item in event["changed"]["tasks"]] == [task["id"]]
    await bob.until_cursor(made["cursor"])
    assert task_of(bob, task["id"])["title"] == title
    assert {item["name"] for item in task_of(bob, task["id"])["labels"]} == {"red", "green"}

    saved = await ann.mutate(
        "projectSaveTask",
        projectId=scene.project,
        id=task["id"],
        data={"due": None, "description": "Deep", "labelIds": [scene.labels[2]]},
        clientMutationId="save",
    )
    assert (saved["task"]["due"], saved["task"]["description"]) == (None, "Deep")
    assert saved["task"]["title"] == title  # left out, so left alone
    await ann.expect_own("save")
    await bob.until_cursor(saved["cursor"])
    assert [item["name"] for item in task_of(bob, task["id"])["labels"]] == ["blue"]
    assert scene.row("task", task["id"], "description", "due", "title") == ("Deep", None, title)

    gone = await ann.mutate(
        "projectDeleteTask", projectId=scene.project, id=task["id"], clientMutationId="end"
    )
    assert gone["deletedId"] == task["id"]
    (project,) = gone["parents"]["projects"]
    assert task["id"] not in {item["id"] for item in project["tasks"]}
    event = await ann.expect_own("end")
    assert {"typename": "Task", "nodeId": task["id"], "reason": "DELETED"} in event["removed"]
    await bob.until_cursor(gone["cursor"])
    assert scene.row("task", task["id"], "id") is None
    await agreed(scene, "ann", ann.subscription)
    await agreed(scene, "bob", bob.subscription)
    assert not [name for event in bob.subscription.events for name in event["clientMutationIds"]]


async def test_a_checklist_item_keeps_its_list_in_order(scene, ann, bob):
    task = scene.task()
    ids: list[str] = []
    for position in (2, 1, 0):
        payload = await ann.mutate(
            "projectCreateChecklistItem",
            projectId=scene.project,
            parent={"task": task},
            data={"text": f"at {position}", "position": position},
        )
        ids.insert(0, payload["checklistItem"]["id"])
        (parent,) = payload["parents"]["tasks"]
        assert [item["id"] for item in parent["checklist"]] == ids
    moved = await ann.mutate(
        "projectSaveChecklistItem",
        projectId=scene.project,
        id=ids[0],
        data={"position": 9, "done": True},
    )
    (parent,) = moved["parents"]["tasks"]
    assert [item["id"] for item in parent["checklist"]] == [ids[1], ids[2], ids[0]]
    gone = await ann.mutate("projectDeleteChecklistItem", projectId=scene.project, id=ids[1])
    await bob.until_cursor(gone["cursor"])
    shown = [(item["id"], item["done"]) for item in task_of(bob, task)["checklist"]]
    assert shown == [(ids[2], False), (ids[0], True)]


async def test_a_comment_is_its_writer_s_and_a_note_is_seen_by_its_owner_alone(scene, ann, bob):
    task = scene.task()
    await bob.subscription.until(lambda state: str(task) in {t["id"] for t in state["tasks"]})
    comment = await bob.mutate(
        "projectCreateComment",
        projectId=scene.project,
        parent={"task": task},
        data={"body": "By bob"},
    )
    assert comment["comment"]["author"]["id"] == str(scene.people["bob"]["id"])
    note = await bob.mutate(
        "projectCreateNote",
        projectId=scene.project,
        parent={"task": task},
        data={"body": "secret of bob"},
        clientMutationId="note",
    )
    assert note["note"]["owner"] == str(scene.people["bob"]["id"])
    assert [item["id"] for item in note["parents"]["tasks"][0]["notes"]] == [note["note"]["id"]]
    await bob.expect_own("note")
    assert task_of(bob, task)["notes"][0]["body"] == "secret of bob"
    last = await ann.mutate(
        "projectSaveTask", projectId=scene.project, id=task, data={"description": "After"}
    )
    await ann.until_cursor(last["cursor"])
    assert task_of(ann, task)["notes"] == []
    assert task_of(ann, task)["comments"][0]["author"]["username"] == "bob"
    frames = str(ann.frames)
    assert "secret of bob" not in frames
    with unchanged(scene):
        for name in ("projectSaveNote", "projectDeleteNote"):
            data = {"data": {"body": "read"}} if "Save" in name else {}
            await ann.expect_refused(
                "NOT_FOUND", name, projectId=scene.project, id=note["note"]["id"], **data
            )
        await ann.expect_refused(
            "FORBIDDEN",
            "projectSaveComment",
            projectId=scene.project,
            id=comment["comment"]["id"],
            data={"body": "Not mine"},
        )
    await bob.mutate(
        "projectSaveNote", projectId=scene.project, id=note["note"]["id"], data={"body": "new"}
    )
    await bob.mutate("projectDeleteNote", projectId=scene.project, id=note["note"]["id"])
    await bob.mutate("projectDeleteComment", projectId=scene.project, id=comment["comment"]["id"])
    await agreed(scene, "bob", bob.subscription)
    await agreed(scene, "ann", ann.subscription)
    assert scene.row("note", note["note"]["id"], "id") is None


async def test_the_project_itself_is_saved(scene, ann, bob):
    name = scene.name()
    payload = await ann.mutate(
        "projectSaveProject",
        projectId=scene.project,
        id=scene.project,
        data={"name": name, "budget": "12.50", "status": "DONE"},
        clientMutationId="root",
    )
    project = payload["project"]
    assert (project["name"], project["budget"], project["isOpen"]) == (name, "12.50", False)
    await ann.expect_own("root")
    assert (await bob.until_cursor(payload["cursor"]))["name"] == name
    with unchanged(scene):
        await bob.expect_refused(
            "FORBIDDEN",
            "projectSaveProject",
            projectId=scene.project,
            id=scene.project,
            data={"name": "Mine"},
        )
        await ann.expect_refused(
            "NOT_FOUND",
            "projectSaveProject",
            projectId=scene.project,
            id=scene.other,
            data={"name": "Through the wrong door"},
        )


async def test_a_cursor_of_a_payload_begins_after_the_write(scene, ann, bob):
    task = scene.task()
    payload = await ann.mutate(
        "projectSaveTask", projectId=scene.project, id=task, data={"description": "one"}
    )
    async with scene.client("ann", scene.far) as late:
        await late.subscribe(
            live_document(), {"projectId": scene.project, "after": payload["cursor"]}
        )
        event = await late.expect_delta()
        assert event["changed"]["tasks"] == [], "the write came again"
        await ann.mutate(
            "projectSaveTask", projectId=scene.project, id=task, data={"description": "two"}
        )
        while not event["changed"]["tasks"]:
            event = await late.expect_delta()
        assert [item["description"] for item in event["changed"]["tasks"]] == ["two"]
        assert event["kind"] == "DELTA"


class TestRepeats:
    async def test_a_repeat_answers_the_first_result_and_writes_once(self, scene, ann):
        task = scene.task()
        given = {
            "projectId": scene.project,
            "parent": {"task": task},
            "data": {"body": "Once"},
            "clientMutationId": scene.name(),
        }
        first = await ann.mutate("projectCreateComment", **given)
        async with scene.client("ann", scene.far) as elsewhere:
            again = await elsewhere.mutate("projectCreateComment", **given)
        third = await ann.mutate("projectCreateComment", **given)
        assert first["comment"] == again["comment"] == third["comment"]
        assert first["parents"] == again["parents"] == third["parents"]
        rows = scene.fetch(f"SELECT id FROM channels_app_comment WHERE task_id = {task}")  # noqa: S608
        assert rows == [(int(first["comment"]["id"]),)]
        refused = await ann.expect_refused(
            "CONFLICT", "projectCreateComment", **{**given, "data": {"body": "Other"}}
        )
        assert "clientMutationId" in refused["message"]

    async def test_an_id_of_somebody_else_is_another_id(self, scene, ann, bob):
        task, name = scene.task(), scene.name()
        given = {
            "projectId": scene.project,
            "parent": {"task": task},
            "data": {"body": "Same"},
            "clientMutationId": name,
        }
        one = await ann.mutate("projectCreateComment", **given)
        two = await bob.mutate("projectCreateComment", **given)
        assert one["comment"]["id"] != two["comment"]["id"]
        ours, his = await ann.expect_own(name), await bob.expect_own(name)
        assert ours["clientMutationIds"] == his["clientMutationIds"] == [name]
        assert [item["id"] for item in ours["changed"]["comments"]] == [one["comment"]["id"]]
        assert [item["id"] for item in his["changed"]["comments"]] == [two["comment"]["id"]]

    async def test_repeats_at_once_write_once_and_answer_the_same(self, scene):
        task = scene.task()
        async with (
            scene.client("ann") as one,
            scene.client("ann", scene.far) as two,
        ):
            for client in (one, two):
                await scene.watch(client)
            for _ in range(15):
                name = scene.name()
                given = {
                    "projectId": scene.project,
                    "parent": {"task": task},
                    "data": {"text": name},
                    "clientMutationId": name,
                }
                answers = await asyncio.gather(
                    *(client.mutate("projectCreateChecklistItem", **given) for client in (one, two))
                )
                ids = {(answer["checklistItem"] or {}).get("id") for answer in answers}
                assert len(ids) == 1, "both answer what was written"
                assert None not in ids
                for answer in answers:
                    (parent,) = answer["parents"]["tasks"]
                    assert ids & {item["id"] for item in parent["checklist"]}
                rows = scene.fetch(
                    f"SELECT id FROM channels_app_checklistitem WHERE text = '{name}'"  # noqa: S608
                )
                assert len(rows) == 1
                for client in (one, two):
                    await client.expect_own(name)

    async def test_a_write_without_an_id_names_none(self, scene, ann):
        task = scene.task()
        payload = await ann.mutate(
            "projectSaveTask", projectId=scene.project, id=task, data={"description": "quiet"}
        )
        assert payload["clientMutationId"] is None
        await ann.until_cursor(payload["cursor"])
        assert ann.subscription.events[-1]["clientMutationIds"] == []


class TestVersions:
    async def test_the_second_of_two_writers_gets_a_conflict(self, scene, ann):
        task = scene.task()
        async with scene.client("eve", scene.far) as eve:
            await scene.watch(eve)
            for number in range(8):
                await agreed(scene, "ann", ann.subscription)
                await agreed(scene, "eve", eve.subscription)
                results = await asyncio.gather(
                    *(
                        outcome(
                            client,
                            "projectSaveTask",
                            projectId=scene.project,
                            id=task,
                            data={"title": f"{name} {number}"},
                            expectedVersion=client.cursor,
                        )
                        for name, client in (("ann", ann), ("eve", eve))
                    )
                )
                assert sorted(results) == [[], ["CONFLICT"]]
                winner = "ann" if results[0] == [] else "eve"
                assert scene.row("task", task, "title") == (f"{winner} {number}",)

    async def test_who_reads_the_newest_state_and_tries_again_loses_nothing(self, scene, ann):
        """Two people count up one number by compare-and-set: each success counts."""
        task = scene.task(position=0)

        async def count(client: Recorder, times: int) -> None:
            successes = 0
            while successes < times:
                data = await client.query(
                    "query($id: Int!) { project(projectId: $id)"
                    " { cursor state { tasks { id position } } } }",
                    {"id": scene.project},
                )
                seen = next(
                    item for item in data["project"]["state"]["tasks"] if item["id"] == str(task)
                )
                codes = await outcome(
                    client,
                    "projectSaveTask",
                    projectId=scene.project,
                    id=task,
                    data={"position": seen["position"] + 1},
                    expectedVersion=data["project"]["cursor"],
                )
                assert codes in ([], ["CONFLICT"])
                successes += not codes

        async with scene.client("eve", scene.far) as eve, asyncio.timeout(60):
            await asyncio.gather(count(ann, 8), count(eve, 8))
        assert scene.row("task", task, "position") == (16,)

    async def test_what_happened_elsewhere_is_no_conflict(self, scene, ann):
        task, another = scene.task(), scene.task()
        await agreed(scene, "ann", ann.subscription)
        cursor = ann.cursor
        scene.save("Task", another, description="elsewhere")
        payload = await ann.mutate(
            "projectSaveTask",
            projectId=scene.project,
            id=task,
            data={"description": "mine"},
            expectedVersion=cursor,
        )
        assert payload["task"]["description"] == "mine"
        await ann.expect_refused(
            "CONFLICT",
            "projectSaveTask",
            projectId=scene.project,
            id=task,
            data={"description": "mine again"},
            expectedVersion=cursor,
        )
        await ann.mutate(
            "projectSaveTask",
            projectId=scene.project,
            id=task,
            data={"description": "mine again"},
            expectedVersion=payload["cursor"],
        )


class TestBatches:
    async def test_several_mutations_of_one_operation_run_in_order(self, scene, ann):
        task = scene.task()
        fields = "\n".join(
            f"m{number}: projectSaveTask(projectId: {scene.project}, id: {task},"
            f' data: {{description: "step {number}"}}, clientMutationId: "step {number} {task}")'
            " { clientMutationId cursor task { id description } messages { code } }"
            for number in range(4)
        )
        data = await ann.query(f"mutation {{ {fields} }}")
        assert list(data) == ["m0", "m1", "m2", "m3"]
        assert data["m3"]["task"]["description"] == "step 3"
        assert scene.row("task", task, "description") == ("step 3",)
        for number in range(4):
            event = await ann.expect_own(f"step {number} {task}")
            assert [item["description"] for item in event["changed"]["tasks"]] == [f"step {number}"]

    async def test_a_list_is_one_event(self, scene, ann, bob):
        task, doomed, name = scene.task(), scene.task(), scene.name()
        await agreed(scene, "ann", ann.subscription)
        payload = await ann.mutate(
            "projectWrite",
            projectId=scene.project,
            operations=[
                {"saveTask": {"id": task, "data": {"title": name}}},
                {"createComment": {"parent": {"task": task}, "data": {"body": "In one go"}}},
                {"deleteTask": {"id": doomed}},
                {"saveTask": {"id": task, "data": {"description": "twice"}}},
            ],
            clientMutationId=name,
        )
        comment = payload["results"][1]["nodeId"]
        assert payload["results"] == [
            {"index": 0, "typename": "Task", "nodeId": str(task), "deleted": False},
            {"index": 1, "typename": "Comment", "nodeId": comment, "deleted": False},
            {"index": 2, "typename": "Task", "nodeId": str(doomed), "deleted": True},
            {"index": 3, "typename": "Task", "nodeId": str(task), "deleted": False},
        ]
        changed = payload["changed"]
        assert [(item["title"], item["description"]) for item in changed["tasks"]] == [
            (name, "twice")
        ]
        assert [item["body"] for item in changed["comments"]] == ["In one go"]
        (project,) = changed["projects"]
        assert str(doomed) not in {item["id"] for item in project["tasks"]}
        event = await ann.expect_delta()
        assert event["clientMutationIds"] == [name]
        assert [item["description"] for item in event["changed"]["tasks"]] == ["twice"]
        assert [item["body"] for item in event["changed"]["comments"]] == ["In one go"]
        assert [item["nodeId"] for item in event["removed"]] == [str(doomed)]
        before = len(bob.subscription.events)
        await bob.until_cursor(payload["cursor"])
        told = [
            event
            for event in bob.subscription.events[before:]
            if any(item["title"] == name for item in event["changed"]["tasks"])
        ]
        assert len(told) == 1
        assert told[0]["removed"]

    async def test_a_list_with_one_refusal_is_nothing(self, scene, ann):
        task = scene.task()
        await agreed(scene, "ann", ann.subscription)
        good = {"saveTask": {"id": task, "data": {"title": "Never"}}}
        for bad in (
            {"saveTask": {"id": task, "data": {"title": ""}}},
            {"deleteTask": {"id": scene.hidden}},
            {"saveTask": {"id": task, "data": {"assigneeId": scene.stranger}}},
        ):
            with unchanged(scene):
                (message,) = await ann.expect_messages(
                    "projectWrite", projectId=scene.project, operations=[good, bad, good]
                )
                assert message["code"] in ("BLANK", "NOT_FOUND", "FORBIDDEN")
                assert message["field"].startswith("operations.1")
        await ann.subscription.expect_silence()
