"""The one channel, as RxGraph declares it."""

from __future__ import annotations

import os
from typing import Any

from benchmarks.project.board.serializers import ProjectSerializer, TaskSerializer
from rxgraph.channels import ContextChannel
from rxgraph.operations import SAVE


class ProjectChannel(ContextChannel):
    """A project with its tasks and their comments."""

    class Meta:
        state = ProjectSerializer()
        writable = {TaskSerializer: [SAVE]}

    @staticmethod
    def has_permission(user: Any, project_id: int) -> bool:
        return True

    def can_save(self, instance: Any, data: dict[str, Any]) -> bool:
        return True


if os.environ.get("BENCH_LISTS") == "on":
    from benchmarks.project.ours import lists  # noqa: F401 - declares channels
