"""The live contexts of the demo; RxGraph discovers this module when Django starts."""

from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db import models

from channels_app.demo import trouble
from channels_app.models import Comment, Label, Membership, Note, Project, Task
from channels_app.serializers import (
    ChecklistItemSerializer,
    CommentSerializer,
    NoteSerializer,
    ProjectSerializer,
    TaskSerializer,
)
from rxgraph.channels import ContextChannel
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
