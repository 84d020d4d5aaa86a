"""Actions for real: servers, sockets, HTTP, both stores, and contexts of another process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from rxgraph.testing import OperationFailed, Subscription, SubscriptionClient, document_for
from tests.integration.acting.desk import Desk, clustered, embedded, schema
from tests.integration.servers import stop

KINDS = {"embedded": embedded, "clustered": clustered}


@pytest.fixture(scope="module", params=KINDS)
def desk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp(request.param)
    with KINDS[request.param](folder, ACTION_SECONDS=4.0) as desk:
        yield desk
        assert "never retrieved" not in desk.log()
        assert "never awaited" not in desk.log()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Two servers. One that drains waits for actions, but not for as long as they may take."""
    folder = tmp_path_factory.mktemp("pair")
    with clustered(folder, ACTION_SECONDS=4.0, DRAIN_SECONDS=0.5) as desk:
        yield desk
        assert "never retrieved" not in desk.log()


@pytest.fixture
async def ann(desk: Desk) -> AsyncIterator[SubscriptionClient]:
    async with desk.client("ann") as client:
        await desk.watch(client)
        yield client


def code_of(answer: Any) -> tuple[str, int]:
    extensions = answer["extensions"]
    return extensions["code"], extensions["status"]


async def renamed(subscription: Subscription | SubscriptionClient, name: str) -> None:
    """Take events until the project has this name."""
    async with asyncio.timeout(30):
        while subscription.state["name"] != name:
            await subscription.next_event()


EVERYTHING = {
    "flag": True,
    "whole": 7,
    "broken": 0.1,
    "text": "x \u2028 \U0001f600",
    "big": "9007199254740993",
    "exact": "12.50",
    "moment": "2026-01-31T12:00:00.000001Z",
    "clock": "12:30:00",
    "length": "1 02:30:00",
    "uid": "7d444840-9dc0-11d1-b245-5ffdce74fad2",
    "mood": "LOUD",
    "spans": [[{"first": "2026-01-01", "last": None}, None], []],
    "extra": {"a": [1, None, {"b": True}]},
    "more": None,
}


class TestRunning:
    async def test_over_the_socket_and_its_change_is_in_the_stream(self, desk, ann):
        assert await ann.act("rename", name="By socket") is True
        await renamed(ann, "By socket")

    async def test_over_http_at_the_same_server(self, desk, ann):
        session = ann.subscription.session
        assert await desk.act("ann", "deskRename", session=session, name="By HTTP") is True
        await renamed(ann, "By HTTP")

    async def test_over_http_at_another_server(self, desk, ann):
        session = ann.subscription.session
        found = await desk.act("ann", "deskRename", desk.far, session=session, name="From far")
        assert found is True
        await renamed(ann, "From far")

    async def test_it_runs_in_the_process_that_holds_the_context(self, desk, ann):
        session = ann.subscription.session
        for server in desk.servers:
            found = await desk.act("ann", "deskFacts", server, session=session)
            assert found == {
                "user": "ann",
                "project": desk.project,
                "process": desk.near.process.pid,
                "visits": None,
            }

    async def test_every_kind_of_value_goes_there_and_back(self, desk, ann):
        assert await ann.act("echo", value=EVERYTHING) == EVERYTHING
        session = ann.subscription.session
        far = await desk.act("ann", "deskEcho", desk.far, session=session, value=EVERYTHING)
        assert far == EVERYTHING

    async def test_it_may_send_and_set_runtime_variables(self, desk, ann):
        assert await ann.act("tell", data={"hello": [1, None]}) is True
        assert await ann.expect_message() == {"hello": [1, None]}
        session = ann.subscription.session
        assert await desk.act("ann", "deskVisit", desk.far, session=session, times=3) is True
        event = await ann.next_event()
        assert event["runtime"] == {"visits": 3}
        assert (await ann.act("facts"))["visits"] == 3

    async def test_a_default_of_the_method_counts(self, ann):
        assert await ann.act("visit") is True
        assert (await ann.next_event())["runtime"] == {"visits": 1}

    async def test_much_goes_there_and_back(self, desk, ann):
        text = 'é"\\' * 70_000
        session = ann.subscription.session
        for server in desk.servers:
            found = await desk.act("ann", "deskRepeat", server, session=session, text=text, times=2)
            assert found == text * 2

    async def test_two_contexts_of_one_user_are_told_apart(self, desk, ann):
        second = await desk.watch(ann)
        first = next(iter(ann.operations.values()))
        assert first is not second
        await second.act("tell", data=2)
        await first.act("tell", data=1)
        assert [await first.expect_message(), await second.expect_message()] == [1, 2]


async def test_it_may_change_what_a_list_shows(desk):
    names = ("Shelf B", "Shelf A", "Other")
    rows = [{"op": "create", "model": "channels_app.Project",
             "data": {"name": name, "owner_id": desk.rows["people"]["ann"]["id"]}}
            for name in names]  # fmt: skip
    one, two, other = desk.near.write(*rows)
    async with desk.client("ann") as client:
        shelf = await client.subscribe(document_for(schema(), "shelf"))
        await shelf.expect_snapshot()
        assert shelf.state == []

        async def shown(*pks: int) -> None:
            await shelf.until(lambda state: [item["id"] for item in state] == [*map(str, pks)])

        session = shelf.session
        assert await desk.act("ann", "shelfSearch", desk.far, session=session, text="shelf") == 2
        await shown(two, one)
        assert await shelf.act("show", projectId=other, first=True) is True
        await shown(other, two, one)
        assert await shelf.act("hide", projectId=two) is True
        await shown(other, one)
        error = await shelf.expect_act_error("NOT_FOUND", "show", projectId=10**6)
        assert "does not exist" in str(error)
        assert await desk.act("ann", "shelfSearch", desk.far, session=session, text="?") == 0
        await shown()


class TestSeveral:
    async def test_a_slow_one_delays_no_event_and_others_run_beside_it(self, desk, ann):
        slow = asyncio.create_task(ann.act("slow", seconds=3.0, name="At last"))
        await asyncio.sleep(0.1)
        assert await ann.act("rename", name="Meanwhile") is True
        await renamed(ann, "Meanwhile")
        await asyncio.gather(*(ann.act("visit", times=times) for times in range(5)))
        assert not slow.done()
        assert await slow == "done"
        await renamed(ann, "At last")

    async def test_those_of_one_operation_run_in_order_and_end_at_the_first_that_fails(
        self, desk, ann
    ):
        session = ann.subscription.session
        document = """mutation ($session: ID!, $project: Int!, $id: ID!) {
          one: deskSlow(session: $session, seconds: 0.3, name: "One")
          two: projectSaveProject(projectId: $project, id: $id, data: {name: "Two"})
            { project { name } messages { code } }
          three: deskRename(session: $session, name: "Three")
        }"""
        variables = {"session": session, "project": desk.project, "id": desk.project}
        for server in desk.servers:
            answer = await desk.post("ann", document, variables, server)
            assert "errors" not in answer
            data = answer["data"]
            assert (data["one"], data["three"]) == ("done", True)
            assert data["two"]["messages"] == []
            await renamed(ann, "Three")
            assert desk.fetch(f"Project.objects.get(pk={desk.project}).name") == "Three"
            answer = await desk.post(
                "ann",
                """mutation ($session: ID!) {
                  one: deskFail(session: $session, kind: "conflict")
                  two: deskRename(session: $session, name: "Not this")
                }""",
                {"session": session},
                server,
            )
            codes = {tuple(e["path"]): e["extensions"]["code"] for e in answer["errors"]}
            assert codes[("one",)] == "CONFLICT"
            assert desk.fetch(f"Project.objects.get(pk={desk.project}).name") == "Three"

    async def test_what_one_transaction_creates_is_one_event(self, desk, ann):
        titles = ["by action", "and another"]
        pks = await ann.act("add_tasks", titles=titles)
        event = await ann.expect_delta()
        assert {task["id"]: task["title"] for task in event["changed"]["tasks"]} == {
            str(pk): title for pk, title in zip(pks, titles, strict=True)
        }


class TestWho:
    async def test_nobody(self, desk, ann):
        session = ann.subscription.session
        for server in desk.servers:
            answer = await desk.act(None, "deskFacts", server, session=session)
            assert code_of(answer) == ("UNAUTHENTICATED", 401)

    async def test_somebody_else_s_an_unknown_and_an_ended_one_are_told_in_the_same_words(
        self, desk, ann
    ):
        async with desk.client("ann") as client:
            ended = (await desk.watch(client)).session
        project = await ann.subscribe(
            "subscription ($id: Int!) { project(projectId: $id) { kind session } }",
            {"id": desk.project},
        )
        other_channel = (await project.next_result())["data"]["project"]["session"]
        held = next(iter(ann.operations.values())).session
        sessions = {
            "somebody else's": (held, "bob"),
            "ended": (ended, "ann"),
            "another channel's": (other_channel, "ann"),
            "unknown here": (f"{held.partition('.')[0]}.{'0' * 32}", "ann"),
            "of an unknown process": (f"{'0' * 32}.{'0' * 32}", "ann"),
            "nonsense": ("nonsense \u2028", "ann"),
        }
        for what, (session, name) in sessions.items():
            for server in desk.servers:
                answer = await desk.act(name, "deskRename", server, session=session, name="No")
                assert code_of(answer) == ("NOT_FOUND", 404), (what, answer)
                expected = (
                    f"You have no live context {session!r}; take session from its newest event"
                )
                assert answer["message"] == expected
        assert desk.fetch(f"Project.objects.get(pk={desk.project}).name") != "No"


ERRORS = [
    ("conflict", "CONFLICT", 409, "It is taken"),
    ("not found", "NOT_FOUND", 404, "There is none"),
    ("denied", "FORBIDDEN", 403, "You may not do this"),
    ("drf denied", "FORBIDDEN", 403, "Not you"),
    ("invalid", "BAD_REQUEST", 400, "It is too long"),
    ("drf invalid", "BAD_REQUEST", 400, "dueDate: It is over"),
    ("missing", "NOT_FOUND", 404, "Task does not exist"),
]


class TestErrors:
    @pytest.mark.parametrize(("kind", "code", "status", "message"), ERRORS)
    async def test_what_is_meant_for_clients_is_told(self, desk, ann, kind, code, status, message):
        session = ann.subscription.session
        for server in desk.servers:
            answer = await desk.act("ann", "deskFail", server, session=session, kind=kind)
            assert code_of(answer) == (code, status)
            assert answer["message"] == message
            assert answer["path"] == ["deskFail"]

    async def test_messages_of_validators_come_with_their_fields(self, desk, ann):
        session = ann.subscription.session
        for server in desk.servers:
            answer = await desk.act("ann", "deskRename", server, session=session, name="")
            assert answer["message"] == "name: Say how"
            assert answer["extensions"] == {
                "code": "BAD_REQUEST",
                "status": 400,
                "messages": [{"field": "name", "message": "Say how", "code": "BLANK"}],
            }
        error = await ann.expect_act_error("BAD_REQUEST", "fail", kind="drf invalid")
        assert error.errors[0]["extensions"]["messages"] == [
            {"field": "dueDate", "message": "It is over", "code": "INVALID"}
        ]

    @pytest.mark.parametrize(
        ("field", "variables", "logged"),
        [
            ("deskFail", {"kind": "bug"}, "password is 1234"),
            (
                "deskLie",
                {},
                "DeskChannel.lie declares what it answers, but that is a str, not an int",
            ),
            ("deskRepeat", {"text": "x" * 1000, "times": 2000}, "DeskChannel.repeat answered 2000"),
        ],
    )
    async def test_the_rest_is_masked_and_logged_where_it_ran(
        self, desk, ann, field, variables, logged
    ):
        session = ann.subscription.session
        for server in desk.servers:
            answer = await desk.act("ann", field, server, session=session, **variables)
            assert code_of(answer) == ("INTERNAL", 500)
            id_ = answer["extensions"]["id"]
            assert answer["message"] == f"Internal error {id_}"
            assert f"Internal error {id_} at ['{field}']" in desk.near.log
        assert logged in desk.near.log

    async def test_arguments_that_do_not_fit_are_refused_before_it_runs(self, desk, ann):
        session = ann.subscription.session
        for server in desk.servers:
            for value in (
                {**EVERYTHING, "big": "9" * 30},
                {**EVERYTHING, "extra": []},
                {**EVERYTHING, "mood": "calm"},
                {**EVERYTHING, "broken": None},
            ):
                answer = await desk.act("ann", "deskEcho", server, session=session, value=value)
                assert code_of(answer) == ("BAD_REQUEST", 400), answer
            answer = await desk.act(
                "ann", "deskRepeat", server, session=session, text="x" * 2_000_000
            )
            assert code_of(answer) == ("BAD_REQUEST", 400)
            assert "at most 1048576 are taken" in answer["message"]


class TestTheEnd:
    async def test_one_that_takes_too_long_is_stopped(self, desk, ann):
        session = ann.subscription.session
        for place, server in enumerate(desk.servers):
            label = f"late {place} {session[-8:]}"
            begun = time.monotonic()
            answer = await desk.act("ann", "deskHang", server, session=session, label=label)
            assert 4.0 <= time.monotonic() - begun < 12.0
            assert code_of(answer) == ("INTERNAL", 504)
            assert "4 seconds" in answer["message"]
            assert "unknown" in answer["message"]
            assert desk.fetch(f"Label.objects.filter(name={label!r}).count()") == 1

    async def test_when_its_context_ends_it_is_stopped_and_the_caller_is_told(self, desk):
        for place, server in enumerate(desk.servers):
            async with desk.client("ann") as client:
                watched = await desk.watch(client)
                label = f"ended {place} {watched.session[-8:]}"
                hanging = asyncio.create_task(
                    desk.act("ann", "deskHang", server, session=watched.session, label=label)
                )
                assert await client.expect_message() == "hanging"
                await watched.stop()
                answer = await hanging
            assert code_of(answer) == ("CONFLICT", 409)
            assert "ended while deskHang ran" in answer["message"]
            assert desk.fetch(f"Label.objects.filter(name={label!r}).count()") == 1
        facts = await settled(desk)
        assert not [name for name in facts["tasks"] if "action" in name], facts

    async def test_who_asked_may_go_and_it_runs_to_its_end(self, desk, ann):
        async with desk.client("ann", desk.far) as other:
            session = ann.subscription.session
            document = """mutation ($session: ID!) {
              deskSlow(session: $session, seconds: 0.5, name: "All the same") }"""
            asking = await other.subscribe(document, {"session": session})
            await asyncio.sleep(0.2)
            await asking.stop()
        await renamed(ann, "All the same")


async def settled(desk: Desk) -> dict[str, Any]:
    """Return what the near server holds, when nothing acts any more."""
    deadline = time.monotonic() + 5
    while True:
        facts = desk.near.facts()
        if not any("action" in name for name in facts["tasks"]) or time.monotonic() > deadline:
            return facts
        await asyncio.sleep(0.1)


class TestProcessesThatEnd:
    async def test_a_killed_one_is_not_found(self, pair):
        (doomed,) = pair.cluster.serve(1)
        async with pair.client("ann", doomed) as client:
            watched = await pair.watch(client)
            session = watched.session
            assert await pair.act("ann", "deskRename", session=session, name="Alive") is True
            hanging = asyncio.create_task(
                pair.act("ann", "deskHang", session=session, label="never")
            )
            while (await watched.next_event())["kind"] != "MESSAGE":
                pass
            stop(doomed, kill=True)
            begun = time.monotonic()
            answer = await pair.act("ann", "deskRename", session=session, name="Dead")
            assert code_of(answer) == ("NOT_FOUND", 404)
            assert time.monotonic() - begun < 15
            answer = await hanging  # it was running: nobody knows how far it came
            assert code_of(answer) == ("INTERNAL", 504)
            assert "whether it was done is unknown" in answer["message"]
        assert pair.fetch(f"Project.objects.get(pk={pair.project}).name") == "Alive"

    async def test_one_that_stops_in_order_tells_who_waits(self, pair):
        (leaving,) = pair.cluster.serve(1)
        async with pair.client("ann", leaving) as client:
            session = (await pair.watch(client)).session
            hanging = asyncio.create_task(
                pair.act("ann", "deskHang", session=session, label="stopped")
            )
            assert await client.expect_message() == "hanging"
            await asyncio.to_thread(stop, leaving)
            answer = await hanging
        assert code_of(answer) == ("CONFLICT", 409)
        assert pair.fetch("Label.objects.filter(name='stopped').count()") == 1

    async def test_many_at_once_to_and_fro(self, pair):
        async with pair.client("ann") as near, pair.client("ann", pair.far) as far:
            left, right = await pair.watch(near), await pair.watch(far)
            calls = [
                pair.act("ann", "deskRepeat", server, session=session, text=f"{number} ")
                for number in range(40)
                for server, session in ((pair.near, right.session), (pair.far, left.session))
            ]
            found = await asyncio.gather(*calls)
        assert found == [f"{number} " for number in range(40) for _ in range(2)]


async def test_an_error_is_raised_by_the_client_of_tests(desk, ann):
    with pytest.raises(OperationFailed, match="It is taken") as caught:
        await ann.act("fail", kind="conflict")
    assert caught.value.code == "CONFLICT"
    with pytest.raises(AssertionError, match="expected rename to fail with FORBIDDEN"):
        await ann.expect_act_error("FORBIDDEN", "rename", name="Yes")
    with pytest.raises(AssertionError, match="expected FORBIDDEN, got CONFLICT"):
        await ann.expect_act_error("FORBIDDEN", "fail", kind="conflict")
