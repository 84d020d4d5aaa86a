"""The real procedures under a seeded scheduler, against a simulated database.

Every step of a procedure is a point where any other actor may run, where this one may be paused
past its lease, or killed. The store is the real memory store; the database keeps its whole history,
so that each state a client shows can be looked up in it.
"""

from __future__ import annotations

import copy
import inspect
import random
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rxgraph.cache import steps
from rxgraph.cache.anchor import Anchor
from rxgraph.cache.memory import MemoryStore
from rxgraph.cache.mirrors import Mirror, Mirrors
from rxgraph.cache.packing import Packing, repack
from rxgraph.cache.phases import Phase
from rxgraph.cache.reading import Reading, Unfinished, read_documents, read_several
from rxgraph.cache.turns import clear_anchor
from rxgraph.delta import View, apply, see
from rxgraph.sync.flush import Writer, flush, rescue
from rxgraph.sync.heating import Warmth, heat
from rxgraph.types import AnchorKey, Document, InstanceKey, RowKey
from tests.simulation.database import TREE, Shown, Tables, change, document_of, with_lists

Actor = Generator[None, None, Any]

LEASE_TICKS = 250.0
GRACE_TICKS = 150.0
PACKING = Packing(from_documents=1, per_part=4)

KEY = AnchorKey("sim", "1")
ROOT = InstanceKey("Board", "1")


@dataclass(eq=False)
class Begun:
    """Something that the store does meanwhile, for somebody who may be dead by then."""

    end: Callable[[], Any]


class World:
    """Tables, store, intents, inboxes and a clock that a scheduler turns."""

    tree, key = TREE, KEY
    #: The sets of boards that clients show.
    board_sets: tuple[tuple[str, ...], ...] = (("1",),)

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.ways = random.Random(seed)  # which of equal ways is taken: changes no interleaving
        self.clock = 1000.0
        self.store = MemoryStore(lambda: self.clock)
        self.tables = Tables.begin()
        self.history: list[dict[tuple[str, ...], Shown]] = []
        self._record()
        self.intents: dict[int, tuple[float, frozenset[RowKey]]] = {}
        self.transactions = 0
        self.names = 0
        self.mirrors = Mirrors()
        #: What processes without a replica remember, each of its own batches.
        self.writers = (Mirrors(), Mirrors())
        self.inboxes: list[list[steps.Wakeup]] = []
        self.is_quiet = False
        self.begun: list[Begun] = []  # what the store has not done yet
        self.graveyard: list[Any] = []  # killed procedures: kept, so that nothing finalises them
        self.faults: Counter[str] = Counter()
        self.loss = 0.2
        self.speed = 0.3  # how likely something that was begun is done with the next step

    def new_owner(self) -> str:
        """Return a name for a lease."""
        self.names += 1
        return f"w{self.names}"

    @property
    def writer(self) -> Writer:
        """Return what procedures write as."""
        return Writer(lambda _: self.tree, self.new_owner, LEASE_TICKS, PACKING)

    def value(self) -> int:
        """Return a value never used before."""
        self.transactions += 1
        return self.transactions

    def _record(self) -> None:
        self.history.append({boards: self.tables.shown(boards) for boards in self.board_sets})

    def commit(self, changed: set[RowKey]) -> int:
        """Write history and the intent of one transaction."""
        self._record()
        number = self.value()
        self.intents[number] = (self.clock, frozenset(changed))
        return number

    # -- the answers to steps

    def perform(self, step: steps.Step[Any]) -> Any:
        """Answer one step; what was begun is done meanwhile, in any order."""
        if self.begun and self.rng.random() < self.speed:
            self.begun.pop(self.rng.randrange(len(self.begun))).end()
        match step:
            case steps.Begin(step=inner):
                self.begun.append(Begun(lambda: self.perform(inner)))
                return self.begun[-1]
            case steps.Await(begun=begun):
                if begun in self.begun:
                    self.begun.remove(begun)
                    begun.end()
                return None
            case steps.ReadPack():
                is_unknown = self.rng.random() < 0.1  # written by another version
                documents = None if is_unknown else self.store.perform(step)
                self.faults["no pack"] += documents is None
                self.faults["pack read"] += documents is not None
                return documents
            case steps.Now():
                return self.clock
            case steps.Sleep() | steps.CloseSnapshot() | steps.Offer():
                return None
            case steps.Locate(rows=rows):
                return {"sim": self.locate(rows)}
            case steps.Glance(rows=rows):
                return self.glance(rows)
            case steps.ReadIntents(snapshot=(_, intents, _)):
                return intents
            case steps.ReadRows(snapshot=(tables, _, key), wanted=wanted, lists=lists):
                if wanted != {key} or (key.typename == "Item" and not lists.get(key)):
                    raise steps.Beyond
                row = tables.row(key)
                return {} if row is None else {key: with_lists(row, lists.get(key, {}))}
            case steps.ReadExisting(snapshot=(_, _, _)):
                raise steps.Beyond
            case steps.OpenSnapshot():
                intents = tuple(rows for _, rows in self.intents.values())
                return copy.deepcopy(self.tables), intents
            case steps.ReadIntents(snapshot=(_, intents)):
                return intents
            case steps.ReadRows(snapshot=(tables, _), wanted=wanted, lists=lists):
                self.faults["list not read"] += any(lists.values())
                read = [row for key in wanted if (row := tables.row(key)) is not None]
                return {row.key: with_lists(row, lists.get(row.key, {})) for row in read}
            case steps.ReadExisting(snapshot=(tables, _), wanted=wanted):
                return frozenset(key for key in wanted if tables.row(key) is not None)
            case steps.ReadDependents():
                return frozenset()
            case steps.ReadTree(snapshot=(tables, _), anchor_id=id_, version=version):
                return [document_of(row, version) for row in tables.tree(id_)]
            case steps.ReadMore(tree=tree):
                count = self.rng.randrange(2, 9)
                part, tree[:count] = tree[:count], []
                return part
            case steps.Recall():
                return self.recall(step)
            case steps.Peek():
                if self.ways.random() < 0.25:  # by a process without a replica
                    found = self.ways.choice(self.writers).peek(step)
                    self.faults["documents remembered"] += found is not None
                    return found
                found = self.mirrors.peek(step)
                self.faults["documents known"] += found is not None
                return found
            case steps.Remember():
                self.ways.choice(self.writers).remember(step)
                return None
            case steps.SwapAnchor() | steps.LoadAnchor():
                return self.remember(step)
            case steps.Publish(wakeup=wakeup):
                for inbox in self.inboxes:
                    if self.rng.random() >= self.loss:
                        inbox.append(wakeup)
                    else:
                        self.faults["wake-up lost"] += 1
                return None
            case _:
                return self.store.perform(step)

    def glance(self, rows: frozenset[RowKey]) -> Any:
        """Answer with a snapshot of one row, where there is a short way."""
        named = [row for row in rows if row.model in ("sim.item", "sim.part", "sim.owner")]
        if len(rows) != 1 or not named or len(self.intents) > 1:
            return None
        self.faults["at a glance"] += 1
        key = InstanceKey(named[0].model.removeprefix("sim.").capitalize(), named[0].pk)
        intents = tuple(rows for _, rows in self.intents.values())
        return copy.deepcopy(self.tables), intents, key

    def remember(self, step: Any) -> Any:
        """Answer from the store, and keep the record for those who recall it later."""
        answer = self.store.perform(step)
        if isinstance(step, steps.LoadAnchor):
            self.mirrors.note(step.key, answer)
        elif answer and self.rng.random() < 0.7:  # the others are by other processes
            record = step.anchor.stored()
            self.mirrors.note(step.key, record)
        return answer

    def recall(self, step: steps.Recall) -> dict[AnchorKey, Anchor | None]:
        """Answer as a process with a replica does, or as one without."""
        found = self.mirrors.recall(step) if self.rng.random() < 0.7 else {}
        self.faults["anchor known"] += bool(found)
        return found

    def locate(self, rows: frozenset[RowKey]) -> frozenset[InstanceKey]:
        """Return the rows' instances and the parents they name."""
        own = {
            InstanceKey(row.model.removeprefix("sim.").capitalize(), row.pk)
            for row in rows
            if row.model.startswith("sim.")
        }
        found = (self.tables.row(key) for key in own)
        return frozenset(own | {p for row in found if row is not None for p in row.parents})

    def drive(
        self, procedure: steps.Procedure[Any], offer: Callable[[Reading], None] | None = None
    ) -> Actor:
        """Run a procedure with a point of interleaving before and after every step.

        *offer* is told what a heater has read.
        """
        self.graveyard.append(procedure)
        try:
            step = next(procedure)
            while True:
                yield
                try:
                    answer = self.perform(step)
                except Exception as error:  # noqa: BLE001
                    step = procedure.throw(error)
                    continue
                if offer is not None and isinstance(step, steps.Offer):
                    offer(step.reading)
                yield
                step = procedure.send(answer)
        except StopIteration as end:
            return end.value


# -- actors


def write(world: World, times: int) -> Actor:
    """Commit *times* transactions, each flushed unless the process dies in between."""
    for _ in range(times):
        touched: set[RowKey] = set()
        for _ in range(world.rng.choice((1, 1, 2, 3))):
            touched |= change(world, world.rng)
        if not touched:
            continue
        number = world.commit(touched)
        yield
        if world.rng.random() < 0.05:
            world.faults["writer killed"] += 1
            continue
        flushing = world.drive(flush(world.writer, frozenset(touched)))
        yield from _mortal(world, flushing, "flush killed")
        if not _finished(flushing):
            continue
        world.intents.pop(number, None)


def _finished(actor: Actor) -> bool:
    return inspect.getgeneratorstate(actor) == inspect.GEN_CLOSED


def _mortal(world: World, actor: Actor, name: str, chance: float = 0.008) -> Iterator[None]:
    """Step *actor*; once in a while it dies, or pauses past its lease."""
    for _ in actor:
        if world.rng.random() < chance:
            world.faults[name] += 1
            world.graveyard.append(actor)
            return
        if world.rng.random() < chance:
            world.faults["pause past the lease"] += 1
            for _ in range(int(world.rng.uniform(0, LEASE_TICKS * 3))):
                yield
        yield


def sweep(world: World) -> Actor:
    """Replay what the dead left, take over what nobody does."""
    while True:
        for _ in range(world.rng.randrange(10, 60)):
            yield
        old = {n: r for n, (at, r) in world.intents.items() if world.clock - at > GRACE_TICKS}
        if old:
            rows = frozenset(row for part in old.values() for row in part)
            yield from world.drive(flush(world.writer, rows))
            for number in old:
                world.intents.pop(number, None)
        yield from world.drive(rescue(world.writer, world.key))


def cool_sometimes(world: World, times: int) -> Actor:
    """Clear the cache under everybody's feet."""
    for _ in range(times):
        for _ in range(world.rng.randrange(400)):
            yield
        yield from _mortal(world, world.drive(clear_anchor(world.key)), "clearing killed", 0.02)


@dataclass
class Client:
    """A replica of the anchor as a server process keeps it, and what it showed."""

    world: World
    boards: tuple[str, ...] = ("1",)
    inbox: list[steps.Wakeup] = field(default_factory=list)
    generation: int = -1
    position: int = 0
    documents: dict[InstanceKey, Document] = field(default_factory=dict)
    tombstones: dict[InstanceKey, Document] = field(default_factory=dict)
    shown: list[Shown] = field(default_factory=list)

    def move(self, changes: Mapping[InstanceKey, Document], position: int) -> None:
        """Stand at *position*."""
        self.documents = apply(self.documents, changes)
        dead = {key: document for key, document in changes.items() if not document.is_live}
        kept = {key: document for key, document in self.tombstones.items() if key not in changes}
        self.tombstones = {**kept, **dead}
        self.position = position
        mirror = Mirror(self.generation, position, self.documents, self.tombstones)
        self.world.mirrors.put(self.world.key, mirror)

    def show(self) -> None:
        """Record what a viewer sees now."""
        view = self.look()
        state = frozenset((key, repr(view.state[key].data)) for key in view.keys())  # noqa: SIM118
        self.shown.append(state)

    def look(self) -> View:
        """Return what a viewer sees now."""
        return see(TREE, ROOT, self.documents, None)

    def run(self) -> Actor:
        """Attach, then follow wake-ups; poll for lost ones."""
        world = self.world
        world.inboxes.append(self.inbox)
        idle = 0
        while True:
            yield
            anchor: Anchor = world.perform(steps.LoadAnchor(world.key))
            if anchor.generation != self.generation or anchor.phase is not Phase.HOT:
                self.generation = -1
                yield from self._attach()
                continue
            if self.inbox:
                yield from self._wake(self.inbox.pop(0))
                continue
            idle += 1
            if idle % 70 == 0:
                yield from self._catch_up()
                continue  # the record at hand is an old one by now
            if self.is_settled(anchor):
                return

    def is_settled(self, anchor: Anchor) -> bool:
        """True when nothing more can come."""
        world = self.world
        done = not (anchor.pending or anchor.is_unfinished or world.intents or self.inbox)
        return world.is_quiet and done and self.position == anchor.done

    def _attach(self) -> Actor:
        heating = heat(self.world.writer, self.world.key)
        heated = yield from self.world.drive(heating, self._begin)
        if self.generation >= 0:  # shown before it was written: find out what became of it
            self.world.faults["shown early"] += 1
            yield from self._catch_up()
            return
        if heated in (Warmth.WAIT, Warmth.MISSING):
            return
        reading = heated if isinstance(heated, Reading) else (yield from self._read(None, 0))
        if isinstance(reading, Reading):
            self.stand(reading)
            self.show()
            yield from self._repack(reading)

    def _begin(self, reading: Reading) -> None:
        self.stand(reading)
        self.show()

    def _repack(self, reading: Reading) -> Actor:
        """Leave what was read for others to read at once; on a thread that may die or sleep."""
        world = self.world
        if PACKING.is_due(reading) and world.rng.random() < 0.7:
            repacking = repack(world.key, reading, world.new_owner(), PACKING)
            world.faults["packed again"] += 1
            yield from _mortal(world, world.drive(repacking), "packer killed", 0.02)

    def stand(self, reading: Reading) -> None:
        """Stand where *reading* stands."""
        self.generation = reading.anchor.generation
        self.documents, self.tombstones = {}, {}
        self.move(reading.documents, reading.anchor.done)

    def _read(self, generation: int | None, since: int) -> Actor:
        if self.world.ways.random() < 0.5:
            place = {self.world.key: (generation, since)}
            found = yield from self.world.drive(read_several(place))
            if self.world.key in found:
                return found[self.world.key]
            self.world.faults["left out of several"] += 1
        try:
            return (
                yield from self.world.drive(
                    read_documents(self.world.key, generation=generation, since=since)
                )
            )
        except Unfinished:
            self.world.faults["reader met an unfinished batch"] += 1
            yield from self.world.drive(rescue(self.world.writer, self.world.key))
            return None

    def _catch_up(self) -> Actor:
        since = self.position
        reading = yield from self._read(self.generation, since)
        is_still_here = isinstance(reading, Reading) and self.position == since
        if is_still_here and reading.anchor.done > since:
            self.move(reading.documents, reading.anchor.done)
            self.show()

    def _wake(self, wakeup: steps.Wakeup) -> Actor:
        if wakeup.generation != self.generation or wakeup.seq <= self.position:
            return
        if wakeup.previous == self.position and wakeup.documents is not None:
            changes = {document.key: document for document in wakeup.documents}
            self.move(changes, wakeup.seq)
            self.show()
        else:
            yield from self._catch_up()


@dataclass(frozen=True)
class Verdict:
    """What one run showed to be wrong; all False for a correct protocol."""

    diverged: bool
    unreal: bool
    went_back: bool
    stuck: bool

    def __bool__(self) -> bool:
        return self.diverged or self.unreal or self.went_back or self.stuck


def simulate(
    seed: int,
    *,
    ticks: int = 60_000,
    world: World | None = None,
    client_class: type[Client] = Client,
    others: Callable[[World], list[Actor]] = lambda world: [],
) -> tuple[Verdict, World]:
    """Run one seeded world to its end and judge what its clients showed.

    *others* are actors that end by themselves.
    """
    world = world or World(seed)
    rng = world.rng
    sets = world.board_sets
    clients = [client_class(world, sets[number % len(sets)]) for number in range(3)]
    writers = [write(world, rng.randrange(1, 12)) for _ in range(3)]
    writers.append(cool_sometimes(world, rng.randrange(3)))
    writers.extend(others(world))
    watching = [client.run() for client in clients]
    sweeping = sweep(world)
    for _ in range(ticks):
        if not (writers or watching):
            break
        actor = rng.choice([*writers, *watching, sweeping])
        world.clock += 1
        try:
            next(actor)
        except StopIteration:
            for group in (writers, watching):
                if actor in group:
                    group.remove(actor)
        if actor in watching and rng.random() < 0.0005:
            world.faults["server killed"] += 1
            world.graveyard.append(actor)
            index = watching.index(actor)
            clients.append(client_class(world, rng.choice(sets)))
            watching[index] = clients[-1].run()
        world.is_quiet = not writers
    return judge(world, clients, stuck=bool(writers or watching)), world


def judge(world: World, clients: list[Client], *, stuck: bool) -> Verdict:
    """Hold every state that was shown against the database's history."""
    unreal = went_back = diverged = False
    for client in clients:
        where: dict[Shown, list[int]] = {}
        for index, states in enumerate(world.history):
            where.setdefault(states[client.boards], []).append(index)
        last = 0
        for state in client.shown:
            indexes = where.get(state)
            if indexes is None:
                unreal = True
            elif indexes[-1] < last:
                went_back = True
            else:
                last = next(index for index in indexes if index >= last)
        finished = client.shown and client.world.is_quiet and not stuck
        if (
            finished
            and client is clients[-1]
            and client.shown[-1] != world.history[-1][client.boards]
        ):
            diverged = True
    return Verdict(diverged, unreal, went_back, stuck)
