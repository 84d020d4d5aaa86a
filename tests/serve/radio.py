"""A channel with runtime state and consumers, over the hub of ``shop``."""

from __future__ import annotations

import asyncio
import datetime
import enum
from typing import Any, TypedDict

from rxgraph.channels import ContextChannel
from rxgraph.compile.channel import compile_channel
from rxgraph.consumers import consumer
from rxgraph.declare import registry
from rxgraph.serve.auth import Credentials, Identity
from rxgraph.serve.resolvers import ChannelResolvers
from rxgraph.serve.schema import make_schema
from rxgraph.serve.scope import OperationScope
from rxgraph.settings import RxGraphSettings
from rxgraph.testing import document_for
from tests.serve.shop import ANN, AlbumSerializer, FakeHub


class Mood(enum.Enum):
    HAPPY = "happy"


with registry.isolated():

    class BaseChannel(ContextChannel):
        class Meta:
            abstract = True

        @consumer("radio.played")
        async def note(self, event: dict[str, Any]) -> None:
            radio.heard.append(("base", event["title"]))

    class RadioChannel(BaseChannel):
        class Meta:
            state = AlbumSerializer()

        class RuntimeState(TypedDict):
            viewers: int
            now_playing: str | None
            mood: Mood
            since: datetime.datetime

        async def on_connect(self, tstamp: float | None) -> None:
            radio.contexts.append(self)
            await radio.connect(self)

        async def on_disconnect(self) -> None:
            radio.heard.append("gone")

        @consumer("radio.played")
        async def show(self, event: dict[str, Any]) -> None:
            if event["title"] == "boom":
                raise ValueError("a handler failed")
            await asyncio.sleep(event.get("seconds", 0))
            await self.set_runtime_var("now_playing", event["title"])

        @consumer("radio.counted")
        def count(self, event: dict[str, Any]) -> None:
            radio.heard.append(("count", event["n"]))


class Radio:
    """What the hooks do in one test, and what they saw."""

    def __init__(self) -> None:
        self.contexts: list[Any] = []
        self.heard: list[Any] = []
        self.groups: list[str] = []
        self.values: dict[str, Any] = {}

    async def connect(self, context: ContextChannel) -> None:
        """Join and set what the test wants."""
        for group in self.groups:
            await context.group_add(group)
        for name, value in self.values.items():
            await context.set_runtime_var(name, value)


radio = Radio()
COMPILED = compile_channel(RadioChannel)


class Station:
    """A schema over a fake hub."""

    def __init__(self, **settings: Any) -> None:
        self.hub = FakeHub()
        self.settings = RxGraphSettings(**settings)
        resolvers = ChannelResolvers(lambda: self.hub, lambda: self.settings)  # type: ignore[arg-type, return-value]
        self.schema = make_schema([COMPILED], resolvers)
        self.document = document_for(COMPILED)

    async def stream(self, user: Any = ANN, *, id_: int = 7) -> Any:
        """Return the results of a subscription."""
        context = {"identity": Identity(user, Credentials()), "scope": OperationScope()}
        return await self.schema.stream(self.document, {"id": id_}, context_value=context)


async def take(results: Any) -> dict[str, Any]:
    """Return the next event; fails on errors."""
    result = await asyncio.wait_for(anext(results), 10.0)
    assert not result.errors, result.errors
    event: dict[str, Any] = result.data["radio"]
    return event
