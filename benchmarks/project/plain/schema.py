"""Two mutations that save a task: strawberry-django's own, and one by hand with the serializer.

Both answer the columns that RxGraph's answers. Neither asks who may write, and neither knows
which tasks are shown to whom.
"""

from __future__ import annotations

import datetime
from typing import Any

import strawberry
import strawberry_django
from django.db import transaction

from benchmarks.project.board.models import Task
from benchmarks.project.board.serializers import TaskSerializer
from benchmarks.project.plain.tree import Subscription


@strawberry_django.type(Task, name="Task")
class TaskType:
    """The columns of a task; keys of others as they are stored."""

    id: strawberry.ID
    title: str
    description: str
    status: str
    label: str
    priority: int
    estimate: int
    due_at: datetime.datetime

    @strawberry_django.field(only=["project_id"])  # type: ignore[untyped-decorator]
    def project(self, root: strawberry.Parent[Any]) -> strawberry.ID:
        return strawberry.ID(str(root.project_id))

    @strawberry_django.field(only=["assignee_id"])  # type: ignore[untyped-decorator]
    def assignee(self, root: strawberry.Parent[Any]) -> strawberry.ID:
        return strawberry.ID(str(root.assignee_id))


@strawberry_django.partial(Task)
class TaskPatch:
    """What may be changed of a task."""

    id: strawberry.ID
    title: strawberry.auto
    description: strawberry.auto
    status: strawberry.auto
    label: strawberry.auto
    priority: strawberry.auto
    estimate: strawberry.auto
    due_at: strawberry.auto


@strawberry.type
class Query:
    """A schema has to have one."""

    @strawberry.field
    def version(self) -> str:
        return "1"


@strawberry.type
class Mutation:
    """The two."""

    update_task: TaskType = strawberry_django.mutations.update(TaskPatch)

    @strawberry_django.mutation(handle_django_errors=False)  # type: ignore[untyped-decorator]
    def save_task(self, data: TaskPatch) -> TaskType:
        """Lock, validate with DRF's serializer, save: in one transaction."""
        given = {
            name: value
            for name, value in vars(data).items()
            if name != "id" and value is not strawberry.UNSET
        }
        with transaction.atomic():
            task = Task.objects.select_for_update().get(pk=data.id)
            serializer = TaskSerializer(task, data=given, partial=True)
            serializer.is_valid(raise_exception=True)
            saved: TaskType = serializer.save()
        return saved


schema = strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription)
