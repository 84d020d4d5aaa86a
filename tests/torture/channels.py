"""The channels of the record shop."""

from __future__ import annotations

import enum
from typing import Any, TypedDict

from rxgraph.channels import ContextChannel
from rxgraph.operations import CREATE, DELETE, SAVE
from tests.torture.models import Album
from tests.torture.serializers import AlbumSerializer, MemoSerializer, TrackSerializer


class Shelf(enum.Enum):
    """Where to look."""

    FRONT = "front"
    BACK = "back"


class AlbumChannel(ContextChannel):
    """One record, live."""

    class Meta:
        state = AlbumSerializer()
        writable = {TrackSerializer: [SAVE, CREATE, DELETE], MemoSerializer: [CREATE]}
        cache_ttl = 60

    class RuntimeState(TypedDict):
        listeners: int
        now_playing: str

    @staticmethod
    def has_permission(user: Any, album_id: int, shelf: Shelf = Shelf.FRONT) -> bool:
        return True

    async def get_instance_id(self, album_id: int) -> int:
        return album_id


class AlbumListChannel(ContextChannel):
    """All records: not served yet."""

    class Meta:
        state = AlbumSerializer(many=True)

    async def list_instances(self, search: str | None = None) -> Any:
        return Album.objects.all()
