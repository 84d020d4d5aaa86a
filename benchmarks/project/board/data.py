"""Projects of so many instances: one project, a tenth of them tasks, the rest comments."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Prefetch
from rest_framework.authtoken.models import Token

from benchmarks.project.board.models import Comment, Project, Task
from benchmarks.project.board.serializers import ProjectSerializer

NOW = datetime(2026, 5, 4, 12, 30, 1, 123456, tzinfo=UTC)


def make_user(name: str = "viewer") -> str:
    """Return the token of somebody; of the one who watches, unless a *name* is given."""
    user, _ = User.objects.get_or_create(username=name)
    return str(Token.objects.get_or_create(user=user)[0].key)


def make_project(instances: int) -> int:
    """Return the id of a new project that is the root of so many *instances*, itself included."""
    user = User.objects.get(username="viewer")
    project = Project.objects.create(
        name=f"Project of {instances}",
        code=f"P-{instances}",
        status="active",
        description="What it is for. " * 5,
        owner=user,
        created_at=NOW,
    )
    tasks = Task.objects.bulk_create(
        Task(
            project=project,
            title=f"Task number {n}",
            description="Some words about it. " * 4,
            status="open",
            label="backend",
            priority=n % 5,
            estimate=n,
            assignee=user,
            due_at=NOW,
        )
        for n in range(instances // 10)
    )
    Comment.objects.bulk_create(
        (
            Comment(
                task=tasks[n % len(tasks)],
                body="A comment of moderate length. " * 3,
                kind="note",
                lang="en",
                score=n % 7,
                likes=n,
                author=user,
                created_at=NOW,
            )
            for n in range(instances - 1 - len(tasks))
        ),
        batch_size=1000,
    )
    return int(project.pk)


def analyze() -> None:
    """Let the database know what it holds, before it finds out at a moment of its own."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def render(project: int) -> Any:
    """Return what DRF makes of a project, lists in the order of their keys."""
    tasks = Prefetch("tasks", Task.objects.order_by("pk"))
    comments = Prefetch("tasks__comments", Comment.objects.order_by("pk"))
    found = Project.objects.prefetch_related(tasks, comments).get(pk=project)
    return ProjectSerializer(found).data
