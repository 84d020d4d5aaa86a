"""Two list channels on one model, whose caches live a few seconds."""

from __future__ import annotations

from typing import Any

from channels_app.models import Project
from channels_app.serializers import ProjectSerializer
from rxgraph.channels import ContextChannel

CACHE_TTL_SECONDS = 2


class BoardListChannel(ContextChannel):
    """What a user may see, whenever that changes."""

    class Meta:
        state = ProjectSerializer(many=True)
        auto_update = True
        cache_ttl = CACHE_TTL_SECONDS

    @staticmethod
    def has_permission(user: Any) -> bool:
        return bool(user.last_name != "banned")

    def list_instances(self) -> Any:
        return Project.objects.visible_to(self.user)


class DoneListChannel(ContextChannel):
    """What of it is done, as ids, whenever somebody asks anew."""

    class Meta:
        state = ProjectSerializer(many=True)
        cache_ttl = CACHE_TTL_SECONDS

    async def list_instances(self, status: str = "done") -> Any:
        found = Project.objects.visible_to(self.user).filter(status=status)
        return [pk async for pk in found.values_list("pk", flat=True)]
