"""Those subscribers of a replica who see the same, with the same plan.

What a batch means to them is worked out once, and made into text once; each one's frame differs by
the id of the operation and by what is his own (session, runtime state). Whoever cannot take the
frame at this moment (a slow socket, a check under way, a write of his own in it) is told the move
by himself, and is one of them again as soon as he has caught up.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable
from typing import TYPE_CHECKING

from rxgraph import tracing
from rxgraph.counters import EVENTS, LAG
from rxgraph.delta import View, see_change
from rxgraph.serve.access import see_roots
from rxgraph.serve.events import EventMaker, has_root
from rxgraph.serve.plans import Plan, Unplanned
from rxgraph.serve.replica import Move, MoveKind, Replica
from rxgraph.serve.views import see_after
from rxgraph.types import users_marked

if TYPE_CHECKING:
    from rxgraph.serve.parked import ParkedStream
    from rxgraph.serve.stream import LiveStream

logger = logging.getLogger("rxgraph.stream")

_TOLD_AT_ONCE = 64


class Cohort:
    """Parked subscriptions of one replica with one plan and one view."""

    def __init__(
        self,
        replica: Replica,
        key: Hashable,
        plan: Plan,
        maker: EventMaker,
        view: View,
        user_id: str,
    ) -> None:
        self._replica, self._key = replica, key
        self._plan, self._maker, self._user_id = plan, maker, user_id
        #: What all of them see who have caught up.
        self.view = view
        self.members: dict[ParkedStream, LiveStream] = {}

    @classmethod
    def join(cls, stream: LiveStream, plan: Plan, member: ParkedStream) -> Cohort | None:
        """Have *member* told with those who see the same; None: nobody can see the same."""
        if stream.sight is None:
            return None
        replica, key = stream.replica, (plan, stream.sight)
        cohort = replica.cohorts.get(key)
        if cohort is None:
            view = see_roots(stream.view.tree, stream.view.roots, replica.state, stream.user_id)
            cohort = cls(replica, key, plan, stream.maker, view, stream.user_id)
            replica.cohorts[key] = cohort
        cohort.members[member] = stream
        stream.mute()
        return cohort

    def leave(self, member: ParkedStream) -> None:
        """Have *member* told no more; safe to call twice."""
        if self.members.pop(member, None) is not None and not self.members:
            self._replica.cohorts.pop(self._key, None)

    def align(self, stream: LiveStream) -> None:
        """Let *stream* share the view, where it has arrived at the same state."""
        if stream.view.state is self.view.state:
            stream.view = self.view

    def receive(self, move: Move) -> None:
        """Tell everybody a move of the replica, at the moment it happens."""
        before = self.view
        if move.kind is not MoveKind.CHANGES:
            self.view = see_roots(before.tree, before.roots, move.state, self._user_id)
            self._tell_each(move, list(self.members.values()))
            return
        self.view = see_after(before, move.state, move.changes, self._user_id)
        try:
            with tracing.span("rxgraph.render"):
                cursor, parts = self._render(before, move)
        except Unplanned:
            self._tell_each(move, list(self.members.values()))
            return
        committed_at, began_at = move.since or move.at, time.time()
        writers = users_marked(move.marks) if move.marks else frozenset[str]()
        members = list(self.members.items())
        if writers:  # whoever waits for an answer comes first
            members.sort(key=lambda item: item[1].user_id not in writers)
        told = len(members) if parts else 0
        for member, stream in members:
            is_own = writers and stream.user_id in writers
            if is_own or stream.view is not before or not member.is_resting:
                told -= 1
                self._tell_each(move, [stream])
                continue
            try:
                if parts and not member.tell(parts, committed_at):
                    told -= 1
                stream.view, stream.cursor = self.view, cursor
            except Unplanned:
                told -= 1
                self._tell_each(move, [stream])
        if parts:
            _count(committed_at, began_at, told)

    def _render(self, before: View, move: Move) -> tuple[str, tuple[str, ...]]:
        """Return the cursor, and the text of what changed for them: empty when nothing did.

        Raises:
            Unplanned: each one has to be told by himself.
        """
        if not has_root(self.view):
            raise Unplanned
        cursor = self._maker.stamp.at(move.generation, move.position, move.at, move.at)
        change = see_change(before, self.view, move.changes)
        if not change:
            return cursor, ()
        return cursor, self._plan.parts(self._maker.delta(self.view, change, cursor))

    def _tell_each(self, move: Move, streams: list[LiveStream]) -> None:
        for stream in streams:
            try:
                stream.receive(move)
            except Exception:
                what = "a subscriber of %s failed to take a move"
                logger.exception(what, self._replica.key, extra=stream.log_fields())


def _count(committed_at: float, began_at: float, told: int) -> None:
    """Count events that have gone out since *began_at*, one after another.

    Their lags are taken to be spread evenly, so that the clock is not read for each of them.
    """
    EVENTS.add("DELTA", told)
    steps = told // _TOLD_AT_ONCE + 1
    step_seconds = (time.time() - began_at) / steps
    for step in range(steps):
        number = told * (step + 1) // steps - told * step // steps
        LAG.observe(began_at - committed_at + (step + 0.5) * step_seconds, number)
