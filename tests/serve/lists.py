"""List channels over the board's models, for the tests of lists."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from rest_framework import serializers

from channels_app.models import Membership, Note, Project, Task
from rxgraph.channels import ContextChannel
from rxgraph.declare import registry
from rxgraph.operations import CREATE, DELETE, SAVE

with registry.isolated():

    class NoteSerializer(serializers.ModelSerializer[Note]):
        class Meta:
            model = Note
            fields = ("id", "body")
            user_key = "owner"

    class TaskSerializer(serializers.ModelSerializer[Task]):
        notes = NoteSerializer(many=True, read_only=True)

        class Meta:
            model = Task
            fields = ("id", "title", "position", "notes")

    class ProjectSerializer(serializers.ModelSerializer[Project]):
        tasks = TaskSerializer(many=True, read_only=True)

        class Meta:
            model = Project
            fields = ("id", "name", "status", "tasks")

        def create(self, validated_data: dict[str, Any]) -> Project:
            return super().create({**validated_data, "owner": self.context["user"]})

    class FixedListChannel(ContextChannel):
        """The projects that a user owns, as they are at first; the rest is up to the code."""

        class Meta:
            state = ProjectSerializer(many=True)
            writable = {ProjectSerializer: [SAVE, CREATE, DELETE], TaskSerializer: [SAVE, CREATE]}

        contexts: list[Any] = []  # the newest last

        def list_instances(self, name: str | None = None) -> Any:
            type(self).contexts.append(self)
            found = Project.objects.filter(owner=self.user).order_by("id")
            return found if name is None else found.filter(name=name)

        def can_save(self, instance: Any, data: Any) -> bool:
            return True

        def can_create(self, model_class: Any, parent: Any, data: Any, outside: Any = ()) -> bool:
            return True

        def can_delete(self, instance: Any) -> bool:
            return True

    class OwnListChannel(ContextChannel):
        """The projects that a user owns or is a member of, whenever that changes."""

        class Meta:
            state = ProjectSerializer(many=True)
            writable = {ProjectSerializer: [SAVE, CREATE, DELETE], TaskSerializer: [CREATE]}
            auto_update = True

        contexts: list[Any] = []

        async def list_instances(self) -> Any:
            type(self).contexts.append(self)
            return Project.objects.visible_to(self.user).order_by("id")

        def can_create(self, model_class: Any, parent: Any, data: Any, outside: Any = ()) -> bool:
            return True

    class ChosenListChannel(ContextChannel):
        """All projects that are not named "hidden", asked one by one."""

        class Meta:
            state = ProjectSerializer(many=True)
            auto_update = True

        asked: list[tuple[int, Any]] = []

        def list_instances(self) -> Any:
            return [project.pk for project in Project.objects.order_by("-id")]

        def is_visible(self, instance_id: Any) -> bool:
            type(self).asked.append((self.user.pk, instance_id))
            return not Project.objects.filter(pk=instance_id, name="hidden").exists()


CHANNELS = (FixedListChannel, OwnListChannel, ChosenListChannel)


def make_users() -> tuple[User, User]:
    """Return ann and bob."""
    ann, bob = (User.objects.create(username=name) for name in ("ann", "bob"))
    return ann, bob


def make_project(owner: User, name: str = "board", tasks: int = 1) -> Project:
    """Return a project with some tasks."""
    project = Project.objects.create(owner=owner, name=name)
    for position in range(tasks):
        Task.objects.create(project=project, title=f"{name} {position}", position=position)
    return project


def join(project: Project, user: User) -> Membership:
    """Make *user* a member of *project*."""
    return Membership.objects.create(project=project, user=user)


def rendered(user: User) -> dict[str, Any]:
    """Return id → what DRF renders, of every project, as *user* sees it."""
    found = {}
    for project in Project.objects.all():
        data: dict[str, Any] = dict(ProjectSerializer(project).data)
        tasks = []
        for task in Task.objects.filter(project=project):
            notes = Note.objects.filter(task=task, owner=user)
            row = {"id": str(task.pk), "title": task.title, "position": task.position}
            tasks.append({**row, "notes": [{"id": str(n.pk), "body": n.body} for n in notes]})
        status = project.status.upper()
        found[str(project.pk)] = {**data, "id": str(project.pk), "status": status, "tasks": tasks}
    return found
