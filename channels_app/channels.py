"""The live contexts of the demo; RxGraph discovers this module when Django starts."""

from typing import Any, TypedDict
from uuid import uuid4

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db import models

from channels_app.demo import trouble
from channels_app.models import Comment, Label, Membership, Note, Project, Task
from channels_app.presence import Presence
from channels_app.serializers import (
    ChecklistItemSerializer,
    CommentSerializer,
    NoteSerializer,
    ProjectCardSerializer,
    ProjectSerializer,
    TaskSerializer,
)
from rxgraph.actions import action
from rxgraph.channels import ContextChannel
from rxgraph.consumers import consumer
from rxgraph.operations import CREATE, DELETE, SAVE


class ProjectChannel(ContextChannel):
    """One project board, live for its members."""

    class Meta:
        state = ProjectSerializer()
        writable = {
            ProjectSerializer: [SAVE],
            TaskSerializer: [SAVE, CREATE, DELETE],
            ChecklistItemSerializer: [SAVE, CREATE, DELETE],
            CommentSerializer: [SAVE, CREATE, DELETE],
            NoteSerializer: [SAVE, CREATE, DELETE],
        }

    class RuntimeState(TypedDict):
        viewers: list[str]

    presence: Presence | None = None

    @staticmethod
    def has_permission(user: User | AnonymousUser, project_id: int) -> bool:
        """Return whether *user* is staff, owns the project or is a member of it.

        Raises:
            Project.DoesNotExist: a signed-in user asked for a project that is not there.
        """
        if not user.is_authenticated:
            return False  # before any lookup: strangers cannot tell which ids exist
        project = Project.objects.get(pk=project_id)
        return Project.objects.visible_to(user).filter(pk=project.pk).exists()

    def get_instance_id(self, project_id: int) -> int:
        return project_id

    async def on_connect(self, tstamp: float | None) -> None:
        """Show who looks at this board, in this process or another, and be shown to them."""
        if not settings.BOARD_PRESENCE:
            return
        group = f"board.{self.kwargs['project_id']}"
        await self.group_add(group)
        self.presence = Presence(group, uuid4().hex, self.user.username, self._show_viewers)
        await self.presence.start()

    async def on_disconnect(self) -> None:
        """Leave the others' list of viewers."""
        if self.presence is not None:
            await self.presence.stop()

    @consumer("board.presence")
    async def take_presence(self, event: dict[str, Any]) -> None:
        """Take what another viewer of the board says."""
        if self.presence is not None:
            await self.presence.hear(event)

    async def _show_viewers(self, names: list[str]) -> None:
        await self.set_runtime_var("viewers", names)

    @action
    async def wave(self, to: str) -> bool:
        """Wave at somebody who looks at this board, by their username; false: there is nobody."""
        user = await User.objects.filter(username=to).afirst()
        if user is None:
            return False
        data = {"kind": "wave", "from": self.user.username}
        self.broadcast_notification(self.kwargs["project_id"], data, user.pk)
        return True

    def can_save(self, instance: models.Model, data: dict[str, Any], outside: Any = ()) -> bool:
        """Editors change the board, authors their comments, and everybody their own notes.

        Labels belong to no project, so any of them may be put on a task.
        """
        if trouble.refuses() or not all(isinstance(other, Label) for other in outside):
            return False
        if isinstance(instance, Comment):
            return bool(instance.author_id == self.user.pk)
        return isinstance(instance, Note) or self._is_editor()

    def can_create(
        self,
        model_class: type[models.Model],
        parent: models.Model | None,
        data: dict[str, Any],
        outside: Any = (),
    ) -> bool:
        """Viewers may comment and take notes; the rest is for editors."""
        if trouble.refuses() or not all(isinstance(other, Label) for other in outside):
            return False
        return isinstance(parent, Task) and model_class in (Comment, Note) or self._is_editor()

    def can_delete(self, instance: models.Model) -> bool:
        """Editors delete what is on the board, authors their comments, everybody their notes."""
        if trouble.refuses():
            return False
        if isinstance(instance, Comment) and instance.author_id == self.user.pk:
            return True
        return isinstance(instance, Note) or self._is_editor()

    def _is_editor(self) -> bool:
        """Return whether the user may change the board itself."""
        project_id = self.kwargs["project_id"]
        return (
            self.user.is_staff
            or Project.objects.filter(pk=project_id, owner=self.user).exists()
            or Membership.objects.filter(
                project=project_id, user=self.user, role__in=("owner", "editor")
            ).exists()
        )


class ProjectListChannel(ContextChannel):
    """All projects of a user, newest first; new ones join by themselves."""

    class Meta:
        state = ProjectCardSerializer(many=True)
        auto_update = True

    class RuntimeState(TypedDict):
        search: str

    async def list_instances(self) -> models.QuerySet[Project]:
        return Project.objects.visible_to(self.user).order_by("-pk")

    async def is_visible(self, instance_id: int) -> bool:
        """Ask again also for what a search put on the list: access may have ended since."""
        return await Project.objects.visible_to(self.user).filter(pk=instance_id).aexists()

    @action
    async def search(self, text: str = "") -> int:
        """Show the projects whose name contains a text, and answer how many those are.

        What is made meanwhile joins at the top, whatever its name.
        """
        found = await database_sync_to_async(self._search)(text)
        for id_ in self.anchor_ids:
            if id_ not in found:
                await self.remove_instance(id_)
        for id_ in found:
            await self.add_instance(id_)
        await self.set_runtime_var("search", text)
        return len(found)

    def _search(self, text: str) -> list[str]:
        projects = Project.objects.visible_to(self.user).filter(name__icontains=text)
        return [str(pk) for pk in projects.order_by("-pk").values_list("pk", flat=True)]
