"""Processes that run the real procedures on simulated threads, and may be paused or killed.

A thread asks for one step after the other; between asking, doing and going on with the answer
anything may happen, the death of its process included.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from rxgraph.cache import anchor as decisions
from rxgraph.cache import steps
from rxgraph.cache.mirrors import Mirrors
from rxgraph.cache.packing import Packing, repack
from rxgraph.cache.phases import Phase
from rxgraph.cache.reading import Reading
from rxgraph.cache.turns import clear_anchor, forget_anchor, leave_anchor, settle
from rxgraph.errors import BackendError
from rxgraph.settings import RxGraphSettings
from rxgraph.sync import heating
from rxgraph.sync.flush import Writer, bring_up, flush, rescue
from rxgraph.sync.forest import Place
from rxgraph.sync.handing_over import HandOver, Watched, hand_over
from rxgraph.sync.outstanding import Named
from rxgraph.types import AnchorKey, RowKey, process_key
from tests.simulation.clock import clock
from tests.simulation.database import TREE
from tests.simulation.scheduling import Lane

if TYPE_CHECKING:
    from tests.simulation.world import World

SETTINGS = RxGraphSettings(
    store="mongodb://simulated/rxgraph",
    lease_seconds=0.4,
    poll_seconds=0.25,
    linger_seconds=0.2,
    sweep_seconds=0.3,
    sweep_grace_seconds=0.3,
    reauth_seconds=1e9,
    cursor_ttl=10**9,
    queue_events=4,
)
PACKING = Packing(from_documents=3, per_part=4)


@dataclass(frozen=True, slots=True)
class Do(steps.Step[Any]):
    """Ask the store for something that no step stands for."""

    function: Callable[[], Any]


class Process:
    """One process: its threads, what it remembers, and how wrong its clock is."""

    def __init__(self, world: World, name: str, skew: float = 0.0) -> None:
        self.world, self.name, self.skew = world, name, skew
        self.is_alive = True
        self.threads: list[Thread] = []
        self.engine = Engine(self)
        self._handlers: dict[type[steps.Step[Any]], Callable[[Any], Any]] = {
            steps.SwapAnchor: self._swap,
            steps.LoadAnchor: self._load,
            steps.Recall: self.engine.mirrors.recall,
            steps.Peek: self.engine.mirrors.peek,
            steps.Remember: self.engine.mirrors.remember,
            steps.Publish: self.engine.wake,
            steps.Now: lambda step: world.scheduler.now + self.skew,
            steps.Begin: self._begin,
            Do: lambda step: world.storage.ask(step.function),
            **world.handlers,
        }

    def start_thread(
        self,
        procedure: steps.Procedure[Any],
        done: Callable[[Any, BaseException | None], None] = lambda answer, error: None,
    ) -> Thread:
        """Run *procedure* on a thread of its own; *done* is told how it ended."""
        thread = Thread(self, procedure, done)
        self.threads.append(thread)
        self.world.scheduler.add(thread)
        return thread

    def perform(self, step: steps.Step[Any]) -> Any:
        """Do one step of a thread."""
        handler = self._handlers.get(type(step))
        return self.world.storage.ask(step) if handler is None else handler(step)

    def pause(self, until: float) -> None:
        """Let nothing of it run until then."""
        for lane in self.lanes():
            lane.held_until = until

    def lanes(self) -> Iterable[Lane]:
        """Return everything of it that runs."""
        return list(self.threads)

    def kill(self) -> None:
        """End it between two steps."""
        self.is_alive = False
        for lane in self.lanes():
            self.world.scheduler.drop(lane)
        self.world.graveyard += [thread.procedure for thread in self.threads]
        self.threads.clear()

    def _swap(self, step: steps.SwapAnchor) -> bool:
        is_stored: bool = self.world.storage.ask(step)
        if is_stored:
            stored = step.anchor.stored()
            self.engine.mirrors.note(step.key, stored)
        return is_stored

    def _load(self, step: steps.LoadAnchor) -> Any:
        record = self.world.storage.ask(step)
        self.engine.mirrors.note(step.key, record)
        return record

    def _begin(self, step: steps.Begin) -> Begun:
        begun = Begun(self, step.step)
        self.world.scheduler.add(begun)
        return begun


class Begun(Lane):
    """Something that the store does meanwhile, for somebody who may be dead by then."""

    name = "begun"

    def __init__(self, process: Process, step: steps.Step[Any]) -> None:
        self._process, self._step = process, step
        self.is_done = False
        self._error: BackendError | None = None

    def step(self) -> None:
        """Do it."""
        if not self.is_done:
            self.is_done = True
            self._process.world.scheduler.drop(self)
            try:
                self._process.perform(self._step)
            except BackendError as error:
                self._error = error

    def wait(self) -> None:
        """Do it now if it is not done; raise what went wrong."""
        self.step()
        if self._error is not None:
            raise self._error


class Thread(Lane):
    """One procedure: it asks, the step is done, it goes on with the answer."""

    def __init__(
        self,
        process: Process,
        procedure: steps.Procedure[Any],
        done: Callable[[Any, BaseException | None], None],
    ) -> None:
        self.process, self.procedure, self._done = process, procedure, done
        self.name = f"{process.name} {getattr(procedure, '__name__', '')}"
        self._wanted: steps.Step[Any] | None = None
        self._answer: Any = None
        self._error: BaseException | None = None

    def step(self) -> None:
        """Do what it asked for, or let it ask for more."""
        if self._wanted is None:
            self._go_on()
            return
        wanted, self._wanted = self._wanted, None
        if isinstance(wanted, steps.Sleep):
            self.at = self.process.world.scheduler.now + wanted.seconds
            return
        try:
            if isinstance(wanted, steps.Await):
                self._answer = wanted.begun.wait()
            else:
                self._answer = self.process.perform(wanted)
        except (BackendError, steps.Beyond) as error:
            self._error = error

    def describe(self) -> str:
        """Return the step it takes."""
        if self._wanted is None:
            return f"{self.name}: goes on after {_short(self._error or self._answer)}"
        return f"{self.name}: {_short(self._wanted)}"

    def _go_on(self) -> None:
        error, answer = self._error, self._answer
        self._error = self._answer = None
        clock.skew = self.process.skew
        try:
            if error is not None:
                self._wanted = self.procedure.throw(error)
            else:
                self._wanted = self.procedure.send(answer)
        except StopIteration as end:
            self._end(end.value, None)
        except Exception as failed:  # noqa: BLE001 - it is for whoever waits
            self._end(None, failed)

    def _end(self, answer: Any, error: BaseException | None) -> None:
        self.process.threads.remove(self)
        self.process.world.scheduler.drop(self)
        self._done(answer, error)


class Engine:
    """What ``sync.engine.Engine`` is to the hub; its methods return the procedures they would run.

    The procedures themselves are the real ones.
    """

    def __init__(self, process: Process) -> None:
        self._process, self._world = process, process.world
        self.settings = SETTINGS
        self.mirrors = Mirrors()
        self.is_serving = False
        self.listeners: list[Callable[[Any], None]] = []
        self.sessions: set[str] = set()
        self.writer = Writer(lambda channel: TREE, self._new_owner, SETTINGS.lease_seconds, PACKING)
        self.watched = Watched()
        memory = self._world.storage
        self.store = SimpleNamespace(
            beat=lambda *args: _do(lambda: memory.memory.beat(*args)),
            forget_session=lambda *args: _do(lambda: memory.memory.forget_session(*args)),
        )

    def _new_owner(self) -> str:
        return self._world.new_name("w")

    def wake(self, step: steps.Publish) -> None:
        """Tell of a batch, as the real engine does."""
        for listener in list(self.listeners):
            listener(step.wakeup)
        if not (self.listeners and step.sessions <= self.sessions):
            self._world.bus.publish(step.wakeup)

    def is_packing_due(self, reading: Reading) -> bool:
        """True when what was read had better be packed."""
        return PACKING.is_due(reading)

    def repack(self, key: AnchorKey, reading: Reading) -> steps.Procedure[bool]:
        """Write what was read where it can be read at once."""
        return _in_peace(repack(key, reading, self._new_owner(), PACKING))

    def heat_and_read(
        self, key: AnchorKey, lease: decisions.Lease, offer: Callable[[Reading], None]
    ) -> steps.Procedure[Any]:
        """Make *key* HOT; *offer* is told what was read."""
        return _offering(heating.heat(self.writer, key, lease), offer)

    def rescue(self, key: AnchorKey) -> steps.Procedure[bool]:
        """Take over work that nobody does."""
        return rescue(self.writer, key)

    def clear(self, key: AnchorKey) -> steps.Procedure[bool]:
        """Clear a cache, after it has been filled."""
        give_up_at = self._world.scheduler.now + SETTINGS.lease_seconds
        while (yield from steps.LoadAnchor(key)).phase is Phase.HEATING:
            if self._world.scheduler.now >= give_up_at:
                break
            yield from steps.Sleep(0.02)
        return (yield from clear_anchor(key))

    def read_named(self, channels: frozenset[str]) -> steps.Procedure[Named]:
        """Return what the intents name."""
        yield from steps.Sleep(0.0)  # the database takes a moment
        intents = self._world.database.intents
        return Named(frozenset[RowKey]().union(*(rows for _, rows in intents.values())))

    def bring_up(self, key: AnchorKey, roots: list[str]) -> steps.Procedure[Place | None]:
        """Have it contain all that is committed now."""
        rows = frozenset(RowKey(TREE.root.model_label, root) for root in roots)
        return bring_up(self.writer, key, rows)

    def forget(self, key: AnchorKey, lost: int) -> steps.Procedure[None]:
        """Have it heated anew."""
        if not self._world.storage.has_lost:
            self._world.failed(f"{key.anchor_id} was given up, and the store has lost nothing")
        return forget_anchor(key, lost)

    # -- commits, and what is left of them

    def flush(self, number: int, rows: frozenset[RowKey]) -> steps.Procedure[None]:
        """Bring one transaction to the caches, then forget its intent."""
        yield from flush(self.writer, rows)
        self._world.database.intents.pop(number, None)

    def hand_over(self, number: int, rows: frozenset[RowKey]) -> steps.Procedure[None]:
        """Leave one transaction to the servers that show it."""
        left: HandOver = yield from hand_over(lambda channel: TREE, self.watched, rows)
        for session in sorted(left.servers):
            key = process_key(session)
            self._world.bus.publish(steps.Wakeup(key, 0, 0, 0, 0.0, None, more=True))
        if left.is_done:
            self._world.database.intents.pop(number, None)

    def sweep(self, at_once: bool = False) -> steps.Procedure[None]:
        """Replay the intents that were left over."""
        grace = 0.0 if at_once else SETTINGS.sweep_grace_seconds
        intents, now = self._world.database.intents, self._world.scheduler.now
        found = {number: rows for number, (at, rows) in intents.items() if now - at >= grace}
        if found:
            yield from flush(self.writer, frozenset[RowKey]().union(*found.values()))
            for number in found:
                intents.pop(number, None)

    def bury_sessions(self) -> steps.Procedure[int]:
        """Take the sessions of killed processes off the anchors."""
        memory = self._world.storage
        now = yield from steps.Now()
        dead = yield from Do(lambda: memory.memory.dead_sessions(now))
        if not dead:
            return 0
        for key, anchor in sorted((yield from Do(lambda: memory.memory.list_anchors()))):
            for session in sorted(anchor.sessions & dead):
                yield from leave_anchor(key, session)
        for session in sorted(dead):
            yield from self.store.forget_session(session)
        return len(dead)

    def take_duty(self, key: AnchorKey, seconds: float) -> steps.Procedure[bool]:
        """Be the one who does something now."""
        lease = decisions.Lease(self._new_owner(), seconds)
        _, taken = yield from settle(key, lambda a, now: decisions.watch(a, lease, now))
        return taken is not None


def _short(value: Any) -> str:
    """Return what a trace says of a step or an answer."""
    if isinstance(value, steps.SwapAnchor):
        return f"SwapAnchor({_short(value.anchor)})"
    if isinstance(value, steps.WriteDocuments):
        return f"WriteDocuments({', '.join(f'{d.key.id} v{d.version}' for d in value.documents)})"
    if isinstance(value, decisions.Anchor):
        pending = sorted(row.pk for row in value.pending)
        taken = sorted(row.pk for row in value.taken)
        return (
            f"{value.phase.name} g{value.generation % 10**6} {value.done}/{value.seq}"
            f" {value.owner} pending={pending} taken={taken} sessions={len(value.sessions)}"
        )
    if isinstance(value, BackendError | bool | None):
        return repr(value)
    return type(value).__name__


def _do(function: Callable[[], Any]) -> steps.Procedure[Any]:
    return (yield from Do(function))


def _in_peace(procedure: steps.Procedure[bool]) -> steps.Procedure[bool]:
    try:
        return (yield from procedure)
    except BackendError:
        return False


def _offering(
    procedure: steps.Procedure[Any], offer: Callable[[Reading], None]
) -> Generator[steps.Step[Any], Any, Any]:
    try:
        step = next(procedure)
        while True:
            if isinstance(step, steps.Offer):
                offer(step.reading)
                step = procedure.send(None)
                continue
            try:
                answer = yield step
            except (BackendError, steps.Beyond) as error:
                step = procedure.throw(error)
            else:
                step = procedure.send(answer)
    except StopIteration as end:
        return end.value
