"""Writes through list channels: roots and what is below them, in the lists that show them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from channels_app.models import Project, Task
from tests.serve.lists import CHANNELS, FixedListChannel, OwnListChannel
from tests.serve.live import Stage, in_database, staged
from tests.serve.test_lists import seeded

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged(*CHANNELS) as staged_:
        yield staged_


async def test_a_listed_root_is_saved_and_the_event_names_the_write(stage):
    ann, _, projects = await seeded(2)
    live = await stage.subscribe(FixedListChannel, ann)
    await live.event()
    payload = await stage.mutate(
        "fixedListSaveProject",
        ann,
        id=str(projects[0].pk),
        data={"name": "saved"},
        clientMutationId="w1",
    )
    assert payload["messages"] == []
    assert payload["project"]["name"] == "saved"
    event = await live.event()
    assert event["clientMutationIds"] == ["w1"]
    assert event["channel"] is None
    assert live.state[0]["name"] == "saved"


async def test_what_is_not_listed_cannot_be_written(stage):
    ann, bob, projects = await seeded(2)
    live = await stage.subscribe(FixedListChannel, ann)  # so that it is cached
    await live.event()
    for variables in ({"id": str(projects[0].pk)}, {"id": "999999"}):
        payload = await stage.mutate(
            "fixedListSaveProject", bob, data={"name": "stolen"}, **variables
        )
        assert [message["code"] for message in payload["messages"]] == ["NOT_FOUND"]
    payload = await stage.mutate(
        "fixedListSaveProject", ann, name="p1", id=str(projects[0].pk), data={"name": "other list"}
    )
    assert [message["code"] for message in payload["messages"]] == ["NOT_FOUND"]
    names = await in_database(lambda: sorted(Project.objects.values_list("name", flat=True)))()
    assert names == ["p0", "p1"]
    task = await in_database(Task.objects.first)()
    payload = await stage.mutate("fixedListSaveTask", bob, id=str(task.pk), data={"title": "x"})
    assert [message["code"] for message in payload["messages"]] == ["NOT_FOUND"]


async def test_a_task_is_made_in_a_listed_project(stage):
    ann, _, projects = await seeded(2)
    live = await stage.subscribe(FixedListChannel, ann)
    await live.event()
    payload = await stage.mutate(
        "fixedListCreateTask",
        ann,
        parent={"project": str(projects[1].pk)},
        data={"title": "made", "position": 7},
    )
    assert payload["messages"] == []
    made = payload["task"]["id"]
    assert [task["id"] for task in payload["parents"]["projects"][0]["tasks"]][-1] == made
    await live.event()
    assert live.state[1]["tasks"][-1]["title"] == "made"


async def test_a_root_that_is_made_joins_where_roots_do_and_is_answered_everywhere(stage):
    ann, _, projects = await seeded(1)
    await in_database(projects[0].delete)()
    own = await stage.subscribe(OwnListChannel, ann)
    fixed = await stage.subscribe(FixedListChannel, ann)
    await own.event()
    await fixed.event()

    began = asyncio.get_running_loop().time()
    payload = await stage.mutate(
        "ownListCreateProject", ann, data={"name": "made"}, clientMutationId="c1"
    )
    assert payload["messages"] == []
    assert payload["project"]["name"] == "made"
    event = await own.event()
    assert own.ids == [payload["project"]["id"]]
    assert event["clientMutationIds"] == ["c1"]
    payload = await stage.mutate("fixedListCreateProject", ann, data={"name": "apart"})
    assert payload["project"]["name"] == "apart"
    assert payload["cursor"]
    assert asyncio.get_running_loop().time() - began < 4.0  # nobody waited for a time-out
    await own.event()
    assert len(own.ids) == 2
    assert fixed.ids == []


async def test_a_listed_root_is_deleted(stage):
    ann, _, projects = await seeded(2)
    live = await stage.subscribe(FixedListChannel, ann)
    await live.event()
    payload = await stage.mutate("fixedListDeleteProject", ann, id=str(projects[0].pk))
    assert payload["deletedId"] == str(projects[0].pk)
    await live.event()
    assert live.ids == [str(projects[1].pk)]
