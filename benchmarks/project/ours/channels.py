"""The one channel, as RxGraph declares it."""

from __future__ import annotations

from typing import Any

from benchmarks.project.board.serializers import ProjectSerializer
from rxgraph.channels import ContextChannel


class ProjectChannel(ContextChannel):
    """A project with its tasks and their comments."""

    class Meta:
        state = ProjectSerializer()

    @staticmethod
    def has_permission(user: Any, project_id: int) -> bool:
        return True
