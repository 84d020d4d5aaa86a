"""Whoever is let in by a transaction is not shown what was there before it.

A writer that dies after its commit leaves caches behind: here every one does that is told to.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction

from channels_app.models import Note, Project, Task
from rxgraph.channels import ContextChannel
from rxgraph.declare import registry
from rxgraph.sync.engine import Engine, get_engine
from rxgraph.types import AnchorKey
from tests.serve.lists import OwnListChannel, ProjectSerializer, join, make_project, make_users
from tests.serve.live import Stage, in_database, staged

pytestmark = pytest.mark.django_db(transaction=True)

with registry.isolated():

    class VaultChannel(ContextChannel):
        """One project, for who owns it or is a member of it."""

        class Meta:
            state = ProjectSerializer()

        @staticmethod
        def has_permission(user: Any, project_id: int) -> bool:
            return Project.objects.visible_to(user).filter(pk=project_id).exists()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged(OwnListChannel, VaultChannel) as staged_:
        yield staged_


@contextmanager
def dying(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let writers die after their commits."""
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "flush", lambda self, committed: None)
        yield


class Scene:
    """Ann's project, in which bob has a private note. He is no member."""

    def __init__(self) -> None:
        self.ann, self.bob = make_users()
        self.project = make_project(self.ann)
        self.task = Task.objects.get()
        self.note = Note.objects.create(task=self.task, owner=self.bob, body="secret")

    def share(self) -> None:
        """Take the note from bob, and let him in, in one transaction."""
        with transaction.atomic():
            Note.objects.filter(pk=self.note.pk).update(owner=self.ann)
            join(self.project, self.bob)

    def variables(self) -> dict[str, Any]:
        return {"projectId": self.project.pk}


def live_key(scene: Scene) -> AnchorKey:
    return AnchorKey(VaultChannel.name, str(scene.project.pk))


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return what anchors are brought up for from now on."""
    asked: list[Any] = []
    bring_up = Engine.bring_up

    def counting(self: Engine, *args: Any) -> Any:
        asked.append(args)
        return bring_up(self, *args)

    monkeypatch.setattr(Engine, "bring_up", counting)
    return asked


async def die_sharing(monkeypatch: pytest.MonkeyPatch, scene: Scene) -> None:
    with dying(monkeypatch):
        await in_database(scene.share)()
    named = await in_database(get_engine().read_named)([VaultChannel.name])
    assert str(scene.note.pk) in {row.pk for row in named.rows}  # nobody was told


async def test_who_opens_an_anchor_is_not_shown_what_was_before(stage, monkeypatch):
    scene = await in_database(Scene)()
    owner = await stage.subscribe(VaultChannel, scene.ann, scene.variables())
    await owner.event()
    await die_sharing(monkeypatch, scene)
    live = await stage.subscribe(VaultChannel, scene.bob, scene.variables())
    await live.event()
    assert live.state["tasks"][0]["notes"] == []
    await owner.until(lambda state: state["tasks"][0]["notes"])  # which brought it to all


async def test_who_reads_an_anchor_or_a_list_is_not_shown_what_was_before(stage, monkeypatch):
    scene = await in_database(Scene)()
    for channel, variables in ((VaultChannel, scene.variables()), (OwnListChannel, {})):
        watching = await stage.subscribe(channel, scene.ann, variables)
        await watching.event()
    await die_sharing(monkeypatch, scene)
    found = await stage.read(VaultChannel, scene.bob, scene.variables())
    assert found["state"]["tasks"][0]["notes"] == []
    found = await stage.read(OwnListChannel, scene.bob)
    assert [project["tasks"][0]["notes"] for project in found["state"]] == [[]]


async def test_who_opens_a_list_is_not_shown_what_was_before(stage, monkeypatch):
    scene = await in_database(Scene)()
    owner = await stage.subscribe(OwnListChannel, scene.ann)
    await owner.event()
    await die_sharing(monkeypatch, scene)
    live = await stage.subscribe(OwnListChannel, scene.bob)
    await live.event()
    assert [project["tasks"][0]["notes"] for project in live.state] == [[]]


async def test_what_joins_a_list_is_not_shown_as_it_was_before(stage, monkeypatch):
    scene = await in_database(Scene)()
    owner, live = [await stage.subscribe(OwnListChannel, user) for user in (scene.ann, scene.bob)]
    await owner.event()
    await live.event()
    gate, desk = asyncio.Event(), stage.runtime.hub.desk
    judge = desk._judge

    async def judge_late(*args: Any) -> Any:
        await gate.wait()
        return await judge(*args)

    monkeypatch.setattr(desk, "_judge", judge_late)
    await in_database(Project.objects.update)(name="touched")
    assert await live.is_silent()  # the batch waits for the judge
    await die_sharing(monkeypatch, scene)
    gate.set()
    await live.until(lambda state: state)
    first = next(event for event in live.events if event["changed"]["projects"])
    assert first["changed"]["notes"] == []
    assert live.state[0]["name"] == "touched"
    assert live.state[0]["tasks"][0]["notes"] == []


async def test_a_root_that_is_written_to_without_a_pause_joins_all_the_same(stage, monkeypatch):
    scene, asked = await in_database(Scene)(), counted(monkeypatch)
    owner = await stage.subscribe(OwnListChannel, scene.ann)
    live = await stage.subscribe(OwnListChannel, scene.bob)
    await owner.event()
    await live.event()

    async def write() -> None:
        for number in itertools.count():
            await in_database(Project.objects.update)(name=f"{number}")

    writing = asyncio.create_task(write())
    try:
        await in_database(scene.share)()
        await live.until(lambda state: state)
        assert not writing.done()
        assert len(asked) < 40  # and not once for each of its writes
    finally:
        writing.cancel()
        await asyncio.wait([writing])
    assert all(event["changed"]["notes"] == [] for event in live.events)


async def test_what_a_list_is_asked_for_again_is_not_shown_as_it_was_before(stage, monkeypatch):
    scene = await in_database(Scene)()
    owner, live = [await stage.subscribe(OwnListChannel, user) for user in (scene.ann, scene.bob)]
    await owner.event()
    await live.event()
    await die_sharing(monkeypatch, scene)
    for stream in stage.runtime.contexts.of_user(str(scene.bob.pk)):
        stream._must_recheck = True
        stream.stir()
    await live.until(lambda state: state)
    assert all(event["changed"]["notes"] == [] for event in live.events)
    assert live.state[0]["tasks"][0]["notes"] == []


async def test_who_comes_when_others_are_written_waits_for_nothing(stage, monkeypatch):
    scene = await in_database(Scene)()
    other = await in_database(make_project)(scene.ann, "other")
    live = await stage.subscribe(VaultChannel, scene.ann, scene.variables())
    await live.event()
    await in_database(lambda: get_engine().sweep(at_once=True))()
    asked = counted(monkeypatch)
    with dying(monkeypatch):
        await in_database(Project.objects.filter(pk=other.pk).update)(name="more")
        await in_database(Task.objects.create)(project=scene.project, title="new")
    again = await stage.subscribe(VaultChannel, scene.ann, scene.variables())
    await again.event()
    assert not asked
    with dying(monkeypatch):
        await in_database(Project.objects.filter(pk=scene.project.pk).update)(name="more")
    again = await stage.subscribe(VaultChannel, scene.ann, scene.variables())
    await again.event()
    assert asked == [(live_key(scene), [str(scene.project.pk)])]
    assert again.state["name"] == "more"
    assert len(again.state["tasks"]) == 2
