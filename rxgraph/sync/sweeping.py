"""Do what writers left in the intent logs: those that died, and those that leave it to servers.

One process at a time sweeps a database, by a lease in the store that it holds as long as it lives;
when it dies another one takes over. Doing an intent twice does no harm, so whoever is nudged by a
writer need not ask for the lease.

Rule: an intent leaves the log when it is done, or for the quarantine, where it is seen.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.apps import apps

from rxgraph.cache.anchor import NOBODY, Anchor, Lease
from rxgraph.cache.rows.snapshot import answering
from rxgraph.cache.steps import LoadAnchor, Now, Procedure
from rxgraph.cache.turns import settle
from rxgraph.counters import INTENTS_FAILED, QUARANTINED
from rxgraph.counters import SWEPT as INTENTS_SWEPT
from rxgraph.errors import BackendError
from rxgraph.faults import fault
from rxgraph.sync import intents, quarantine
from rxgraph.sync.intents import LeftOver
from rxgraph.sync.stamping import committed_at
from rxgraph.types import SIGNAL, RowKey, sweeping_key

logger = logging.getLogger("rxgraph.sync")

_INTENTS_PER_PAGE = 5000
_LONGEST_PAUSE_SECONDS = 60.0

#: What this process did since it started, by database: intents that were SWEPT, attempts that
#: FAILED. ``rxgraph.counters`` has the sums.
counters: dict[str, Counter[str]] = {}
SWEPT, FAILED = "swept", "failed"


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in a database, and what this process has done there since it started."""

    pending: int
    #: Age of the oldest intent; None: none waits.
    oldest_seconds: float | None
    #: Intents in quarantine.
    quarantined: int
    swept: int
    #: Attempts that failed; the intents stay and are tried again.
    failed: int


def backlog(using: str) -> Backlog:
    """Return what waits in the database *using*, for status and metrics.

    Raises:
        DatabaseError, InterfaceError: it does not answer.
    """
    pending, oldest = intents.backlog(using)
    done = counters.get(using, Counter())
    return Backlog(pending, oldest, quarantine.count(using), done[SWEPT], done[FAILED])


@dataclass(slots=True)
class _Failure:
    """An intent that could not be done, and when it is tried again (``time.monotonic``)."""

    problem: str
    again_at: float
    pause_seconds: float


class Sweeper:
    """Sweeps on behalf of one process.

    *flush* brings rows of a database, committed then, to the caches; *pass_on* sends the signals
    among intents.
    """

    def __init__(
        self,
        run: Callable[[Procedure[Any]], Any],
        flush: Callable[[str, frozenset[RowKey], float], object],
        pass_on: Callable[[str, Sequence[LeftOver]], None],
        *,
        lease_seconds: float,
        retry_seconds: float,
    ) -> None:
        self._run, self._flush, self._pass_on = run, flush, pass_on
        self._lease = Lease(uuid.uuid4().hex, lease_seconds)
        self._retry_seconds = retry_seconds
        self._failures: dict[uuid.UUID, _Failure] = {}
        #: Databases that this process swept last time it asked for the lease.
        self.held: frozenset[str] = frozenset()

    def sweep(self, aliases: Iterable[str], grace_seconds: float, *, leased: bool = False) -> int:
        """Do the intents of at least that age; answer how many were done.

        *leased*: only in those databases that nobody else sweeps.

        Raises:
            BackendError: the store does not answer, or a database; the intents stay. One database
                that is away does not keep the others from being swept.
        """
        swept, first = 0, None
        held: set[str] = set()
        for using in aliases:
            if leased and not self.hold(using):
                continue
            held.add(using)
            try:
                with answering(using):
                    swept += self._sweep(using, grace_seconds, leased=leased)
            except BackendError as error:
                first = first or error
        if leased:
            self.held = frozenset(held)
        if first is not None:
            raise first
        return swept

    def hold(self, using: str) -> bool:
        """Hold the lease on sweeping a database from now on; False: another process has it.

        Raises:
            BackendError: the store does not answer.
        """
        lease = self._lease

        def decide(anchor: Anchor, now: float) -> Anchor | None:
            if anchor.owner == lease.owner and anchor.lease_until - now > lease.seconds / 2:
                return None
            if anchor.owner != lease.owner and not anchor.is_free(now):
                return None
            return replace(anchor, owner=lease.owner, lease_until=now + lease.seconds)

        before, after = self._run(
            settle(sweeping_key(using), decide, is_durable=lambda after: False)
        )
        owner: str = (after or before).owner
        return owner == lease.owner

    def release(self) -> None:
        """Give the leases back, so that another process goes on at once.

        Raises:
            BackendError: the store does not answer; they will run out.
        """
        held, self.held = self.held, frozenset()
        for using in sorted(held):
            self._run(settle(sweeping_key(using), self._give_back))

    def _give_back(self, anchor: Anchor, now: float) -> Anchor | None:
        if anchor.owner != self._lease.owner:
            return None
        return replace(anchor, owner=NOBODY, lease_until=0.0)

    def seconds_left(self, using: str) -> float | None:
        """Return for how long another process holds the lease; None: nobody does."""
        anchor, now = self._run(_look(using))
        left: float = anchor.lease_until - now
        return left if anchor.owner not in (NOBODY, self._lease.owner) and left > 0 else None

    # -- one database

    def _sweep(self, using: str, grace_seconds: float, *, leased: bool) -> int:
        swept, after, is_more = 0, None, True
        while is_more:
            found, is_more = intents.left_over(using, grace_seconds, _INTENTS_PER_PAGE, after)
            if not found:
                break
            after = found[-1].id
            # First, so that nothing is told of what a signal takes away.
            self._pass_on(using, found)
            swept += self._do(using, [item for item in found if self._is_due(item)])
            if is_more and leased and not self.hold(using):
                break
        return swept

    def _is_due(self, item: LeftOver) -> bool:
        failure = self._failures.get(item.id)
        return failure is None or failure.again_at <= time.monotonic()

    def _do(self, using: str, found: Sequence[LeftOver]) -> int:
        """Do some intents together, and where that fails in halves, to find the culprits."""
        if not found:
            return 0
        fault("sweeping")
        rows = frozenset(row for item in found for row in item.rows if row.model != SIGNAL)
        try:
            self._flush(using, rows, committed_at(item.id for item in found))
        except BackendError:
            raise
        except Exception as error:
            if len(found) > 1:
                middle = len(found) // 2
                return self._do(using, found[:middle]) + self._do(using, found[middle:])
            logger.exception("the intent %s on %r cannot be done", found[0].id, using)
            self._fail(using, found[0], f"{type(error).__name__}: {error}")
            return 0
        problems = {item.id: problem for item in found if (problem := _problem(item))}
        done = [item.id for item in found if item.id not in problems]
        intents.forget(using, done)
        for item in found:
            if item.id in problems:
                self._fail(using, item, problems[item.id])
            else:
                self._failures.pop(item.id, None)
        counters.setdefault(using, Counter())[SWEPT] += len(done)
        INTENTS_SWEPT.add(number=len(done))
        return len(done)

    def _fail(self, using: str, item: LeftOver, problem: str) -> None:
        counters.setdefault(using, Counter())[FAILED] += 1
        INTENTS_FAILED.add()
        if intents.age(using, item) >= self._retry_seconds and quarantine.put_away(
            using, item.id, problem
        ):
            self._failures.pop(item.id, None)
            QUARANTINED.add()
            logger.error(
                "the intent %s on %r is put into quarantine (%s): see `manage.py rxgraph_status`, "
                "and `manage.py rxgraph_sweep --requeue` when the cause is gone",
                item.id,
                using,
                problem,
            )
            return
        former = self._failures.get(item.id)
        if former is None:
            logger.warning(
                "the intent %s on %r stays in the log, to be tried again for %.0f seconds: %s",
                item.id,
                using,
                self._retry_seconds,
                problem,
            )
        pause = 1.0 if former is None else min(2 * former.pause_seconds, _LONGEST_PAUSE_SECONDS)
        self._failures[item.id] = _Failure(problem, time.monotonic() + pause, pause)


def _problem(item: LeftOver) -> str | None:
    """Return why an intent is not done though its rows were flushed: we do not know them all.

    Another version of the code may, which runs beside this one during a deploy.
    """
    if item.problem is not None:
        return item.problem
    gone = sorted({row.model for row in item.rows if not _is_known(row.model)})
    return f"there is no model {', '.join(gone)}" if gone else None


def _is_known(label: str) -> bool:
    if "." not in label:  # rows that stand for something else have no model
        return True
    try:
        apps.get_model(label)
    except (LookupError, ValueError):
        return False
    return True


def _look(using: str) -> Procedure[tuple[Anchor, float]]:
    return (yield from LoadAnchor(sweeping_key(using))), (yield from Now())
