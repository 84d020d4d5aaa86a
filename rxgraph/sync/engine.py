"""The writing side of a process: what its commits, its servers' threads and its commands run.

One engine per process, opened when first needed. Its methods block and belong on threads. Where
the store does not answer, a commit goes on at once and its intents wait for a sweeper.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from threading import Lock
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models, router, transaction

from rxgraph import tracing
from rxgraph.cache.anchor import Anchor, Lease
from rxgraph.cache.mirrors import Mirrors
from rxgraph.cache.opening import open_store
from rxgraph.cache.packing import Packing, repack
from rxgraph.cache.phases import Phase
from rxgraph.cache.reading import Reading
from rxgraph.cache.rows import Database
from rxgraph.cache.rows.glance import IntentLog
from rxgraph.cache.rows.snapshot import aliases_of
from rxgraph.cache.steps import (
    Await,
    Begin,
    DropGeneration,
    DropPack,
    FindHolders,
    FindIdleRoots,
    LoadAnchor,
    LoadAnchors,
    Now,
    Offer,
    Peek,
    Performer,
    Procedure,
    Publish,
    ReadDocuments,
    ReadPack,
    ReadParents,
    ReadSeveral,
    ReadSince,
    Recall,
    Remember,
    Sleep,
    Step,
    SwapAnchor,
    SwapAnchors,
    Wakeup,
    WriteDocuments,
    WritePart,
    run,
)
from rxgraph.cache.store import Store
from rxgraph.cache.turns import clear_anchor, forget_anchor, leave_anchor
from rxgraph.compile.channel import compiled_channels
from rxgraph.compile.state_tree import StateTree
from rxgraph.counters import BATCHES, HEATINGS, SWEEPS
from rxgraph.declare import registry
from rxgraph.errors import BackendAway, BackendError
from rxgraph.faults import fault
from rxgraph.log_fields import about
from rxgraph.settings import RxGraphSettings, get_settings
from rxgraph.sync import databases, heating, intents, quarantine, retelling
from rxgraph.sync import flush as flushing
from rxgraph.sync.anchor_marks import clean_up, find_unmarked, live_roots, unmark_anchors
from rxgraph.sync.forest import Place
from rxgraph.sync.handing_over import HandOver, Watched, hand_over
from rxgraph.sync.outstanding import Named, read_named
from rxgraph.sync.sharing import Sharing
from rxgraph.sync.signals import Signal, decode_signal, encode_signal
from rxgraph.sync.stamping import Stamping, committed_at
from rxgraph.sync.sweeping import Sweeper
from rxgraph.sync.touches import Committed
from rxgraph.sync.triggers.presence import has_triggers
from rxgraph.sync.wakeups import Bus, LocalBus, Told, open_bus
from rxgraph.sync.writing.repeats import forget_mutations
from rxgraph.types import (
    ROOT_IDLE,
    ROOT_WANTED,
    SIGNAL,
    AnchorKey,
    RowKey,
    process_key,
)

logger = logging.getLogger("rxgraph.sync")

STORE_STEPS: tuple[type[Step[Any]], ...] = (
    LoadAnchor,
    SwapAnchor,
    LoadAnchors,
    SwapAnchors,
    FindHolders,
    ReadDocuments,
    ReadParents,
    ReadSince,
    ReadSeveral,
    WriteDocuments,
    DropGeneration,
    FindIdleRoots,
    WritePart,
    ReadPack,
    DropPack,
)
RETELL = "rxgraph.retell"
"""Kind of the signals that are not sent on: they ask for rows to be read and told again."""

_THREADS = 2  # that write to the store while others read the database
_MEMORY_GRACE_SECONDS = 0.25
_HEATING_PAUSE_SECONDS = 0.02
_LONGEST_CLAIM_SECONDS = 60.0
_CLAIMS_KEPT_SECONDS = 3600.0


def trees() -> Mapping[str, StateTree]:
    """Return channel name → state tree of every channel that is served."""
    return _trees(registry.channels())


@lru_cache(maxsize=8)
def _trees(channels: tuple[type, ...]) -> Mapping[str, StateTree]:
    return {item.name: item.tree for item in compiled_channels()}


def _tracked_models() -> set[type[models.Model]]:
    return {model for tree in trees().values() for model in tree.tracked_models}


def claim_seconds(channel: str) -> float:
    """Return how often servers claim the roots they show: often beside the life of a cache."""
    return min(_LONGEST_CLAIM_SECONDS, max(1.0, registry.get(channel).get_cache_ttl() / 4))


class Engine:
    """Store, bus and database of this process, and the procedures that join them."""

    def __init__(self, settings: RxGraphSettings, store: Store, bus: Bus) -> None:
        self.settings, self.store, self.bus = settings, store, bus
        #: True in a process that has subscribers. The memory store of any other process is
        #: nobody's, so its changes are left to the server's sweeper.
        self.is_serving = False
        #: Told every wake-up and signal of this process before others; called from any thread.
        self.listeners: list[Callable[[Told], None]] = []
        #: Names of the event loops of this process that listen.
        self.sessions: set[str] = set()
        self.writer = flushing.Writer(
            trees=lambda name: trees()[name],
            new_owner=lambda: uuid.uuid4().hex,
            lease_seconds=settings.lease_seconds,
            # Within the process everything is at hand anyway.
            packing=None if settings.is_memory else Packing(),
        )
        self._meanwhile: ThreadPoolExecutor | None = None
        #: What this process knows of anchors without the store.
        self.mirrors = Mirrors()
        self._watched = Watched()
        self._stamping = Stamping()
        self._sharing = Sharing(lambda committed: self._bring(committed, self._merge))
        self._retry_at = 0.0
        self.sweeper = Sweeper(
            self.run,
            lambda using, rows, since: self._flush(using, rows, {}, since),
            self._pass_on_signals,
            lease_seconds=max(settings.lease_seconds, 2 * settings.sweep_interval_seconds),
            retry_seconds=settings.intent_retry_seconds,
        )
        self.perform = Performer(
            dict.fromkeys(STORE_STEPS, store.perform),
            Database(
                trees, intents.distinct, IntentLog(intents.select_two, intents.rows_in)
            ).handlers,
            {
                SwapAnchor: self._swap,
                LoadAnchor: self._load,
                Begin: self._begin,
                Await: lambda step: step.begun.result(),
                Recall: self.mirrors.recall,
                Peek: self.mirrors.peek,
                Remember: self.mirrors.remember,
                Publish: self._wake,
                Now: lambda step: time.time(),
                Sleep: lambda step: time.sleep(step.seconds),
            },
        )

    def _swap(self, step: SwapAnchor) -> bool:
        is_stored = self.store.perform(step)
        if is_stored:
            self.mirrors.note(step.key, step.anchor.stored())
        return is_stored

    def _load(self, step: LoadAnchor) -> Anchor:
        record = self.store.perform(step)
        self.mirrors.note(step.key, record)
        return record

    def _begin(self, step: Begin) -> Future[Any]:
        if self.settings.is_memory:
            done: Future[Any] = Future()
            done.set_result(self.store.perform(step.step))
            return done
        with _lock:
            if self._meanwhile is None:
                self._meanwhile = ThreadPoolExecutor(_THREADS, thread_name_prefix="rxgraph store")
        return self._meanwhile.submit(self.store.perform, step.step)

    def _wake(self, step: Publish) -> None:
        """Tell of a batch; through the channel layer only where another process shows it."""
        BATCHES.add()
        key = step.wakeup.key
        place = {
            "rxgraph.channel": key.channel,
            "rxgraph.anchor": key.anchor_id,
            "rxgraph.generation": step.wakeup.generation,
            "rxgraph.position": step.wakeup.seq,
        }
        with tracing.span("rxgraph.publish", place, kind="PRODUCER"):
            since, trace = self._stamping.since(key), tracing.current()
            wakeup = replace(step.wakeup, since=since, trace=trace)
            if self.listeners and step.sessions <= self.sessions:
                self._tell_here(wakeup)
            else:
                self.publish(wakeup)

    def publish(self, told: Told) -> None:
        """Tell the processes that joined its key, this one first; from any thread, at once."""
        self._tell_here(told)
        self.bus.publish(told)

    def _tell_here(self, told: Told) -> None:
        for listener in list(self.listeners):
            listener(told)

    def run(self, procedure: Procedure[Any]) -> Any:
        """Run *procedure* on this thread."""
        return run(procedure, self.perform)

    def signal(self, signal: Signal, using: str | None = None) -> None:
        """Send *signal* as it is now: at once, or after the commit of the transaction at hand.

        *using*: the database whose transaction that is. A process without a way to the servers (a
        shell beside the embedded default) leaves it in that database for their sweeper.

        Raises:
            TypeError, ValueError: its body cannot be sent.
        """
        text = encode_signal(signal)
        if not self.is_serving and isinstance(self.bus, LocalBus):
            self._leave_signal(signal, text, using)
            return
        sent = decode_signal(text)
        assert sent is not None
        connection = connections[using or DEFAULT_DB_ALIAS]
        is_connected = connection.connection is not None  # on an event loop it never is
        if is_connected and (connection.in_atomic_block or not connection.autocommit):
            transaction.on_commit(lambda: self._pass_on(sent), using=using)
        else:
            self._pass_on(sent)

    def _pass_on(self, signal: Signal) -> None:
        if signal.kind != RETELL:
            self.publish(signal)
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            retelling.retell(self, signal)
        else:
            loop.run_in_executor(None, retelling.retell_on_thread, self, signal)

    def _leave_signal(self, signal: Signal, text: str, using: str | None) -> None:
        aliases = self.aliases()
        if using is None:
            is_swept = DEFAULT_DB_ALIAS in aliases or not aliases
            using = DEFAULT_DB_ALIAS if is_swept else aliases[0]
        if not intents.write(connections[using], [RowKey(SIGNAL, text)]):
            logger.error("the signal %s is lost: %r has no intent log", signal.kind, using)

    # -- commits

    def flush(self, committed: Committed) -> None:
        """Bring one committed transaction to the caches, then forget its intents.

        Never raises for a store that is away: the intents stay for a sweeper.
        """
        if not committed.rows or (self.settings.is_memory and not self.is_serving):
            return
        if time.monotonic() < self._retry_at:
            return
        if self._may_hand_over(committed):
            self._bring(committed, self._hand_over)
        else:
            self._sharing.flush(committed)

    def _merge(self, committed: Committed) -> bool:
        since = committed_at(committed.intents)
        self._flush(committed.using, committed.rows, committed.columns, since, committed.traces)
        return True

    def _bring(self, committed: Committed, how: Callable[[Committed], bool]) -> None:
        """Bring *committed* to the caches; *how* answers whether its intents may be forgotten."""
        try:
            is_done = how(committed)
        except BackendAway:
            return  # they wait in the intent log; until the store answers, this takes no time
        except BackendError as error:
            self._retry_at = time.monotonic() + self.settings.store_timeout_seconds
            what = "changes wait in the intent log until the store answers: %s"
            logger.error(what, error, extra=about(database=committed.using))
            return
        fault("before forgetting")
        if is_done and committed.intents:
            intents.forget(committed.using, committed.intents)

    def _may_hand_over(self, committed: Committed) -> bool:
        """True where somebody else can do it: intents say what, and a server will look."""
        is_elsewhere = not self.is_serving and not self.settings.is_memory
        return self.settings.hand_over and is_elsewhere and bool(committed.intents)

    def wants_triggered(self) -> bool:
        """True where this process merges what it commits, though triggers tell others of it."""
        return self.is_serving or not (self.settings.hand_over or self.settings.is_memory)

    def listened_databases(self) -> list[str]:
        """Return the databases to listen to: their triggers tell, and this process sweeps them."""
        return [using for using in self.sweeper.held if has_triggers(using)]

    def _hand_over(self, committed: Committed) -> bool:
        noted = {"rxgraph.database": committed.using, "rxgraph.rows": len(committed.rows)}
        with tracing.span("rxgraph.hand_over", noted, kind="PRODUCER", parents=committed.traces):
            return self._nudge(committed)

    def _nudge(self, committed: Committed) -> bool:
        left: HandOver = self.run(
            hand_over(
                self.writer.trees,
                self._watched,
                committed.rows,
                using=committed.using,
                columns=committed.columns,
            )
        )
        for session in left.servers:
            key, trace = process_key(session), tracing.current()
            self.bus.publish(Wakeup(key, 0, 0, 0, 0.0, None, more=True, trace=trace))
        return left.is_done

    def _flush(
        self,
        using: str,
        rows: frozenset[RowKey],
        columns: Mapping[RowKey, Mapping[str, str | None]],
        since: float,
        traces: tuple[str, ...] = (),
    ) -> int:
        noted = {"rxgraph.database": using, "rxgraph.rows": len(rows)}
        traced = tracing.span("rxgraph.flush", noted, parents=traces)
        with traced, self._stamping.merging(since):
            count: int = self.run(flushing.flush(self.writer, rows, using=using, columns=columns))
        return count

    # -- what dead or serving-nobody processes left

    def sweep(
        self,
        *,
        at_once: bool = False,
        leased: bool = False,
        aliases: Sequence[str] | None = None,
    ) -> int:
        """Replay the intents that were left over; answer how many those were.

        *at_once*: a writer has just left some, do not wait until they have an age. *leased*: only
        in databases that no other process sweeps. *aliases*: in these; None: in all of them.

        Raises:
            BackendError: the store does not answer; the intents stay.
        """
        SWEEPS.add()
        grace = 0.0 if at_once else self._grace_seconds
        chosen = self.swept_databases() if aliases is None else aliases
        return self.sweeper.sweep(chosen, grace, leased=leased)

    @property
    def _grace_seconds(self) -> float:
        grace = self.settings.sweep_grace_seconds
        return min(grace, _MEMORY_GRACE_SECONDS) if self.settings.is_memory else grace

    def _pass_on_signals(self, using: str, found: Sequence[intents.LeftOver]) -> None:
        named = [(item.id, row.pk) for item in found for row in item.rows if row.model == SIGNAL]
        if not named:
            return
        intents.forget(using, [intent for intent, _ in named])  # at most once
        for _, text in named:
            if (signal := decode_signal(text)) is not None:
                self._pass_on(signal)

    def swept_databases(self) -> list[str]:
        """Return the databases whose intents are swept, and may wait."""
        return databases.swept(_tracked_models())

    def aliases(self) -> list[str]:
        """Return the databases that hold what is tracked."""
        return sorted({router.db_for_write(model) for model in _tracked_models()})

    def forget_quarantined(self) -> int:
        """Delete what has been in quarantine for too long; answer how many those were."""
        seconds = self.settings.quarantine_seconds
        return sum(quarantine.forget(using, seconds) for using in self.aliases())

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
        return sum(forget_mutations(using, window) for using in self.aliases())

    # -- anchors

    def heat(self, key: AnchorKey, lease: Lease | None = None) -> heating.Warmth:
        """Make *key* HOT unless somebody else does; see ``heating.heat`` for *lease*."""
        found = self.heat_and_read(key, lease)
        return heating.Warmth.HOT if isinstance(found, Reading) else found

    def heat_and_read(
        self,
        key: AnchorKey,
        lease: Lease | None = None,
        offer: Callable[[Reading], None] = lambda reading: None,
    ) -> heating.Warmth | Reading:
        """Make *key* HOT; answers its documents when it was this call that filled it.

        *offer* is called with them, on this thread, before they are written.
        """

        def perform(step: Step[Any]) -> Any:
            return offer(step.reading) if isinstance(step, Offer) else self.perform(step)

        began = time.monotonic()
        found: heating.Warmth | Reading = run(heating.heat(self.writer, key, lease), perform)
        if isinstance(found, Reading):
            seconds = time.monotonic() - began
            HEATINGS.observe(seconds)
            place = {"generation": found.anchor.generation, "position": found.anchor.done}
            what = "%s is filled: %d instances in %.3f seconds"
            logger.info(what, key, len(found.documents), seconds, extra=about(key, **place))
        return found

    def is_packing_due(self, reading: Reading) -> bool:
        """True when what was read had better be packed for those who come next."""
        packing = self.writer.packing
        return packing is not None and packing.is_due(reading)

    def repack(self, key: AnchorKey, reading: Reading) -> bool:
        """Write what was read where it can be read at once; False: it is there already."""
        packing = self.writer.packing
        if packing is None:
            return False
        try:
            written: bool = self.run(repack(key, reading, self.writer.new_owner(), packing))
        except BackendError as error:
            logger.warning("%s is not packed: %s", key, error, extra=about(key))
            return False
        return written

    def rescue(self, key: AnchorKey) -> bool:
        """Take over work on *key* that nobody does."""
        found: bool = self.run(flushing.rescue(self.writer, key))
        return found

    def bring_roots(self, key: AnchorKey, roots: Collection[str]) -> Place | None:
        """Let a list channel's forest hold *roots*; answer from which place on it does.

        Those that are not in the database are passed over. None: the forest is not cached.
        """
        return self._ask_for_roots(key, ROOT_WANTED, roots)

    def read_named(self, channels: Collection[str]) -> Named:
        """Return what the intents name now, of every database that holds what *channels* show.

        Raises:
            BackendError: one of them does not answer.
        """
        return read_named({alias for name in channels for alias in aliases_of(trees()[name])})

    def bring_up(self, key: AnchorKey, roots: Collection[str]) -> Place | None:
        """Have an anchor contain all that is committed now; answer from which place on it does.

        *roots* are some of those that it holds. None: it is not cached.
        """
        tree = trees()[key.channel]
        if tree.many:
            return self.bring_roots(key, roots)
        rows = frozenset(RowKey(tree.root.model_label, root) for root in roots)
        place: Place | None = self.run(flushing.bring_up(self.writer, key, rows))
        return place

    def drop_idle_roots(self, key: AnchorKey, roots: Collection[str]) -> int:
        """Let a forest drop those of *roots* that no server claims; answer how many those are."""
        idle = self.store.perform(FindIdleRoots(key.channel, frozenset(roots)))
        if idle:
            self._ask_for_roots(key, ROOT_IDLE, idle)
        return len(idle)

    def _ask_for_roots(self, key: AnchorKey, model: str, roots: Collection[str]) -> Place | None:
        asking = flushing.ask_for_roots(self.writer, key, model, roots)
        place: Place | None = self.run(asking)
        return place

    def claim_roots(self, channel: str, roots: Iterable[str]) -> frozenset[str]:
        """Keep *roots* cached while they are claimed again in time, and a cache's life longer.

        Answers those that were not claimed: they may be gone from the cache.
        """
        now, hold = time.time(), claim_seconds(channel)
        until = now + 2 * hold + registry.get(channel).get_cache_ttl()
        return self.store.claim_roots(channel, roots, now + hold / 2, until)

    def forget_claims(self) -> None:
        """Delete the claims that ran out long ago."""
        self.store.forget_claims(time.time() - _CLAIMS_KEPT_SECONDS)

    def clear(self, key: AnchorKey) -> bool:
        """Clear the cache of *key*; False when it was not HOT.

        One that is being filled is shown already, so it is waited for: as long as a lease lasts.
        """
        give_up_at = time.monotonic() + self.settings.lease_seconds
        while self.store.perform(LoadAnchor(key)).phase is Phase.HEATING:
            if time.monotonic() >= give_up_at:
                break
            time.sleep(_HEATING_PAUSE_SECONDS)
        cleared: bool = self.run(clear_anchor(key))
        tree = trees().get(key.channel)
        if cleared and tree is not None and tree.many:
            clean_up(self.store, key.channel, tree)
        elif cleared and tree is not None and tree.anchor_mark:
            live = live_roots(self.store, key.channel, tree)
            unmark_anchors(tree, [key.anchor_id], live)
        return cleared

    def forget(self, key: AnchorKey, lost: int) -> None:
        """Have *key* heated anew: the store has lost its generation up to *lost*, or part of it."""
        self.run(forget_anchor(key, lost))
        logger.warning("the store has lost live state of %s %s: it is read anew", *key)

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
        if self._meanwhile is not None:
            self._meanwhile.shutdown()
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


def wants_triggered() -> bool:
    """Say whether this process merges what triggers see of its commits; registered as well."""
    return get_engine().wants_triggered()
