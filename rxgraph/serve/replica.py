"""One replica of an anchor: its state in this process, moved on by wake-ups.

It is filled once from the store and only ever shows the state as of one finished batch; every move
is told to all who are attached, at once and in order. States are never changed in place, so whoever
holds one may keep it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Collection, Hashable, Mapping
from contextvars import Context
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from rxgraph import tracing
from rxgraph.cache.anchor import Anchor
from rxgraph.cache.mirrors import Mirror
from rxgraph.cache.phases import Phase
from rxgraph.cache.reading import Reading, Unfinished
from rxgraph.cache.signs import Lost
from rxgraph.cache.steps import Wakeup
from rxgraph.compile.state_tree import StateTree
from rxgraph.counters import CATCH_UPS, WAKEUPS
from rxgraph.delta import Changes, State, apply
from rxgraph.errors import BackendError, NotFound
from rxgraph.log_fields import about
from rxgraph.outage import pause_after
from rxgraph.serve.plans.texts import book_of
from rxgraph.serve.weights import growth, weigh_all
from rxgraph.sync.forest import Place
from rxgraph.sync.heating import Warmth
from rxgraph.types import AnchorKey, Document, InstanceKey

if TYPE_CHECKING:
    from rxgraph.serve.cohorts import Cohort
    from rxgraph.serve.hub import Hub
    from rxgraph.serve.limits.census import Census

logger = logging.getLogger("rxgraph.hub")

PATIENCE_SECONDS = 30.0
"""How long it may take to get to where the store stands."""

_POLL_SECONDS = 0.05  # and longer, while somebody else heats


class MoveKind(StrEnum):
    """How a replica got where it is."""

    CHANGES = "CHANGES"  # some batches on
    RESTART = "RESTART"  # another generation: forget everything, here is the new state
    LOST = "LOST"  # the root is gone for good, or the store does not answer


@dataclass(frozen=True, slots=True)
class Move:
    """One step of a replica. ``state`` is the state after it."""

    kind: MoveKind
    state: State
    changes: Changes
    generation: int
    position: int  # number of the newest batch contained
    at: float  # when that batch was finished, Unix seconds
    marks: tuple[str, ...] = ()  # of the transactions that came with this move
    since: float = 0.0  # when the oldest of them was committed; 0: nobody knows
    trace: str = ""  # ``traceparent`` of what led to it


Receive = Callable[[Move], None]


class Replica:
    """The state of one anchor in this process. Use it through ``Hub.attach``."""

    def __init__(self, hub: Hub, key: AnchorKey, tree: StateTree) -> None:
        self.key, self.tree = key, tree
        self.root = InstanceKey(tree.root.typename, key.anchor_id)
        self.state: State = {}
        self.tombstones: Mapping[InstanceKey, Document] = {}
        self.generation = 0
        self.position = 0
        self.floor = 0  # the oldest number from which a cursor can be resumed
        self.at = 0.0
        self._is_early = False  # shown ahead of the store, which may give it another time
        self.size_bytes = 0  # about what state and tombstones take
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        #: Number → who holds it; None: told together with others, by a cohort.
        self.receivers: dict[int, Receive | None] = {}
        self.cohorts: dict[Hashable, Cohort] = {}
        self.census: Census | None = None  # how long its lists are (``limits.first_state``)
        self.texts = book_of(tree, key.anchor_id)  # they are kept for as long as this is
        self._hub = hub
        self._next_receiver = 0
        self._wakeups: list[Wakeup] = []
        self._stirred = asyncio.Event()
        self._asked: list[asyncio.Future[None]] = []  # those who wait until the store is read
        self._opened_by = tracing.current()  # whose wait it is, while it is being filled
        running = self._run()  # in a context of its own: it outlives whoever opened it
        self.task = asyncio.create_task(running, name=f"rxgraph {key}", context=Context())

    @property
    def is_filled(self) -> bool:
        """True when there is a state to show."""
        return self.ready.done() and not self.ready.cancelled() and bool(self.state)

    def log_fields(self) -> dict[str, object]:
        """Return what a log record about this replica says beside its message."""
        return about(self.key, generation=self.generation, position=self.position)

    # -- called on the event loop by the hub

    def wake(self, wakeup: Wakeup) -> None:
        """Take note of a finished batch."""
        self._wakeups.append(wakeup)
        self._stirred.set()

    def look(self, anchor: Anchor) -> None:
        """Take note of the record as a poll found it."""
        moved = anchor.done != self.position or anchor.generation != self.generation
        if moved or anchor.phase is not Phase.HOT or anchor.pending or anchor.is_unfinished:
            self._stirred.set()

    def stir(self) -> None:
        """Look at the store: something about it is not as it should be."""
        self._stirred.set()

    async def refresh(self) -> None:
        """Return when this stands where the store stood at the call, or further.

        For who knows that there is more than what is shown here. The store may be away: then it
        takes until it is back.
        """
        asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked.append(asked)
        self._stirred.set()
        await asked

    async def reach(self, place: Place | None) -> None:
        """Return when this stands at *place* or further, or in another life of the cache.

        None stands for a cache that is none any more: then when that was seen here.

        Raises:
            BackendError: it takes too long.
        """
        if place is None:
            await self.refresh()
            return
        deadline = time.monotonic() + PATIENCE_SECONDS
        generation, pause = self.generation, _POLL_SECONDS / 4
        while self.generation == generation and (self.generation, self.position) < place:
            if time.monotonic() > deadline:
                raise BackendError(f"{self.key} did not get to {place.seq} in time")
            await self.refresh()
            if (self.generation, self.position) < place:
                await asyncio.sleep(pause)
                pause = min(2 * pause, 0.5)

    def add(self, receive: Receive) -> int:
        """Tell *receive* every move from now on; answers its number."""
        self._next_receiver += 1
        self.receivers[self._next_receiver] = receive
        return self._next_receiver

    # -- the roots of a list channel (``serve.forest``)

    def hold(self, roots: Collection[str]) -> None:
        """Hold *roots*; a single anchor has its own, always."""

    def let_go(self, roots: Collection[str]) -> None:
        """Hold *roots* no longer."""

    async def arrival(self, roots: Collection[str]) -> None:
        """Return when those of *roots*, which are held, that exist are in the state."""

    async def claim(self) -> None:
        """Say that the roots are still shown, and drop those that nobody shows."""

    # -- the one task that moves it

    async def _run(self) -> None:
        try:
            await self._hub.opened()
            await self._hub.backend.join(self.key)  # before reading: no gap
            await self._fill()
            self._be_ready()
            while True:
                if not (self._asked or self._wakeups):  # filling may have taken their stir
                    await self._stirred.wait()
                self._stirred.clear()
                await self._follow()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if not self.ready.done():
                self.ready.set_exception(error)
                return
            logger.exception("the replica of %s stopped", self.key, extra=self.log_fields())
            self._tell(MoveKind.LOST, {})

    async def _follow(self) -> None:
        wakeups, self._wakeups = self._wakeups, []
        asked, self._asked = self._asked, []
        must_read = bool(asked) or not wakeups  # stirred by a poll
        try:
            for wakeup in wakeups:
                must_read |= self._take(wakeup)
            if must_read:
                await self._catch_up()
        finally:
            for waiting in asked:
                if not waiting.done():
                    waiting.set_result(None)

    def _take(self, wakeup: Wakeup) -> bool:
        """Move on by *wakeup* if it begins where this stands; True: the store must be read."""
        if wakeup.generation == self.generation and wakeup.documents is not None:
            if wakeup.previous == self.position < wakeup.seq:
                changes = {document.key: document for document in wakeup.documents}
                self._weigh(changes)
                WAKEUPS.add("applied")
                self._move(
                    changes,
                    wakeup.seq,
                    wakeup.at,
                    wakeup.marks,
                    since=wakeup.since,
                    trace=wakeup.trace,
                )
                return wakeup.more
            if wakeup.seq <= self.position:
                WAKEUPS.add("known")
                return False
        is_behind = wakeup.generation == self.generation and wakeup.previous > self.position
        WAKEUPS.add("gap" if is_behind else "read")
        return True

    async def _catch_up(self) -> None:
        """Read what changed since; start again when the generation has gone."""
        failures = 0
        CATCH_UPS.add()
        while True:
            try:
                reading = await self._read(self.generation, self.position)
                if self._has_gone_back(reading):
                    await self._hub.backend.forget(self.key, self.generation)
                elif isinstance(reading, Reading):
                    anchor = reading.anchor
                    self._is_early, self.at = False, anchor.done_at
                    if anchor.done > self.position:
                        marks = anchor.marks_since(self.position)
                        self._weigh(reading.documents)
                        self._move(reading.documents, anchor.done, anchor.done_at, marks)
                    if anchor.pending or anchor.is_unfinished:
                        await self._hub.backend.rescue(self.key)
                    return
                await self._fill()
                self._settle()
                self._tell(MoveKind.RESTART, {})
                return
            except NotFound:
                self.state = {}
                self._tell(MoveKind.LOST, {})
                return
            except Exception as error:  # noqa: BLE001 - subscribers stay, whatever it was
                self._hub.complain(error)
            failures += 1
            jitter = random.random()  # noqa: S311
            pause = pause_after(failures, first=0.1, longest=5.0, jitter=jitter)
            await asyncio.sleep(pause)

    def _has_gone_back(self, reading: Reading | Anchor) -> bool:
        """True when the store knows less than what is shown: it has lost, or was put back."""
        anchor = reading.anchor if isinstance(reading, Reading) else reading
        if anchor.generation != self.generation:
            return anchor.generation < self.generation
        if not isinstance(reading, Reading):
            return False
        # The same number may be another batch by now: then it was finished at another time.
        is_same = anchor.done_at == self.at or self._is_early
        return anchor.done < self.position or (anchor.done == self.position and not is_same)

    async def _fill(self) -> None:
        """Read the whole state, heating the anchor where it is cold."""
        pause = _POLL_SECONDS
        while True:
            reading = await self._read(None, 0)
            if isinstance(reading, Anchor) or reading.anchor.schema != self.tree.fingerprint:
                if isinstance(reading, Reading) and self.ready.done():
                    # Another version of the project shows it, too, and would take it back at once.
                    poll_seconds = self._hub.backend.engine.settings.poll_seconds
                    await asyncio.sleep(poll_seconds * random.uniform(0.5, 1.0))  # noqa: S311
                heated = await self._heat()
                if heated is None:
                    return
                if heated is Warmth.MISSING:
                    self.state = {}
                    self.require_root()
                if heated is Warmth.WAIT:
                    # The heater wakes those who wait when it ends, however it does; polling is
                    # for a wake-up that gets lost, and for a heater that dies. ``wait_for`` would
                    # swallow a cancellation that comes together with a wake-up (Python 3.11).
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(pause):
                            await self._stirred.wait()
                    self._stirred.clear()
                    pause = min(pause * 1.5, 0.5)
                if isinstance(heated, Warmth):
                    continue
                self._start(heated)
                return
            if reading.anchor.pending and await self._hub.backend.rescue(self.key):
                continue  # written while nobody looked: merged in now, read again
            if self._lacks_root(reading) and await self._hub.backend.clear(self.key):
                continue  # deleted while it was cached; a row may have its key again
            self._hub.backend.pack(self.key, reading)
            self._start(reading)
            return

    async def _heat(self) -> Warmth | Reading | None:
        """Heat the anchor; None: its first state has been shown as soon as it was read.

        That is ahead of the store, and what has become of it is found out by reading again.
        """
        is_new = not self.ready.done()
        noted = {"rxgraph.channel": self.key.channel, "rxgraph.anchor": self.key.anchor_id}
        opened_by, self._opened_by = self._opened_by, ""
        try:
            with tracing.span("rxgraph.heat", noted, parents=[opened_by] if opened_by else ()):
                heated = await self._hub.backend.heat(self.key, self._begin)
        except Exception as error:
            if not (is_new and self.ready.done()):
                raise
            self._hub.complain(error)
            return None
        return None if is_new and self.ready.done() else heated

    def _begin(self, reading: Reading) -> None:
        if not self.ready.done() and not self.task.done():
            self._is_early = True
            self._start(reading)
            self._stirred.set()
            self._be_ready()

    def _be_ready(self) -> None:
        if not self.ready.done():
            self._settle()
            self.ready.set_result(None)

    def _lacks_root(self, reading: Reading) -> bool:
        if self.tree.many:
            return False
        root = reading.documents.get(self.root)
        return root is None or not root.is_live

    def _start(self, reading: Reading) -> None:
        """Stand where *reading* stands."""
        documents = reading.documents
        self.tombstones = {k: d for k, d in documents.items() if d.removed is not None}
        self.state = apply({}, documents) if self.tombstones else documents
        self.generation, self.position = reading.anchor.generation, reading.anchor.done
        self.floor, self.at = reading.anchor.floor, reading.anchor.done_at
        self.size_bytes = weigh_all(reading.documents)
        self._hub.weigh(self)
        self.require_root()
        self._mirror()

    def _weigh(self, changes: Changes) -> None:
        """Take note of how large this gets with *changes*."""
        self.size_bytes += growth(self.state, self.tombstones, changes)
        self._hub.weigh(self)

    def require_root(self) -> None:
        """Return if the root is there.

        Raises:
            NotFound: it is not.
        """
        if self.root not in self.state:
            raise NotFound(self.missing)

    @property
    def missing(self) -> str:
        """What to say when the root is not there."""
        return f"{self.root.typename} {self.root.id} does not exist"

    def _settle(self) -> None:
        """Take note of another place in the stream."""

    async def _read(self, generation: int | None, since: int) -> Reading | Anchor:
        while True:
            try:
                return await self._hub.backend.read(self.key, generation=generation, since=since)
            except Unfinished:
                await self._hub.backend.rescue(self.key)
            except Lost as lost:
                await self._hub.backend.forget(self.key, lost.generation)

    def _move(
        self,
        changes: Changes,
        position: int,
        at: float,
        marks: tuple[str, ...],
        *,
        since: float = 0.0,
        trace: str = "",
    ) -> None:
        self.state = apply(self.state, changes)
        dead = {key: document for key, document in changes.items() if not document.is_live}
        if dead or any(key in self.tombstones for key in changes):
            kept = {k: d for k, d in self.tombstones.items() if k not in changes}
            self.tombstones = {**kept, **dead}
        self.position, self.at = position, at
        self._mirror()
        self._settle()
        if changes or marks:
            self._tell(MoveKind.CHANGES, changes, marks, since, trace)

    def _mirror(self) -> None:
        """Let the threads that write in this process use what is held here."""
        mirror = Mirror(self.generation, self.position, self.state, self.tombstones)
        self._hub.backend.engine.mirrors.put(self.key, mirror)

    def _tell(
        self,
        kind: MoveKind,
        changes: Changes,
        marks: tuple[str, ...] = (),
        since: float = 0.0,
        trace: str = "",
    ) -> None:
        place = self.generation, self.position, self.at
        move = Move(kind, self.state, changes, *place, marks, since, trace)
        if not (trace and tracing.is_on()):
            self._tell_all(move)
            return
        noted = {
            "rxgraph.channel": self.key.channel,
            "rxgraph.anchor": self.key.anchor_id,
            "rxgraph.generation": self.generation,
            "rxgraph.position": self.position,
            "rxgraph.subscribers": len(self.receivers),
        }
        with tracing.span("rxgraph.deliver", noted, parents=[trace]):
            self._tell_all(move)

    def _tell_all(self, move: Move) -> None:
        told = (cohort.receive for cohort in self.cohorts.values())
        for receive in [*self.receivers.values(), *told]:
            if receive is None:
                continue
            try:
                receive(move)
            except Exception:
                what = "a subscriber of %s failed to take a move"
                logger.exception(what, self.key, extra=self.log_fields())
