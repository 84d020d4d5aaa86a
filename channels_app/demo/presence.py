"""Who else looks at a board: live contexts tell each other, through a group of the channel layer.

Each one announces itself when it enters and every ``BEAT_SECONDS``, answers newcomers, and says
when it leaves. Who has been silent for three beats is gone: a server that was killed says nothing.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

BEAT_SECONDS = 20.0
_SILENT_BEATS = 3

Tell = Callable[[dict[str, Any]], Awaitable[None]]
Show = Callable[[list[str]], Awaitable[None]]


class Presence:
    """What one live context knows of the others.

    *tell* sends an event to all contexts of the board, this one included; *show* is called with the
    ids of the users who are there, sorted, whenever they are others than before.
    """

    def __init__(
        self, user_id: str, tell: Tell, show: Show, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._me, self._user_id = uuid.uuid4().hex, user_id
        self._tell, self._show, self._clock = tell, show, clock
        self._users: dict[str, str] = {}
        self._heard: dict[str, float] = {}
        self._shown: list[str] = []
        self._beating: asyncio.Task[None] | None = None

    async def enter(self) -> None:
        """Be there from now on."""
        await self.hear(self._here())
        await self._tell(self._here(asks=True))
        self._beating = asyncio.create_task(self._beat(), name="demo presence")

    async def leave(self) -> None:
        """Be gone."""
        if self._beating is not None:
            self._beating.cancel()
            await self._tell({"type": "presence.gone", "who": self._me})

    async def hear(self, event: Mapping[str, Any]) -> None:
        """Take note of somebody who is there, and answer who asks."""
        self._users[event["who"]] = event["user"]
        self._heard[event["who"]] = self._clock()
        await self._update()
        if event["asks"] and event["who"] != self._me:
            await self._tell(self._here())

    async def miss(self, event: Mapping[str, Any]) -> None:
        """Take note of somebody who left."""
        self._forget(event["who"])
        await self._update()

    def _here(self, *, asks: bool = False) -> dict[str, Any]:
        return {"type": "presence.here", "who": self._me, "user": self._user_id, "asks": asks}

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            await self._tell(self._here())
            oldest = self._clock() - _SILENT_BEATS * BEAT_SECONDS
            for who in [who for who, heard in self._heard.items() if heard < oldest]:
                self._forget(who)
            await self._update()

    def _forget(self, who: str) -> None:
        self._users.pop(who, None)
        self._heard.pop(who, None)

    async def _update(self) -> None:
        users = sorted(set(self._users.values()))
        if users != self._shown:
            self._shown = users
            await self._show(users)
