"""What the hub needs of the stages below, on one event loop.

Reading goes through the asynchronous store; whatever touches the database runs on a few threads of
its own, so that a cold load never stands in the way of hooks.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError
from typing import Any, TypeVar

from channels.db import database_sync_to_async
from django.db import connections

from rxgraph.cache.anchor import Anchor, Lease
from rxgraph.cache.buckets import ForgetBuckets, Spend, SpendSeveral, Spent
from rxgraph.cache.opening import open_async_store
from rxgraph.cache.reading import Reading, find_unsigned, read_documents, read_several
from rxgraph.cache.steps import Now, Procedure, Sleep, Step, run_async
from rxgraph.cache.turns import join_anchors, leave_anchors
from rxgraph.compile.state_tree import StateTree
from rxgraph.errors import BackendError
from rxgraph.serve.ending import ended
from rxgraph.serve.plans.fallbacks import fallbacks
from rxgraph.serve.together import Together
from rxgraph.sync.engine import Engine, trees
from rxgraph.sync.forest import Place
from rxgraph.sync.heating import Warmth, keep
from rxgraph.sync.outstanding import Outstanding
from rxgraph.sync.wakeups import Deliver, Told, open_listener
from rxgraph.types import EVERYBODY, AnchorKey, process_key

T = TypeVar("T")
From = tuple[int | None, int]  # a generation, None: whichever there is; and the number since when

_THREADS = 4
_HEARTBEATS_MISSED = 4
_LOOKS_AT_ONCE = 2  # at what is outstanding: many share one


class Backend:
    """Store, listener and threads of one event loop."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.session = uuid.uuid4().hex
        self._store = open_async_store(engine.settings)
        self._listener = open_listener(engine.settings)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="rxgraph")
        self._started: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[Any]] = set()
        self._share()

    def _share(self) -> None:
        """Begin to do together what is asked for in the same moment."""
        # What is asked for several anchors in the same moment takes few round trips.
        self._reads: Together[AnchorKey, From, Reading | Anchor] = Together(self._read)
        self._hearing: Together[AnchorKey, None, None] = Together(self._hear_of)
        self._joins: Together[AnchorKey, None, None] = Together(self._count_in)
        self._leaves: Together[AnchorKey, None, None] = Together(self._leave)
        self._outstanding: Together[AnchorKey, None, Outstanding] = Together(
            self._look_outstanding, groups_at_once=_LOOKS_AT_ONCE, is_shared=True
        )
        self._risings: Together[tuple[AnchorKey, str], None, Place | None] = Together(
            self._bring_up, is_shared=True
        )

    def tree(self, channel: str) -> StateTree:
        """Return the state tree of a channel by its registered name."""
        return trees()[channel]

    # -- reading, on the loop

    async def read(self, key: AnchorKey, *, generation: int | None, since: int) -> Reading | Anchor:
        """Read what changed since a number, as of one finished batch.

        Raises:
            Unfinished: some batch does not end.
            Lost: the store has lost documents.
            BackendError: the store does not answer.
        """
        found = await self._reads.ask(key, (generation, since))
        if found is None:  # it is being written to
            found = await self._run(read_documents(key, generation=generation, since=since))
        return found

    async def _read(self, places: Mapping[AnchorKey, From]) -> Mapping[AnchorKey, Reading | Anchor]:
        return await self._run(read_several(places))

    async def find_unsigned(self, generations: Mapping[AnchorKey, int]) -> frozenset[AnchorKey]:
        """Return which anchors have lost the documents of their generation."""
        return await self._run(find_unsigned(generations))

    async def load_anchors(self, keys: list[AnchorKey]) -> dict[AnchorKey, Anchor]:
        """Read several records in one round trip."""
        return await self._store.load_anchors(keys)

    async def outstanding(self, key: AnchorKey) -> Outstanding:
        """Return what *key* may not contain yet of all that is committed now.

        Raises:
            BackendError: the store or the database does not answer.
        """
        found = await self._outstanding.ask(key, None)
        assert found is not None
        return found

    async def _look_outstanding(
        self, keys: Mapping[AnchorKey, None]
    ) -> Mapping[AnchorKey, Outstanding]:
        channels = frozenset(key.channel for key in keys)
        named = await self.on_thread(self.engine.read_named, channels)
        anchors = await self.load_anchors(list(keys))
        return {key: Outstanding(named, anchor) for key, anchor in anchors.items()}

    async def bring_up(self, key: AnchorKey, root: str) -> Place | None:
        """Have *key*, which holds *root*, contain all that is committed now.

        Answers from which place on it does; None: it is not cached any more.

        Raises:
            BackendError: the store or the database does not answer.
        """
        return await self._risings.ask((key, root), None)

    async def _bring_up(
        self, asked: Mapping[tuple[AnchorKey, str], None]
    ) -> Mapping[tuple[AnchorKey, str], Place | None]:
        roots: dict[AnchorKey, list[str]] = {}
        for key, root in asked:
            roots.setdefault(key, []).append(root)
        places = {
            key: await self.on_thread(self.engine.bring_up, key, some)
            for key, some in roots.items()
        }
        return {(key, root): places[key] for key, root in asked}

    async def _run(self, procedure: Procedure[T]) -> T:
        return await run_async(procedure, self._perform)

    async def _perform(self, step: Step[Any]) -> Any:
        if isinstance(step, Sleep):
            return await asyncio.sleep(step.seconds)
        if isinstance(step, Now):
            return time.time()
        return await self._store.perform(step)

    # -- token buckets, of all processes together

    async def spend(self, spent: Spent) -> float:
        """Take from a bucket; return what is left.

        Raises:
            BackendError: the store does not answer.
        """
        return await self._store.perform(Spend(spent))

    async def spend_several(self, spent: list[Spent]) -> None:
        """Take from several buckets.

        Raises:
            BackendError: the store does not answer.
        """
        await self._store.perform(SpendSeveral(tuple(spent)))

    async def forget_buckets(self) -> None:
        """Remove the buckets of those who have been quiet for long."""
        await self._store.perform(ForgetBuckets())

    # -- coming and going

    async def start(self, deliver: Deliver) -> None:
        """Begin to listen for wake-ups and signals."""
        self.engine.is_serving = True
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        if not self.engine.settings.is_memory:  # whose bus is inside the process anyway
            # What is merged here need not come back through the channel layer first; when it
            # does, it is old news.
            self.engine.listeners.append(self._hear)
            self.engine.sessions.add(self.session)
        self._started = asyncio.ensure_future(self._listener.start(deliver))
        with contextlib.suppress(BackendError):  # the next heartbeat will say it
            await self.beat()
        await self._started
        await asyncio.gather(
            self._listener.join(process_key(self.session)), self._listener.join(EVERYBODY)
        )

    def _hear(self, told: Told) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closing
            self._loop.call_soon_threadsafe(self._deliver, told)

    async def join(self, key: AnchorKey) -> None:
        """Be woken for *key* from now on, and count as one who watches it."""
        await self._hearing.ask(key, None)
        await self.count_in(key)

    async def count_in(self, key: AnchorKey) -> None:
        """Count as one who watches *key*."""
        await self._joins.ask(key, None)

    async def leave(self, key: AnchorKey) -> None:
        """Stop being woken for *key*."""
        # Whoever joined may have been cancelled, but what he asked for may be under way.
        await self._hearing.over(key)
        await self._joins.over(key)
        await self._leaves.ask(key, None)

    async def _hear_of(self, keys: Mapping[AnchorKey, None]) -> Mapping[AnchorKey, None]:
        await self._listener.join_all(keys)
        return {}

    async def _count_in(self, keys: Mapping[AnchorKey, None]) -> Mapping[AnchorKey, None]:
        await self._run(join_anchors(keys, self.session))
        return {}

    async def _leave(self, keys: Mapping[AnchorKey, None]) -> Mapping[AnchorKey, None]:
        try:
            await asyncio.gather(*map(self._listener.leave, keys))
        finally:
            await self._run(leave_anchors(keys, self.session))
        return {}

    async def beat(self) -> None:
        """Say that this process lives."""
        until = time.time() + _HEARTBEATS_MISSED * self.engine.settings.lease_seconds
        told = {"fallbacks": fallbacks()}
        await self.on_thread(self.engine.store.beat, self.session, until, told)

    # -- writing, on threads

    async def heat(
        self, key: AnchorKey, begin: Callable[[Reading], None] = lambda reading: None
    ) -> Warmth | Reading:
        """Make *key* HOT unless somebody else does; see ``sync.heating.heat``.

        *begin* is called on the event loop with what was read, before it is written.
        """
        lease, loop = self.engine.writer.lease(), asyncio.get_running_loop()

        def offer(reading: Reading) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closing
                loop.call_soon_threadsafe(begin, reading)

        keeping = asyncio.create_task(self._keep(key, lease), name="rxgraph keep")
        try:
            return await self.on_thread(self.engine.heat_and_read, key, lease, offer)
        finally:
            await ended([keeping])

    async def _keep(self, key: AnchorKey, lease: Lease) -> None:
        """Hold a lease for a thread that is busy with the database."""
        while True:
            await asyncio.sleep(lease.seconds / 3)
            with contextlib.suppress(BackendError):
                await self._run(keep(key, lease))

    def pack(self, key: AnchorKey, reading: Reading) -> None:
        """Let those who come next read at once what took long to read; nobody waits for it."""
        if self.engine.is_packing_due(reading):
            self.start_on_thread(self.engine.repack, key, reading)

    async def bring_roots(self, key: AnchorKey, roots: Collection[str]) -> Place | None:
        """Let a list channel's forest hold *roots*; see ``Engine.bring_roots``."""
        return await self.on_thread(self.engine.bring_roots, key, roots)

    async def claim_roots(self, key: AnchorKey, roots: Collection[str]) -> frozenset[str]:
        """Keep *roots* cached; answers those that may be gone from the cache."""
        return await self.on_thread(self.engine.claim_roots, key.channel, roots)

    async def drop_idle_roots(self, key: AnchorKey, roots: Collection[str]) -> int:
        """Let a forest drop those of *roots* that no server claims."""
        return await self.on_thread(self.engine.drop_idle_roots, key, roots)

    async def clear(self, key: AnchorKey) -> bool:
        """Clear the cache of *key*; False when it was not HOT."""
        return await self.on_thread(self.engine.clear, key)

    async def forget(self, key: AnchorKey, lost: int) -> None:
        """Have *key* heated anew; see ``Engine.forget``."""
        await self.on_thread(self.engine.forget, key, lost)

    async def rescue(self, key: AnchorKey) -> bool:
        """Take over work on *key* that nobody does."""
        return await self.on_thread(self.engine.rescue, key)

    async def on_thread(self, function: Callable[..., T], *args: Any) -> T:
        """Run blocking work on one of this backend's threads."""
        answer: T = await database_sync_to_async(
            function, thread_sensitive=False, executor=self._threads
        )(*args)
        return answer

    def start_on_thread(self, function: Callable[..., T], *args: Any) -> asyncio.Task[T]:
        """Run blocking work on a thread to its end, whether or not somebody waits for it."""
        task = asyncio.create_task(self.on_thread(function, *args), name="rxgraph work")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def close(self) -> None:
        """End listening, forget the session, give back connections and threads."""
        if self._running:
            await asyncio.wait(self._running)
        for asking in (self._reads, self._hearing, self._joins, self._leaves):
            await asking.close()
        await self._outstanding.close()
        await self._risings.close()
        if self._hear in self.engine.listeners:
            self.engine.listeners.remove(self._hear)
            self.engine.sessions.discard(self.session)
        await self._listener.close()
        with contextlib.suppress(Exception):
            await self.on_thread(self.engine.store.forget_session, self.session)
        await self._store.close()
        self.engine.is_serving = False
        await asyncio.to_thread(self._close_threads)

    def _close_threads(self) -> None:
        meeting = Barrier(_THREADS)

        def close_connections() -> None:
            with contextlib.suppress(BrokenBarrierError):
                meeting.wait(5)
            connections.close_all()

        for _ in range(_THREADS):
            self._threads.submit(close_connections)
        self._threads.shutdown()
