"""A channel whose hook is broken."""

from __future__ import annotations

from typing import Any

from channels_app.serializers import ProjectSerializer
from rxgraph.channels import ContextChannel


class BrokenChannel(ContextChannel):
    """Nobody gets anything but an error."""

    class Meta:
        state = ProjectSerializer()

    @staticmethod
    def has_permission(user: Any, project_id: int) -> bool:
        raise RuntimeError("this hook is broken")
