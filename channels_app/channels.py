"""The live contexts of the demo; RxGraph discovers this module when Django starts."""

from django.contrib.auth.models import AnonymousUser, User

from channels_app.models import Project
from channels_app.serializers import ProjectSerializer
from rxgraph.channels import ContextChannel


class ProjectChannel(ContextChannel):
    """One project board, live for its members."""

    class Meta:
        state = ProjectSerializer()

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
