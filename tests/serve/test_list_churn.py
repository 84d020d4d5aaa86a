"""Many people with long lists, while rows come, go, change and move and clients come and go.

When it is quiet again every client shows what DRF renders for what its ``list_instances`` answers.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from channels_app.models import Membership, Note, Project, Task
from rxgraph.channels import ContextChannel
from rxgraph.declare import registry
from rxgraph.serve.auth import Credentials, Identity
from tests.serve.lists import ProjectSerializer
from tests.serve.live import Results, Stage, in_database, staged

pytestmark = pytest.mark.django_db(transaction=True)

PUBLIC = Project.Status.ACTIVE
PATIENCE_SECONDS = 40.0

with registry.isolated():

    class CrowdListChannel(ContextChannel):
        """Public projects for everybody, the others for their members."""

        class Meta:
            state = ProjectSerializer(many=True)
            auto_update = True

        def list_instances(self) -> Any:
            return visible_to(self.user)


def visible_to(user: Any) -> Any:
    joined = Membership.objects.filter(user=user).values("project")
    return Project.objects.filter(Q(status=PUBLIC) | Q(pk__in=joined)).order_by("id")


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    users: int
    public: int
    private: int  # of each user; ten share one
    steps: int
    pause_seconds: float


SMALL = Size(users=12, public=15, private=10, steps=80, pause_seconds=0.01)
LARGE = Size(users=200, public=450, private=50, steps=60, pause_seconds=0.05)


class Writer:
    """Random work on projects, members, tasks and notes; each step is one transaction."""

    def __init__(self, size: Size, rng: random.Random) -> None:
        self.size, self.rng = size, rng
        self.users: list[User] = []
        self.done = 0

    def seed(self) -> None:
        size, rng = self.size, self.rng
        self.users = User.objects.bulk_create(
            [User(username=f"user {number}") for number in range(size.users)]
        )
        boss = self.users[0]
        private = max(1, size.private * size.users // 10)
        made = Project.objects.bulk_create(
            [Project(owner=boss, name=f"public {n}", status=PUBLIC) for n in range(size.public)]
            + [Project(owner=boss, name=f"private {n}") for n in range(private)]
        )
        Task.objects.bulk_create(Task(project=project, title="first") for project in made[::3])
        Membership.objects.bulk_create(
            Membership(project=project, user=user)
            for project in made[size.public :]
            for user in rng.sample(self.users, min(10, size.users))
        )

    def step(self) -> None:
        """Do some work in one transaction, which may come to nothing."""
        works = [work for name, work in sorted(vars(Writer).items()) if name.startswith("do_")]
        with transaction.atomic():
            for _ in range(self.rng.choice([1, 1, 1, 2, 4])):
                self.done += 1
                if self.rng.random() < 0.2:
                    self._undone(self.rng.choice(works))
                else:
                    self.rng.choice(works)(self)
            if self.rng.random() < 0.1:
                transaction.set_rollback(True)

    def _undone(self, work: Callable[[Writer], None]) -> None:
        with transaction.atomic():
            work(self)
            transaction.set_rollback(True)

    def project(self) -> Project:
        pks = list(Project.objects.values_list("pk", flat=True))
        return Project.objects.get(pk=self.rng.choice(pks))

    def some(self, count: int = 8) -> Any:
        pks = list(Project.objects.values_list("pk", flat=True))
        return Project.objects.filter(pk__in=self.rng.sample(pks, min(count, len(pks))))

    def status(self) -> str:
        return self.rng.choice([PUBLIC, Project.Status.PLANNED])

    def do_create(self) -> None:
        name = f"new {self.done}"
        project = Project.objects.create(owner=self.users[0], name=name, status=self.status())
        Task.objects.create(project=project, title="of the new one")
        for user in self.rng.sample(self.users, 3):
            Membership.objects.create(project=project, user=user)

    def do_create_many(self) -> None:
        made = Project.objects.bulk_create(
            Project(owner=self.users[0], name=f"bulk {self.done} {n}", status=self.status())
            for n in range(4)
        )
        Task.objects.bulk_create(Task(project=project, title="bulk") for project in made)

    def do_delete(self) -> None:
        self.project().delete()

    def do_rename(self) -> None:
        project = self.project()
        project.name = f"renamed {self.done}"
        project.save()

    def do_rename_many(self) -> None:
        self.some().update(name=f"all named {self.done}")

    def do_publish(self) -> None:
        project = self.project()
        project.status = self.status()
        project.save()

    def do_publish_many(self) -> None:
        self.some().update(status=self.status())

    def do_join(self) -> None:
        project = self.project()
        for user in self.rng.sample(self.users, 3):
            Membership.objects.get_or_create(project=project, user=user)

    def do_join_many(self) -> None:
        user = self.rng.choice(self.users)
        Membership.objects.bulk_create(
            [Membership(project=project, user=user) for project in self.some()],
            ignore_conflicts=True,
        )

    def do_leave(self) -> None:
        member = Membership.objects.order_by("?").first()
        if member is not None:
            member.delete()

    def do_leave_many(self) -> None:
        Membership.objects.filter(project__in=list(self.some(3))).delete()

    def do_move_members(self) -> None:
        project = self.project()
        project.members.set(self.rng.sample(self.users, 4))

    def do_task(self) -> None:
        Task.objects.create(project=self.project(), title=f"task {self.done}", position=self.done)

    def do_move_task(self) -> None:
        task = Task.objects.order_by("?").first()
        if task is not None:
            task.project = self.project()
            task.save()

    def do_move_tasks(self) -> None:
        pks = list(Task.objects.order_by("?").values_list("pk", flat=True)[:5])
        Task.objects.filter(pk__in=pks).update(project=self.project(), title=f"moved {self.done}")

    def do_note(self) -> None:
        task = Task.objects.order_by("?").first()
        if task is not None:
            Note.objects.create(task=task, owner=self.rng.choice(self.users), body="secret")

    def do_give_note(self) -> None:
        note = Note.objects.order_by("?").first()
        if note is not None:
            note.owner = self.rng.choice(self.users)
            note.save()


def expected(users: list[User]) -> dict[int, dict[str, Any]]:
    """Return user → project id → what DRF renders of it for the user."""
    tasks: dict[str, list[dict[str, Any]]] = {}
    projects = {}
    for project in Project.objects.prefetch_related("tasks__notes"):
        data: dict[str, Any] = dict(ProjectSerializer(project).data)
        id_, status = str(project.pk), project.status.upper()
        projects[id_] = {**data, "id": id_, "status": status}
        tasks[id_] = [
            {"id": str(t.pk), "title": t.title, "position": t.position} for t in project.tasks.all()
        ]
    notes: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for note in Note.objects.order_by("pk"):
        own = notes.setdefault((note.owner_id, str(note.task_id)), [])
        own.append({"id": str(note.pk), "body": note.body})
    found = {}
    for user in users:
        mine = {}
        for pk in visible_to(user).values_list("pk", flat=True):
            shown = [
                {**task, "notes": notes.get((user.pk, task["id"]), [])} for task in tasks[str(pk)]
            ]
            mine[str(pk)] = {**projects[str(pk)], "tasks": shown}
        found[user.pk] = mine
    return found


@dataclass(eq=False)
class Client:
    """One user's list, read as fast as it comes."""

    user: User
    results: Results
    kinds: list[str] = field(default_factory=list)
    reading: asyncio.Task[None] | None = None

    def read(self) -> None:
        """Begin to take events."""
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while True:
            event = await self.results.event(3600)
            self.kinds.append(event["kind"])
            del self.results.events[:]
            if random.random() < 0.02:
                assert len(set(self.results.ids)) == len(self.results.ids)

    async def close(self) -> None:
        """Leave."""
        assert self.reading is not None
        self.reading.cancel()
        await asyncio.wait([self.reading])
        if not self.reading.cancelled():
            self.reading.result()
        await self.results.close()

    def difference(self, wanted: dict[str, Any]) -> str | None:
        """Return what is other than it should be."""
        assert self.reading is not None
        if self.reading.done():
            self.reading.result()
        if self.results.fold.roots is None:
            return "nothing was told"
        shown = {item["id"]: item for item in self.results.state}
        if shown.keys() != wanted.keys():
            more, less = shown.keys() - wanted.keys(), wanted.keys() - shown.keys()
            return f"{self.user} shows {more} too many, and not {less}; {self.kinds[-5:]}"
        for id_, item in wanted.items():
            if shown[id_] != item:
                return f"{self.user} shows {shown[id_]}, DRF renders {item}"
        return None


class Crowd:
    """Clients that come and go."""

    def __init__(self, stage: Stage, users: list[User], rng: random.Random) -> None:
        self.stage, self.users, self.rng = stage, users, rng
        self.clients: list[Client] = []
        self.resumed = 0

    async def come(self, user: User, known: Client | None = None) -> None:
        """Let *user* subscribe, from where a former client of his was."""
        variables = {} if known is None else {"after": known.results.fold.cursor}
        identity = Identity(user, Credentials(), clock=lambda: 0.0)  # stays signed in
        results = await self.stage.subscribe(CrowdListChannel, user, variables, identity=identity)
        self.stage.opened.remove(results)
        if known is not None:
            results.fold = known.results.fold
            self.resumed += 1
        client = Client(user, results)
        client.read()
        self.clients.append(client)

    async def fill(self) -> None:
        """Let everybody come, some twice."""
        users = [*self.users, *self.rng.sample(self.users, len(self.users) // 10)]
        for start in range(0, len(users), 20):
            await asyncio.gather(*map(self.come, users[start : start + 20]))

    async def stir(self) -> None:
        """Let somebody go, and come back with or without a cursor, or another in his place."""
        gone = self.clients.pop(self.rng.randrange(len(self.clients)))
        await gone.close()
        await asyncio.sleep(self.rng.choice([0, 0.05]))
        if gone.results.fold.cursor is None or self.rng.random() < 0.3:
            await self.come(gone.user)
        else:
            await self.come(gone.user, gone)

    async def settle(self, wanted: dict[int, dict[str, Any]]) -> None:
        """Return when every client shows what it should."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        waiting = list(self.clients)
        while waiting:
            await asyncio.sleep(0.2)
            found = {client: client.difference(wanted[client.user.pk]) for client in waiting}
            waiting = [client for client in waiting if found[client]]
            if waiting and asyncio.get_running_loop().time() > deadline:
                told = "; ".join(str(found[client]) for client in waiting[:3])
                raise AssertionError(f"{len(waiting)} of {len(self.clients)} differ: {told}")

    async def leave(self) -> None:
        """Let everybody go."""
        for start in range(0, len(self.clients), 20):
            await asyncio.gather(*(c.close() for c in self.clients[start : start + 20]))


async def churn(size: Size, seed: int) -> None:
    rng = random.Random(seed)
    writer = Writer(size, rng)
    async with staged(CrowdListChannel) as stage:
        await in_database(writer.seed)()
        crowd = Crowd(stage, writer.users, random.Random(seed))
        await crowd.fill()
        hub = stage.runtime.hub
        is_over = asyncio.Event()
        moving = asyncio.create_task(_move(crowd, size, is_over))
        for _ in range(size.steps):
            await in_database(writer.step)()
            await asyncio.sleep(size.pause_seconds)
        is_over.set()
        await moving
        await crowd.settle(await in_database(expected)(writer.users))
        assert crowd.resumed > 0
        await crowd.leave()
        assert len(hub.contexts) == 0
        await hub.drop_lingering()
        assert not hub.replicas
        assert not hub.desk._groups
        assert not hub.desk._judgements
        for _ in range(50):  # a thread may still be in the database
            if not (left := _tasks_of_lists()):
                break
            await asyncio.sleep(0.1)
        assert not left


def _tasks_of_lists() -> set[str]:
    names = {task.get_name() for task in asyncio.all_tasks()}
    return {name for name in names if name.startswith(("rxgraph list", "rxgraph judge"))}


async def _move(crowd: Crowd, size: Size, is_over: asyncio.Event) -> None:
    while not is_over.is_set():
        await crowd.stir()
        await asyncio.sleep(2 * size.pause_seconds)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
async def test_a_dozen_lists_end_equal_to_the_database(seed: int) -> None:
    await churn(SMALL, seed)


@pytest.mark.slow
async def test_200_lists_of_500_roots_end_equal_to_the_database() -> None:
    await churn(LARGE, int(os.environ.get("RXGRAPH_CHURN_SEED", "1")))
