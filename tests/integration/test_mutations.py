"""What a server refuses, how it says so, and that it is the same over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest

from rxgraph.testing import OperationFailed, Unexpected, WriteRefused
from tests.integration.mutation_scene import (
    Recorder,
    Scene,
    agreed,
    document,
    embedded,
    outcome,
    unchanged,
)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("scene")
    with embedded(folder, rxgraph={"MUTATION_BYTES": 20_000}) as found:
        yield found


@pytest.fixture
async def ann(scene: Scene) -> AsyncIterator[Recorder]:
    async with scene.client("ann") as client:
        await scene.watch(client)
        yield client


@pytest.fixture
async def bob(scene: Scene) -> AsyncIterator[Recorder]:
    async with scene.client("bob") as client:
        await scene.watch(client)
        yield client


@pytest.fixture(scope="module")
def rows(scene: Scene) -> dict[str, int]:
    """One row of each kind on the board, by name of its type; all but the note are ann's."""
    task = scene.task()
    ann, bob = scene.people["ann"]["id"], scene.people["bob"]["id"]
    return {
        "Project": scene.project,
        "Task": task,
        "ChecklistItem": scene.create("ChecklistItem", task_id=task, text="Step"),
        "Comment": scene.create("Comment", task_id=task, author_id=ann, body="Said"),
        "Note": scene.create("Note", task_id=task, owner_id=bob, body="His own"),
    }


DATA: dict[str, dict[str, Any]] = {
    "Project": {"name": "P"},
    "Task": {"title": "T"},
    "ChecklistItem": {"text": "C"},
    "Comment": {"body": "B"},
    "Note": {"body": "N"},
}


def save(scene: Scene, typename: str, id_: Any, **more: Any) -> dict[str, Any]:
    """Return the arguments of a save."""
    return {"projectId": scene.project, "id": id_, "data": DATA[typename], **more}


class TestWho:
    @pytest.mark.parametrize("typename", ["Project", "Task", "ChecklistItem", "Comment"])
    async def test_a_viewer_changes_nothing_of_others(self, scene, bob, rows, typename):
        with unchanged(scene):
            message = await bob.expect_refused(
                "FORBIDDEN", f"projectSave{typename}", **save(scene, typename, rows[typename])
            )
            assert message["kind"] == "PERMISSION"
            assert message["message"] == f"You may not save this {typename}"
            if typename != "Project":
                await bob.expect_refused(
                    "FORBIDDEN",
                    f"projectDelete{typename}",
                    projectId=scene.project,
                    id=rows[typename],
                )

    async def test_a_viewer_creates_no_tasks_and_no_steps(self, scene, bob, rows):
        with unchanged(scene):
            for typename, parent in (
                ("Task", {"project": scene.project}),
                ("ChecklistItem", {"task": rows["Task"]}),
            ):
                await bob.expect_refused(
                    "FORBIDDEN",
                    f"projectCreate{typename}",
                    projectId=scene.project,
                    parent=parent,
                    data=DATA[typename],
                )

    async def test_a_project_that_one_may_not_watch_is_an_error(self, scene, bob):
        with unchanged(scene):
            for project, code in ((scene.other, "FORBIDDEN"), (999, "NOT_FOUND")):
                given = {"projectId": project, "id": scene.hidden, "data": {"title": "T"}}
                assert await outcome(bob, "projectSaveTask", **given) == [code]
        with pytest.raises(OperationFailed) as caught:
            await bob.mutate("projectSaveTask", **given)
        assert caught.value.code == "NOT_FOUND"

    async def test_nobody_writes_without_signing_in(self, scene, rows):
        answer = scene.http("ann", document("projectSaveTask"), **save(scene, "Task", rows["Task"]))
        assert "errors" not in answer
        with unchanged(scene):
            async with Recorder(scene.servers[0].websocket_url) as nobody:
                codes = await outcome(
                    nobody, document("projectSaveTask"), **save(scene, "Task", rows["Task"])
                )
                assert codes == ["UNAUTHENTICATED"]

    async def test_who_loses_the_membership_writes_no_more(self, scene, rows):
        pk = scene.people["eve"]["id"]
        where = f"WHERE user_id = {pk} AND project_id = {scene.project}"
        ((membership,),) = scene.fetch(f"SELECT id FROM channels_app_membership {where}")  # noqa: S608
        async with scene.client("eve") as eve:
            assert await outcome(eve, "projectSaveTask", **save(scene, "Task", rows["Task"])) == []
            scene.save("Membership", membership, role="viewer")
            with unchanged(scene):
                for typename in ("Task", "Project"):
                    given = save(scene, typename, rows[typename])
                    assert await outcome(eve, f"projectSave{typename}", **given) == ["FORBIDDEN"]
            scene.save("Membership", membership, role="editor")


class TestWhich:
    """Ids that lead nowhere here: one answer for all, the socket lives, nothing is written."""

    async def test_what_is_not_in_the_context_does_not_exist(self, scene, ann, rows):
        elsewhere = {
            "Task": scene.hidden,
            "Comment": scene.hidden_comment,
            "Note": rows["Note"],
            "ChecklistItem": scene.create("ChecklistItem", task_id=scene.hidden, text="There"),
        }
        gone = scene.task()
        scene.delete("Task", gone)
        moved = scene.task()
        scene.save("Task", moved, project_id=scene.other)
        with unchanged(scene):
            for typename, pk in [*elsewhere.items(), ("Task", gone), ("Task", moved)]:
                message = await ann.expect_refused(
                    "NOT_FOUND", f"projectSave{typename}", **save(scene, typename, pk)
                )
                assert message["message"] == f"There is no such {typename} here"
                again = await ann.expect_refused(
                    "NOT_FOUND", f"projectDelete{typename}", projectId=scene.project, id=pk
                )
                assert again["message"] == message["message"]
            for parent in (scene.hidden, gone, moved):
                await ann.expect_refused(
                    "NOT_FOUND",
                    "projectCreateComment",
                    projectId=scene.project,
                    parent={"task": parent},
                    data={"body": "There"},
                )
            await ann.expect_refused(
                "NOT_FOUND",
                "projectCreateTask",
                projectId=scene.project,
                parent={"project": scene.other},
                data={"title": "There"},
            )

    @pytest.mark.parametrize(
        "forged",
        [
            *({"$gt": 0}, {"$ne": None}, [], [1], [[1]], True, False, 1.5, None, {}),
            *("", " ", "1 ", " 1", "01", "+1", "-1", "1.0", "1e0", "0x1", "٣", "1\u0000", "\u0000"),
            *("{'$gt': 0}", '{"$gt": 0}', "1 OR 1=1", "1; DROP TABLE x", "null", "x" * 5000),
            *(2**31, 2**63, 2**70, -(2**70), "9" * 400, "1" + "0" * 30, "\ud800"),
        ],
        ids=lambda value: repr(value)[:24],
    )
    async def test_a_forged_id_is_refused(self, scene, ann, rows, forged):
        bad = ["BAD_REQUEST"], ["NOT_FOUND"]
        with unchanged(scene):
            assert await outcome(ann, "projectSaveTask", **save(scene, "Task", forged)) in bad
            assert (
                await outcome(ann, "projectDeleteTask", projectId=scene.project, id=forged) in bad
            )
            for parent in ({"task": forged}, forged):
                given = {"projectId": scene.project, "parent": parent, "data": {"body": "B"}}
                assert await outcome(ann, "projectCreateComment", **given) in bad
            for data in ({"labelIds": [forged]}, {"assigneeId": forged}):
                if forged is None or forged in ("1 ", " 1", "01", "+1", "٣"):
                    continue  # nobody, and numbers as DRF reads them
                codes = await outcome(
                    ann, "projectSaveTask", **save(scene, "Task", rows["Task"], data=data)
                )
                assert codes[0] in (
                    *("BAD_REQUEST", "DOES_NOT_EXIST", "INCORRECT_TYPE", "FORBIDDEN"),
                    *("INVALID", "NULL"),
                ), codes
        assert (await ann.query(f"{{ project(projectId: {scene.project}) {{ id }} }}"))["project"]

    async def test_parents_are_exactly_one(self, scene, ann, rows):
        with unchanged(scene):
            for parent in ({}, {"task": None}, {"project": 1}, {"task": 1, "project": 1}, None):
                given = {"projectId": scene.project, "parent": parent, "data": {"body": "B"}}
                assert await outcome(ann, "projectCreateComment", **given) == ["BAD_REQUEST"]

    async def test_a_row_that_is_moved_at_the_same_moment(self, scene, ann):
        """It is saved here or refused; never saved after it has left."""
        for number in range(12):
            task = scene.task(title="before")
            await agreed(scene, "ann", ann.subscription)
            _, codes = await asyncio.gather(
                asyncio.to_thread(scene.save, "Task", task, project_id=scene.other),
                outcome(ann, "projectSaveTask", **save(scene, "Task", task)),
            )
            assert codes in ([], ["NOT_FOUND"]), number
            with unchanged(scene):
                await ann.expect_refused(
                    "NOT_FOUND", "projectSaveTask", **save(scene, "Task", task)
                )


class TestWhat:
    async def test_unset_null_and_a_value_differ(self, scene, ann):
        task = scene.task(due="2026-01-02", description="Long", priority=4)

        def now() -> Any:
            return scene.row("task", task, "due", "description", "priority", "title IS NULL")

        async def give(data: Mapping[str, Any]) -> None:
            await ann.mutate("projectSaveTask", **save(scene, "Task", task, data=data))

        await give({})
        assert [*map(str, now()[:3])] == ["2026-01-02", "Long", "4"]
        await give({"due": None})
        assert now()[:3] == (None, "Long", 4)
        await give({"due": "2026-03-04", "description": "", "priority": "LOW"})
        assert [*map(str, now()[:3])] == ["2026-03-04", "", "1"]

    async def test_a_variable_that_is_not_given_leaves_the_field_alone(self, scene, ann):
        task = scene.task(due="2026-01-02", description="Long")
        text = """mutation($p: Int!, $id: ID!, $due: Date, $description: String) {
            projectSaveTask(projectId: $p, id: $id, data: {due: $due, description: $description})
            { messages { code } task { due description } } }"""
        payload = await ann.mutate(text, p=scene.project, id=task)
        assert payload["task"] == {"due": "2026-01-02", "description": "Long"}
        payload = await ann.mutate(text, p=scene.project, id=task, due=None)
        assert payload["task"] == {"due": None, "description": "Long"}

    @pytest.mark.parametrize(
        ("data", "told"),
        [
            ({"title": ""}, [("title", "BLANK")]),
            ({"title": None}, [("title", "NULL")]),
            ({"title": "x" * 201}, [("title", "MAX_LENGTH")]),
            ({"position": -1}, [("position", "MIN_VALUE")]),
            ({"position": None}, [("position", "NULL")]),
            ({"status": None}, [("status", "NULL")]),
            ({"estimate": "-1"}, [("estimate", "MIN_VALUE")]),
            ({"title": "", "position": -1}, [("title", "BLANK"), ("position", "MIN_VALUE")]),
            ({"labelIds": None}, [("labelIds", "NULL")]),
            ({"labelIds": [987654]}, [("labelIds", "DOES_NOT_EXIST")]),
            ({"assigneeId": 987654}, [("assigneeId", "DOES_NOT_EXIST")]),
            ({"title": "a\u0000b"}, [("title", "NULL_CHARACTERS_NOT_ALLOWED")]),
        ],
        ids=repr,
    )
    async def test_what_is_not_valid_is_told_by_field(self, scene, ann, rows, data, told):
        with unchanged(scene):
            messages = await ann.expect_messages(
                "projectSaveTask", **save(scene, "Task", rows["Task"], data=data)
            )
        assert sorted((m["field"], m["code"]) for m in messages) == sorted(told)
        assert {message["kind"] for message in messages} == {"VALIDATION"}
        assert all(message["message"] for message in messages)

    @pytest.mark.parametrize(
        "data",
        [
            *({"title": 5}, {"title": ["a"]}, {"position": "x"}, {"position": 2**40}),
            *({"due": 5}, {"status": "LATER"}, {"status": 1}, {"priority": 3}),
            *({"labelIds": {"a": 1}}, {"id": 5}, {"projectId": 2}, {"createdAt": "2026-01-01"}),
            *({"updatedAt": None}, {"nothing": 1}, {"comments": []}, "title", [], 5),
        ],
        ids=repr,
    )
    async def test_what_the_schema_does_not_know_is_a_bad_request(self, scene, ann, rows, data):
        with unchanged(scene):
            codes = await outcome(
                ann, "projectSaveTask", **save(scene, "Task", rows["Task"], data=data)
            )
            assert codes == ["BAD_REQUEST"]

    async def test_half_an_emoji_is_what_a_browser_makes_of_it(self, scene, ann, rows):
        for sent, kept in (
            ("\ud83d", "\ufffd"),
            ("a\ude00b", "a\ufffdb"),
            ("\\ud83d \U0001f600\ud83d", "\\ud83d \U0001f600\ufffd"),
        ):
            payload = await ann.mutate(
                "projectSaveTask", **save(scene, "Task", rows["Task"], data={"title": sent})
            )
            assert payload["task"]["title"] == kept
            answer = await asyncio.to_thread(
                scene.http_text,
                "ann",
                json.dumps(
                    {
                        "query": "{ __typename }",
                        "variables": {"a": sent},
                    }
                ),
            )
            assert answer == {"data": {"__typename": "Query"}}

    @pytest.mark.parametrize("due", ["2026-02-30", "tomorrow", "", "2026-01-01T00:00:00Z"])
    async def test_a_date_that_is_none_is_refused(self, scene, ann, rows, due):
        with unchanged(scene):
            codes = await outcome(
                ann, "projectSaveTask", **save(scene, "Task", rows["Task"], data={"due": due})
            )
            assert codes in (["BAD_REQUEST"], ["INVALID"], ["DATETIME"])

    async def test_what_is_required_is_required(self, scene, ann, rows):
        with unchanged(scene):
            given = {"projectId": scene.project, "parent": {"project": scene.project}}
            assert await outcome(ann, "projectCreateTask", **given, data={}) == ["BAD_REQUEST"]
            assert await outcome(ann, "projectCreateTask", **given, data={"title": None}) == [
                "BAD_REQUEST"
            ]
            assert await outcome(ann, "projectCreateTask", **given) == ["BAD_REQUEST"]

    async def test_too_much_is_refused(self, scene, ann, rows):
        with unchanged(scene):
            codes = await outcome(
                ann,
                "projectSaveTask",
                **save(scene, "Task", rows["Task"], data={"description": "x" * 30_000}),
            )
            assert codes == ["BAD_REQUEST"]
            codes = await outcome(
                ann,
                "projectSaveTask",
                **save(scene, "Task", rows["Task"], clientMutationId="x" * 201),
            )
            assert codes == ["BAD_REQUEST"]

    async def test_the_rules_of_a_decimal(self, scene, ann):
        for budget in ("-1", "12345678901.00", "1.234", "NaN", "Infinity", "x"):
            with unchanged(scene):
                codes = await outcome(
                    ann,
                    "projectSaveProject",
                    **save(scene, "Project", scene.project, data={"budget": budget}),
                )
                assert len(codes) == 1, budget
                assert codes != ["INTERNAL"]

    async def test_labels_of_anywhere_and_people_of_the_board_only(self, scene, ann, rows):
        bob = scene.people["bob"]["id"]
        payload = await ann.mutate(
            "projectSaveTask",
            **save(
                scene,
                "Task",
                rows["Task"],
                data={"labelIds": [*scene.labels, scene.labels[0]], "assigneeId": bob},
            ),
        )
        assert {item["id"] for item in payload["task"]["labels"]} == set(map(str, scene.labels))
        assert payload["task"]["assignee"]["id"] == str(bob)
        await ann.until_cursor(payload["cursor"])
        with unchanged(scene):
            await ann.expect_refused(
                "FORBIDDEN",
                "projectSaveTask",
                **save(scene, "Task", rows["Task"], data={"assigneeId": scene.stranger}),
            )
        payload = await ann.mutate(
            "projectSaveTask",
            **save(scene, "Task", rows["Task"], data={"labelIds": [], "assigneeId": None}),
        )
        assert (payload["task"]["labels"], payload["task"]["assignee"]) == ([], None)

    async def test_what_is_not_declared_does_not_exist(self, scene, ann):
        for call in (
            "projectDeleteProject(projectId: 1, id: 1) { messages { code } }",
            'projectCreateProject(data: {name: "N"}) { messages { code } }',
            'projectSaveLabel(projectId: 1, id: 1, data: {name: "N"}) { messages { code } }',
            "projectDeleteMembership(projectId: 1, id: 1) { messages { code } }",
            'projectSaveUser(projectId: 1, id: 1, data: {username: "N"}) { messages { code } }',
            "projectWrite(projectId: 1, operations: [{deleteProject: {id: 1}}])"
            " { messages { code } }",
        ):
            with unchanged(scene), pytest.raises(OperationFailed) as caught:
                await ann.mutate(f"mutation {{ {call} }}")
            assert caught.value.code == "BAD_REQUEST"


class TestVersions:
    @pytest.mark.parametrize("version", ["x", "", "0", "AAAA", "x" * 5000])
    async def test_what_is_no_cursor_is_refused(self, scene, ann, rows, version):
        with unchanged(scene):
            given = save(scene, "Task", rows["Task"], expectedVersion=version)
            assert await outcome(ann, "projectSaveTask", **given) == ["BAD_REQUEST"]

    async def test_a_cursor_of_another_project_is_refused(self, scene, ann, rows):
        data = await ann.query(f"{{ project(projectId: {scene.other}) {{ cursor }} }}")
        with unchanged(scene):
            given = save(scene, "Task", rows["Task"], expectedVersion=data["project"]["cursor"])
            assert await outcome(ann, "projectSaveTask", **given) == ["BAD_REQUEST"]

    async def test_a_write_that_the_stream_has_not_told_yet_is_a_conflict(self, scene, ann):
        for _ in range(8):
            task = scene.task()
            await agreed(scene, "ann", ann.subscription)
            cursor = ann.cursor
            scene.save("Task", task, title="theirs")  # committed, perhaps not told
            with unchanged(scene):
                await ann.expect_refused(
                    "CONFLICT",
                    "projectSaveTask",
                    **save(scene, "Task", task, expectedVersion=cursor),
                )


class TestHTTP:
    def test_the_answers_are_those_of_the_socket(self, scene, rows):
        async def over_socket(name: str, given: Mapping[str, Any]) -> Any:
            async with scene.client("ann") as client:
                try:
                    return await client.query(document(name), given)
                except OperationFailed as failed:
                    return [error["message"] for error in failed.errors]

        for name, given in (
            ("projectSaveTask", save(scene, "Task", rows["Task"])),
            ("projectSaveTask", save(scene, "Task", rows["Task"], data={"title": ""})),
            ("projectSaveTask", save(scene, "Task", scene.hidden)),
            ("projectSaveTask", save(scene, "Task", {"$gt": 0})),
            ("projectSaveTask", save(scene, "Task", rows["Task"], projectId=999)),
            ("projectSaveProject", save(scene, "Project", scene.project)),
            ("projectDeleteNote", {"projectId": scene.project, "id": rows["Note"]}),
        ):
            answer = scene.http("ann", document(name), **given)
            one = answer.get("data") or [error["message"] for error in answer["errors"]]
            two = asyncio.run(over_socket(name, given))
            assert _timeless(one) == _timeless(two), given

    async def test_a_write_over_http_reaches_the_sockets_of_its_writer(self, scene, ann, rows):
        answer = await asyncio.to_thread(
            scene.http,
            "ann",
            document("projectSaveTask"),
            **save(scene, "Task", rows["Task"], clientMutationId="http"),
        )
        payload = answer["data"]["projectSaveTask"]
        event = await ann.expect_own("http")
        assert event["changed"]["tasks"][0] == payload["task"]
        await ann.until_cursor(payload["cursor"])

    async def test_a_repeat_may_come_over_the_other_transport(self, scene, ann, rows):
        given = {
            "projectId": scene.project,
            "parent": {"task": rows["Task"]},
            "data": {"body": "Once"},
            "clientMutationId": scene.name(),
        }
        one = await ann.mutate("projectCreateComment", **given)
        two = await asyncio.to_thread(scene.http, "ann", document("projectCreateComment"), **given)
        assert two["data"]["projectCreateComment"]["comment"] == one["comment"]


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _timeless(v) for k, v in value.items() if k not in ("cursor", "updatedAt")}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


class TestHelpers:
    async def test_a_refusal_reads_well(self, scene, bob, rows):
        with pytest.raises(WriteRefused) as caught:
            await bob.mutate("projectSaveTask", **save(scene, "Task", rows["Task"]))
        assert str(caught.value) == (
            "projectSaveTask was refused: You may not save this Task (FORBIDDEN)"
        )
        with pytest.raises(Unexpected, match="expected CONFLICT, but projectSaveTask was refused"):
            await bob.expect_refused(
                "CONFLICT", "projectSaveTask", **save(scene, "Task", rows["Task"])
            )

    async def test_what_was_written_though_a_refusal_was_expected(self, scene, ann, rows):
        with pytest.raises(Unexpected, match="expected projectSaveTask to be refused"):
            await ann.expect_messages("projectSaveTask", **save(scene, "Task", rows["Task"]))

    async def test_what_does_not_come_is_named(self, scene, rows):
        async with scene.client("ann", timeout=2.0) as ann:
            await scene.watch(ann)
            payload = await ann.mutate("projectSaveTask", **save(scene, "Task", rows["Task"]))
            ann.timeout = 0.4
            with pytest.raises(Unexpected, match="expected an event with 'other', got DELTA"):
                await ann.expect_own("other")
            await ann.until_cursor(payload["cursor"])
            with pytest.raises(Unexpected, match="expected one mutation, got a, b"):
                await ann.mutate("{ a: __typename b: __typename }")
