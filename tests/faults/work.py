"""What a run writes: random changes whose traces tell afterwards whether they were shown whole.

Everything here runs in a process of the run and speaks JSON. The traces, which ``laws`` reads:

- A row of a task, a step or a project that is written counts up a number in it; so do texts that
  begin with one. Nothing that is shown may ever count down.
- The two tasks of a *pair* have one title and are always written together, with one stamp. So are
  the description of a project, its first pair, and the step ``audit``.
- What a transaction writes and takes back says UNDONE. Nobody may ever be shown that.
- A note names its owner. Nobody else may ever be sent that.
- Servers of the newer version put a ``!`` behind titles (``tests.integration.newer``): all or none.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from rest_framework.authtoken.models import Token
from rest_framework.renderers import JSONRenderer

from channels_app.models import ChecklistItem, Comment, Label, Membership, Note, Project, Task
from channels_app.serializers import ProjectCardSerializer
from tests.integration import board_work
from tests.sync import board

UNDONE = "UNDONE"
FIRST_PAIR, LEDGER, SINGLE, OWN_PAIR = "pair first", "ledger", "single", "own pair"


def make_boards() -> dict[str, Any]:
    """Make two boards: one person is on both, and one on each alone."""
    name = uuid4().hex[:12]
    both, left, right = (
        User.objects.create(username=f"{who} {name}", first_name="0 new")
        for who in ("both", "left", "right")
    )
    labels = [Label.objects.create(name=f"{number} {name}").pk for number in range(3)]
    boards = []
    for other in (left, right):
        project = Project.objects.create(name=f"0 {name}", owner=both, budget=0)
        for user in (both, other):
            Membership.objects.create(project=project, user=user, role=Membership.Role.EDITOR)
        with transaction.atomic():
            _fill(project, [both, other])
        ledgers = list(
            Task.objects.filter(project=project, title__startswith=LEDGER).values_list("pk")
        )
        own = list(Task.objects.filter(project=project, title__startswith=OWN_PAIR).order_by("pk"))
        boards.append(
            {
                "project": project.pk,
                "people": [both.pk, other.pk],
                "ledgers": [pk for (pk,) in ledgers],
                "own": [task.pk for task in own],
            }
        )
    people = {
        str(user.pk): {"id": user.pk, "token": Token.objects.create(user=user).key}
        for user in (both, left, right)
    }
    return {"boards": boards, "people": people, "labels": labels, "name": name}


def _fill(project: Project, people: list[User]) -> None:
    for title in (FIRST_PAIR, f"pair second of {project.pk}", f"{OWN_PAIR} of {people[0].pk}"):
        for _ in range(2):
            task = Task.objects.create(project=project, title=title, description="begin")
            if title == FIRST_PAIR:
                ChecklistItem.objects.create(task=task, text="audit begin")
    for number in range(3):
        task = Task.objects.create(project=project, title=SINGLE, assignee=people[0])
        for user in people:
            Note.objects.create(task=task, owner=user, body=secret(user.pk, 0))
            Comment.objects.create(task=task, author=user, body=f"0 first {number}")
    for user in people:
        Task.objects.create(project=project, title=f"{LEDGER} of {user.pk}", position=0)
    Project.objects.filter(pk=project.pk).update(description="begin")


def secret(user_id: int, number: int) -> str:
    """Return what the note of a user says."""
    return f"{number} secret-of-{user_id}-"


def run(seed: int, name: str, scene: dict[str, Any]) -> str:
    """Do the change *name*, decided by *seed*; answer what came of it."""
    change: Callable[[], None] = getattr(Work(random.Random(seed), scene, str(seed)), f"do_{name}")
    try:
        change()
    except Undone:
        return "undone"
    return "done"


def written(project_id: int, user_id: int) -> dict[str, Any]:
    """Return what is in the database of what a user's mutations write."""
    ledger = Task.objects.get(project=project_id, title__startswith=f"{LEDGER} of {user_id}")
    own = Task.objects.filter(project=project_id, title=f"{OWN_PAIR} of {user_id}").order_by("pk")
    return {
        "ledger": ledger.pk,
        "comments": sorted(ledger.comments.values_list("body", flat=True)),
        "position": ledger.position,
        "description": ledger.description,
        "own": [[task.pk, task.position, task.description] for task in own],
    }


def listed(user_id: int) -> Any:
    """Return what the list of boards shows a user, as GraphQL serves it."""
    user = User.objects.get(pk=user_id)
    rows = Project.objects.visible_to(user).order_by("-pk")
    data = ProjectCardSerializer(rows, many=True).data
    return board_work._served(board.with_string_ids(json.loads(JSONRenderer().render(data))))


def ping() -> None:
    """Find out that the process is ready."""


def run_within(seed: int, name: str, scene: dict[str, Any]) -> str:
    """Do the change in a server's own process, where a transaction is open."""
    change: Callable[[], None] = getattr(Work(random.Random(seed), scene, str(seed)), f"do_{name}")
    try:
        with transaction.atomic():
            change()
    except Undone:
        return "undone"
    return "done"


class Undone(Exception):
    """Rolls a transaction back."""


class Work:
    """The changes; ``rng`` decides everything about them."""

    def __init__(self, rng: random.Random, scene: dict[str, Any], stamp: str) -> None:
        self.rng, self.scene, self.stamp = rng, scene, stamp
        self.boards = [board["project"] for board in scene["boards"]]

    # -- what there is

    def project(self) -> int:
        """Return the key of a board."""
        found: int = self.rng.choice(self.boards)
        return found

    def locked(self, model: Any, pks: Any = None, **where: Any) -> list[Any]:
        """Return rows in the order of their keys, locked: writers meet in this order."""
        rows = model.objects.select_for_update(of=("self",)).order_by("pk")
        return list(rows.filter(**where) if pks is None else rows.filter(pk__in=pks))

    def tasks(self, start: str = "", project: int | None = None) -> list[int]:
        """Return the keys of tasks whose title begins like that."""
        where = {"project": project} if project else {"project__in": self.boards}
        rows = Task.objects.filter(title__startswith=start, **where)
        return list(rows.order_by("pk").values_list("pk", flat=True))

    def free(self) -> list[int]:
        """Return the keys of tasks that are neither ledgers nor their owners' pairs."""
        rows = Task.objects.filter(project__in=self.boards).exclude(title__startswith=LEDGER)
        return list(
            rows.exclude(title__startswith=OWN_PAIR).order_by("pk").values_list("pk", flat=True)
        )

    def one(self, pks: Any) -> Any:
        """Return one of *pks*, None: there is none."""
        pks = list(pks)
        return self.rng.choice(pks) if pks else None

    def pair(self) -> list[int]:
        """Return the keys of one pair's two tasks."""
        titles = Task.objects.filter(project__in=self.boards, title__startswith="pair")
        title = self.one(sorted(titles.values_list("title", "project").distinct()))
        if title is None:
            return []
        found = Task.objects.filter(title=title[0], project=title[1]).order_by("pk")
        return list(found.values_list("pk", flat=True))

    def people_of(self, task_id: int) -> list[int]:
        """Return who is on the board that a task is on."""
        project = Task.objects.values_list("project", flat=True).get(pk=task_id)
        return next(b["people"] for b in self.scene["boards"] if b["project"] == project)

    def everybody(self) -> list[int]:
        """Return the keys of all people."""
        return [int(pk) for pk in self.scene["people"]]

    def children(self, model: Any, titles: tuple[str, ...] = ("single", "pair")) -> list[int]:
        """Return the keys of what hangs on tasks, but for what is always written with others."""
        rows = model.objects.filter(task__project__in=self.boards)
        if model is ChecklistItem:
            rows = rows.exclude(text__startswith="audit")
        return [
            pk
            for pk, title in rows.order_by("pk").values_list("pk", "task__title")
            if title.startswith(titles)
        ]

    @staticmethod
    def count_up(text: str, rest: str) -> str:
        """Return *rest* behind the number that follows the one of *text*."""
        return f"{int(text.split()[0]) + 1} {rest}"

    # -- one row

    def do_save_single(self) -> None:
        with transaction.atomic():
            for task in self.locked(Task, [self.one(self.tasks(SINGLE))]):
                task.position += 1
                task.description = self.stamp
                task.priority = self.rng.choice(Task.Priority.values)
                task.status = self.rng.choice(Task.Status.values)
                task.save()

    def do_save_in_autocommit(self) -> None:
        for pk in self.rng.sample(found := self.tasks(SINGLE), min(3, len(found))):
            Task.objects.filter(pk=pk).update(position=F("position") + 1)

    def do_rename_project(self) -> None:
        with transaction.atomic():
            for project in self.locked(Project, [self.project()]):
                project.name = self.count_up(project.name, self.stamp)
                project.budget += 1
                project.status = self.rng.choice(Project.Status.values)
                project.save(update_fields=["name", "budget", "status"])

    def do_rename_user(self) -> None:
        with transaction.atomic():
            for user in self.locked(User, [self.one(self.everybody())]):
                user.first_name = self.count_up(user.first_name, self.stamp[:20])
                user.save()

    def do_rename_label(self) -> None:
        with transaction.atomic():
            for label in self.locked(Label, [self.one(self.scene["labels"])]):
                label.name = self.count_up(label.name, f"{self.scene['name']} {self.stamp}"[:30])
                label.save()

    def do_change_role(self) -> None:
        found = Membership.objects.filter(project__in=self.boards).order_by("pk")
        if (pk := self.one(found.values_list("pk", flat=True))) is not None:
            Membership.objects.filter(pk=pk).update(role=self.rng.choice(Membership.Role.values))

    # -- several rows, one transaction

    def _stamp(self, tasks: list[Task]) -> list[Task]:
        position = max((task.position for task in tasks), default=0) + 1
        for task in tasks:
            task.position, task.description = position, self.stamp
        return tasks

    def do_save_pair(self) -> None:
        with transaction.atomic():
            for task in self._stamp(self.locked(Task, self.pair())):
                task.save()

    def do_bulk_update_pair(self) -> None:
        with transaction.atomic():
            tasks = self._stamp(self.locked(Task, self.pair()))
            if tasks:
                Task.objects.bulk_update(tasks, ["position", "description"])

    def do_update_pair(self) -> None:
        Task.objects.filter(pk__in=self.pair()).update(
            position=F("position") + 1, description=self.stamp
        )

    def do_audit(self) -> None:
        project_id = self.project()
        with transaction.atomic():
            projects = self.locked(Project, [project_id])
            tasks = self.locked(Task, title=FIRST_PAIR, project=project_id)
            for task in self._stamp(tasks):
                task.save()
            items = self.locked(ChecklistItem, task__in=tasks, text__startswith="audit")
            for item in items:
                item.text, item.position = f"audit {self.stamp}", item.position + 1
                item.save()
            for project in projects:
                project.description = self.stamp
                project.save(update_fields=["description"])

    def do_add_pair(self) -> None:
        project = Project.objects.get(pk=self.project())
        title = f"pair {self.stamp} {self.rng.getrandbits(24)}"
        if len(self.tasks("pair", project.pk)) > 12:
            return
        tasks = [Task(project=project, title=title, description=self.stamp) for _ in range(2)]
        with transaction.atomic():
            if self.rng.random() < 0.5:
                Task.objects.bulk_create(tasks)
            else:
                for task in tasks:
                    task.save()
            for task in tasks:
                ChecklistItem.objects.create(task=task, text="step")
            tasks[0].labels.add(self.one(self.scene["labels"]))

    def _other_pair(self) -> list[int]:
        pks = self.pair()
        return [] if Task.objects.filter(pk__in=pks, title=FIRST_PAIR).exists() else pks

    def do_delete_pair(self) -> None:
        Task.objects.filter(pk__in=self._other_pair()).delete()

    def do_move_pair(self) -> None:
        """Move a pair to the other board; notes of who does not see that one stay behind."""
        with transaction.atomic():
            tasks = self.locked(Task, self._other_pair())
            if tasks:
                [other] = [pk for pk in self.boards if pk != tasks[0].project_id]
                Note.objects.filter(task__in=tasks).delete()
                for task in self._stamp(tasks):
                    task.project_id = other
                    if self.rng.random() < 0.5:
                        task.save()
                    else:
                        fields = {"position": task.position, "description": task.description}
                        Task.objects.filter(pk=task.pk).update(project=other, **fields)

    def do_add_single(self) -> None:
        project = self.project()
        if len(self.tasks(SINGLE, project)) < 6:
            task = Task.objects.create(project_id=project, title=SINGLE, description=self.stamp)
            task.labels.set(self.rng.sample(self.scene["labels"], self.rng.randint(0, 2)))

    def do_delete_single(self) -> None:
        project = self.project()
        if len(found := self.tasks(SINGLE, project)) > 2:
            for task in Task.objects.filter(pk=self.one(found)):
                task.delete()

    # -- what hangs on tasks

    def do_add_comment(self) -> None:
        if (pk := self.one(self.free())) is not None:
            author = self.one(self.people_of(pk))
            Comment.objects.create(task_id=pk, author_id=author, body=f"0 {self.stamp}")

    def do_edit_comment(self) -> None:
        with transaction.atomic():
            for comment in self.locked(Comment, [self.one(self.children(Comment))]):
                comment.body = self.count_up(comment.body, self.stamp)
                comment.save()

    def do_move_comment(self) -> None:
        with transaction.atomic():
            for comment in self.locked(Comment, [self.one(self.children(Comment))]):
                project = Task.objects.values_list("project", flat=True).get(pk=comment.task_id)
                comment.task_id = self.one(self.tasks(SINGLE, project)) or comment.task_id
                comment.body = self.count_up(comment.body, self.stamp)
                comment.save()

    def do_delete_comments(self) -> None:
        found = self.children(Comment)
        if len(found) > 4:
            Comment.objects.filter(pk__in=self.rng.sample(found, 2)).delete()

    def do_add_steps(self) -> None:
        if (pk := self.one(self.free())) is not None:
            ChecklistItem.objects.bulk_create(
                ChecklistItem(task_id=pk, text=f"step {self.stamp}") for _ in range(2)
            )

    def do_tick_steps(self) -> None:
        with transaction.atomic():
            found = self.children(ChecklistItem)
            items = self.locked(ChecklistItem, self.rng.sample(found, min(4, len(found))))
            for item in items:
                item.done, item.position = not item.done, item.position + 1
            if items:
                ChecklistItem.objects.bulk_update(items, ["done", "position"])

    def do_delete_step(self) -> None:
        if len(found := self.children(ChecklistItem)) > 4:
            ChecklistItem.objects.filter(pk=self.one(found)).delete()

    def do_add_note(self) -> None:
        if (pk := self.one(self.free())) is not None:
            owner = self.one(self.people_of(pk))
            Note.objects.create(task_id=pk, owner_id=owner, body=secret(owner, 0))

    def do_edit_note(self) -> None:
        with transaction.atomic():
            for note in self.locked(Note, [self.one(self.children(Note))]):
                note.body = self.count_up(note.body, secret(note.owner_id, 0)[2:])
                note.save()

    def do_give_note(self) -> None:
        with transaction.atomic():
            for note in self.locked(Note, [self.one(self.children(Note))]):
                owner = self.one(self.people_of(note.task_id))
                note.owner_id = owner
                note.body = self.count_up(note.body, secret(owner, 0)[2:])
                note.save()

    def do_delete_note(self) -> None:
        if len(found := self.children(Note)) > 3:
            Note.objects.filter(pk=self.one(found)).delete()

    # -- many to many

    def do_label(self) -> None:
        task = Task.objects.filter(pk=self.one(self.free())).first()
        if task is not None:
            some = self.rng.sample(self.scene["labels"], self.rng.randint(0, 2))
            self.rng.choice([task.labels.add, task.labels.remove])(*some)

    def do_set_labels(self) -> None:
        task = Task.objects.filter(pk=self.one(self.free())).first()
        if task is not None:
            task.labels.set(self.rng.sample(self.scene["labels"], self.rng.randint(0, 2)))

    def do_label_from_the_other_side(self) -> None:
        label = Label.objects.get(pk=self.one(self.scene["labels"]))
        found = self.free()
        label.tasks.set(self.rng.sample(found, min(len(found), 3)))

    # -- transactions that are taken back

    def do_roll_back(self) -> None:
        with transaction.atomic():
            self._write_what_is_undone()
            raise Undone

    def do_save_around_a_savepoint(self) -> None:
        with transaction.atomic():
            for task in self._stamp(self.locked(Task, self.pair())):
                task.save()
            try:
                with transaction.atomic():
                    self._write_what_is_undone()
                    raise Undone
            except Undone:
                pass
            if self.rng.random() < 0.5:
                self.do_add_comment()

    def _write_what_is_undone(self) -> None:
        for task in self.locked(Task, [self.one(self.tasks(SINGLE))]):
            task.title = UNDONE
            task.save()
            Comment.objects.create(task=task, author_id=self.everybody()[0], body=f"0 {UNDONE}")

    def do_several(self) -> None:
        """Do a few of the others in one transaction."""
        with transaction.atomic():
            for _ in range(self.rng.randint(2, 4)):
                getattr(self, f"do_{self.rng.choice(_TOGETHER)}")()


CHANGES = sorted(name.removeprefix("do_") for name in vars(Work) if name.startswith("do_"))
_TOGETHER = [name for name in CHANGES if name not in ("several", "roll_back")]
