"""Who lost access to what is deleted before that is known is told nothing that was written between.

The row is gone by then, so that ``has_permission`` cannot say who might have seen that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from channels_app.channels import ProjectChannel
from channels_app.models import Project, Task
from rxgraph.serve.replica import Move
from rxgraph.serve.stream import LiveStream
from tests.serve.live import Results, Stage, in_database, staged, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def stage(settings: Any) -> AsyncIterator[Stage]:
    settings.BOARD_PRESENCE = False
    async with staged(ProjectChannel) as staged_:
        yield staged_


@pytest.fixture
async def project(transactional_db: None) -> Project:
    ann = await User.objects.acreate(username="ann")
    made = await Project.objects.acreate(owner=ann, name="hers")
    await Task.objects.acreate(project=made, title="dig")
    return made


class Doubt:
    """Access that is asked about after everything else has happened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stage: Stage, project: Project) -> None:
        self._monkeypatch, self._stage, self._pk = monkeypatch, stage, project.pk
        self.stream: Any = None
        self._asked, self._may_answer = asyncio.Event(), asyncio.Event()

    async def begin(self) -> None:
        """Be as a revoke would have it; then somebody writes."""
        has_permission = ProjectChannel.has_permission

        async def slow(user: User, project_id: int) -> bool:
            self._asked.set()
            await self._may_answer.wait()
            answer: bool = await in_database(has_permission)(user, project_id)
            return answer

        self._monkeypatch.setattr(ProjectChannel, "has_permission", staticmethod(slow))
        [self.stream] = self._stage.runtime.contexts
        self.stream._must_recheck = True
        self.stream.stir()
        await in_database(Project.objects.filter(pk=self._pk).update)(name="no longer hers")
        await until(lambda: "no longer hers" in str(self.stream.replica.state))

    async def delete(self) -> None:
        """Delete the project; the answer comes after that."""
        await asyncio.wait_for(self._asked.wait(), 10)
        await in_database(Project.objects.filter(pk=self._pk).delete)()
        await until(lambda: not self.stream.replica.state)
        self._may_answer.set()


async def subscribe(stage: Stage, project: Project) -> Results:
    owner = await User.objects.aget(username="ann")
    return await stage.subscribe(ProjectChannel, owner, {"projectId": project.pk})


async def ends(live: Results) -> bool:
    """Return whether the last event says that all is deleted, and nothing else is told."""
    event = await live.event()
    assert "no longer hers" not in str(event)
    removed = {(item["typename"], item["reason"]) for item in event["removed"]}
    is_end = event["channel"]["state"] is None and ("Project", "DELETED") in removed
    return is_end and await live.error() is None


async def deleted_in_doubt(stage: Stage, project: Project, doubt: Doubt) -> asyncio.Task[bool]:
    """Delete what somebody watches, who may have lost it; return whether that ends as it should."""
    live = await subscribe(stage, project)
    await live.event()
    ending = asyncio.create_task(ends(live))
    await doubt.begin()
    await doubt.delete()
    return ending


async def test_only_the_end_is_told(
    stage: Stage, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await (await deleted_in_doubt(stage, project, Doubt(monkeypatch, stage, project)))


async def test_nothing_is_told_until_the_end_has_come(
    stage: Stage, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive, held = LiveStream.receive, list[tuple[LiveStream, Move]]()

    def receive_late(stream: LiveStream, move: Move) -> None:
        if move.state:
            receive(stream, move)
        else:
            held.append((stream, move))

    monkeypatch.setattr(LiveStream, "receive", receive_late)
    monkeypatch.setattr("rxgraph.serve.stream._ASK_AGAIN_SECONDS", 0.5)
    ending = await deleted_in_doubt(stage, project, Doubt(monkeypatch, stage, project))
    await asyncio.sleep(1)
    assert not ending.done()
    assert held
    for late in held:
        receive(*late)
    assert await ending


async def test_a_stream_does_not_begin_with_what_was_written_between(
    stage: Stage, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubt = Doubt(monkeypatch, stage, project)

    async def on_connect(context: Any, tstamp: float | None) -> None:
        await doubt.begin()

    monkeypatch.setattr(ProjectChannel, "on_connect", on_connect)
    live = await subscribe(stage, project)
    failing = asyncio.create_task(live.error())
    await doubt.delete()
    assert await failing == "NOT_FOUND"
