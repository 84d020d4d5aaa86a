"""The live contexts of the demo; RxGraph discovers this module when Django starts."""

from typing import Any, TypedDict

from channels.layers import get_channel_layer
from django.contrib.auth.models import AnonymousUser, User
from django.db import models

from channels_app.demo import trouble
from channels_app.demo.notices import name_of
from channels_app.demo.presence import Presence
from channels_app.models import Comment, Label, Membership, Note, Project, Task
from channels_app.serializers import (
    ChecklistItemSerializer,
    CommentSerializer,
    NoteSerializer,
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

    _presence: Presence | None = None

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

    @action
    async def enter(self) -> bool:
        """Be seen by the others who have entered this board, and see them in `runtime.viewers`."""
        if self._presence is None:
            self._presence = Presence(str(self.user.pk), self._tell_board, self._show_viewers)
            await self.group_add(self._group)
            await self._presence.enter()
        return True

    @action
    async def wave(self, user_id: str) -> bool:
        """Wave at somebody who looks at this board."""
        text = f"{name_of(self.user)} waves at you"
        self.broadcast_notification(self.kwargs["project_id"], {"text": text}, user_id=user_id)
        return True

    async def on_disconnect(self) -> None:
        if self._presence is not None:
            await self._presence.leave()

    @consumer("presence.here")
    async def hear_of(self, event: dict[str, Any]) -> None:
        if self._presence is not None:
            await self._presence.hear(event)

    @consumer("presence.gone")
    async def miss(self, event: dict[str, Any]) -> None:
        if self._presence is not None:
            await self._presence.miss(event)

    @property
    def _group(self) -> str:
        return f"board-{self.kwargs['project_id']}"

    async def _tell_board(self, event: dict[str, Any]) -> None:
        await get_channel_layer().group_send(self._group, event)

    async def _show_viewers(self, user_ids: list[str]) -> None:
        await self.set_runtime_var("viewers", user_ids)

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
