"""What one event loop holds while it serves: the hub, and the tasks that keep it true.

``current()`` opens it on the first use of a loop; the ASGI lifespan closes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from contextvars import Context
from weakref import WeakKeyDictionary

from rxgraph import tracing
from rxgraph.errors import BackendError
from rxgraph.serve.actions import FIND_SECONDS, Actions
from rxgraph.serve.backend import Backend
from rxgraph.serve.broadcasts import Broadcasts
from rxgraph.serve.ending import ended
from rxgraph.serve.forest import new_replica
from rxgraph.serve.hub import Hub
from rxgraph.serve.limits.guard import guard
from rxgraph.serve.looking import SECONDS, Look, look
from rxgraph.serve.signals import Signals
from rxgraph.serve.sockets import sockets
from rxgraph.serve.unavailable import database_answers, is_logged
from rxgraph.settings import RxGraphSettings
from rxgraph.sync import expiry
from rxgraph.sync.clearing import CLEAR
from rxgraph.sync.engine import Engine, get_engine
from rxgraph.sync.signals import Signal
from rxgraph.sync.triggers.listening import Listeners
from rxgraph.sync.wakeups import LocalBus, Told
from rxgraph.types import PROCESS_CHANNEL, AnchorKey

logger = logging.getLogger("rxgraph.serve")

_BURIAL_SECONDS = 30.0
_CLAIM_SECONDS = _LOOK_SECONDS = 1.0  # between two looks at whether it is time
_REPORT_SECONDS = 1.0


class Runtime:
    """Hub, poll, heartbeat and sweeper of one event loop."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.settings: RxGraphSettings = engine.settings
        self.backend = Backend(engine)
        self.hub = Hub(self.backend, self.ready, new_replica)
        #: Live contexts of this event loop.
        self.contexts = self.hub.contexts
        self.signals = Signals(self.backend.session)
        self.actions = Actions(
            self.backend.session,
            self.contexts,
            self.signals,
            engine.publish,
            self.settings,
            # Where nothing travels, an answer is there at once or never.
            find_seconds=0.05 if isinstance(engine.bus, LocalBus) else FIND_SECONDS,
        )
        Broadcasts(self.contexts, self.signals)
        self.signals.on(CLEAR, self._clear)
        #: What metrics say of store and databases.
        self.found = Look()
        #: What is open on this event loop.
        self.sockets = sockets()
        self._nudged = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._listeners = Listeners(lambda: loop.call_soon_threadsafe(self._nudged.set))
        self._nudges: list[str] = []  # traces of those who nudged
        # In a context of their own: a request may be what opened this, and it will end.
        opening = asyncio.create_task(self._open(), name="rxgraph open", context=Context())
        self._tasks = [opening]

    async def _open(self) -> None:
        await self.backend.start(self._deliver)
        guard().till = None if self.settings.is_memory else self.backend
        lease = self.settings.lease_seconds
        self._tasks += [
            self._every(self.settings.poll_seconds, self.hub.poll, "poll"),
            self._every(lease, self.backend.beat, "heartbeat"),
            self._every(_BURIAL_SECONDS, self._bury, "burial"),
            self._every(expiry.interval_seconds(), self._expire, "expiry"),
            self._every(_CLAIM_SECONDS, self.hub.claim, "claims"),
            self._every(_LOOK_SECONDS, self._look, "looking"),
            self._every(_REPORT_SECONDS, lambda: guard().report(), "limits"),
            asyncio.create_task(self._take_over(), name="rxgraph take over"),
        ]
        if self.settings.sweep_interval_seconds:
            interval = self.settings.sweep_interval_seconds
            self._tasks.append(self._every(interval, self._sweep, "sweep"))

    @property
    def is_draining(self) -> bool:
        """True while clients are let go: a balancer is told to send nobody here."""
        return self.sockets.is_draining

    def _deliver(self, told: Told) -> None:
        if isinstance(told, Signal):
            self.signals.deliver(told)
        elif told.key.channel == PROCESS_CHANNEL:
            if told.trace and len(self._nudges) < tracing.MOST_LINKS:
                self._nudges.append(told.trace)
            self._nudged.set()
        else:
            self.hub.deliver(told)

    async def _take_over(self) -> None:
        """Do what writers left, whenever one says so; what comes meanwhile is done together."""
        while True:
            await self._nudged.wait()
            self._nudged.clear()
            nudges, self._nudges = self._nudges, []
            try:
                with tracing.span("rxgraph.take_over", parents=nudges):
                    await self.backend.on_thread(lambda: self.engine.sweep(at_once=True))
            except Exception as error:
                if is_logged(error):
                    continue  # the sweeper will come back to it
                if isinstance(error, BackendError):
                    self.hub.complain(error)
                else:
                    logger.exception("taking over from a writer failed; the sweeper will try again")

    async def ready(self) -> None:
        """Return when wake-ups are being listened for.

        Raises:
            BackendError: the store or the channel layer does not answer.
        """
        await asyncio.shield(self._tasks[0])

    async def _sweep(self) -> None:
        try:
            await self.backend.on_thread(lambda: self.engine.sweep(leased=True))
            database_answers()
        finally:
            self._listeners.keep(await self.backend.on_thread(self.engine.listened_databases))

    async def _bury(self) -> None:
        await self.backend.on_thread(self.engine.bury_sessions)
        await self.backend.on_thread(self.engine.forget_mutations)
        await self.backend.on_thread(self.engine.forget_quarantined)
        await self.backend.on_thread(self.engine.forget_claims)
        await self.backend.forget_buckets()

    async def _look(self) -> None:
        """Look up what metrics show, if somebody wants them and it is time."""
        is_wanted = _are_looks_wanted or self.settings.metrics_token
        if is_wanted and time.monotonic() - self.found.at >= SECONDS:
            self.found = await self.backend.on_thread(look, self.engine)

    async def _clear(self, signal: Signal) -> None:
        await self.backend.on_thread(self.engine.clear, AnchorKey(*signal.body))

    async def _expire(self) -> None:
        await self.backend.on_thread(expiry.watch, self.engine)

    def _every(
        self, seconds: float, work: Callable[[], Awaitable[object]], name: str
    ) -> asyncio.Task[None]:
        async def loop() -> None:
            is_down = False
            while True:
                await asyncio.sleep(seconds)
                try:
                    await work()
                    is_down = False
                except Exception as error:
                    if is_logged(error):
                        continue
                    if not isinstance(error, BackendError):
                        logger.exception("%s failed; it goes on", name)
                    elif not is_down:  # once per outage, not once per attempt
                        logger.error("%s waits for the store: %s", name, error)
                        is_down = True

        return asyncio.create_task(loop(), name=f"rxgraph {name}")

    async def close(self) -> None:
        """End every task, drop every replica, give back connections."""
        guard().till = None
        _runtimes.pop(asyncio.get_running_loop(), None)
        await ended(self._tasks)
        await self.signals.close()
        await self.hub.close()
        self._listeners.close()
        if self.engine.sweeper.held:
            with contextlib.suppress(BackendError):  # then the lease runs out
                await self.backend.on_thread(self.engine.sweeper.release)
        await self.backend.close()


_runtimes: WeakKeyDictionary[asyncio.AbstractEventLoop, Runtime] = WeakKeyDictionary()


_are_looks_wanted = False


def want_looks() -> None:
    """Have every runtime of this process look up what metrics show, from now on."""
    global _are_looks_wanted
    _are_looks_wanted = True


def running() -> list[Runtime]:
    """Return the runtimes of all event loops of this process."""
    return list(_runtimes.values())


def current() -> Runtime:
    """Return the runtime of the running event loop, opening it on the first use."""
    loop = asyncio.get_running_loop()
    runtime = _runtimes.get(loop)
    if runtime is None:
        runtime = _runtimes[loop] = Runtime(get_engine())
    return runtime
