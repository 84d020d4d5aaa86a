"""The one channel, as RxDjango declares it."""

from __future__ import annotations

import os
from typing import Any

from rxdjango.channels import ContextChannel  # type: ignore[import-not-found]
from rxdjango.operations import SAVE  # type: ignore[import-not-found]

from benchmarks.project.board.serializers import ProjectSerializer, TaskSerializer


class ProjectChannel(ContextChannel):  # type: ignore[misc]
    """A project with its tasks and their comments."""

    class Meta:
        state = ProjectSerializer()
        writable = {TaskSerializer: [SAVE]}

    @staticmethod
    def has_permission(user: Any, **kwargs: Any) -> bool:
        return True

    def can_save(self, instance: Any, data: dict[str, Any]) -> bool:
        return True


if os.environ.get("BENCH_LISTS") == "on":
    from benchmarks.project.theirs.lists import FeedChannel, ShelfChannel  # noqa: F401 - found here
