"""The list channels, as RxGraph declares them."""

from __future__ import annotations

from typing import Any

from benchmarks.project.board import lists
from benchmarks.project.board.serializers import ProjectSerializer
from rxgraph.channels import ContextChannel


class ShelfChannel(ContextChannel):
    """What a user owns, as it is at first."""

    class Meta:
        state = ProjectSerializer(many=True)

    async def list_instances(self) -> Any:
        return lists.shelf_of(self.user)


class FeedChannel(ContextChannel):
    """What a user sees of all projects, whenever that changes."""

    class Meta:
        state = ProjectSerializer(many=True)
        auto_update = True

    async def list_instances(self) -> Any:
        return lists.feed_of(self.user)
