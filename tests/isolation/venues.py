"""Where a play takes place: a real server in this process."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.core.asgi import get_asgi_application
from django.db import connections

from rxgraph.asgi import with_graphql
from rxgraph.cache import opening
from rxgraph.compile.channel import compile_channel
from rxgraph.serve.schema import make_schema
from rxgraph.sync import engine
from tests.isolation.play import Play, Score
from tests.isolation.worlds import MODELS, World, channels_of, random_world
from tests.serve.live import declared


class Here:
    """A server in this process, with the memory store."""

    grace_seconds = 0.0

    def __init__(self, schema: Any) -> None:
        self.schema = self.source = schema
        self._port = 0

    @property
    def urls(self) -> list[str]:
        """The one server."""
        return [f"127.0.0.1:{self._port}"]

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run *function* on a thread that may use the database."""
        return await database_sync_to_async(function)(*arguments)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve."""
        application: Any = with_graphql(get_asgi_application(), schema=self.schema)
        config = uvicorn.Config(application, port=0, log_level="error", ws="websockets-sansio")
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  # uvicorn has nothing to wait for
            await asyncio.sleep(0.005)
        self._port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.should_exit = True
            await running
            await database_sync_to_async(connections.close_all)()


def play_here(rng: random.Random, steps: int) -> Score:
    """Play in this process; nothing of it is left."""
    world = random_world(rng)
    channels = channels_of(world)
    with declared(*channels):
        schema = make_schema([compile_channel(channel) for channel in channels])
        try:
            return asyncio.run(_play(Here(schema), rng, steps, world))
        finally:
            engine.reset()
            opening.reset()
            _clear()


async def _play(venue: Here, rng: random.Random, steps: int, world: World) -> Score:
    async with venue.serving():
        return await Play(rng, world, venue).perform(steps)


def _clear() -> None:
    for name in ("note", "comment", "task", "project", "label"):
        MODELS[name].objects.all().delete()
    User.objects.all().delete()
