"""The board's live contexts: presence, assignments, private checklists, a list with a search."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from channels_app.channels import ProjectChannel, ProjectListChannel
from channels_app.models import Membership, Note, Project, Task
from tests.serve.live import Results, Stage, in_database, staged

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged(ProjectChannel, ProjectListChannel) as staged_:
        yield staged_


@in_database
def seeded() -> tuple[User, User, Project, Task]:
    """Return two people, the project they share, and a task in it."""
    ada, bob = (User.objects.create(username=name) for name in ("ada", "bob"))
    project = Project.objects.create(name="Lighthouse", owner=ada)
    Membership.objects.create(project=project, user=bob, role="editor")
    return ada, bob, project, Task.objects.create(project=project, title="Lamp")


async def until_viewers(results: Results, *names: str) -> None:
    """Take events until the runtime state names these viewers."""
    while not results.events or results.events[-1]["runtime"]["viewers"] != list(names):
        await results.event()


async def test_viewers_of_a_board_see_each_other_come_and_go(stage):
    ada, bob, project, _ = await seeded()
    hers = await stage.subscribe(ProjectChannel, ada, {"projectId": project.pk})
    await until_viewers(hers, "ada")
    his = await stage.subscribe(ProjectChannel, bob, {"projectId": project.pk})
    await his.event()
    await until_viewers(hers, "ada", "bob")
    await until_viewers(his, "ada", "bob")
    await his.close()
    await until_viewers(hers, "ada")


async def test_whose_task_it_becomes_is_told_and_nobody_else(stage):
    ada, bob, project, task = await seeded()
    hers = await stage.subscribe(ProjectChannel, ada, {"projectId": project.pk})
    his = await stage.subscribe(ProjectChannel, bob, {"projectId": project.pk})
    await hers.event()
    await his.event()

    def told(results: Results) -> list[Any]:
        return [item["data"] for event in results.events for item in event["notifications"]]

    task.assignee = bob
    await in_database(task.save)()
    while not told(his):
        await his.event()
    assert told(his) == [{"kind": "assigned", "task": str(task.pk), "title": "Lamp"}]
    task.title = "Lantern"
    await in_database(task.save)()  # it was his already
    await hers.until(lambda state: state["tasks"][0]["title"] == "Lantern")
    await his.until(lambda state: state["tasks"][0]["title"] == "Lantern")
    assert await his.is_silent()
    assert (len(told(his)), told(hers)) == (1, [])


async def test_notes_are_a_private_checklist(stage):
    ada, bob, project, task = await seeded()
    note = await in_database(Note.objects.create)(task=task, owner=ada, body="buy a bulb")
    hers = await stage.subscribe(ProjectChannel, ada, {"projectId": project.pk})
    his = await stage.subscribe(ProjectChannel, bob, {"projectId": project.pk})
    await hers.event()
    await his.event()
    payload = await stage.mutate(
        "projectSaveNote", ada, projectId=project.pk, id=str(note.pk), data={"done": True}
    )
    assert payload["note"]["done"] is True
    await hers.until(lambda state: state["tasks"][0]["notes"][0]["done"])
    assert his.state["tasks"][0]["notes"] == []


async def test_the_list_of_projects_grows_by_itself_and_can_be_searched(stage):
    ada, bob, lighthouse, _ = await seeded()
    live = await stage.subscribe(ProjectListChannel, bob)
    event = await live.event()
    assert [item["name"] for item in live.state] == ["Lighthouse"]

    @in_database
    def create(name: str) -> Project:
        project = Project.objects.create(name=name, owner=ada)
        Membership.objects.create(project=project, user=bob)
        return project

    harbour = await create("Harbour")
    await live.until(lambda state: len(state) == 2)
    assert [item["name"] for item in live.state] == ["Harbour", "Lighthouse"]

    session = event["session"]
    stream = stage.runtime.contexts.find(session)
    assert stream is not None
    assert await stream.context.search("harb") == 1
    await live.until(lambda state: [item["name"] for item in state] == ["Harbour"])
    while live.events[-1]["runtime"]["search"] != "harb":
        await live.event()
    assert await stream.context.search("") == 2
    await live.until(lambda state: len(state) == 2)

    # Who put it there does not matter: access has ended.
    await in_database(Membership.objects.filter(project=harbour, user=bob).delete)()
    await live.until(lambda state: [item["name"] for item in state] == ["Lighthouse"])
    await in_database(Membership.objects.filter(project=lighthouse, user=bob).delete)()
    await live.until(lambda state: state == [])


async def test_a_key_that_is_used_again_shows_the_new_row(stage):
    ada, _, project, _ = await seeded()
    live = await stage.subscribe(ProjectChannel, ada, {"projectId": project.pk})
    await live.event()
    await live.close()
    key = project.pk
    await in_database(project.delete)()  # while it is cached, and nobody looks
    assert await (await stage.subscribe(ProjectChannel, ada, {"projectId": key})).error() == (
        "NOT_FOUND"
    )
    await in_database(Project.objects.create)(pk=key, name="Again", owner=ada)
    again = await stage.subscribe(ProjectChannel, ada, {"projectId": key})
    await again.event()
    assert again.state["name"] == "Again"
