"""The replicas of this process: one for an anchor, however many subscribers it has.

A replica is filled when the first subscriber attaches. When the last one leaves it is kept for a
while, in case somebody comes back, and dropped sooner where the memory is needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Collection, Mapping

from rxgraph.cache.steps import Wakeup
from rxgraph.compile.state_tree import StateTree
from rxgraph.counters import POLLS
from rxgraph.declare import registry
from rxgraph.errors import BackendError
from rxgraph.serve.backend import Backend
from rxgraph.serve.contexts import Contexts
from rxgraph.serve.desk import Desk
from rxgraph.serve.ending import ended
from rxgraph.serve.lingering import Lingering
from rxgraph.serve.replica import Move, Receive, Replica
from rxgraph.serve.unavailable import is_logged
from rxgraph.serve.weights import Scales
from rxgraph.sync.forest import Place
from rxgraph.sync.outstanding import Outstanding
from rxgraph.types import AnchorKey

logger = logging.getLogger("rxgraph.hub")

_LOOKED_AT_ONCE = 100


class Attachment:
    """A subscriber's hold on a replica; ``detach`` it when done."""

    __slots__ = (
        "_hub",
        "_number",
        "replica",
        "roots",
    )

    def __init__(self, hub: Hub, replica: Replica, number: int) -> None:
        self._hub, self._number = hub, number
        self.replica = replica
        #: Roots of a list channel that are held.
        self.roots: frozenset[str] = frozenset()

    async def detach(self) -> None:
        """Stop being told; of the last one to leave the replica lingers. Safe to call twice."""
        if self._number in self.replica.receivers:
            del self.replica.receivers[self._number]
            self.let_go(self.roots)
            if not self._hub.lingers(self.replica):
                await self._hub.release(self.replica)

    def mute(self) -> None:
        """Hold it without being told: a cohort tells what moves."""
        if self._number in self.replica.receivers:
            self.replica.receivers[self._number] = None

    async def hold(self, roots: Collection[str]) -> None:
        """Have the replica of a list channel hold *roots*; those that exist are there then.

        Raises:
            BackendError: the store or the database does not answer.
        """
        fresh = set(roots) - self.roots
        self.roots |= fresh
        self.replica.hold(fresh)
        await self.replica.arrival(roots)

    async def outstanding(self) -> Outstanding:
        """Return what the replica may lack of all that is committed now.

        Raises:
            BackendError: the store or the database does not answer.
        """
        return await self._hub.backend.outstanding(self.replica.key)

    async def catch_up(self, root: str) -> Place | None:
        """Return when the replica contains all that is committed now, and from which place on.

        *root* is one that it has. None: the cache was cleared meanwhile, and is another one.

        Raises:
            BackendError: the store or the database does not answer.
        """
        place = await self._hub.backend.bring_up(self.replica.key, root)
        await self.replica.reach(place)
        return place

    def let_go(self, roots: Collection[str]) -> None:
        """Need *roots* no longer."""
        gone = self.roots & frozenset(roots)
        self.roots -= gone
        self.replica.let_go(gone)


class Hub:
    """All replicas of this process."""

    def __init__(
        self,
        backend: Backend,
        opened: Callable[[], Awaitable[None]],
        new_replica: Callable[[Hub, AnchorKey, StateTree], Replica] = Replica,
    ) -> None:
        self._new_replica = new_replica
        #: Wait until wake-ups are being listened for.
        self.opened = opened
        self.backend = backend
        #: Live contexts of this process.
        self.contexts = Contexts(backend.session)
        self._replicas: dict[AnchorKey, Replica] = {}
        self._leaving: dict[AnchorKey, asyncio.Task[None]] = {}
        #: Left, but the store was away and does not know it.
        self._unsaid: set[AnchorKey] = set()
        self._looked_at: AnchorKey | None = None  # the last one whose documents were looked for
        settings = backend.engine.settings
        self._lingering = Lingering(self.release, settings.linger_seconds)
        self._scales = Scales(settings.replica_memory_mb * 1024 * 1024)
        self._is_crowded = False
        self._is_complaining = False
        #: Asks who lists what, for all list contexts of this process.
        self.desk = Desk()

    @property
    def replicas(self) -> Mapping[AnchorKey, Replica]:
        """What is held now, for status and tests."""
        return self._replicas

    @property
    def size_bytes(self) -> int:
        """About what the replicas take, those that linger included."""
        return self._scales.total_bytes

    def holds(self, key: AnchorKey) -> bool:
        """True when the replica of *key* is filled: to attach to it takes no time."""
        replica = self._replicas.get(key)
        return replica is not None and replica.is_filled

    async def attach(self, key: AnchorKey, receive: Receive) -> Attachment:
        """Hold the replica of *key*, filling it first where it is new.

        *receive* is called on the event loop with every move from the returned state on; between
        the return and the caller's next ``await`` no move can happen.

        Raises:
            NotFound: there is no such root.
            BackendError: the store does not answer.
        """
        while (leaving := self._leaving.get(key)) is not None:
            await asyncio.shield(leaving)
        replica = self._replicas.get(key)
        if replica is not None and self._lingering.end(key) and not replica.is_filled:
            await self.release(replica)  # its root is gone; there may be another by now
            replica = None
        if replica is None:
            replica = self._new_replica(self, key, self.backend.tree(key.channel))
            self._replicas[key] = replica
            self._unsaid.discard(key)
        held: list[Move] = []
        number = replica.add(held.append)
        attachment = Attachment(self, replica, number)
        try:
            await asyncio.shield(replica.ready)
            replica.require_root()
        except BaseException:
            await asyncio.shield(attachment.detach())
            raise
        replica.receivers[number] = receive
        self.weigh(replica)
        return attachment

    def lingers(self, replica: Replica) -> bool:
        """Keep *replica* for a while if nobody holds it; False: drop it now."""
        if replica.receivers or self._replicas.get(replica.key) is not replica:
            return False
        if not replica.is_filled:
            return False
        ttl = registry.get(replica.key.channel).get_cache_ttl()
        lingers = self._lingering.begin(replica.key, replica, ttl)
        self._make_room()
        return lingers

    def weigh(self, replica: Replica) -> None:
        """Take note of how large *replica* is now, and make room where it is too much."""
        if self._replicas.get(replica.key) is replica:
            self._scales.note(replica.key, replica.size_bytes)
            self._make_room()

    def _make_room(self) -> None:
        """Drop what nobody holds, the longest unused first, while all is above the bound."""
        while self._scales.is_over and (idle := self._lingering.drop_oldest()) is not None:
            self._scales.forget(idle.key)
        if not self._scales.is_over:
            self._is_crowded = False
        elif not self._is_crowded:
            self._is_crowded = True
            logger.warning(
                "the %d anchors that are watched here take about %d MB, and"
                " RXGRAPH['REPLICA_MEMORY_MB'] is %d: nothing of it can be dropped",
                len(self._replicas),
                self._scales.total_bytes // 1024**2,
                self._scales.limit_bytes // 1024**2,
            )

    async def drop_lingering(self) -> None:
        """Drop at once what nobody holds any more."""
        await self._lingering.close()

    async def release(self, replica: Replica) -> None:
        """Drop *replica* if nobody holds it any more."""
        if replica.receivers or self._replicas.get(replica.key) is not replica:
            return
        del self._replicas[replica.key]
        self._lingering.end(replica.key)
        self._scales.forget(replica.key)
        task = asyncio.create_task(self._leave(replica))
        self._leaving[replica.key] = task
        await asyncio.shield(task)

    async def _leave(self, replica: Replica) -> None:
        try:
            await ended([replica.task])
            if replica.ready.done() and not replica.ready.cancelled():
                replica.ready.exception()
            self.backend.engine.mirrors.drop(replica.key)
        finally:
            await self._say_left(replica.key)

    async def _say_left(self, key: AnchorKey) -> None:
        try:
            await self.backend.leave(key)
            self._unsaid.discard(key)
        except BackendError as error:
            self._unsaid.add(key)
            self.complain(error)
        finally:
            del self._leaving[key]

    def _say_again(self) -> None:
        """Tell the store what it could not be told when it was away."""
        for key in self._unsaid - self._replicas.keys() - self._leaving.keys():
            self._leaving[key] = asyncio.create_task(self._say_left(key))

    def deliver(self, wakeup: Wakeup) -> None:
        """Pass a wake-up on; called on the event loop."""
        if (replica := self._replicas.get(wakeup.key)) is not None:
            replica.wake(wakeup)

    async def poll(self) -> None:
        """Look at the records of all replicas once, for wake-ups that were lost."""
        self._say_again()
        if not self._replicas:
            return
        POLLS.add()
        try:
            anchors = await self.backend.load_anchors(list(self._replicas))
        except BackendError as error:
            self.complain(error)
            return
        self._is_complaining = False
        for key, anchor in anchors.items():
            if (replica := self._replicas.get(key)) is not None and replica.ready.done():
                replica.look(anchor)
                if self.backend.session not in anchor.sessions:
                    await self._count_in_again(replica)
        await self._look_for_losses()

    async def _count_in_again(self, replica: Replica) -> None:
        """Tell the store of one who watches, and whom it does not know.

        This process was paused for so long that it was taken for dead, or the store has lost what
        it knew.
        """
        with contextlib.suppress(BackendError):
            await self.backend.beat()
            if self._replicas.get(replica.key) is replica:  # or it has left meanwhile, for good
                await self.backend.count_in(replica.key)

    async def _look_for_losses(self) -> None:
        """Find replicas whose documents the store has lost: at some of them in each poll."""
        filled = {key: r.generation for key, r in self._replicas.items() if r.is_filled}
        keys = sorted(filled)
        first = bisect_right(keys, self._looked_at) if self._looked_at is not None else 0
        part = keys[first : first + _LOOKED_AT_ONCE]
        self._looked_at = part[-1] if len(part) == _LOOKED_AT_ONCE else None
        if not part:
            return
        try:
            lost = await self.backend.find_unsigned({key: filled[key] for key in part})
        except BackendError as error:
            self.complain(error)
            return
        for key in lost:
            if (replica := self._replicas.get(key)) is not None:
                replica.stir()

    async def claim(self) -> None:
        """Say which roots of list channels this process shows."""
        for replica in list(self._replicas.values()):
            if replica.ready.done() and not replica.ready.exception():
                await replica.claim()

    def complain(self, error: Exception) -> None:
        """Log an outage once, not once per attempt."""
        if is_logged(error):
            return
        if not self._is_complaining:
            self._is_complaining = True
            is_known = isinstance(error, BackendError)
            logger.error(
                "live state is behind until this is over: %s",
                error,
                exc_info=None if is_known else error,
            )

    async def close(self) -> None:
        """Drop everything."""
        await self.drop_lingering()
        replicas = list(self._replicas.values())
        for replica in replicas:
            replica.receivers.clear()
        await asyncio.gather(*map(self.release, replicas))
