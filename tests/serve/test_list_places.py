"""A list tells its events in the order of their places, whatever waits to be judged meanwhile.

A frame goes out when everything before it has. So an event that is told first and has its place
behind another one of the same list would wait for it, and that one for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from channels_app.models import Project
from rxgraph.serve.outbox import Lane, SlotQueue, SlotState
from rxgraph.types import FOREST, AnchorKey
from tests.serve.lists import OwnListChannel, make_project, make_users
from tests.serve.live import Results, Stage, in_database, staged

pytestmark = pytest.mark.django_db(transaction=True)


class Socket:
    """Takes each event into its place, and is content if that is the first one."""

    def __init__(self, queue: SlotQueue, live: Results) -> None:
        self._queue, self.live = queue, live

    async def event(self) -> dict[str, Any]:
        event = await self.live.event()
        slot = self.live.scope.take()
        assert slot is not None
        slot.fill(event["kind"])
        assert self._queue.head() is slot, f"{event['kind']} waits for what is told after it"
        self._queue.remove(slot, SlotState.SENT)
        return event

    async def until(self, name: str) -> list[str]:
        """Take events until one project has this name; answer their kinds."""
        kinds = []
        async with asyncio.timeout(10):
            while name not in [item["name"] for item in self.live.state]:
                kinds.append((await self.event())["kind"])
        return kinds


class Judge:
    """Holds up who asks which roots are listed, until it is told to answer."""

    def __init__(self, stage: Stage) -> None:
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()
        self._judge = stage.runtime.hub.desk.judge
        stage.runtime.hub.desk.judge = self  # type: ignore[assignment, method-assign]

    async def __call__(self, *args: Any) -> Any:
        self.asked.set()
        await self.may_answer.wait()
        return await self._judge(*args)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    OwnListChannel.contexts.clear()
    async with staged(OwnListChannel) as staged_:
        yield staged_


@pytest.fixture
async def ann() -> Any:
    return (await in_database(make_users)())[0]


@pytest.fixture
async def projects(ann: Any) -> list[Project]:
    return [await in_database(make_project)(ann, f"p{number}") for number in range(3)]


@pytest.fixture
async def socket(stage: Stage, ann: Any, projects: list[Project]) -> Socket:
    queue = SlotQueue()
    found = Socket(queue, await stage.subscribe(OwnListChannel, ann, lane=Lane(queue)))
    await found.event()
    return found


async def rename(project: Project, name: str) -> None:
    await in_database(Project.objects.filter(pk=project.pk).update)(name=name)


async def entries(stage: Stage, count: int) -> Any:
    """Return the stream when *count* of its events wait for their turn."""
    [stream] = stage.runtime.contexts
    for _ in range(200):
        if len(stream._entries) == count:  # type: ignore[attr-defined]
            return stream
        await asyncio.sleep(0.02)
    raise AssertionError(f"{stream._entries} wait")  # type: ignore[attr-defined]


async def test_a_message_does_not_wait_for_a_batch_that_is_judged(
    stage: Stage, socket: Socket, projects: list[Project]
) -> None:
    judge = Judge(stage)
    await rename(projects[0], "renamed")
    await entries(stage, 1)
    await OwnListChannel.contexts[-1].send({"news": 1})
    assert (await socket.event())["kind"] == "MESSAGE"
    judge.may_answer.set()
    assert await socket.until("renamed") == ["DELTA"]


async def test_a_new_life_between_two_batches_keeps_its_place(
    stage: Stage, socket: Socket, projects: list[Project]
) -> None:
    judge = Judge(stage)
    await rename(projects[0], "first")
    await entries(stage, 1)
    key = AnchorKey(OwnListChannel.name, FOREST)
    assert await in_database(stage.runtime.engine.clear)(key)
    await entries(stage, 2)
    await rename(projects[1], "second")
    await entries(stage, 3)
    judge.may_answer.set()
    assert "SNAPSHOT" in await socket.until("second")


async def test_what_comes_while_the_list_is_asked_for_again_keeps_its_place(
    stage: Stage, socket: Socket, projects: list[Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = Judge(stage)
    await rename(projects[0], "first")
    stream = await entries(stage, 1)
    asked, may_answer = asyncio.Event(), asyncio.Event()
    list_instances = OwnListChannel.list_instances

    async def held_up(context: Any) -> Any:
        asked.set()
        await may_answer.wait()
        return await list_instances(context)

    monkeypatch.setattr(OwnListChannel, "list_instances", held_up)
    stream._must_recheck = True  # as another life of the cache would have it
    stream.stir()
    taking = asyncio.create_task(socket.until("second"))
    await asyncio.wait_for(asked.wait(), 10)
    await rename(projects[1], "second")
    await entries(stage, 2)
    judge.may_answer.set()
    may_answer.set()
    assert await taking == ["DELTA", "DELTA"]


async def test_what_has_left_a_list_is_not_told_of_though_it_is_written_while_that_is_asked(
    stage: Stage, socket: Socket, projects: list[Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = Judge(stage)
    lost = Project.objects.filter(pk=projects[0].pk)
    bob = await in_database(User.objects.get)(username="bob")
    await in_database(lost.update)(owner=bob)
    await rename(projects[0], "his")
    stream = await entries(stage, 2)
    asked, may_answer = asyncio.Event(), asyncio.Event()
    list_instances = OwnListChannel.list_instances

    async def slow(context: Any) -> Any:
        found = [project.pk async for project in await list_instances(context)]
        asked.set()
        await may_answer.wait()
        return found

    monkeypatch.setattr(OwnListChannel, "list_instances", slow)
    stream._must_recheck = True  # as a revoke would have it
    stream.stir()
    taking = asyncio.create_task(socket.event())
    await asyncio.wait_for(asked.wait(), 10)
    await rename(projects[0], "his own")
    await entries(stage, 3)
    may_answer.set()
    event = await asyncio.wait_for(taking, 10)
    removed = [item["nodeId"] for item in event["removed"] if item["typename"] == "Project"]
    assert removed == [str(projects[0].pk)]
    assert event["changed"]["projects"] == []
    judge.may_answer.set()
    await rename(projects[1], "hers")
    await socket.until("hers")
    assert [item["name"] for item in socket.live.state] == ["hers", "p2"]
