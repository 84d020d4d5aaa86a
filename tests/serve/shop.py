"""A small channel with a private layer, and a hub whose moves tests tell by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rest_framework import serializers

from rxgraph.cache.anchor import Anchor
from rxgraph.cache.phases import Phase
from rxgraph.channels import ContextChannel
from rxgraph.compile.channel import compile_channel
from rxgraph.declare import registry
from rxgraph.delta import apply
from rxgraph.errors import NotFound
from rxgraph.serve.auth import Credentials, Identity
from rxgraph.serve.contexts import Contexts
from rxgraph.serve.replica import Move, MoveKind
from rxgraph.serve.resolvers import ChannelResolvers
from rxgraph.serve.schema import make_schema
from rxgraph.serve.scope import OperationScope
from rxgraph.settings import RxGraphSettings
from rxgraph.sync.outstanding import Named, Outstanding
from rxgraph.testing import document_for, query_for
from rxgraph.types import AnchorKey, Document, InstanceKey, RemovalReason
from tests.torture.models import Album, Memo, Sticker, Track

AT = 1_700_000_000.0


@dataclass
class User:
    """Somebody."""

    pk: int
    is_authenticated: bool = True
    is_active: bool = True


ANN, BOB = User(1), User(2)


@dataclass
class Hooks:
    """What the hooks of the channel do in one test, and what they were called with."""

    permission: Any = True
    instance_id: Any = "argument"
    calls: list[Any] = field(default_factory=list)
    connect: Any = None


hooks = Hooks()

with registry.isolated():

    class StickerSerializer(serializers.ModelSerializer[Sticker]):
        class Meta:
            model = Sticker
            fields = ("id", "colour")

    class MemoSerializer(serializers.ModelSerializer[Memo]):
        class Meta:
            model = Memo
            fields = ("id", "body")
            user_key = "owner"

    class TrackSerializer(serializers.ModelSerializer[Track]):
        class Meta:
            model = Track
            fields = ("id", "title")

    class AlbumSerializer(serializers.ModelSerializer[Album]):
        tracks = TrackSerializer(many=True)
        memos = MemoSerializer(many=True)

        class Meta:
            model = Album
            fields = ("id", "title", "format", "rating", "tracks", "memos")

    class ShelfChannel(ContextChannel):
        """One album, with private memos."""

        class Meta:
            state = AlbumSerializer()

        @staticmethod
        def has_permission(user: Any, album_id: int, side: str | None = None) -> Any:
            hooks.calls.append(("has_permission", user.pk, album_id))
            if isinstance(hooks.permission, Exception):
                raise hooks.permission
            return hooks.permission

        async def get_instance_id(self, album_id: int) -> Any:
            if isinstance(hooks.instance_id, Exception):
                raise hooks.instance_id
            return album_id if hooks.instance_id == "argument" else hooks.instance_id

        async def on_connect(self, tstamp: float | None) -> None:
            hooks.calls.append(("on_connect", tstamp))
            if hooks.connect is not None:
                await hooks.connect(self)

        async def on_disconnect(self) -> None:
            hooks.calls.append(("on_disconnect",))


COMPILED = compile_channel(ShelfChannel)
TREE = COMPILED.tree
ROOT = InstanceKey("Album", "7")
MINE, HIS = InstanceKey("Memo", "1"), InstanceKey("Memo", "2")


def album(version: int = 1, *, tracks: int = 1, **data: Any) -> Document:
    """Return the root with *tracks* tracks and one memo of each user."""
    ids = [str(number) for number in range(tracks)]
    links = (*(InstanceKey("Track", id_) for id_ in ids), MINE, HIS)
    whole = {"id": 7, "title": "Blue", "format": "7-inch", "rating": None}
    return Document(
        ROOT, version, {**whole, "tracks": ids, "memos": ["1", "2"], **data}, links=links
    )


def track(number: int, version: int = 1, title: str = "So What") -> Document:
    """Return a track."""
    return Document(InstanceKey("Track", str(number)), version, {"id": str(number), "title": title})


def memo(key: InstanceKey, owner: User, version: int = 1) -> Document:
    """Return a memo."""
    body = {"id": key.id, "body": f"secret of {owner.pk}"}
    return Document(key, version, body, owner=str(owner.pk))


def gone(key: InstanceKey, version: int, reason: RemovalReason = RemovalReason.DELETED) -> Document:
    """Return a tombstone."""
    return Document(key, version, removed=reason)


def shelf() -> dict[InstanceKey, Document]:
    """Return the first state."""
    documents = [album(), track(0), memo(MINE, ANN), memo(HIS, BOB)]
    return {document.key: document for document in documents}


class FakeReplica:
    """What an attachment shows."""

    def __init__(self, state: Mapping[InstanceKey, Document]) -> None:
        self.tree, self.root = TREE, ROOT
        self.state: Mapping[InstanceKey, Document] = state
        self.tombstones: dict[InstanceKey, Document] = {}
        self.generation, self.position, self.floor, self.at = 3, 10, 5, AT
        self.key = AnchorKey(COMPILED.name, ROOT.id)
        self.cohorts: dict[Any, Any] = {}
        self.census: Any = None
        self.size_bytes = 100 * len(state)
        self.missing = f"{ROOT.typename} {ROOT.id} does not exist"


class FakeHub:
    """One replica whose moves are told by the test."""

    def __init__(self, state: Mapping[InstanceKey, Document] | None = None) -> None:
        self.replica = FakeReplica(shelf() if state is None else state)
        self.contexts = Contexts("process")
        self.receivers: list[Any] = []
        self.muted: list[Any] = []
        self.keys: list[AnchorKey] = []
        #: Generation and position of the store; None: those of the replica.
        self.stored: tuple[int, int] | None = None

    async def attach(self, key: AnchorKey, receive: Any) -> FakeAttachment:
        await asyncio.sleep(0)
        self.keys.append(key)
        if key.anchor_id != ROOT.id:
            raise NotFound(f"Album {key.anchor_id} does not exist")
        self.receivers.append(receive)
        return FakeAttachment(self, receive)

    def change(self, *documents: Document) -> None:
        """Tell one finished batch."""
        replica = self.replica
        changes = {document.key: document for document in documents}
        replica.state = apply(replica.state, changes)
        replica.tombstones.update({k: d for k, d in changes.items() if not d.is_live})
        replica.position += 1
        replica.at += 1
        self.tell(MoveKind.CHANGES, changes)

    def tell(
        self,
        kind: MoveKind,
        changes: Mapping[InstanceKey, Document],
        marks: tuple[str, ...] = (),
    ) -> None:
        """Tell a move to everybody who is attached."""
        replica = found = self.replica
        move = Move(kind, found.state, changes, found.generation, found.position, found.at, marks)
        cohorts = [cohort.receive for cohort in replica.cohorts.values()]
        for receive in [item for item in self.receivers if item not in self.muted] + cohorts:
            receive(move)

    def restart(self) -> None:
        """Begin another generation."""
        self.replica.generation += 1
        self.tell(MoveKind.RESTART, {})

    def lose(self) -> None:
        """Tell that the root is gone."""
        self.replica.state = {}
        self.tell(MoveKind.LOST, {})


@dataclass
class FakeAttachment:
    """A hold on the one replica."""

    hub: FakeHub
    receive: Any

    @property
    def replica(self) -> FakeReplica:
        """The replica."""
        return self.hub.replica

    def mute(self) -> None:
        """Be told by a cohort."""
        self.hub.muted.append(self.receive)

    async def outstanding(self) -> Outstanding:
        """Return that nothing is outstanding: everything is here, or where the store stands."""
        replica = self.replica
        generation, seq = self.hub.stored or (replica.generation, replica.position)
        return Outstanding(Named(), Anchor(0, Phase.HOT, generation, seq, done=seq))

    async def detach(self) -> None:
        """Let go."""
        await asyncio.sleep(0)
        if self.receive in self.hub.receivers:
            self.hub.receivers.remove(self.receive)


class Shop:
    """A schema over a fake hub, and ways to ask it."""

    def __init__(self, hub: FakeHub | None = None, **settings: Any) -> None:
        self.hub = FakeHub() if hub is None else hub
        self.settings = RxGraphSettings(**settings)
        resolvers = ChannelResolvers(lambda: self.hub, lambda: self.settings)  # type: ignore[arg-type, return-value]
        self.schema = make_schema([COMPILED], resolvers)
        self.document = document_for(COMPILED)
        self.query_document = query_for(COMPILED)

    async def stream(
        self,
        user: Any = ANN,
        *,
        after: str | None = None,
        scope: OperationScope | None = None,
        identity: Identity | None = None,
        album_id: Any = 7,
    ) -> Any:
        """Return the results of a subscription."""
        context = {
            "identity": identity or Identity(user, Credentials()),
            "scope": scope or OperationScope(),
        }
        return await self.schema.stream(
            self.document, {"albumId": album_id, "after": after}, context_value=context
        )

    async def query(self, user: Any = ANN, *, album_id: Any = 7) -> Any:
        """Return the result of a query."""
        return await self.schema.execute(
            self.query_document,
            {"albumId": album_id},
            context_value={"identity": Identity(user, Credentials())},
        )


async def take(results: Any) -> dict[str, Any]:
    """Return the next event; fails on errors."""
    result = await asyncio.wait_for(anext(results), 10.0)
    assert not result.errors, result.errors
    event: dict[str, Any] = result.data["shelf"]
    return event


async def is_silent(results: Any, seconds: float = 0.05) -> bool:
    """Return whether no event comes; the stream is over afterwards."""
    try:
        await asyncio.wait_for(anext(results), seconds)
    except TimeoutError:
        return True
    return False
