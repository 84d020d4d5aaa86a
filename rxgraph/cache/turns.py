"""Procedures over one anchor's record: swap it, join it, rescue it, clear it.

``settle`` is the one way a decision of ``cache.anchor`` reaches the store: read, decide, swap, and
again while others are faster.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from rxgraph.cache import anchor as decisions
from rxgraph.cache.anchor import Anchor
from rxgraph.cache.phases import Phase
from rxgraph.cache.steps import (
    CloseSnapshot,
    DropGeneration,
    LoadAnchor,
    LoadAnchors,
    Now,
    OpenSnapshot,
    Procedure,
    Publish,
    Sleep,
    SwapAnchor,
    SwapAnchors,
    Wakeup,
)
from rxgraph.errors import BackendError
from rxgraph.types import AnchorKey

R = TypeVar("R")
Decide = Callable[[Anchor, float], Anchor | None]

_ATTEMPTS = 200
_LONGEST_PAUSE_SECONDS = 0.05
_REVISION_BITS = 48


def settle(
    key: AnchorKey,
    decide: Decide,
    known: Anchor | None = None,
    *,
    is_durable: Callable[[Anchor], bool] = lambda after: True,
) -> Procedure[tuple[Anchor, Anchor | None]]:
    """Apply *decide(record, now)* atomically; answer the record before and after.

    ``after`` is None when the decision was to do nothing. *known* saves the first read.
    *is_durable* says whether the record after must survive a crash of the store at once.

    Raises:
        BackendError: others were faster for too long.
    """
    before = known if known is not None else (yield from LoadAnchor(key))
    for attempt in range(_ATTEMPTS):
        after = decide(before, (yield from Now()))
        if after is None:
            return before, None
        after = _born(after)
        if (yield from SwapAnchor(key, after, is_durable(after))):
            return before, after.stored()
        yield from _give_way(attempt)
        before = yield from LoadAnchor(key)
    raise BackendError(f"the record of {key} changed {_ATTEMPTS} times while being written")


def settle_all(keys: Iterable[AnchorKey], decide: Decide) -> Procedure[None]:
    """Apply *decide(record, now)* to several records, each atomically, in few requests.

    It may be asked again about a record that it has changed already, and has to answer None then.

    Raises:
        BackendError: others were faster for too long.
    """
    left = frozenset(keys)
    for attempt in range(_ATTEMPTS):
        records = yield from LoadAnchors(left)
        now = yield from Now()
        decided = {key: decide(records[key], now) for key in left}
        changed = {key: _born(after) for key, after in decided.items() if after is not None}
        if not changed or (yield from SwapAnchors(changed)):
            return
        yield from _give_way(attempt)
        left = frozenset(changed)
    raise BackendError(f"records changed {_ATTEMPTS} times while {len(left)} were being written")


def _give_way(attempt: int) -> Procedure[None]:
    """Pause for a moment after some attempts that others were faster at."""
    if attempt > 1:
        ceiling = min(_LONGEST_PAUSE_SECONDS, 0.001 * 2 ** min(attempt, 6))
        yield from Sleep(random.uniform(0, ceiling))  # noqa: S311 - jitter


def in_snapshot(channel: str, body: Callable[[Any], Procedure[R]]) -> Procedure[R]:
    """Run *body(snapshot)* within one consistent read of a channel's database."""
    return (yield from in_snapshots([channel], lambda snapshots: body(snapshots[channel])))


def in_snapshots(
    channels: Iterable[str], body: Callable[[dict[str, Any]], Procedure[R]]
) -> Procedure[R]:
    """Run *body(channel to snapshot)* within one consistent read for all of *channels*."""
    snapshots: dict[str, Any] = {}
    try:
        for channel in channels:
            beside = next(iter(snapshots.values()), None)
            snapshots[channel] = yield from OpenSnapshot(channel, beside)
        answer = yield from body(snapshots)
    except GeneratorExit:  # the driver is gone, and nobody answers steps any more
        raise
    except BaseException:
        for snapshot in reversed(snapshots.values()):
            yield from CloseSnapshot(snapshot)
        raise
    for snapshot in reversed(snapshots.values()):
        yield from CloseSnapshot(snapshot)
    return answer


def clear_anchor(key: AnchorKey, lost: int | None = None) -> Procedure[bool]:
    """Drive a HOT anchor through COOLING to COLD; False when it was not HOT.

    A batch that is under way is waited for. *lost*: only a generation up to that one.
    """
    for _ in range(_ATTEMPTS):
        before, after = yield from settle(
            key, lambda anchor, now: decisions.clear(anchor, now, lost)
        )
        if after is not None:
            yield from cool(key, after)
            wakeup = Wakeup(key, after.generation, after.done, after.done, 0.0, None)
            yield from Publish(wakeup, after.sessions)
            return True
        is_newer = lost is not None and before.generation > lost
        if before.phase is not Phase.HOT or is_newer:
            return False
        yield from Sleep(0.02)
    raise BackendError(f"{key} is being written to without a pause; clear it again")


def forget_anchor(key: AnchorKey, lost: int) -> Procedure[None]:
    """Cool what a store has kept, or was put back to, of the *lost* generation and older ones.

    What is heated next has a number above it, so that nobody takes the one for the other.
    """
    if not (yield from clear_anchor(key, lost)):
        yield from settle(key, lambda anchor, _: decisions.outlive(anchor, lost))


def expire_anchor(key: AnchorKey, ttl_seconds: float) -> Procedure[bool]:
    """Cool what nobody has looked at for *ttl_seconds*, or what somebody has left half done.

    False: there was nothing to do. A viewer who arrives first keeps the anchor HOT; one who arrives
    later heats it again, and waits for that.
    """

    def decide(anchor: Anchor, now: float) -> Anchor | None:
        return decisions.expire(anchor, now, ttl_seconds) or decisions.give_up(anchor, now)

    before, after = yield from settle(key, decide)
    if after is None:
        if before.phase is not Phase.COOLING:
            return False
        after = before
    yield from cool(key, after)
    wakeup = Wakeup(key, after.generation, after.done, after.done, 0.0, None)
    yield from Publish(wakeup, after.sessions)
    return True


def cool(key: AnchorKey, anchor: Anchor) -> Procedure[None]:
    """Drop the documents of a COOLING anchor; safe to run twice, and by anybody."""
    yield from DropGeneration(key, anchor.generation)
    yield from settle(key, lambda now_, _: decisions.drop(now_, anchor.generation))


def join_anchor(key: AnchorKey, session: str) -> Procedure[None]:
    """Say that the process *session* has viewers."""
    yield from settle(key, lambda anchor, _: decisions.join(anchor, session))


def leave_anchor(key: AnchorKey, session: str) -> Procedure[None]:
    """Say that the process *session* has no viewers any more."""
    yield from settle(key, lambda anchor, now: decisions.leave(anchor, session, now))


def join_anchors(keys: Iterable[AnchorKey], session: str) -> Procedure[None]:
    """Say of several anchors that the process *session* has viewers."""
    yield from settle_all(keys, lambda anchor, _: decisions.join(anchor, session))


def leave_anchors(keys: Iterable[AnchorKey], session: str) -> Procedure[None]:
    """Say of several anchors that the process *session* has no viewers any more."""
    yield from settle_all(keys, lambda anchor, now: decisions.leave(anchor, session, now))


def _born(anchor: Anchor) -> Anchor:
    """Have a record that is not stored yet begin with a revision that no other one has.

    A store may lose a record, and somebody begin another one: whoever goes on from the lost one
    must not take that for it.
    """
    if anchor.revision > 0:
        return anchor
    return replace(anchor, revision=-random.getrandbits(_REVISION_BITS))
