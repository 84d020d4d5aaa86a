"""Projects in lists: a *shelf* of one's own, a *feed* with what is public and one's own."""

from __future__ import annotations

import time
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Prefetch, Q, QuerySet
from rest_framework.authtoken.models import Token

from benchmarks.project.board import counting
from benchmarks.project.board.data import NOW, analyze
from benchmarks.project.board.models import Comment, Project, Task
from benchmarks.project.board.serializers import ProjectSerializer

SHELF, FEED = "shelf", "feed"


def shelf_of(user: Any) -> QuerySet[Project]:
    """Return what a user owns; counted as one question who sees what."""
    counting.checks["list_instances"] += 1
    return Project.objects.filter(owner=user).order_by("pk")


def feed_of(user: Any) -> QuerySet[Project]:
    """Return what a user sees in the feed; counted as one question who sees what."""
    counting.checks["list_instances"] += 1
    return Project.objects.filter(Q(status="public") | Q(owner=user, code="feed")).order_by("pk")


def is_in_feed(user: Any, project: int) -> bool:
    """Return whether a user sees a project in the feed."""
    counting.checks["is_visible"] += 1
    found = Project.objects.filter(Q(status="public") | Q(owner=user, code="feed"))
    return found.filter(pk=project).exists()


def prepare(shelves: list[int], users: int, feed: int) -> dict[str, Any]:
    """Make shelves of so many projects, each of a user of its own, and users who share a feed."""
    nobody, _ = User.objects.get_or_create(username="nobody")
    Project.objects.filter(status="public").delete()
    Project.objects.bulk_create(_project(nobody, f"Feed {n}", status="public") for n in range(feed))
    stamp = User.objects.count()
    people = [User.objects.create(username=f"user {stamp} {n}") for n in range(users)]
    made = []
    for number, anchors in enumerate(shelves):
        owner = User.objects.create(username=f"shelf {stamp} {number}")
        _fill(owner, anchors)
        made.append({"user": owner.pk, "token": _token(owner)})
    analyze()
    return {
        "shelves": made,
        "users": [user.pk for user in people],
        "tokens": [_token(user) for user in people],
    }


def _fill(owner: User, anchors: int) -> None:
    projects = Project.objects.bulk_create(_project(owner, f"Small {n}") for n in range(anchors))
    tasks = Task.objects.bulk_create(
        Task(
            project=project,
            title="The one task",
            description="Some words about it.",
            status="open",
            label="backend",
            assignee=owner,
            due_at=NOW,
        )
        for project in projects
    )
    Comment.objects.bulk_create(
        Comment(task=task, body="A comment.", kind="note", lang="en", author=owner, created_at=NOW)
        for task in tasks
    )


def _project(owner: User, name: str, status: str = "active", code: str = "P") -> Project:
    about = "What it is for."
    return Project(
        owner=owner, name=name, status=status, code=code, description=about, created_at=NOW
    )


def _token(user: User) -> str:
    return str(Token.objects.get_or_create(user=user)[0].key)


def create(name: str) -> float:
    """Create a public project in autocommit; return when that began, by the monotonic clock."""
    project = _project(User.objects.get(username="nobody"), name, status="public")
    began = time.monotonic()
    project.save()
    return began


def give_away(user: int, name: str) -> float:
    """Give a project in no feed to a user's; return when the saving began."""
    project = _project(User.objects.get(username="nobody"), name, code="feed")
    project.save()
    time.sleep(0.5)
    project.owner = User.objects.get(pk=user)
    began = time.monotonic()
    project.save()
    return began


def render(user: int, channel: str) -> dict[str, Any]:
    """Return id → what DRF makes of the projects in a user's list, lists by key."""
    found = shelf_of(user) if channel == SHELF else feed_of(user)
    tasks = Prefetch("tasks", Task.objects.order_by("pk"))
    comments = Prefetch("tasks__comments", Comment.objects.order_by("pk"))
    projects = found.prefetch_related(tasks, comments)
    return {str(project.pk): ProjectSerializer(project).data for project in projects}
