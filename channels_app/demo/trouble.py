"""A server that is slow or says no, at the press of a switch, to see how clients take it.

For the demo only: the mode belongs to this process. ``SLOW`` holds every mutation up before it
reaches the server, in the order in which they came; the ``can_*`` hooks ask for ``REFUSE``.
"""

from __future__ import annotations

import asyncio
import enum
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

SLOW_SECONDS = 1.5

_MUTATION = re.compile(r"^\s*mutation\b", re.MULTILINE)

Application = Callable[[Any, Any, Any], Awaitable[None]]


class Mode(enum.Enum):
    """How the server treats writes."""

    NORMAL = "normal"
    SLOW = "slow"
    REFUSE = "refuse"


_mode = Mode.NORMAL


def get_mode() -> Mode:
    """Return how writes are treated now."""
    return _mode


def set_mode(mode: Mode) -> None:
    """Treat writes that way from now on."""
    global _mode
    _mode = mode


def refuses() -> bool:
    """True while every write is to be refused."""
    return _mode is Mode.REFUSE


def with_trouble(application: Application) -> Application:
    """Return *application* with its mutations over WebSocket held up while the mode says so."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            await application(scope, receive, send)
            return
        line = _Line(receive)
        pump = asyncio.create_task(line.pump(), name="demo trouble")
        try:
            await application(scope, line.receive, send)
        finally:
            await line.close(pump)

    return serve


class _Line:
    """The frames of one socket on their way in; mutations may take longer, in their order."""

    def __init__(self, receive: Callable[[], Awaitable[Any]]) -> None:
        self._receive = receive
        self._arrived: asyncio.Queue[Any] = asyncio.Queue()
        self._last: asyncio.Task[None] | None = None

    async def receive(self) -> Any:
        return await self._arrived.get()

    async def pump(self) -> None:
        while True:
            message = await self._receive()
            if not _is_mutation(message):
                self._arrived.put_nowait(message)
            elif get_mode() is Mode.SLOW or (self._last is not None and not self._last.done()):
                self._last = asyncio.create_task(self._later(message, self._last))
            else:
                self._arrived.put_nowait(message)
            if message["type"] == "websocket.disconnect":
                return

    async def _later(self, message: Any, before: asyncio.Task[None] | None) -> None:
        if get_mode() is Mode.SLOW:
            await asyncio.sleep(SLOW_SECONDS)
        if before is not None:
            await before
        self._arrived.put_nowait(message)

    async def close(self, pump: asyncio.Task[None]) -> None:
        tasks = [pump, *([self._last] if self._last else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _is_mutation(message: Any) -> bool:
    text = message.get("text") or ""
    if message["type"] != "websocket.receive" or '"subscribe"' not in text:
        return False
    try:
        payload = json.loads(text).get("payload") or {}
    except (ValueError, AttributeError):
        return False  # the server will say what is wrong with it
    return isinstance(payload, dict) and bool(_MUTATION.match(str(payload.get("query"))))
