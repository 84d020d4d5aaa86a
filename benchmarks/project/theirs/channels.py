"""The one channel, as RxDjango declares it."""

from __future__ import annotations

from typing import Any

from rxdjango.channels import ContextChannel  # type: ignore[import-not-found]

from benchmarks.project.board.serializers import ProjectSerializer


class ProjectChannel(ContextChannel):  # type: ignore[misc]
    """A project with its tasks and their comments."""

    class Meta:
        state = ProjectSerializer()

    @staticmethod
    def has_permission(user: Any, **kwargs: Any) -> bool:
        return True
