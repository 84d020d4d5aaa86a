"""Whether this process lives, and whether it can serve: what balancers and supervisors ask.

``/healthz`` says that the event loop answers, and touches nothing else. ``/readyz`` asks the store,
the channel layer and the databases, each for a bounded time; its answer is kept for a second, and
whoever asks meanwhile waits for the same one, so that probes load nothing. What is wrong is named
without addresses or credentials; the log has the rest.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db import connections

from rxgraph.errors import DeclarationError
from rxgraph.serve.runtime import Runtime, current
from rxgraph.sync.wakeups import LocalBus
from rxgraph.types import AnchorKey

logger = logging.getLogger("rxgraph.health")

ANSWER_SECONDS = 2.0
"""How long each part may take to answer."""

KEPT_SECONDS = 1.0
"""How long an answer is good for."""

Send = Callable[[dict[str, Any]], Awaitable[None]]
Checks = Mapping[str, str | None]  # part → what is wrong with it, None: nothing

_MOST_DATABASES = 8  # that are asked at the same time
_NOBODY = AnchorKey("rxgraph.health", "")


class Health:
    """What one event loop answers to ``/readyz``."""

    def __init__(self, runtime: Runtime, build_schema: Callable[[], object]) -> None:
        self._runtime, self._build_schema = runtime, build_schema
        self._threads = ThreadPoolExecutor(_MOST_DATABASES, "rxgraph health")
        #: Questions that have not come back. A database that is paused holds its thread; it is
        #: not asked again before it answers.
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._asking: asyncio.Task[Checks] | None = None
        self._found: Checks = {}
        self._found_at = -KEPT_SECONDS
        self._complained: set[str] = set()

    async def checks(self) -> Checks:
        """Return what is wrong with each part, as of a second ago at most."""
        if time.monotonic() - self._found_at < KEPT_SECONDS:
            return self._found
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(), name="rxgraph ready")
        return await asyncio.shield(self._asking)

    async def _ask(self) -> Checks:
        try:
            parts: dict[str, Callable[[], Awaitable[None]]] = {
                "store": self._ask_store,
                "channel_layer": self._ask_channel_layer,
            }
            found: dict[str, str | None] = {
                "schema": self._look_at_schema(),
                "draining": "it lets its clients go" if self._runtime.is_draining else None,
            }
            if found["schema"] is None:
                for alias in self._runtime.engine.aliases():
                    parts[f"database {alias}"] = partial(self._ask_database, alias)
            answers = await asyncio.gather(*(self._bounded(*part) for part in parts.items()))
            self._found = found | dict(zip(parts, answers, strict=True))
            self._found_at = time.monotonic()
            return self._found
        finally:
            self._asking = None

    def _look_at_schema(self) -> str | None:
        try:
            self._build_schema()
        except DeclarationError:
            return "it cannot be built; manage.py check says why"
        return None

    async def _bounded(self, part: str, ask: Callable[[], Awaitable[None]]) -> str | None:
        """Return what is wrong with *part*, having asked it once."""
        asking = self._under_way.get(part)
        if asking is None:
            asking = self._under_way[part] = asyncio.ensure_future(_awaited(ask))
            asking.add_done_callback(partial(self._answered, part))
        done, _ = await asyncio.wait({asking}, timeout=ANSWER_SECONDS)
        if not done:
            return self._wrong(part, f"no answer within {ANSWER_SECONDS:g} seconds")
        if (error := asking.exception()) is not None:
            return self._wrong(part, "it does not answer", error)
        self._complained.discard(part)
        return None

    def _answered(self, part: str, asking: asyncio.Task[None]) -> None:
        self._under_way.pop(part, None)
        if not asking.cancelled():
            asking.exception()  # nobody may be waiting any more

    def _wrong(self, part: str, what: str, error: BaseException | None = None) -> str:
        if part not in self._complained:  # once per outage, not once per probe
            self._complained.add(part)
            logger.warning("not ready: %s: %s", part, error or what)
        return what

    async def _ask_store(self) -> None:
        await self._runtime.backend.load_anchors([_NOBODY])

    async def _ask_channel_layer(self) -> None:
        layer = get_channel_layer()
        if layer is not None and not isinstance(self._runtime.engine.bus, LocalBus):
            await layer.group_send("rxgraph.health", {"type": "rxgraph.health"})

    async def _ask_database(self, alias: str) -> None:
        await database_sync_to_async(_select_one, thread_sensitive=False, executor=self._threads)(
            alias
        )

    async def close(self) -> None:
        """End what is being asked."""
        tasks = [*self._under_way.values(), *([self._asking] if self._asking else ())]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=ANSWER_SECONDS)
        self._threads.shutdown(wait=False)


async def _awaited(ask: Callable[[], Awaitable[None]]) -> None:
    await ask()


def _select_one(alias: str) -> None:
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connections[alias].close()


_healths: WeakKeyDictionary[asyncio.AbstractEventLoop, Health] = WeakKeyDictionary()


async def serve_alive(send: Send) -> None:
    """Answer that the event loop answers."""
    await _answer(send, 200, {"status": "ok"})


async def serve_ready(build_schema: Callable[[], object], send: Send) -> None:
    """Answer 200 when new clients can be served, else 503; ``checks`` says what is wrong."""
    loop = asyncio.get_running_loop()
    health = _healths.get(loop)
    if health is None:
        health = _healths[loop] = Health(current(), build_schema)
    checks = await health.checks()
    is_ready = not any(checks.values())
    shown = {part: "ok" if wrong is None else wrong for part, wrong in sorted(checks.items())}
    body = {"status": "ok" if is_ready else "unavailable", "checks": shown}
    await _answer(send, 200 if is_ready else 503, body)


async def close() -> None:
    """Give back what the running event loop holds for its answers."""
    health = _healths.pop(asyncio.get_running_loop(), None)
    if health is not None:
        await health.close()


async def _answer(send: Send, status: int, body: object) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": orjson.dumps(body)})
