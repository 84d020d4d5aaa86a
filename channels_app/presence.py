"""Who else looks at the same board: every context says that it is there, and hears the others.

Over a group of the channel layer, so it works across processes, and nothing is stored: who was not
heard for a while is gone, whatever happened to their process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from channels.layers import get_channel_layer

SECONDS = 20.0  # between two signs of life
FORGET_SECONDS = 50.0

Show = Callable[[list[str]], Awaitable[None]]


class Presence:
    """One context among those of a group; ``show`` is told the names whenever they change."""

    def __init__(self, group: str, me: str, name: str, show: Show) -> None:
        self._group, self._me, self._name, self._show = group, me, name, show
        self._heard: dict[str, tuple[str, float]] = {}
        self._shown: list[str] = []
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Say hello, and go on saying that this one is here."""
        await self._note(self._me, self._name)
        await self._say("hello")
        self._task = asyncio.create_task(self._go_on())

    async def stop(self) -> None:
        """Say goodbye."""
        if self._task is not None:
            self._task.cancel()
        await self._say("goodbye")

    async def hear(self, event: dict[str, Any]) -> None:
        """Take what another context, or this one, said."""
        if event["what"] == "goodbye":
            self._heard.pop(event["who"], None)
            await self._tell()
            return
        await self._note(event["who"], event["name"])
        if event["what"] == "hello" and event["who"] != self._me:
            await self._say("here")

    async def _note(self, who: str, name: str) -> None:
        self._heard[who] = name, time.monotonic()
        await self._tell()

    async def _tell(self) -> None:
        oldest = time.monotonic() - FORGET_SECONDS
        self._heard = {who: found for who, found in self._heard.items() if found[1] > oldest}
        names = sorted({name for name, _ in self._heard.values()})
        if names != self._shown:
            self._shown = names
            await self._show(names)

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(SECONDS)
            await self._note(self._me, self._name)
            await self._say("here")

    async def _say(self, what: str) -> None:
        said = {"type": "board.presence", "what": what, "who": self._me, "name": self._name}
        await get_channel_layer().group_send(self._group, said)
