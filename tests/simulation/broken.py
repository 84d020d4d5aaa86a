"""Deliberate bugs: each breaks one rule of the real code, and the simulation must notice.

``test_simulation.py`` says in what kind of trouble each is found. ``scripts/test simulation
--broken NAME`` looks for one by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rxgraph.cache import anchor as decisions
from rxgraph.cache import reading, steps
from rxgraph.cache.anchor import Anchor, Lease
from rxgraph.cache.phases import Phase
from rxgraph.cache.reading import Reading
from rxgraph.cache.signs import SIGN, SIGN_KEY
from rxgraph.cache.steps import Wakeup
from rxgraph.serve import access
from rxgraph.serve.backend import Backend
from rxgraph.serve.cursor import Cursor
from rxgraph.serve.hub import Hub
from rxgraph.serve.replica import Move, Replica
from rxgraph.serve.stream import LiveStream
from rxgraph.sync import flush
from rxgraph.sync.reconcile import Reconciliation
from rxgraph.types import AnchorKey
from tests.simulation.database import Database

BUGS: dict[str, Callable[[], None]] = {}


def install(name: str) -> None:
    """Break a rule in this process, for good."""
    BUGS[name]()


def _bug(install: Callable[[], None]) -> Callable[[], None]:
    BUGS[install.__name__.strip("_").replace("_", " ")] = install
    return install


def _put(owner: Any, name: str, value: Any) -> Any:
    """Put *value* in the place of what *owner* has; return that."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    return before


# -- the hub


@_bug
def _reading_before_joining() -> None:
    async def join(self: Backend, key: AnchorKey) -> None:
        await self.count_in(key)

    async def fill(self: Replica) -> None:
        await filling(self)
        await self._hub.backend._hearing.ask(self.key, None)

    _put(Backend, "join", join)
    filling = _put(Replica, "_fill", fill)
    _put(Hub, "poll", _do_nothing)  # which would find out


@_bug
def _ignoring_the_previous_number() -> None:
    def take(self: Replica, wakeup: Wakeup) -> bool:
        return bool(taking(self, replace(wakeup, previous=self.position)))

    taking = _put(Replica, "_take", take)


@_bug
def _taking_wakeups_twice() -> None:
    def take(self: Replica, wakeup: Wakeup) -> bool:
        if wakeup.generation != self.generation or wakeup.documents is None:
            return bool(taking(self, wakeup))
        changes = {document.key: document for document in wakeup.documents}
        self._move(changes, wakeup.seq, wakeup.at, wakeup.marks)
        return wakeup.more

    taking = _put(Replica, "_take", take)


@_bug
def _not_polling() -> None:
    _put(Hub, "poll", _do_nothing)


@_bug
def _not_noticing_that_records_are_gone() -> None:
    def look(self: Replica, anchor: Anchor) -> None:
        if anchor.generation >= self.generation:
            looking(self, anchor)

    async def find_unsigned(self: Backend, generations: Any) -> frozenset[AnchorKey]:
        return frozenset()

    looking = _put(Replica, "look", look)
    _put(Backend, "find_unsigned", find_unsigned)


@_bug
def _not_noticing_that_documents_are_gone() -> None:
    async def find_unsigned(self: Backend, generations: Any) -> frozenset[AnchorKey]:
        return frozenset()

    _put(Backend, "find_unsigned", find_unsigned)


@_bug
def _reading_without_a_sign() -> None:
    def signed(step: Any) -> Any:
        found = yield step
        if isinstance(found, list):
            return [*(document for document in found if document.key != SIGN_KEY), SIGN]
        return {key: [*documents, SIGN] for key, documents in found.items()}

    _put(reading, "ReadSince", lambda *args: signed(steps.ReadSince(*args)))
    _put(reading, "ReadSeveral", lambda *args: signed(steps.ReadSeveral(*args)))


@_bug
def _writing_without_a_sign() -> None:
    def require_sign(self: Reconciliation, found: Any) -> None:
        found.pop(SIGN_KEY, None)

    _put(Reconciliation, "_require_sign", require_sign)
    _put(flush, "WriteDocuments", lambda *args: steps.WriteDocuments(*args[:3]))


@_bug
def _resuming_cursors_of_other_generations() -> None:
    def can_resume(self: LiveStream, replica: Replica, cursor: Cursor) -> bool:
        return bool(resuming(self, replica, replace(cursor, generation=replica.generation)))

    resuming = _put(LiveStream, "_can_resume", can_resume)


@_bug
def _forgetting_to_leave_after_an_outage() -> None:
    _put(Hub, "_say_again", lambda self: None)


@_bug
def _losing_the_leave_of_a_cancelled_join() -> None:
    async def leave(self: Backend, key: AnchorKey) -> None:
        await self._leaves.ask(key, None)  # though joining may be under way still

    _put(Backend, "leave", leave)


@_bug
def _dropping_moves_of_a_slow_client() -> None:
    def receive(self: LiveStream, move: Move) -> None:
        if len(self._backlog) < 1:
            receiving(self, move)

    receiving = _put(LiveStream, "receive", receive)


@_bug
def _showing_what_is_behind_to_whoever_comes() -> None:
    async def catch_up(admitted: access.Access) -> None:
        """Do nothing."""

    _put(access, "_catch_up", catch_up)


@_bug
def _keeping_the_time_of_an_early_state() -> None:
    async def catch_up(self: Replica) -> None:
        before = self.position, self.at
        await catching_up(self)
        if self.position == before[0]:
            self.at = before[1]

    catching_up = _put(Replica, "_catch_up", catch_up)


# -- the cache


@_bug
def _counting_generations_from_one() -> None:
    _put(decisions, "_fresh_generation", lambda lease, now: 1)


@_bug
def _no_fence() -> None:
    _put(decisions, "_is_turn", lambda anchor, owner, seq: True)


@_bug
def _readers_that_trust_unfinished_batches() -> None:
    def read(key: AnchorKey, *, generation: int | None = None, since: int = 0) -> Any:
        anchor = yield from steps.LoadAnchor(key)
        is_other = generation is not None and anchor.generation != generation
        if is_other or anchor.phase is not Phase.HOT:
            return anchor
        found = yield from steps.ReadSince(key, anchor.generation, since)
        return Reading(anchor, since, {d.key: d for d in found if d.key != SIGN_KEY})

    def several(places: Any) -> Any:
        found = {}
        for key, (generation, since) in places.items():
            found[key] = yield from read(key, generation=generation, since=since)
        return found

    from rxgraph.serve import backend

    _put(backend, "read_documents", read)
    _put(backend, "read_several", several)


@_bug
def _snapshots_without_intents() -> None:
    def open_(self: Database) -> Any:
        tables, _, only = opening(self)
        return tables, (), only

    opening = _put(Database, "open", open_)


@_bug
def _forgetting_what_was_taken() -> None:
    def take(anchor: Anchor, lease: Lease, now: float) -> Anchor:
        return taking(replace(anchor, taken=frozenset(), writing=frozenset()), lease, now)  # type: ignore[no-any-return]

    taking = _put(decisions, "_take", take)


async def _do_nothing(self: Hub) -> None:
    """Stand for a task that is not done."""
