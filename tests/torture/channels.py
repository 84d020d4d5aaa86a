"""The channels of the record shop."""

from __future__ import annotations

import enum
from typing import Any, TypedDict

from rxgraph.channels import ContextChannel
from rxgraph.operations import CREATE, DELETE, SAVE
from tests.torture.models import Album
from tests.torture.serializers import (
    AlbumSerializer,
    ArtistSerializer,
    ContractSerializer,
    CoverSerializer,
    GenreSerializer,
    MemoSerializer,
    StickerSerializer,
    TrackSerializer,
)


class Shelf(enum.Enum):
    """Where to look."""

    FRONT = "front"
    BACK = "back"


class AlbumChannel(ContextChannel):
    """One record, live."""

    class Meta:
        state = AlbumSerializer()
        writable = {
            AlbumSerializer: [SAVE, CREATE, DELETE],  # the anchor itself
            TrackSerializer: [SAVE, CREATE, DELETE],
            GenreSerializer: [SAVE, CREATE],  # under two types of parents
            CoverSerializer: [CREATE],  # a column of the parent
            ContractSerializer: [SAVE, CREATE],  # its primary key is the parent
            StickerSerializer: [CREATE, DELETE],  # by a column that is not the primary key
            ArtistSerializer: [CREATE],  # through a model of its own
            MemoSerializer: [CREATE],  # its owner is the writer
        }
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
    """All records."""

    class Meta:
        state = AlbumSerializer(many=True)

    async def list_instances(self, search: str | None = None) -> Any:
        return Album.objects.all()
