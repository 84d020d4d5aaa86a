"""The groups of the channel layer that one live context has joined, and its ``@consumer`` methods.

The context has a channel of its own, from its first ``group_add`` on. One task receives, another
calls the handlers one after the other: a slow one delays later events of this context, and nothing
else. What has no handler is ignored; errors of handlers are logged.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from channels.layers import BaseChannelLayer, get_channel_layer

from rxgraph.declare.channel import ContextChannel
from rxgraph.declare.hooks import call_hook
from rxgraph.declare.marks import consumers_of
from rxgraph.outage import Outage

logger = logging.getLogger("rxgraph.consumers")

_outage = Outage("groups of live contexts: the channel layer", logger=logger)

Event = dict[str, Any]

CLOSE_SECONDS = 2.0
RENEW_SECONDS = 3600.0  # some layers let memberships expire after a day
_WAITING_EVENTS = 1000
_rules = BaseChannelLayer()  # some layers have none, and a name must do for all of them


class Groups:
    """What one live context is a member of."""

    def __init__(
        self, context: ContextChannel, layer: Callable[[], Any] = get_channel_layer
    ) -> None:
        self._context, self._get_layer = context, layer
        self._handlers = consumers_of(type(context))
        self._layer: Any = None
        self._channel: str | None = None
        self._joined: dict[str, bool] = {}  # False: not yet, the layer does not answer
        self._lock = asyncio.Lock()
        self._events: deque[Event] = deque()
        self._stirred = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._is_closed = False
        self._is_dropping = False

    async def add(self, group: str) -> None:
        """Join *group*. When the layer does not answer, it is joined as soon as it does.

        Raises:
            RuntimeError: the project has no channel layer.
            TypeError: *group* is no name that Channels allows.
        """
        self._layer = self._layer or self._get_layer()
        if self._layer is None:
            raise RuntimeError(
                f"{self._context.name}.group_add({group!r}) needs a channel layer:"
                " set CHANNEL_LAYERS in your settings"
            )
        _rules.require_valid_group_name(group)
        if self._is_closed:
            return
        self._joined.setdefault(group, False)
        if not await self._join():
            logger.warning("%s will join %r when the layer answers", self._context.name, group)
        if not self._tasks and not self._is_closed:
            work = {"receive": self._receive, "consume": self._consume, "renew": self._renew}
            self._tasks = [
                asyncio.create_task(run(), name=f"rxgraph {name}") for name, run in work.items()
            ]

    async def _join(self) -> bool:
        """Join what is not joined yet; False: the layer does not answer."""
        async with self._lock:
            try:
                if self._channel is None:
                    self._channel = await self._layer.new_channel()
                for group, is_joined in list(self._joined.items()):
                    if not is_joined and not self._is_closed:
                        await self._layer.group_add(group, self._channel)
                        self._joined[group] = True
            except Exception as error:  # noqa: BLE001 - an outage, of whatever kind
                _outage.failed(error)
                return False
            _outage.over()
            return True

    async def _renew(self) -> None:
        while True:
            is_waiting = not all(self._joined.values())
            await asyncio.sleep(1.0 if is_waiting else RENEW_SECONDS)
            if not is_waiting:
                self._joined = dict.fromkeys(self._joined, False)
            await self._join()

    async def _receive(self) -> None:
        while not self._is_closed:
            try:
                if self._channel is None:
                    raise ConnectionError("not joined yet")
                event = await self._layer.receive(self._channel)
            except Exception as error:  # noqa: BLE001 - an outage; try again
                if not self._is_closed:
                    await asyncio.sleep(_outage.failed(error))
                continue
            if event.get("type") not in self._handlers:
                continue
            if len(self._events) >= _WAITING_EVENTS:
                self._events.popleft()
                if not self._is_dropping:
                    logger.error("handlers of %s are too slow: events drop", self._context.name)
                self._is_dropping = True
            self._events.append(event)
            self._stirred.set()

    async def _consume(self) -> None:
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            while self._events:
                event = self._events.popleft()
                for name in self._handlers[event["type"]]:
                    try:
                        await call_hook(getattr(self._context, name), event)
                    except Exception:
                        logger.exception("%s.%s failed", self._context.name, name)
            self._is_dropping = False

    async def close(self) -> None:
        """Leave every group and end the tasks; never raises."""
        self._is_closed = True
        if self._channel is not None:
            try:
                async with asyncio.timeout(CLOSE_SECONDS), self._lock:
                    for group in self._joined:
                        await self._layer.group_discard(group, self._channel)
            except Exception as error:  # noqa: BLE001 - the channel itself is given up below
                _outage.failed(error)
        running, self._tasks = set(self._tasks), []
        for _ in range(20):  # again, where a layer in between has swallowed it
            if not running:
                break
            for task in running:
                task.cancel()
            with suppress(ValueError):
                _, running = await asyncio.wait(running, timeout=0.1)
