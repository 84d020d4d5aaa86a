"""Random work on the demo board, and what its viewers must see afterwards."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.db import models, transaction
from django.db.models import F
from django.utils import timezone, translation
from rest_framework.renderers import JSONRenderer
from rest_framework.utils.serializer_helpers import ReturnDict

from channels_app.channels import ProjectChannel
from channels_app.models import ChecklistItem, Comment, Label, Membership, Note, Project, Task
from channels_app.serializers import ProjectSerializer
from rxgraph.types import AnchorKey


def anchor(project: Project) -> AnchorKey:
    """Return the key of a project's live state."""
    return AnchorKey(ProjectChannel.name, str(project.pk))


def seed() -> None:
    """Make two projects, three people and a little work."""
    ada, grace, linus = (User.objects.create(username=name) for name in ("ada", "grace", "linus"))
    for label in ("bug", "idea", "chore"):
        Label.objects.create(name=label)
    for number, owner in enumerate((ada, grace)):
        project = Project.objects.create(name=f"Project {number}", owner=owner)
        Membership.objects.create(project=project, user=linus)
        for position in range(3):
            task = Task.objects.create(project=project, title=f"T{position}", position=position)
            task.labels.set(Label.objects.all()[:position])
            Comment.objects.create(task=task, author=linus, body="first")
            Note.objects.create(task=task, owner=random.choice([ada, linus]), body="mine")


def rendered(project_id: Any, user: User) -> Any:
    """Return what DRF renders for *user*, private notes of others taken out."""
    project = Project.objects.filter(pk=project_id).first()
    if project is None:
        return None
    with timezone.override("UTC"), translation.override("en-us"):
        data: ReturnDict[str, Any] = ProjectSerializer(project).data
        plain = json.loads(JSONRenderer().render(data))
    for task in plain["tasks"]:
        task["notes"] = [note for note in task["notes"] if note["owner"] == user.pk]
    return with_string_ids(plain)


def with_string_ids(value: Any) -> Any:
    """Return *value* with ``id`` and key fields as strings, as documents hold them."""
    if isinstance(value, dict):
        return {
            key: str(item)
            if key in ("id", "owner") and isinstance(item, int)
            else with_string_ids(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [with_string_ids(item) for item in value]
    return value


class Work:
    """One random change after another; ``rng`` decides everything."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.number = 0

    def pick(self, model: type[models.Model]) -> Any:
        """Return a random row, or None."""
        rows = list(model._default_manager.order_by("pk"))
        return self.rng.choice(rows) if rows else None

    def text(self) -> str:
        """Return a text nobody wrote before."""
        self.number += 1
        return f"text {self.number}"

    def step(self) -> str:
        """Make one change; answer its name."""
        change = self.rng.choice(self.changes())
        change()
        return change.__name__

    def transaction(self) -> list[str]:
        """Make a few changes at once; some with savepoints, some rolled back."""
        names: list[str] = []
        try:
            with transaction.atomic():
                for _ in range(self.rng.randint(1, 4)):
                    try:
                        with transaction.atomic():
                            names.append(self.step())
                            if self.rng.random() < 0.2:
                                names[-1] += " (undone)"
                                raise Undone
                    except Undone:
                        pass
                if self.rng.random() < 0.1:
                    raise Undone
        except Undone:
            names.append("(all undone)")
        return names

    def changes(self) -> list[Callable[[], None]]:
        """Return everything that can be done."""
        return [getattr(self, name) for name in sorted(vars(Work)) if name.startswith("do_")]

    def do_rename(self) -> None:
        if task := self.pick(Task):
            task.title = self.text()
            task.save(update_fields=self.rng.choice([None, ["title"]]))

    def do_rename_project(self) -> None:
        project = self.pick(Project)
        project.name = self.text()
        project.status = self.rng.choice(Project.Status.values)
        project.save()

    def do_rename_user(self) -> None:
        user = self.pick(User)
        user.first_name = self.text()
        user.save()

    def do_add_task(self) -> None:
        task = Task.objects.create(
            project=self.pick(Project), title=self.text(), position=self.rng.randint(0, 5)
        )
        if self.rng.random() < 0.5:
            task.labels.add(*Label.objects.all()[: self.rng.randint(0, 3)])

    def do_add_comment(self) -> None:
        if task := self.pick(Task):
            task.comments.create(author=self.pick(User), body=self.text())

    def do_add_note(self) -> None:
        if task := self.pick(Task):
            Note.objects.create(task=task, owner=self.pick(User), body=self.text())

    def do_give_note(self) -> None:
        if note := self.pick(Note):
            note.owner = self.pick(User)
            note.save()

    def do_move_note(self) -> None:
        if (note := self.pick(Note)) and (task := self.pick(Task)):
            note.task = task
            note.save()

    def do_move_task(self) -> None:
        if task := self.pick(Task):
            task.project = self.pick(Project)
            task.save()

    def do_move_tasks_at_once(self) -> None:
        if task := self.pick(Task):
            Task.objects.filter(position=task.position).update(project=self.pick(Project))

    def do_reorder(self) -> None:
        Task.objects.filter(project=self.pick(Project)).update(position=(F("id") * 7) % 5)

    def do_reorder_one(self) -> None:
        if task := self.pick(Task):
            task.position = F("position") + self.rng.randint(1, 3)
            task.save()

    def do_assign(self) -> None:
        if task := self.pick(Task):
            task.assignee = self.rng.choice([self.pick(User), None])
            task.save()

    def do_label(self) -> None:
        if task := self.pick(Task):
            labels = list(Label.objects.all())
            some = self.rng.sample(labels, min(len(labels), self.rng.randint(0, 2)))
            self.rng.choice([task.labels.add, task.labels.remove])(*some)

    def do_set_labels(self) -> None:
        if task := self.pick(Task):
            task.labels.set(Label.objects.order_by("?")[: self.rng.randint(0, 2)])

    def do_clear_labels(self) -> None:
        if task := self.pick(Task):
            task.labels.clear()

    def do_label_from_the_other_side(self) -> None:
        if label := self.pick(Label):
            label.tasks.set(Task.objects.order_by("?")[: self.rng.randint(0, 3)])

    def do_rename_label(self) -> None:
        if label := self.pick(Label):
            label.name = self.text()
            label.save()

    def do_delete_label(self) -> None:
        if Label.objects.count() > 1:
            self.pick(Label).delete()

    def do_add_label(self) -> None:
        Label.objects.create(name=self.text())

    def do_delete_task(self) -> None:
        if task := self.pick(Task):
            task.delete()

    def do_delete_tasks(self) -> None:
        Task.objects.filter(position=self.rng.randint(0, 9)).delete()

    def do_delete_comments(self) -> None:
        Comment.objects.filter(author=self.pick(User)).delete()

    def do_add_checklist(self) -> None:
        if task := self.pick(Task):
            ChecklistItem.objects.bulk_create(
                ChecklistItem(task=task, text=self.text(), position=self.rng.randint(0, 3))
                for _ in range(self.rng.randint(1, 3))
            )

    def do_tick_checklist(self) -> None:
        items = list(ChecklistItem.objects.all())
        for item in items:
            item.done = self.rng.random() < 0.5
            item.position = self.rng.randint(0, 3)
        ChecklistItem.objects.bulk_update(items, ["done", "position"])

    def do_join_project(self) -> None:
        Membership.objects.update_or_create(
            project=self.pick(Project),
            user=self.pick(User),
            defaults={"role": self.rng.choice(Membership.Role.values)},
        )

    def do_leave_project(self) -> None:
        if membership := self.pick(Membership):
            membership.delete()

    def do_add_user(self) -> None:
        User.objects.create(username=self.text())

    def do_delete_user(self) -> None:
        users = [user for user in User.objects.all() if not user.owned_projects.exists()]
        if len(users) > 1:
            self.rng.choice(users).delete()

    def do_delete_project(self) -> None:
        if Project.objects.count() > 1 and self.rng.random() < 0.3:
            self.pick(Project).delete()

    def do_add_project(self) -> None:
        Project.objects.create(name=self.text(), owner=self.pick(User))


class Undone(Exception):
    """Rolls a transaction back."""
