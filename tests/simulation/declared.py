"""The channel of the simulation: a real class, over the layers of the simulated tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rest_framework import serializers

from rxgraph.channels import ContextChannel
from rxgraph.compile import naming
from rxgraph.compile.channel import compile_channel
from rxgraph.types import AnchorKey
from tests.simulation.database import TREE
from tests.torture.models import Album


class AlbumSerializer(serializers.ModelSerializer[Album]):
    """Stands for the simulated layers until the channel is compiled."""

    class Meta:
        model = Album
        fields = ("id", "title")


class BoardChannel(ContextChannel):
    """Boards, for everybody."""

    class Meta:
        state = AlbumSerializer()
        cache_ttl = 3

    @staticmethod
    async def has_permission(user: Any, id: str) -> bool:  # noqa: A002
        return True


COMPILED = replace(
    compile_channel(BoardChannel), tree=TREE, changes=naming.changes_fields(list(TREE.layers))
)
CHANNEL = COMPILED.name


def key_of(board: str) -> AnchorKey:
    """Return the anchor of a board."""
    return AnchorKey(CHANNEL, board)


def arguments_of(board: str) -> dict[str, object]:
    """Return what a client asks with."""
    return {"id": board}


@dataclass(frozen=True)
class User:
    """Somebody who may watch."""

    pk: int = 1
    is_authenticated: bool = True
    is_active: bool = True


def trees() -> Mapping[str, Any]:
    """Return the state tree of the channel by its name."""
    return {CHANNEL: TREE}
