"""The list channels, as RxDjango declares them."""

from __future__ import annotations

from typing import Any

from channels.db import database_sync_to_async
from rxdjango.channels import ContextChannel  # type: ignore[import-not-found]

from benchmarks.project.board import lists
from benchmarks.project.board.serializers import ProjectSerializer


class ShelfChannel(ContextChannel):  # type: ignore[misc]
    """What a user owns."""

    class Meta:
        state = ProjectSerializer(many=True)

    async def list_instances(self, **kwargs: Any) -> Any:
        return lists.shelf_of(self.user)


class FeedChannel(ContextChannel):  # type: ignore[misc]
    """What a user sees of all projects; new ones join."""

    class Meta:
        state = ProjectSerializer(many=True)
        auto_update = True

    async def list_instances(self, **kwargs: Any) -> Any:
        return lists.feed_of(self.user)

    async def is_visible(self, instance_id: int) -> bool:
        return bool(await database_sync_to_async(lists.is_in_feed)(self.user, instance_id))
