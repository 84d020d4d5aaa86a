"""Who does things: writers, clients that come and go, and whoever breaks what they rely on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from rxgraph.cache.turns import expire_anchor
from rxgraph.errors import BackendError
from rxgraph.serve.auth import Credentials, Identity
from rxgraph.serve.scope import OperationScope
from rxgraph.serve.stream import LiveStream
from tests.simulation.database import BOARDS
from tests.simulation.declared import COMPILED, User, arguments_of, key_of
from tests.simulation.oracle import Screen, Wrong
from tests.simulation.processes import SETTINGS, Process
from tests.simulation.servers import Server

if TYPE_CHECKING:
    from tests.simulation.world import World

Waits = Generator[float, None, None]


def write(world: World, times: int) -> Waits:
    """Commit transactions in one process or another, which then tells the caches, or dies."""
    choices = world.choices
    for _ in range(times):
        yield choices.uniform(0.0, world.plan.pace)
        process: Process = world.worker()
        if choices.chance(0.3) and (servers := world.living()):
            process = choices.choice(servers)
        number, rows = world.database.transact(choices, world.scheduler.now)
        if not rows:
            continue
        world.counts["transactions"] += 1
        world.note(f"** transaction {number} in {process.name}: {sorted(r.pk for r in rows)}")
        if choices.chance(world.plan.deaths * 0.1):
            world.faults["writer killed before it told"] += 1
            continue
        is_left = not isinstance(process, Server) and choices.chance(world.plan.handing_over)
        how = process.engine.hand_over if is_left else process.engine.flush
        ends = _End()
        thread = process.start_thread(how(number, rows), ends)
        while not ends.is_over and process.is_alive:
            yield 0.002
            if choices.chance(world.plan.deaths * 0.02) and not isinstance(process, Server):
                world.faults["writer killed"] += 1
                world.replace_worker(process)
            elif choices.chance(world.plan.pauses * 0.02):
                world.faults["writer paused"] += 1
                thread.held_until = world.scheduler.now + choices.uniform(0.0, 1.5)
                if choices.chance(0.5):
                    break  # the next transaction does not wait for it


class _End:
    """Takes note that a thread has ended."""

    is_over = False

    def __call__(self, answer: object, error: BaseException | None) -> None:
        self.is_over = True


class Client:
    """One page that shows a board: it connects, stalls, leaves, and comes back with its cursor."""

    def __init__(self, world: World, number: int, board: str) -> None:
        self.world, self.name = world, f"client {number}"
        self.screen = Screen(world.database, board)
        self.is_wanted = True
        self.is_quiet = False  # it stays from now on
        self._task: asyncio.Task[None] | None = None
        self._server: Server | None = None
        self._connection = 0  # which of them this is

    @property
    def is_connected(self) -> bool:
        """True while somebody serves it."""
        return self._task is not None and not self._task.done() and self._server_lives

    @property
    def _server_lives(self) -> bool:
        return self._server is not None and self._server.is_alive

    def run(self) -> Waits:
        """Come and go."""
        choices, plan = self.world.choices, self.world.plan
        while True:
            yield choices.uniform(0.0, 0.3)
            if not self.is_wanted:
                continue
            servers = self.world.living()
            if not servers:
                continue
            self._connect(choices.choice(servers))
            if not self.is_quiet and choices.chance(0.1):
                yield choices.uniform(0.0, 0.05)
                self.world.counts["left while it opened"] += 1
                self._leave()
                continue
            stay_until = self.world.scheduler.now + choices.uniform(0.0, plan.stay)
            while self.is_connected:
                yield 0.05
                is_over = self.world.scheduler.now >= stay_until and not self.is_quiet
                if is_over or not self.is_wanted:
                    self._leave()
                    break

    def _connect(self, server: Server) -> None:
        choices, screen = self.world.choices, self.screen
        if choices.chance(0.1):
            screen.start_over()
            self.world.counts["pages loaded anew"] += 1
        after = screen.cursor
        if after is None or screen.is_void:
            screen.forgive()
        else:
            self.world.counts["came back with a cursor"] += 1
        self.world.note(f"** {self.name} connects to {server.name} with {screen.place}")
        self._server = server
        self._connection += 1
        watching = self._watch(server, after, self._connection)
        self._task = server.loop.run_here(lambda: server.loop.create_task(watching, name=self.name))

    def _leave(self) -> None:
        task, server = self._task, self._server
        self._task = None
        self._connection += 1
        if task is not None and server is not None and server.is_alive:
            self.world.counts["left"] += 1
            self.world.note(f"** {self.name} leaves {server.name}")
            server.loop.run_here(task.cancel)

    async def _watch(self, server: Server, after: str | None, connection: int) -> None:
        scope = OperationScope()
        screen, world = self.screen, self.world
        try:
            stream = LiveStream(
                COMPILED,
                Identity(User(), Credentials()),
                arguments_of(screen.board),
                hub=server.hub,
                settings=SETTINGS,
                scope=scope,
            )
            screen.ask()
            await stream.open(after)
            async with contextlib.aclosing(stream.events()) as events:
                async for event in events:
                    if connection != self._connection:
                        return  # that socket is closed, and the page has another one
                    if screen.take(event):
                        if not world.storage.has_lost:
                            screen.require_fresh()
                        world.counts["states checked"] += 1
                        world.note(f"** {self.name} shows {event.kind} {screen.place}")
                    if world.choices.chance(world.plan.stalls):
                        world.faults["client stalled"] += 1
                        await asyncio.sleep(world.choices.uniform(0.0, 2.0))
        except BackendError:
            world.counts["could not open"] += 1
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - none of them is all right
            world.failed(f"{self.name}: {type(error).__name__}: {error}")
        finally:
            await scope.close()


def disturb(world: World, times: int) -> Waits:
    """Do what operators, machines and networks do to a service."""
    choices = world.choices
    kinds = [kind for kind in FAULTS if world.plan.wants(kind)]
    for _ in range(times if kinds else 0):
        yield choices.uniform(0.0, world.plan.trouble)
        name = choices.choice(kinds)
        if FAULTS[name](world):
            world.faults[name] += 1
            world.note(f"** {name}")


def _kill(world: World) -> bool:
    servers = world.living()
    if not servers:
        return False
    world.replace_server(world.choices.choice(servers))
    return True


def _stop(world: World) -> bool:
    servers = world.living()
    if len(servers) < 2:
        return False
    world.stop(world.choices.choice(servers))
    return True


def _pause(world: World) -> bool:
    servers = world.living()
    if not servers:
        return False
    until = world.scheduler.now + world.choices.uniform(0.0, 2.5)
    world.choices.choice(servers).pause(until)
    return True


def _away(world: World) -> bool:
    world.storage.away_until = world.scheduler.now + world.choices.uniform(0.0, 1.5)
    return True


def _silence(world: World) -> bool:
    world.bus.silent_until = world.scheduler.now + world.choices.uniform(0.0, 2.0)
    return True


def _clear(world: World) -> bool:
    process = world.worker()
    process.start_thread(process.engine.clear(key_of(world.choices.choice(BOARDS))))
    return True


def _expire(world: World) -> bool:
    world.worker().start_thread(expire_anchor(key_of(world.choices.choice(BOARDS)), 0.2))
    return True


def _lose_everything(world: World) -> bool:
    world.storage.lose_everything()
    return True


def _lose_anchor(world: World) -> bool:
    world.storage.lose(key_of(world.choices.choice(BOARDS)))
    return True


def _lose_records(world: World) -> bool:
    world.storage.lose_records()
    return True


def _lose_documents(world: World) -> bool:
    world.storage.lose_documents()
    return True


def _lose_sessions(world: World) -> bool:
    world.storage.lose_sessions()
    return True


FAULTS: dict[str, Callable[[Any], bool]] = {
    "server killed": _kill,
    "server stopped": _stop,
    "server paused": _pause,
    "store away": _away,
    "bus silent": _silence,
    "cache cleared": _clear,
    "cache expired": _expire,
    "everything lost": _lose_everything,
    "anchor lost": _lose_anchor,
    "records lost": _lose_records,
    "documents lost": _lose_documents,
    "sessions lost": _lose_sessions,
}


__all__ = ["FAULTS", "Client", "Wrong", "disturb", "write"]
