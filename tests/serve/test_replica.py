"""A replica that is filled while its anchor is heated, here or by another process.

Hub, replica and procedures are the real ones; the store is the memory store of the simulation, and
the thread that heats is a task, so that it can be held up between two steps.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from rxgraph.cache import steps
from rxgraph.cache.mirrors import Mirrors
from rxgraph.cache.phases import Phase
from rxgraph.cache.reading import read_documents
from rxgraph.cache.turns import forget_anchor, join_anchor, leave_anchor
from rxgraph.errors import BackendError, NotFound
from rxgraph.serve import replica as replicas
from rxgraph.serve.hub import Hub
from rxgraph.serve.replica import Move, MoveKind
from rxgraph.sync.flush import flush, rescue
from rxgraph.sync.heating import heat
from rxgraph.types import InstanceKey
from tests.simulation.database import TREE, row_key
from tests.sync.simulation import KEY, LEASE_TICKS, World

ITEM = InstanceKey("Item", "i0")


class Process:
    """A server process on a shared world."""

    def __init__(self, world: World, name: str, hubs: list[Hub]) -> None:
        self.world, self.session, self.hubs = world, name, hubs
        settings = SimpleNamespace(linger_seconds=0, replica_memory_mb=0)
        self.engine = SimpleNamespace(mirrors=Mirrors(), settings=settings)
        self.gate = asyncio.Event()  # what was offered is written when it opens
        self.gate.set()
        self.heatings = 0
        self.beating, self.may_beat = asyncio.Event(), asyncio.Event()
        self.is_deaf = False  # gets no wake-ups
        self.before_step: Callable[[steps.Step[Any]], None] = lambda step: None
        self.hub = Hub(self, self.opened)  # type: ignore[arg-type]
        hubs.append(self.hub)

    async def opened(self) -> None: ...

    def tree(self, channel: str) -> Any:
        return TREE

    def perform(self, step: steps.Step[Any]) -> Any:
        self.before_step(step)
        if isinstance(step, steps.Publish):
            for hub in self.hubs:
                is_deaf = getattr(hub.backend, "is_deaf", False)
                if hub.backend.session in step.sessions and not is_deaf:
                    hub.deliver(step.wakeup)
            return None
        return self.world.perform(step)

    def run(self, procedure: steps.Procedure[Any]) -> Any:
        return steps.run(procedure, self.perform)

    async def join(self, key: Any) -> None:
        self.run(join_anchor(key, self.session))

    async def leave(self, key: Any) -> None:
        self.run(leave_anchor(key, self.session))

    async def beat(self) -> None:
        self.beating.set()
        await self.may_beat.wait()

    async def count_in(self, key: Any) -> None:
        self.run(join_anchor(key, self.session))

    async def load_anchors(self, keys: list[Any]) -> Any:
        return self.world.store.load_anchors(keys)

    async def find_unsigned(self, generations: Any) -> frozenset[Any]:
        return frozenset()

    async def read(self, key: Any, *, generation: int | None, since: int) -> Any:
        return self.run(read_documents(key, generation=generation, since=since))

    async def rescue(self, key: Any) -> bool:
        return bool(self.run(rescue(self.world.writer, key)))

    async def clear(self, key: Any) -> bool:
        return False

    async def forget(self, key: Any, lost: int) -> None:
        self.run(forget_anchor(key, lost))

    def pack(self, key: Any, reading: Any) -> None: ...

    async def heat(self, key: Any, begin: Callable[[Any], None]) -> Any:
        self.heatings += 1

        async def perform(step: steps.Step[Any]) -> Any:
            await asyncio.sleep(0)
            if isinstance(step, steps.Offer):
                begin(step.reading)
                await self.gate.wait()
                return None
            return self.perform(step)

        return await steps.run_async(heat(self.world.writer, key), perform)

    def change(self) -> None:
        """Commit another value of an item, and flush it."""
        board, _, owner = self.world.tables.items[ITEM.id]
        self.world.tables.items[ITEM.id] = (board, self.world.value(), owner)
        touched = {row_key("Item", ITEM.id)}
        number = self.world.commit(touched)
        self.run(flush(self.world.writer, frozenset(touched)))
        self.world.intents.pop(number)

    def sessions(self) -> frozenset[str]:
        """Who counts as watching."""
        return frozenset(self.world.store.perform(steps.LoadAnchor(KEY)).sessions)

    def phase(self) -> Phase:
        return self.world.store.perform(steps.LoadAnchor(KEY)).phase


class Watcher:
    """A subscriber, and the moves it was told."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.moves: list[Move] = []
        self.moved = asyncio.Event()

    async def attach(self) -> None:
        self.attachment = await self.process.hub.attach(KEY, self.take)
        self.state = self.attachment.replica.state

    def take(self, move: Move) -> None:
        self.moves.append(move)
        self.state = move.state
        self.moved.set()

    async def until_it_shows_the_database(self) -> None:
        async with asyncio.timeout(10):
            while self.shown != self.process.world.tables.shown(("1",)):
                self.moved.clear()
                await self.moved.wait()

    @property
    def shown(self) -> Any:
        return frozenset((key, repr(document.data)) for key, document in self.state.items())


@pytest.fixture
async def processes() -> AsyncIterator[list[Process]]:
    world, hubs = World(0), list[Hub]()
    world.loss = 0.0
    made = [Process(world, name, hubs) for name in ("a", "b")]
    yield made
    for process in made:
        process.gate.set()
        await process.hub.close()


async def test_a_cold_state_is_shown_before_it_is_written(processes: list[Process]) -> None:
    process = processes[0]
    process.gate.clear()
    watcher = Watcher(process)
    await asyncio.wait_for(watcher.attach(), 10)
    assert process.phase() is Phase.HEATING
    assert watcher.shown == process.world.tables.shown(("1",))
    process.change()  # waits until the heating is over
    assert not watcher.moves
    process.gate.set()
    await watcher.until_it_shows_the_database()
    assert process.phase() is Phase.HOT
    assert {move.kind for move in watcher.moves} == {MoveKind.CHANGES}


async def test_who_was_shown_a_state_early_knows_it_in_the_store(processes: list[Process]) -> None:
    process = processes[0]
    process.gate.clear()
    watcher = Watcher(process)
    await asyncio.wait_for(watcher.attach(), 10)
    generation = watcher.attachment.replica.generation
    process.world.clock += 1  # it is written later than it is shown
    process.gate.set()
    for _ in range(3):
        await asyncio.wait_for(watcher.attachment.replica.refresh(), 10)
    assert not watcher.moves
    assert process.heatings == 1
    assert process.world.store.perform(steps.LoadAnchor(KEY)).generation == generation


async def test_a_state_that_could_not_be_written_is_read_again(processes: list[Process]) -> None:
    process = processes[0]
    process.gate.clear()
    watcher = Watcher(process)
    await asyncio.wait_for(watcher.attach(), 10)
    process.is_deaf = True
    failures = 0

    def fail(step: steps.Step[Any]) -> None:
        nonlocal failures
        if failures < 1 and isinstance(step, steps.SwapAnchor) and step.anchor.phase is Phase.HOT:
            failures += 1
            raise BackendError("away")

    process.before_step = fail
    process.world.tables.items["i9"] = ("1", 0, None)  # what nobody captured, to see the reading
    process.gate.set()
    await watcher.until_it_shows_the_database()
    assert failures == 1
    assert MoveKind.RESTART in {move.kind for move in watcher.moves}
    assert process.phase() is Phase.HOT


async def test_who_was_replaced_while_writing_shows_what_the_other_read(
    processes: list[Process],
) -> None:
    process, other = processes
    process.gate.clear()
    watcher = Watcher(process)
    await asyncio.wait_for(watcher.attach(), 10)
    process.world.clock += 2 * LEASE_TICKS
    process.world.tables.items["i9"] = ("1", 0, None)
    other_watcher = Watcher(other)
    await asyncio.wait_for(other_watcher.attach(), 10)
    process.gate.set()
    await watcher.until_it_shows_the_database()
    assert watcher.moves[-1].generation == other_watcher.attachment.replica.generation
    other.change()
    await watcher.until_it_shows_the_database()
    await other_watcher.until_it_shows_the_database()


async def test_who_follows_is_woken_when_the_heating_ends(
    processes: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "_POLL_SECONDS", 60.0)
    process, other = processes
    process.gate.clear()
    first, follower = Watcher(process), Watcher(other)
    await first.attach()
    following = asyncio.create_task(follower.attach())
    await asyncio.sleep(0.05)
    assert not following.done()
    process.gate.set()
    await asyncio.wait_for(following, 10)
    assert follower.shown == process.world.tables.shown(("1",))
    assert other.heatings == 1  # it was told to wait, and then read


@pytest.mark.parametrize("is_missing", [False, True])
async def test_who_follows_is_woken_when_the_heating_fails(
    processes: list[Process], monkeypatch: pytest.MonkeyPatch, *, is_missing: bool
) -> None:
    monkeypatch.setattr(replicas, "_POLL_SECONDS", 60.0)
    process, other = processes
    is_open = False

    def hold(step: steps.Step[Any]) -> None:
        nonlocal is_open
        if isinstance(step, steps.ReadMore) and not is_open:
            is_open = True
            following.append(asyncio.create_task(follower.attach()))
        if isinstance(step, steps.CloseSnapshot):
            assert following[0].done() is False
            raise BackendError("the database is away")

    following: list[asyncio.Task[None]] = []
    first, follower = Watcher(process), Watcher(other)
    process.before_step = hold
    if is_missing:

        def drop(step: steps.Step[Any]) -> None:
            process.world.tables.boards.pop("1", None)

        other.before_step = drop
    with pytest.raises(BackendError):
        await first.attach()
    if is_missing:
        with pytest.raises(NotFound):
            await asyncio.wait_for(following[0], 10)
        return
    await asyncio.wait_for(following[0], 10)
    assert follower.shown == process.world.tables.shown(("1",))


async def test_a_replica_that_is_left_and_woken_in_one_moment_ends(
    processes: list[Process],
) -> None:
    process, other = processes
    process.gate.clear()
    first, follower = Watcher(process), Watcher(other)
    await first.attach()
    following = asyncio.create_task(follower.attach())
    await asyncio.sleep(0.06)
    replica = other.hub.replicas[KEY]
    replica.stir()
    replica.task.cancel()
    done, _ = await asyncio.wait([replica.task], timeout=10)
    assert done
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
    assert not other.hub.replicas


async def test_a_replica_leaves_though_its_driver_swallows_that_it_is_cancelled(
    processes: list[Process],
) -> None:
    process = processes[0]
    watcher = Watcher(process)
    await watcher.attach()
    replica = watcher.attachment.replica
    reading, read = asyncio.Event(), process.read

    async def deaf_once(key: Any, **options: Any) -> Any:
        reading.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            process.read = read  # type: ignore[method-assign]
        return await read(key, **options)

    process.read = deaf_once  # type: ignore[method-assign]
    asking = asyncio.create_task(replica.refresh())
    await reading.wait()
    replica.receivers.clear()
    await asyncio.wait_for(process.hub.release(replica), 10)
    assert replica.task.done()
    assert not process.hub.replicas
    again = Watcher(process)
    await asyncio.wait_for(again.attach(), 10)
    await asyncio.wait_for(asking, 10)


async def test_a_replica_that_missed_a_wakeup_stands_where_the_store_does_after_a_refresh(
    processes: list[Process],
) -> None:
    writer, reader = processes
    watcher = Watcher(reader)
    await watcher.attach()
    await watcher.attachment.replica.refresh()
    reader.is_deaf = True
    writer.change()
    await asyncio.sleep(0.01)
    assert watcher.shown != writer.world.tables.shown(("1",))
    await asyncio.wait_for(watcher.attachment.replica.refresh(), 10)
    assert watcher.shown == writer.world.tables.shown(("1",))


async def leave_for_good(watcher: Watcher) -> None:
    replica = watcher.attachment.replica
    await replica.refresh()  # what was heated is written by now
    replica.receivers.clear()
    await watcher.process.hub.release(replica)


async def test_a_leave_that_failed_is_said_again_when_the_store_is_back(
    processes: list[Process],
) -> None:
    process, leave = processes[0], processes[0].leave
    watcher = Watcher(process)
    await watcher.attach()

    async def away(key: Any) -> None:
        raise BackendError("the store is away")

    process.leave = away  # type: ignore[method-assign]
    await leave_for_good(watcher)
    assert process.sessions() == {process.session}
    await process.hub.poll()  # while it is away still
    await asyncio.sleep(0)
    process.leave = leave  # type: ignore[method-assign]
    await process.hub.poll()
    await asyncio.gather(*process.hub._leaving.values())
    assert not process.sessions()


async def test_nobody_is_counted_in_again_who_has_left_meanwhile(
    processes: list[Process],
) -> None:
    process = processes[0]
    watcher = Watcher(process)
    await watcher.attach()
    await watcher.attachment.replica.refresh()
    process.run(leave_anchor(KEY, process.session))  # taken for dead
    polling = asyncio.create_task(process.hub.poll())
    await asyncio.wait_for(process.beating.wait(), 10)
    await leave_for_good(watcher)
    process.may_beat.set()
    await asyncio.wait_for(polling, 10)
    assert not process.sessions()


async def test_whoever_was_taken_for_dead_is_counted_in_again(processes: list[Process]) -> None:
    process = processes[0]
    await Watcher(process).attach()
    process.run(leave_anchor(KEY, process.session))
    process.may_beat.set()
    await process.hub.poll()
    assert process.sessions() == {process.session}


async def test_a_leave_that_failed_is_not_said_after_somebody_has_come_back(
    processes: list[Process],
) -> None:
    process, leave = processes[0], processes[0].leave
    watcher, again = Watcher(process), Watcher(process)
    await watcher.attach()

    async def away(key: Any) -> None:
        raise BackendError("the store is away")

    process.leave = away  # type: ignore[method-assign]
    await leave_for_good(watcher)
    process.leave = leave  # type: ignore[method-assign]
    await asyncio.wait_for(again.attach(), 10)
    process.hub._say_again()
    await asyncio.sleep(0.05)
    assert process.sessions() == {process.session}
