"""List channels: roots that are listed, joined, left and removed, each as one event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest
from django.db import OperationalError, transaction

from channels_app.models import Membership, Note, Project, Task
from rxgraph.channels import ContextChannel
from rxgraph.declare import registry
from rxgraph.errors import NotFound
from rxgraph.types import InstanceKey
from tests.serve.lists import (
    CHANNELS,
    ChosenListChannel,
    FixedListChannel,
    OwnListChannel,
    ProjectSerializer,
    join,
    make_project,
    make_users,
    rendered,
)
from tests.serve.live import Stage, in_database, staged, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    for channel in (FixedListChannel, OwnListChannel):
        channel.contexts.clear()
    ChosenListChannel.asked.clear()
    async with staged(*CHANNELS) as staged_:
        yield staged_


async def seeded(count: int = 2) -> tuple[Any, Any, list[Project]]:
    def seed() -> tuple[Any, Any, list[Project]]:
        ann, bob = make_users()
        return ann, bob, [make_project(ann, f"p{number}") for number in range(count)]

    found: tuple[Any, Any, list[Project]] = await in_database(seed)()
    return found


async def test_the_first_event_lists_what_list_instances_answers_in_its_order(stage):
    ann, bob, projects = await seeded(3)
    await in_database(make_project)(bob, "bob's")
    live = await stage.subscribe(FixedListChannel, ann)
    event = await live.event()
    assert event["kind"] == "SNAPSHOT"
    assert live.ids == [str(project.pk) for project in projects]
    everything = await in_database(rendered)(ann)
    assert live.state == [everything[id_] for id_ in live.ids]
    assert event["query"]["fixedList"] == {"__typename": "FixedListChannel", "id": "[null]"}
    read = await stage.read(FixedListChannel, ann)
    assert [item["id"] for item in read["state"]] == live.ids
    his = await stage.subscribe(FixedListChannel, bob)
    await his.event()
    assert [item["name"] for item in his.state] == ["bob's"]


async def test_arguments_narrow_a_list(stage):
    ann, _, projects = await seeded(3)
    live = await stage.subscribe(FixedListChannel, ann, {"name": "p1"})
    await live.event()
    assert live.ids == [str(projects[1].pk)]


async def test_an_empty_list_is_a_list(stage):
    _, bob, _ = await seeded()
    live = await stage.subscribe(FixedListChannel, bob)
    event = await live.event()
    assert event["channel"]["state"] == []
    assert live.state == []


async def test_a_transaction_over_several_roots_is_one_event(stage):
    ann, _, (first, second) = await seeded()
    live = await stage.subscribe(FixedListChannel, ann)
    await live.event()

    @in_database
    def move() -> None:
        with transaction.atomic():
            Task.objects.filter(project=first).update(project=second)
            Project.objects.filter(pk=first.pk).update(name="empty")

    await move()
    event = await live.event()
    assert event["kind"] == "DELTA"
    assert event["channel"] is None
    names = {item["id"]: item["name"] for item in event["changed"]["projects"]}
    assert names == {str(first.pk): "empty", str(second.pk): "p1"}
    assert [len(item["tasks"]) for item in live.state] == [0, 2]


async def test_other_peoples_roots_are_no_event(stage):
    ann, bob, _ = await seeded()
    his = await in_database(make_project)(bob, "bob's")
    live = await stage.subscribe(FixedListChannel, ann)
    other = await stage.subscribe(FixedListChannel, bob)
    await live.event()
    await other.event()
    await in_database(Project.objects.filter(pk=his.pk).update)(name="changed")
    assert (await other.event())["changed"]["projects"][0]["name"] == "changed"
    assert await live.is_silent()


async def test_a_new_root_does_not_join_by_itself_without_auto_update(stage):
    ann, _, projects = await seeded()
    live = await stage.subscribe(FixedListChannel, ann)
    await live.event()
    await in_database(make_project)(ann, "late")
    assert await live.is_silent()
    assert live.ids == [str(project.pk) for project in projects]


async def test_add_instance_appends_and_prepends_with_one_event_each(stage):
    ann, bob, projects = await seeded()
    late, later = [await in_database(make_project)(bob, name, 2) for name in ("late", "later")]
    live = await stage.subscribe(FixedListChannel, ann)
    await live.event()
    context = FixedListChannel.contexts[-1]
    await context.add_instance(late.pk)
    event = await live.event()
    assert event["kind"] == "DELTA"
    ids = [*(str(project.pk) for project in projects), str(late.pk)]
    assert [item["id"] for item in event["channel"]["state"]] == ids
    assert [item["id"] for item in event["changed"]["projects"]] == [str(late.pk)]
    assert len(event["changed"]["tasks"]) == 2
    await context.add_instance(later.pk, at_beginning=True)
    await live.event()
    assert live.ids == [str(later.pk), *ids]
    assert live.state[0]["tasks"][1]["title"] == "later 1"
    await in_database(Project.objects.filter(pk=late.pk).update)(name="changed")
    await live.event()
    assert live.state[-1]["name"] == "changed"
    await context.add_instance(late.pk)  # is there already
    assert await live.is_silent()
    with pytest.raises(NotFound, match="Project 999999 does not exist"):
        await context.add_instance(999_999)
    with pytest.raises(TypeError, match="is not the id of a Project"):
        await context.add_instance("x")


async def test_remove_instance_and_clear_are_one_event_each(stage):
    ann, _, projects = await seeded(3)
    live = await stage.subscribe(FixedListChannel, ann)
    await live.event()
    context = FixedListChannel.contexts[-1]
    await context.remove_instance(projects[1].pk)
    event = await live.event()
    assert live.ids == [str(projects[0].pk), str(projects[2].pk)]
    gone = {(item["typename"], item["reason"]) for item in event["removed"]}
    assert gone == {("Project", "LEFT"), ("Task", "LEFT")}
    await in_database(Project.objects.filter(pk=projects[1].pk).update)(name="nobody sees")
    assert await live.is_silent()
    await context.clear()
    event = await live.event()
    assert event["channel"]["state"] == []
    assert live.state == []
    await context.clear()
    assert await live.is_silent()


async def test_the_code_sees_what_it_changed_though_a_batch_before_it_is_still_judged(stage):
    ann, _, projects = await seeded(2)
    live = await stage.subscribe(OwnListChannel, ann)
    await live.event()
    context = OwnListChannel.contexts[-1]
    stream = stage.runtime.contexts.find(live.events[0]["session"])
    gate = asyncio.Event()

    async def judge(*args: Any) -> Any:
        await gate.wait()
        return frozenset({str(project.pk) for project in projects})

    stage.runtime.hub.desk.judge = judge
    await in_database(Project.objects.filter(pk=projects[0].pk).update)(name="touched")
    assert await live.is_silent()  # the batch waits for the judge
    assert stream is not None
    assert len(stream._entries) == 1
    await context.clear()
    assert context.anchor_ids == ()
    await context.add_instance(projects[1].pk)
    assert context.anchor_ids == (str(projects[1].pk),)
    assert live.ids == [str(project.pk) for project in projects]
    gate.set()
    await live.until(lambda state: [item["id"] for item in state] == [str(projects[1].pk)])
    kinds = [event["channel"] is not None for event in live.events[1:]]
    assert kinds == [False, True, True]  # touched, cleared, added


async def test_a_deleted_root_leaves_every_list(stage):
    ann, _, (first, second) = await seeded()
    live = await stage.subscribe(FixedListChannel, ann)
    own = await stage.subscribe(OwnListChannel, ann)
    await live.event()
    await own.event()
    gone = str(first.pk)
    await in_database(first.delete)()
    for results in (live, own):
        event = await results.event()
        assert ("Project", gone, "DELETED") in [
            (item["typename"], item["nodeId"], item["reason"]) for item in event["removed"]
        ]
        assert [item["id"] for item in event["channel"]["state"]] == [str(second.pk)]


class Lost:
    """A list that is asked for again, and answers slowly: only *kept* is left."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stage: Stage, kept: Project) -> None:
        self._monkeypatch, self._stage, self.kept = monkeypatch, stage, kept
        self.stream: Any = None
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()

    def begin(self) -> None:
        """Be as a revoke would have it."""

        async def list_instances(context: Any) -> Any:
            self.asked.set()
            await self.may_answer.wait()
            return [self.kept.pk]

        self._monkeypatch.setattr(FixedListChannel, "list_instances", list_instances)
        [self.stream] = self._stage.runtime.contexts
        self.stream._must_recheck = True
        self.stream.stir()

    async def delete(self, project: Project) -> None:
        """Delete *project* while the list is asked for, and have the answer come after that."""
        await asyncio.wait_for(self.asked.wait(), 10)
        await in_database(project.delete)()
        await until(lambda: self.stream.anchor_ids == (str(self.kept.pk),))
        self.may_answer.set()


async def rename(project: Project, name: str) -> None:
    await in_database(Project.objects.filter(pk=project.pk).update)(name=name)


async def test_what_was_lost_is_not_told_of_though_it_is_deleted_before_that_is_known(
    stage, monkeypatch
):
    ann, _, (project, kept) = await seeded()
    live = await stage.subscribe(FixedListChannel, ann)
    await live.event()
    lost = Lost(monkeypatch, stage, kept)
    lost.begin()
    taking = asyncio.create_task(live.event())
    await rename(project, "his own")
    await lost.delete(project)
    event = await taking
    assert "his own" not in str(event)
    assert [item["typename"] for item in event["removed"]] == ["Project", "Task"]
    assert live.ids == [str(kept.pk)]
    assert await live.is_silent()


async def test_nor_does_a_list_begin_with_it(stage, monkeypatch):
    ann, _, (project, kept) = await seeded()
    lost = Lost(monkeypatch, stage, kept)

    async def on_connect(context: Any, tstamp: float | None) -> None:
        lost.begin()
        await rename(project, "his own")
        await until(lambda: "his own" in str(lost.stream.replica.state))

    monkeypatch.setattr(FixedListChannel, "on_connect", on_connect)
    live = await stage.subscribe(FixedListChannel, ann)
    taking = asyncio.create_task(live.event())
    await lost.delete(project)
    assert "his own" not in str(await taking)
    assert live.ids == [str(kept.pk)]
    assert await live.is_silent()


async def test_new_instances_join_at_the_beginning_after_the_commit(stage):
    ann, bob, projects = await seeded(1)
    mine = await stage.subscribe(OwnListChannel, ann)
    his = await stage.subscribe(OwnListChannel, bob)
    await mine.event()
    await his.event()

    @in_database
    def create(is_undone: bool) -> Any:
        with transaction.atomic():
            project = make_project(ann, "new", 2)
            Project.objects.filter(pk=projects[0].pk).update(name="renamed along")
            if is_undone:
                transaction.set_rollback(True)
        return project

    await create(True)
    assert await mine.is_silent()
    project = await create(False)
    event = await mine.event()
    assert mine.ids == [str(project.pk), str(projects[0].pk)]
    assert mine.state[1]["name"] == "renamed along"  # of the same transaction
    assert len(event["changed"]["tasks"]) == 2
    assert await his.is_silent()
    assert his.ids == []


async def test_who_becomes_a_member_is_given_the_project_and_loses_it_again(stage):
    ann, bob, projects = await seeded(2)
    his = await stage.subscribe(OwnListChannel, bob)
    await his.event()
    assert his.ids == []
    membership = await in_database(join)(projects[1], bob)
    event = await his.event()
    assert his.ids == [str(projects[1].pk)]
    assert len(event["changed"]["tasks"]) == 1
    await in_database(membership.delete)()
    event = await his.event()
    assert his.ids == []
    assert event["channel"]["state"] == []
    # in bulk, and by an update of the root itself
    await in_database(Membership.objects.bulk_create)(
        [Membership(project=project, user=bob) for project in projects]
    )
    await his.until(lambda state: len(state) == 2)
    await in_database(Membership.objects.filter(user=bob).delete)()
    await his.until(lambda state: state == [])
    await in_database(Project.objects.update)(owner=bob)
    await his.until(lambda state: len(state) == 2)
    assert his.ids == [str(projects[1].pk), str(projects[0].pk)]
    mine = await stage.subscribe(OwnListChannel, ann)
    await mine.event()
    assert mine.ids == []


async def test_is_visible_decides_beside_list_instances_once_per_user_and_instance(stage):
    ann, bob, projects = await seeded(1)
    lists = [await stage.subscribe(ChosenListChannel, user) for user in (ann, ann, bob, bob)]
    for live in lists:
        await live.event()
    ChosenListChannel.asked.clear()
    late = await in_database(make_project)(ann, "late", 0)
    for live in lists:
        await live.event()
        assert live.ids == [str(late.pk), str(projects[0].pk)]
    asked = [pair for pair in ChosenListChannel.asked if pair[1] == late.pk]
    assert sorted(asked) == sorted((user.pk, late.pk) for user in (ann, bob))
    hidden = await in_database(make_project)(ann, "hidden", 0)
    for live in lists:
        assert await live.is_silent(0.1)
    await in_database(Project.objects.filter(pk=hidden.pk).update)(name="shown")
    for live in lists:
        await live.event()
        assert live.ids[0] == str(hidden.pk)
    await in_database(Project.objects.filter(pk=hidden.pk).update)(name="hidden")
    for live in lists:
        await live.event()
        assert str(hidden.pk) not in live.ids


async def test_a_database_that_does_not_answer_takes_nothing_off_a_list(stage, monkeypatch):
    ann, _, (first, second) = await seeded()
    live = await stage.subscribe(ChosenListChannel, ann)
    await live.event()
    is_visible = ChosenListChannel.is_visible
    failed: list[Any] = []

    def fail_once(self: Any, instance_id: Any) -> bool:
        if instance_id not in failed:
            failed.append(instance_id)
            raise OperationalError("connection refused")
        return is_visible(self, instance_id)

    monkeypatch.setattr(ChosenListChannel, "is_visible", fail_once)
    await in_database(Project.objects.filter(pk=first.pk).update)(name="touched")
    await live.until(lambda state: any(item["name"] == "touched" for item in state))
    assert failed == [first.pk]
    assert live.ids == [str(second.pk), str(first.pk)]
    assert not any(event["removed"] for event in live.events)


async def test_private_rows_stay_private_in_a_list(stage):
    ann, bob, projects = await seeded(1)
    await in_database(join)(projects[0], bob)
    mine = await stage.subscribe(OwnListChannel, ann)
    his = await stage.subscribe(OwnListChannel, bob)
    await mine.event()
    await his.event()
    task = await in_database(projects[0].tasks.get)()
    note = await in_database(Note.objects.create)(task=task, owner=ann, body="secret")
    assert (await mine.event())["changed"]["notes"][0]["body"] == "secret"
    event = await his.event()
    assert [item["notes"] for item in event["changed"]["tasks"]] == [[]]
    assert event["changed"]["notes"] == []
    note.owner = bob
    await in_database(note.save)()
    assert (await mine.event())["removed"][0]["nodeId"] == str(note.pk)
    assert (await his.event())["changed"]["notes"][0]["body"] == "secret"


async def test_a_cursor_resumes_a_list(stage):
    ann, _, projects = await seeded(2)
    live = await stage.subscribe(OwnListChannel, ann)
    await live.event()
    await live.close()
    late = await in_database(make_project)(ann, "late")
    await in_database(projects[0].delete)()
    again = await stage.subscribe(OwnListChannel, ann, {"after": live.fold.cursor})
    again.fold = live.fold
    event = await again.event()
    assert event["kind"] == "DELTA"
    assert set(again.ids) == {str(late.pk), str(projects[1].pk)}
    everything = await in_database(rendered)(ann)
    assert again.state == [everything[id_] for id_ in again.ids]


async def test_a_cursor_is_not_enough_for_what_joined_unwritten(stage):
    ann, bob, projects = await seeded(1)
    keeper = await stage.subscribe(OwnListChannel, ann)  # keeps the roots cached
    his = await stage.subscribe(OwnListChannel, bob)
    await keeper.event()
    await his.event()
    await his.close()
    # Somebody else's writer, unseen by capture: nothing in the cache is written again.
    await in_database(_raw)(
        "INSERT INTO channels_app_membership (project_id, user_id, role)"
        " SELECT id, %s, 'editor' FROM channels_app_project",
        [bob.pk],
    )
    again = await stage.subscribe(OwnListChannel, bob, {"after": his.fold.cursor})
    again.fold = his.fold
    assert (await again.event())["kind"] == "DELTA"
    assert again.ids == [str(projects[0].pk)]
    assert len(again.state[0]["tasks"]) == 1


def _raw(sql: str, params: list[Any]) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, params)


async def test_clearing_the_cache_sends_a_fresh_list(stage):
    from rxgraph.types import FOREST, AnchorKey

    ann, _, projects = await seeded(2)
    live = await stage.subscribe(OwnListChannel, ann)
    await live.event()
    key = AnchorKey(OwnListChannel.name, FOREST)
    assert await in_database(stage.runtime.engine.clear)(key)
    assert (await live.event())["resetReason"] == "CACHE_CLEARED"
    assert (await live.event())["kind"] == "SNAPSHOT"
    assert live.ids == [str(project.pk) for project in projects]
    await in_database(make_project)(ann, "late")
    await live.until(lambda state: len(state) == 3)


with registry.isolated():

    class PausingListChannel(ContextChannel):
        """The projects of a user, whose answer to ann takes as long as a test wants."""

        class Meta:
            state = ProjectSerializer(many=True)
            auto_update = True

        asked: ClassVar[asyncio.Event]
        may_answer: ClassVar[asyncio.Event]

        async def list_instances(self) -> Any:
            found = [
                pk
                async for pk in Project.objects.filter(owner=self.user).values_list("pk", flat=True)
            ]
            if self.user.username == "ann":
                self.asked.set()
                await self.may_answer.wait()
            return found


async def test_what_is_created_while_list_instances_is_asked_at_first_joins_all_the_same():
    PausingListChannel.asked, PausingListChannel.may_answer = asyncio.Event(), asyncio.Event()
    async with staged(PausingListChannel) as stage:
        ann, bob, projects = await seeded(1)
        other = await stage.subscribe(PausingListChannel, bob)  # so that the list is live
        await other.event()
        live = await stage.subscribe(PausingListChannel, ann)
        opening = asyncio.create_task(live.event())
        await PausingListChannel.asked.wait()
        late = await in_database(make_project)(ann, "late", 0)
        [replica] = stage.runtime.hub.replicas.values()
        for _ in range(200):
            if InstanceKey("Project", str(late.pk)) in replica.state:
                break
            await asyncio.sleep(0.05)
        PausingListChannel.may_answer.set()
        await opening
        await live.until(lambda state: len(state) == 2)
        assert live.ids == [str(late.pk), str(projects[0].pk)]
