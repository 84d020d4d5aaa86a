"""A server process: the real hub, replicas and backend on a simulated event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from rxgraph.cache.anchor import Anchor
from rxgraph.cache.steps import Step, Wakeup
from rxgraph.compile.state_tree import StateTree
from rxgraph.errors import BackendError
from rxgraph.serve.backend import Backend
from rxgraph.serve.hub import Hub
from rxgraph.sync.wakeups import Deliver
from rxgraph.types import PROCESS_CHANNEL, AnchorKey
from tests.simulation.clock import clock
from tests.simulation.database import TREE
from tests.simulation.processes import SETTINGS, Process
from tests.simulation.scheduling import Lane, Loop

if TYPE_CHECKING:
    from tests.simulation.world import World

T = TypeVar("T")

_BURIAL_SECONDS = 1.0
_LEFT_ALONE = 100  # turns that tasks of a dead process get to end


class Server(Process):
    """Hub, poll, heartbeat and sweeper, as ``serve.runtime`` joins them."""

    def __init__(self, world: World, name: str, skew: float = 0.0) -> None:
        self.loop = ServerLoop(self, world, name)
        super().__init__(world, name, skew)
        world.scheduler.add(self.loop)
        self.backend = SimulatedBackend(self)
        self.hub = Hub(self.backend, self.ready)
        self._nudged = asyncio.Event()
        self._tasks: list[asyncio.Task[Any]] = []
        self.loop.run_here(self._start)

    def _start(self) -> None:
        self._tasks.append(self.loop.create_task(self._open(), name="open"))

    async def _open(self) -> None:
        while True:  # a process that cannot reach its store is started again
            try:
                await self.backend.start(self.deliver)
                break
            except BackendError:
                await asyncio.sleep(0.2)
        engine = self.engine
        self._tasks += [
            self._every(SETTINGS.poll_seconds, self.hub.poll),
            self._every(SETTINGS.lease_seconds, self.backend.beat),
            self._every(
                SETTINGS.sweep_interval_seconds, lambda: self.backend.on_thread(engine.sweep)
            ),
            self._every(_BURIAL_SECONDS, lambda: self.backend.on_thread(engine.bury_sessions)),
            self.loop.create_task(self._take_over(), name="take over"),
        ]

    async def ready(self) -> None:
        """Return when wake-ups are being listened for."""
        await asyncio.shield(self._tasks[0])

    def deliver(self, told: Any) -> None:
        """Pass a wake-up on; called on the event loop."""
        if told.key.channel == PROCESS_CHANNEL:
            self._nudged.set()
        elif isinstance(told, Wakeup):
            self.hub.deliver(told)

    async def _take_over(self) -> None:
        while True:
            await self._nudged.wait()
            self._nudged.clear()
            with contextlib.suppress(BackendError):
                await self.backend.on_thread(lambda: self.engine.sweep(at_once=True))

    def _every(self, seconds: float, work: Callable[[], Awaitable[Any]]) -> asyncio.Task[None]:
        async def loop() -> None:
            while True:
                await asyncio.sleep(seconds)
                with contextlib.suppress(BackendError):
                    await work()

        return self.loop.create_task(loop(), name="every")

    def lanes(self) -> Iterable[Lane]:
        """Return its event loop and its threads."""
        return [self.loop, *self.threads]

    def kill(self) -> None:
        """End it between two steps."""
        super().kill()
        self.world.bus.forget(self)

    async def stop(self) -> None:
        """End it as a deploy does."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self.hub.close()
        await self.backend.close()
        self.is_alive = False

    def dispose(self) -> None:
        """Let what is left of its tasks come to their end, so that nothing lingers in memory."""
        self.is_alive = False
        for _ in range(_LEFT_ALONE):
            if not self.loop.tasks:
                return
            for task in list(self.loop.tasks):
                task.cancel()
            for _ in range(_LEFT_ALONE * 10):
                if not self.loop.has_ready:
                    break
                self.loop.step()

    def request(self, function: Callable[[], Any]) -> asyncio.Future[Any]:
        """Ask the store for something; its answer comes some time."""
        future = self.loop.create_future()
        if self.is_alive:
            self.world.scheduler.add(Request(self, function, future))
        else:
            future.set_exception(BackendError("this process is dead"))
        return future


class ServerLoop(Loop):
    """The event loop of a server, on a machine whose clock is wrong."""

    def __init__(self, server: Server, world: World, name: str) -> None:
        super().__init__(world.scheduler, f"{name} loop", world.loop_failed)
        self._server = server

    def step(self) -> None:
        """Run one callback."""
        clock.skew = self._server.skew
        super().step()

    @property
    def has_ready(self) -> bool:
        """True when there is a callback to run."""
        return bool(self._ready)


class Request(Lane):
    """One request to the store and its answer, each on its way for a while."""

    def __init__(
        self, server: Server, function: Callable[[], Any], future: asyncio.Future[Any]
    ) -> None:
        self.name = f"{server.name} request"
        self._server, self._function, self._future = server, function, future
        self._is_done = False
        self._answer: Any = None
        self._error: BackendError | None = None
        self._dawdle()

    def step(self) -> None:
        """Do it, or bring the answer."""
        if not self._is_done:
            self._is_done = True
            try:
                self._answer = self._function()
            except BackendError as error:
                self._error = error
            self._dawdle()
            return
        self._server.world.scheduler.drop(self)
        if self._future.done():
            return
        if self._error is not None:
            self._future.set_exception(self._error)
        else:
            self._future.set_result(self._answer)

    def _dawdle(self) -> None:
        world = self._server.world
        if world.choices.chance(world.plan.slowness):
            world.faults["request slow"] += 1
            self.held_until = world.scheduler.now + world.choices.uniform(0.0, 1.0)


class AsyncStorage:
    """The store from an event loop."""

    def __init__(self, server: Server) -> None:
        self._server, self._storage = server, server.world.storage

    async def perform(self, step: Step[T]) -> T:
        """Answer one store step."""
        answer: T = await self._server.request(lambda: self._storage.ask(step))
        return answer

    async def load_anchors(self, keys: list[AnchorKey]) -> dict[AnchorKey, Anchor]:
        """Return several records."""
        storage = self._storage
        answer: dict[AnchorKey, Anchor] = await self._server.request(
            lambda: storage.ask(lambda: storage.memory.load_anchors(keys))
        )
        return answer

    async def close(self) -> None:
        """Do nothing."""


class Listener:
    """A server's side of the bus."""

    def __init__(self, server: Server) -> None:
        self._server, self._bus = server, server.world.bus

    async def start(self, deliver: Deliver) -> None:
        """Begin to listen."""

    async def join(self, key: AnchorKey) -> None:
        """Get the wake-ups of an anchor."""
        await self.join_all([key])

    async def join_all(self, keys: Collection[AnchorKey]) -> None:
        """Join several."""

        def join() -> None:
            for key in keys:
                self._bus.join(key, self._server)

        await self._server.request(join)

    async def leave(self, key: AnchorKey) -> None:
        """Get no more of them."""
        await self._server.request(lambda: self._bus.leave(key, self._server))

    async def close(self) -> None:
        """Leave everything."""
        self._bus.forget(self._server)


class SimulatedBackend(Backend):
    """The real backend over simulated store, bus and threads."""

    def __init__(self, server: Server) -> None:
        engine: Any = server.engine
        self.engine, self._server = engine, server
        self.session = server.world.new_name("s")
        storage: Any = AsyncStorage(server)
        self._store, self._listener = storage, Listener(server)
        self._running = set()
        self._share()

    def tree(self, channel: str) -> StateTree:
        """Return the one tree."""
        return TREE

    async def on_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run the procedure that *function* answers; it goes on when whoever asked is gone."""
        future = self._server.loop.create_future()
        if not self._server.is_alive:
            raise BackendError("this process is dead")

        def done(answer: Any, error: BaseException | None) -> None:
            if not future.done():
                if error is not None:
                    future.set_exception(error)
                else:
                    future.set_result(answer)

        self._server.start_thread(function(*args), done)
        return await future

    def _close_threads(self) -> None:
        """Do nothing: threads end by themselves."""
