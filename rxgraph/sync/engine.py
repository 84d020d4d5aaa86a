"""The writing side of a process: what its commits, its servers' threads and its commands run.

One engine per process, opened when first needed. Its methods block and belong on threads. Where
the store does not answer, a commit goes on at once and its intents wait for a sweeper.
"""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Callable, Mapping
from functools import lru_cache
from threading import Lock
from typing import Any

from django.db import router

from rxgraph.cache.anchor import Lease
from rxgraph.cache.opening import open_store
from rxgraph.cache.reading import Reading
from rxgraph.cache.rows import Database
from rxgraph.cache.steps import (
    DropGeneration,
    FindHolders,
    LoadAnchor,
    Now,
    Performer,
    Procedure,
    Publish,
    ReadDocuments,
    ReadParents,
    ReadSince,
    Sleep,
    Step,
    SwapAnchor,
    Wakeup,
    WriteDocuments,
    run,
)
from rxgraph.cache.store import Store
from rxgraph.cache.turns import clear_anchor, leave_anchor
from rxgraph.compile.channel import compiled_channels, is_served
from rxgraph.compile.state_tree import StateTree
from rxgraph.declare import registry
from rxgraph.errors import BackendError
from rxgraph.settings import RxGraphSettings, get_settings
from rxgraph.sync import flush as flushing
from rxgraph.sync import heating, intents
from rxgraph.sync.anchor_marks import clean_up, find_unmarked, live_roots, unmark_anchors
from rxgraph.sync.touches import Committed
from rxgraph.sync.wakeups import Bus, open_bus
from rxgraph.sync.writing.repeats import forget_mutations
from rxgraph.types import AnchorKey, RowKey, process_key

logger = logging.getLogger("rxgraph.sync")

STORE_STEPS: tuple[type[Step[Any]], ...] = (
    LoadAnchor,
    SwapAnchor,
    FindHolders,
    ReadDocuments,
    ReadParents,
    ReadSince,
    WriteDocuments,
    DropGeneration,
)
_INTENTS_PER_SWEEP = 1000
_MEMORY_GRACE_SECONDS = 0.25


def trees() -> Mapping[str, StateTree]:
    """Return channel name → state tree of every channel that is served."""
    return _trees(registry.channels())


@lru_cache(maxsize=8)
def _trees(channels: tuple[type, ...]) -> Mapping[str, StateTree]:
    return {item.name: item.tree for item in compiled_channels() if is_served(item)}


def _outstanding(using: str) -> list[frozenset[RowKey]]:
    return [rows for _, rows in intents.outstanding(using)]


class Engine:
    """Store, bus and database of this process, and the procedures that join them."""

    def __init__(self, settings: RxGraphSettings, store: Store, bus: Bus) -> None:
        self.settings, self.store, self.bus = settings, store, bus
        #: True in a process that has subscribers. The memory store of any other process is
        #: nobody's, so its changes are left to the server's sweeper.
        self.is_serving = False
        #: Told every wake-up of this process before others are; called from any thread.
        self.listeners: list[Callable[[Wakeup], None]] = []
        self.writer = flushing.Writer(
            trees=lambda name: trees()[name],
            new_owner=lambda: uuid.uuid4().hex,
            lease_seconds=settings.lease_seconds,
        )
        self._watched = flushing.Watched()
        self._retry_at = 0.0
        self.perform = Performer(
            dict.fromkeys(STORE_STEPS, store.perform),
            Database(trees, _outstanding).handlers,
            {
                Publish: lambda step: self._publish(step.wakeup),
                Now: lambda step: time.time(),
                Sleep: lambda step: time.sleep(step.seconds),
            },
        )

    def _publish(self, wakeup: Wakeup) -> None:
        for listener in list(self.listeners):
            listener(wakeup)
        self.bus.publish(wakeup)

    def run(self, procedure: Procedure[Any]) -> Any:
        """Run *procedure* on this thread."""
        return run(procedure, self.perform)

    # -- commits

    def flush(self, committed: Committed) -> None:
        """Bring one committed transaction to the caches, then forget its intents.

        Never raises for a store that is away: the intents stay for a sweeper.
        """
        if not committed.rows or (self.settings.is_memory and not self.is_serving):
            return
        if time.monotonic() < self._retry_at:
            return
        try:
            if self._may_hand_over(committed):
                is_done = self._hand_over(committed)
            else:
                self._flush(committed.using, committed.rows, committed.columns)
                is_done = True
        except BackendError as error:
            self._retry_at = time.monotonic() + self.settings.store_timeout_seconds
            logger.error("changes wait in the intent log until the store answers: %s", error)
            return
        if is_done and committed.intents:
            intents.forget(committed.using, committed.intents)

    def _may_hand_over(self, committed: Committed) -> bool:
        """True where somebody else can do it: intents say what, and a server will look."""
        is_elsewhere = not self.is_serving and not self.settings.is_memory
        return self.settings.hand_over and is_elsewhere and bool(committed.intents)

    def _hand_over(self, committed: Committed) -> bool:
        left: flushing.HandOver = self.run(
            flushing.hand_over(
                self._watched,
                committed.rows,
                using=committed.using,
                columns=committed.columns,
            )
        )
        for session in left.servers:
            self.bus.publish(Wakeup(process_key(session), 0, 0, 0, 0.0, None, more=True))
        return left.is_done

    def _flush(
        self,
        using: str,
        rows: frozenset[RowKey],
        columns: Mapping[RowKey, Mapping[str, str | None]],
    ) -> int:
        count: int = self.run(flushing.flush(self.writer, rows, using=using, columns=columns))
        return count

    # -- what dead or serving-nobody processes left

    def sweep(self, *, at_once: bool = False) -> int:
        """Replay the intents that were left over; answer how many those were.

        *at_once*: a writer has just left some, do not wait until they have an age.

        Raises:
            BackendError: the store does not answer; the intents stay.
        """
        grace = self.settings.sweep_grace_seconds
        if self.settings.is_memory:
            grace = min(grace, _MEMORY_GRACE_SECONDS)
        if at_once:
            grace = 0.0
        swept = 0
        for using in self._aliases():
            while found := intents.left_over(using, grace, _INTENTS_PER_SWEEP):
                rows = frozenset(row for _, named in found for row in named)
                self._flush(using, rows, {})
                intents.forget(using, [intent for intent, _ in found])
                swept += len(found)
                if len(found) < _INTENTS_PER_SWEEP:
                    break
        return swept

    def _aliases(self) -> list[str]:
        models = {model for tree in trees().values() for model in tree.tracked_models}
        return sorted({router.db_for_write(model) for model in models})

    def bury_sessions(self) -> int:
        """Take the sessions of killed processes off the anchors; answer how many those were."""
        dead = self.store.dead_sessions(time.time())
        if not dead:
            return 0
        for key, anchor in self.store.list_anchors():
            for session in anchor.sessions & dead:
                self.run(leave_anchor(key, session))
        for session in dead:
            self.store.forget_session(session)
        return len(dead)

    def forget_mutations(self) -> int:
        """Delete what was kept to answer repeated mutations; answer how many those were."""
        window = self.settings.mutation_window
        return sum(forget_mutations(using, window) for using in self._aliases())

    # -- anchors

    def heat(self, key: AnchorKey, lease: Lease | None = None) -> heating.Warmth:
        """Make *key* HOT unless somebody else does; see ``heating.heat`` for *lease*."""
        found = self.heat_and_read(key, lease)
        return heating.Warmth.HOT if isinstance(found, Reading) else found

    def heat_and_read(self, key: AnchorKey, lease: Lease | None = None) -> heating.Warmth | Reading:
        """Make *key* HOT; answers its documents when it was this call that filled it."""
        found: heating.Warmth | Reading = self.run(heating.heat(self.writer, key, lease))
        return found

    def rescue(self, key: AnchorKey) -> bool:
        """Take over work on *key* that nobody does."""
        found: bool = self.run(flushing.rescue(self.writer, key))
        return found

    def clear(self, key: AnchorKey) -> bool:
        """Clear the cache of *key*; False when it was not HOT."""
        cleared: bool = self.run(clear_anchor(key))
        tree = trees().get(key.channel)
        if cleared and tree is not None and tree.anchor_mark and not tree.many:
            unmark_anchors(tree, [key.anchor_id], live_roots(self.store, key.channel))
        return cleared

    def tidy_marks(self) -> None:
        """Take marks of ``optimize_anchors`` from what is COLD; clear what is HOT without one."""
        for channel, tree in trees().items():
            clean_up(self.store, channel, tree)
            for key in find_unmarked(self.store, channel, tree):
                if self.clear(key):
                    logger.warning("%s was live without its mark, and is read anew", key)

    def close(self) -> None:
        """Give back connections and threads."""
        self.bus.close()
        self.store.close()


_engine: Engine | None = None
_pid = 0
_lock = Lock()


def get_engine() -> Engine:
    """Return the engine of this process; a forked child gets its own."""
    global _engine, _pid
    if _engine is None or _pid != os.getpid() or _engine.settings is not get_settings():
        with _lock:
            settings = get_settings()
            if _engine is None or _pid != os.getpid() or _engine.settings is not settings:
                _engine = Engine(settings, open_store(settings), open_bus(settings))
                _pid = os.getpid()
    return _engine


def reset() -> None:
    """Close the engine, so that the next use opens another one; for tests."""
    global _engine
    with _lock:
        if _engine is not None and _pid == os.getpid():
            _engine.close()
        _engine = None


def flush(committed: Committed) -> None:
    """Flush one committed transaction; registered with ``capture`` when Django starts."""
    get_engine().flush(committed)
