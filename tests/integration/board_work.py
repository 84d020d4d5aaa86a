"""What processes of a cluster do to the board, and what DRF renders of it.

Everything here runs in a ``Process`` and speaks JSON.
"""

from __future__ import annotations

import os
import random
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.db import transaction
from rest_framework.authtoken.models import Token

from channels_app.models import ChecklistItem, Comment, Label, Membership, Note, Project, Task
from rxgraph.compile.naming import camel_case
from rxgraph.sync.engine import get_engine
from rxgraph.sync.heating import Warmth
from tests.sync import board


def make_board(tasks: int = 3, people: int = 2) -> dict[str, Any]:
    """Make a project with tasks and members, each with a private note on every task."""
    name = f"board {uuid4().hex[:12]}"
    users = [
        User.objects.create(username=f"{name} {number}", first_name=f"Person {number}")
        for number in range(people)
    ]
    project = Project.objects.create(name=name, owner=users[0])
    label = Label.objects.create(name=name)
    for user in users:
        Membership.objects.create(project=project, user=user)
    made = []
    for position in range(tasks):
        task = Task.objects.create(project=project, title="t0", position=0, assignee=users[0])
        task.labels.add(label)
        ChecklistItem.objects.create(task=task, text="step", position=position)
        Comment.objects.create(task=task, author=users[-1], body="first")
        for user in users:
            Note.objects.create(task=task, owner=user, body=f"secret of {user.pk}")
        made.append(task.pk)
    return {
        "project": project.pk,
        "tasks": made,
        "label": label.pk,
        "people": [{"id": user.pk, "token": Token.objects.create(user=user).key} for user in users],
    }


def expected(project_id: int, user_id: int) -> Any:
    """Return what DRF renders for a user, in the form in which GraphQL serves it."""
    return _served(board.rendered(project_id, User.objects.get(pk=user_id)))


def cached(project_id: int, user_id: int) -> Any:
    """Return what the store holds for a user, read through the engine, in the same form."""
    from tests.sync.test_convergence import Viewer

    engine = get_engine()
    project = Project.objects.get(pk=project_id)
    viewer = Viewer(engine, board.anchor(project), User.objects.get(pk=user_id))
    return _served(viewer.shows(viewer.held))


def _served(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {camel_case(key): _served(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_served(item) for item in value]
    if name in ("status", "role") and value is not None:
        return str(value).upper()
    if name == "priority":
        return Task.Priority(value).name
    return value


def heat(project_id: int) -> str:
    """Heat a project's anchor in this process."""
    warmth: Warmth = get_engine().heat(board.anchor(Project(pk=project_id)))
    return warmth.value


def clear(project_id: int) -> bool:
    """Clear a project's cache."""
    return get_engine().clear(board.anchor(Project(pk=project_id)))


def bury() -> int:
    """Take dead sessions off."""
    return get_engine().bury_sessions()


# -- writes


def save(model: str, pk: int, values: dict[str, Any]) -> None:
    """Save one row."""
    instance = _models[model].objects.get(pk=pk)
    for name, value in values.items():
        setattr(instance, name, value)
    instance.save()


def create(model: str, values: dict[str, Any]) -> int:
    """Create one row; answer its key."""
    pk: int = _models[model].objects.create(**values).pk
    return pk


def delete(model: str, pk: int) -> None:
    """Delete one row with all that depends on it."""
    _models[model].objects.get(pk=pk).delete()


_models: dict[str, Any] = {
    model.__name__: model
    for model in (ChecklistItem, Comment, Label, Membership, Note, Project, Task)
}


def add_label(task_id: int, label_id: int) -> None:
    """Give a task a label."""
    Task.objects.get(pk=task_id).labels.add(label_id)


def write_much(project_id: int, times: int, seed: int) -> None:
    """Change titles, positions and comments of a project one transaction after another."""
    rng = random.Random(seed)
    tasks = list(Task.objects.filter(project=project_id).order_by("pk"))
    author = User.objects.filter(projects=project_id).order_by("pk")[0]
    for number in range(times):
        task = rng.choice(tasks)
        match rng.randrange(4):
            case 0:
                task.title = f"title {seed} {number}"
                task.save()
            case 1:
                Task.objects.filter(pk=task.pk).update(position=rng.randrange(5))
            case 2:
                Comment.objects.create(task=task, author=author, body=f"comment {seed} {number}")
            case _:
                if comment := Comment.objects.filter(task=task).first():
                    comment.delete()


def save_pairs(task_ids: list[int], rounds: int) -> None:
    """Save two rows in one transaction, again and again: equal titles, positions that only grow."""
    for _ in range(rounds):
        with transaction.atomic():
            rows = list(
                Task.objects.select_for_update(of=("self",)).filter(pk__in=task_ids).order_by("pk")
            )
            number = rows[0].position + 1
            for row in rows:
                row.position, row.title = number, f"round {number}"
                row.save()


def work(seed: int, steps: int) -> None:
    """Do random work on every board; nobody and no project is deleted."""
    rng = random.Random(seed)
    random.seed(seed)
    some = _Work(rng)
    for _ in range(steps):
        some.transaction() if rng.random() < 0.4 else some.step()


class _Work(board.Work):
    def text(self) -> str:
        return f"{super().text()} of {os.getpid()}"

    def do_delete_user(self) -> None: ...

    def do_delete_project(self) -> None: ...

    def do_add_project(self) -> None: ...


def die_before_publishing(pk: int, title: str) -> None:
    """Commit a change, and end the process before anybody is told."""
    with transaction.atomic():
        transaction.on_commit(lambda: os._exit(9))
        task = Task.objects.get(pk=pk)
        task.title = title
        task.save()
