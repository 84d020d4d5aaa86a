"""One run: a world that begins, is disturbed, comes to rest, and is judged.

Everything in it follows from its choices.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rxgraph.cache import steps
from tests.simulation import actors
from tests.simulation.bus import Bus
from tests.simulation.choices import Choices
from tests.simulation.clock import BEGIN, clock
from tests.simulation.database import BOARDS, Database
from tests.simulation.declared import CHANNEL, key_of
from tests.simulation.processes import Process
from tests.simulation.scheduling import Lane, Scheduler, Script
from tests.simulation.servers import Server
from tests.simulation.storage import Storage

MOST_TURNS = 60_000
REST_SECONDS = 20.0
LEAVING_SECONDS = 10.0


@dataclass(frozen=True)
class Plan:
    """How hard the life in one world is; another one in each."""

    pace: float
    trouble: float
    stay: float
    deaths: float
    pauses: float
    stalls: float
    handing_over: float
    loss: float
    doubling: float
    skew: float
    slowness: float
    kinds: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def draw(cls, choices: Choices) -> Plan:
        """Choose one: many worlds know few kinds of trouble, so that each is met undisturbed."""

        def some(*values: float) -> float:
            return choices.choice(values)

        kinds = frozenset(kind for kind in actors.FAULTS if choices.chance(0.35))
        return cls(
            pace=some(0.3, 0.02, 0.1, 1.0),
            trouble=some(0.5, 0.1, 1.5),
            stay=some(3.0, 0.3, 1.0),
            deaths=some(0.0, 0.5, 1.0),
            pauses=some(0.0, 0.5, 1.0),
            stalls=some(0.0, 0.05, 0.3),
            handing_over=some(0.0, 0.5, 1.0),
            loss=some(0.0, 0.1, 0.5),
            doubling=some(0.0, 0.1, 0.3),
            skew=some(0.0, 0.05, 0.3),
            slowness=some(0.0, 0.01, 0.1),
            kinds=kinds,
        )

    def wants(self, kind: str) -> bool:
        """True when this kind of trouble is met here."""
        return kind in self.kinds


@dataclass(frozen=True)
class Verdict:
    """What one run came to."""

    seed: int
    failure: str | None
    steps: int
    choices: tuple[int, ...]
    faults: Counter[str]
    counts: Counter[str]
    trace: tuple[str, ...] = ()

    @property
    def kind(self) -> str | None:
        """What sort of failure it is, whoever met it."""
        if self.failure is None:
            return None
        return next((sort for sort in _SORTS if sort in self.failure), self.failure[:20])


_SORTS = (
    "never was",
    "went back",
    "was said to be gone",
    "never caught up",
    "after the last",
    "given up",
    "gone before",
)


class World:
    """Database, store, bus, processes and actors of one run."""

    def __init__(
        self,
        choices: Choices,
        *,
        without: Sequence[str] = (),
        only: Sequence[str] = (),
        is_traced: bool = False,
    ) -> None:
        self.choices = choices
        self.faults: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.failure: str | None = None
        self.graveyard: list[Any] = []
        self.trace: list[str] = []
        self._names = 0
        clock.names = 0
        random.seed(choices.seed)  # the jitter of the real code
        plan = Plan.draw(choices)
        kinds = frozenset(only) or plan.kinds
        self.plan = replace(plan, kinds=kinds - frozenset(without))
        self.scheduler = Scheduler(choices, BEGIN)
        self.database = Database()
        self.storage = Storage(choices, self.scheduler, self.faults)
        self.bus = Bus(choices, self.scheduler, self.faults)
        self.bus.loss, self.bus.doubling = self.plan.loss, self.plan.doubling
        if is_traced:
            self.scheduler.told = self._note
        self.handlers: dict[type[steps.Step[Any]], Callable[[Any], Any]] = {
            steps.Locate: lambda step: self.database.locate(CHANNEL, step),
            steps.Glance: self.database.glance,
            steps.OpenSnapshot: lambda step: self.database.open(),
            steps.CloseSnapshot: lambda step: None,
            steps.ReadIntents: lambda step: step.snapshot[1],
            steps.ReadRows: self.database.read_rows,
            steps.ReadExisting: self.database.read_existing,
            steps.ReadDependents: lambda step: frozenset(),
            steps.ReadTree: self.database.read_tree,
            steps.ReadMore: self._read_more,
        }
        self._workers = [self._new(Process, "worker") for _ in range(2)]
        self.servers = [self._new(Server, "server") for _ in range(2)]
        self._everybody: list[Process] = [*self._workers, *self.servers]
        self.clients = [
            actors.Client(self, number, choices.choice(("1", "1", "2"))) for number in range(3)
        ]

    # -- who is there

    def new_name(self, kind: str) -> str:
        """Return a name that nobody else has."""
        self._names += 1
        return f"{kind}{self._names}"

    def _new(self, kind: Any, name: str) -> Any:
        skew = self.choices.uniform(-self.plan.skew, self.plan.skew)
        return kind(self, self.new_name(name), skew)

    def living(self) -> list[Server]:
        """Return the servers that can be reached."""
        return [server for server in self.servers if server.is_alive]

    def worker(self) -> Process:
        """Return a process that serves nobody."""
        worker: Process = self.choices.choice(self._workers)
        return worker

    def replace_worker(self, worker: Process) -> None:
        """Kill a worker; another one takes its place."""
        if worker not in self._workers:
            return
        worker.kill()
        self._workers[self._workers.index(worker)] = other = self._new(Process, "worker")
        self._everybody.append(other)

    def replace_server(self, server: Server) -> None:
        """Kill a server; another one takes its place."""
        server.kill()
        self._succeed(server)

    def stop(self, server: Server) -> None:
        """Stop a server as a deploy does; another one takes its place."""
        server.loop.run_here(lambda: server.loop.create_task(server.stop(), name="stop"))
        self._succeed(server)

    def _succeed(self, server: Server) -> None:
        self.servers[self.servers.index(server)] = other = self._new(Server, "server")
        self._everybody.append(other)

    def _read_more(self, step: steps.ReadMore) -> Any:
        part = step.tree[:4]
        del step.tree[:4]
        return part

    # -- what goes wrong

    def failed(self, what: str) -> None:
        """Take note of the first thing that is wrong."""
        if self.failure is None:
            self.failure = what

    def loop_failed(self, context: dict[str, Any]) -> None:
        """Take note of what nobody caught."""
        error = context.get("exception")
        self.failed(f"{context['message']}: {type(error).__name__}: {error}")

    def _note(self, lane: Lane) -> None:
        self.note(lane.describe())

    def note(self, text: str) -> None:
        """Write down what happens, where somebody will read it."""
        if self.scheduler.told is not None:
            self.trace.append(f"{self.scheduler.now - BEGIN:8.3f}  {text}")

    # -- a life

    def run(self) -> None:
        """Live to the end, or to what is wrong."""
        writing = [
            self._script("writer", actors.write(self, self.choices.randrange(1, 10)))
            for _ in range(2)
        ]
        writing.append(self._script("trouble", actors.disturb(self, self.choices.randrange(8))))
        for client in self.clients:
            self._script(client.name, client.run())
        if not self._until(lambda: all(script.is_over for script in writing), 300.0):
            self.failed("writers do not come to an end")
            return
        self._rest()
        if not self._until(lambda: all(map(self._is_current, self.clients)), REST_SECONDS):
            self.failed(self._behind())
            return
        for client in self.clients:
            client.is_wanted = False
        if not self._until(lambda: not self._leaks(), LEAVING_SECONDS):
            self.failed(f"after the last has left there is {self._leaks()}")

    def _script(self, name: str, body: actors.Waits) -> Script:
        script = Script(self.scheduler, name, body)
        self.scheduler.add(script)
        return script

    def _until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Turn until it holds; False: it does not after so many seconds, or something failed."""
        scheduler = self.scheduler
        until, looked = scheduler.now + seconds, 0
        while self.failure is None:
            looked += 1
            if looked % 8 == 0 and holds():
                return True
            if scheduler.now > until or scheduler.turns > MOST_TURNS:
                return holds()
            scheduler.turn()
        return True

    def _rest(self) -> None:
        """Let nothing go wrong any more."""
        self.storage.away_until = self.bus.silent_until = 0.0
        self.bus.loss = self.bus.doubling = 0.0
        for lane in self.scheduler.lanes:
            lane.held_until = 0.0
        for client in self.clients:
            client.is_quiet = True

    def _is_current(self, client: actors.Client) -> bool:
        return client.is_connected and client.screen.is_current

    def _behind(self) -> str:
        behind = [client for client in self.clients if not self._is_current(client)]
        texts = [
            f"{c.name} {'' if c.is_connected else '(not connected) '}{c.screen.difference()}"
            for c in behind
        ]
        return "never caught up: " + "; ".join(texts)

    def _leaks(self) -> str:
        found = []
        for server in self.living():
            hub = server.hub
            found += [f"{server.name} replica {key}" for key in hub.replicas]
            found += [f"{server.name} leaving {key}" for key in hub._leaving]
            found += [f"{server.name} context"] * len(hub.contexts)
            names = Counter(task.get_name() for task in server.loop.tasks)
            names -= Counter({"every": 4, "take over": 1})
            found += [f"{server.name} task {name}" for name in names]
        for board in BOARDS:
            anchor = self.storage.memory.perform(steps.LoadAnchor(key_of(board)))
            found += [f"session {session} of {board}" for session in sorted(anchor.sessions)]
        return ", ".join(found[:5])

    def dispose(self) -> None:
        """Leave nothing behind in memory."""
        for process in self._everybody:
            if isinstance(process, Server):
                process.dispose()
            self.graveyard += [thread.procedure for thread in process.threads]
        for procedure in self.graveyard:
            procedure.close()


class _Errors(logging.Handler):
    """Takes what the real code logs as an error with a traceback: none of it may happen."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.ERROR)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            self._world.failed(f"{record.getMessage()}: {type(error).__name__}: {error}")


def simulate(
    seed: int,
    given: Sequence[int] | None = None,
    *,
    without: Sequence[str] = (),
    only: Sequence[str] = (),
    is_traced: bool = False,
) -> Verdict:
    """Run the world of *seed*, or that of *given* choices."""
    choices = Choices(seed, given)
    world = World(choices, without=without, only=only, is_traced=is_traced)
    logger, handler = logging.getLogger("rxgraph"), _Errors(world)
    logger.addHandler(handler)
    try:
        world.run()
        taken = tuple(choices.taken)
    finally:
        logger.removeHandler(handler)
        failure, count = world.failure, world.scheduler.steps
        world.dispose()
    return Verdict(seed, failure, count, taken, world.faults, world.counts, tuple(world.trace))
