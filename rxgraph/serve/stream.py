"""One live context: from the checks at its door to giving back all it took.

``open`` does everything that can be refused, so that an error comes before the first event;
``events`` is the stream; ``close`` is safe to call at any time, more than once, by anybody.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import AsyncGenerator, Generator, Hashable, Iterator
from typing import Any, Protocol

from channels.db import database_sync_to_async

from rxgraph.cache.rows.keys import parse_pk
from rxgraph.cache.rows.snapshot import alias_of
from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.channel_types import ChannelEventKind, ResetReason
from rxgraph.compile.runtime_values import runtime_value
from rxgraph.counters import EVENTS, LAG
from rxgraph.declare.hooks import call_hook
from rxgraph.delta import View, ViewChange, see_change, see_since
from rxgraph.errors import BackendError, Forbidden, NotFound, RequestError
from rxgraph.log_fields import about
from rxgraph.serve import cursor as cursors
from rxgraph.serve.access import Access, open_access, see_roots
from rxgraph.serve.auth import Identity
from rxgraph.serve.backlog import Backlog, Delta, Lost, Message, Pending, Restart, RuntimeChange
from rxgraph.serve.committing import is_written_elsewhere
from rxgraph.serve.cursor import VOID, Cursor
from rxgraph.serve.events import EventMaker, has_root
from rxgraph.serve.gate import Admission, check_permission, describe, discreetly, require_user
from rxgraph.serve.groups import Groups
from rxgraph.serve.hub import Hub
from rxgraph.serve.messages import jsonable
from rxgraph.serve.outbox import SlotQueue
from rxgraph.serve.replica import Move, MoveKind, Replica
from rxgraph.serve.running import RunningActions
from rxgraph.serve.scope import OperationScope, Place
from rxgraph.serve.sources import EventSource, ValuesSource
from rxgraph.serve.unavailable import is_logged, is_passing
from rxgraph.serve.views import see_after
from rxgraph.settings import RxGraphSettings
from rxgraph.sync.broadcasting import refuse_reserved
from rxgraph.types import JSON, AnchorKey, InstanceKey, marked_by

logger = logging.getLogger("rxgraph.stream")

Told = tuple[EventSource, Place]

_UNANSWERED_CHECKS = 10
"""While the database is away, a viewer goes on for so many times ``REAUTH_SECONDS``."""

_ASK_AGAIN_SECONDS = 5.0
_END_MOMENTS = (0.005, 0.02, 0.1, 0.5)
"""Seconds to wait for the word that a root is gone, before asking once more whether it is."""

_NOTHING: Iterator[Told] = iter(())
_closings: set[asyncio.Task[None]] = set()  # asyncio itself holds tasks only weakly


class Follower(Protocol):
    """Who tells the events of a stream that is not iterated over."""

    def advance(self) -> None:
        """Tell what there is to tell."""


class LiveStream:
    """The subscription of one viewer to one anchor."""

    __slots__ = (
        "_access",
        "_actions",
        "_backlog",
        "_check_at",
        "_closing",
        "_doubted_at",
        "_early",
        "_ends",
        "_first",
        "_groups",
        "_has_access",
        "_has_begun",
        "_hub",
        "_identity",
        "_is_connected",
        "_must_recheck",
        "_refusal",
        "_runtime",
        "_scope",
        "_settings",
        "_stamp",
        "_stirred",
        "_telling",
        "_unanswered_at",
        "_user_id",
        "arguments",
        "compiled",
        "context",
        "cursor",
        "follower",
        "is_over",
        "key",
        "maker",
        "session",
        "since",
        "view",
    )

    def __init__(
        self,
        compiled: CompiledChannel,
        identity: Identity,
        arguments: dict[str, object],
        *,
        hub: Hub,
        settings: RxGraphSettings,
        scope: OperationScope,
    ) -> None:
        self.compiled, self.arguments = compiled, arguments
        self.session = hub.contexts.new_session()
        self._identity, self._hub, self._settings, self._scope = identity, hub, settings, scope
        self.context = compiled.channel(identity.user, arguments, self)
        self._groups: Groups | None = None
        self._actions: RunningActions | None = None
        self._backlog = Backlog(settings.queue_events, self._reserve)
        self._stirred: asyncio.Event | None = None  # while ``events`` waits
        self._access: Access
        self._must_recheck = False  # before anything else is told
        self._check_at = math.inf  # monotonic seconds
        self._refusal: RequestError | None = None
        self._early: list[JSON] | None = []  # messages sent before the first event
        self._has_access = False
        self._runtime: dict[str, JSON] = {}
        self._doubted_at: float | None = None
        self._unanswered_at: float | None = None  # since when nobody can say who may watch
        self.view: View  # as told last
        self.cursor = ""
        #: When what is told now was committed, Unix seconds; 0: it is no change.
        self.since = 0.0
        self.maker: EventMaker
        #: What this context shows, as soon as that is known.
        self.key: AnchorKey | None = None
        self._is_connected = False
        self._closing: asyncio.Task[None] | None = None
        self._first: list[Told] = []
        self._telling: Iterator[Told] = _NOTHING  # events at hand, in order
        self._has_begun = False  # a state was told
        self._ends = False  # after the events at hand
        #: True when the last event was told.
        self.is_over = False
        #: Told to look whenever there may be something to tell; None: ``events`` waits for it.
        self.follower: Follower | None = None

    @property
    def is_early(self) -> bool:
        """True until the first event is decided."""
        return self._early is not None

    @property
    def is_closing(self) -> bool:
        """True when nothing more is told."""
        return self._closing is not None

    @property
    def user_id(self) -> str:
        """Primary key of the viewer as text; of nobody, "None"."""
        return str(self._identity.user.pk)

    @property
    def waiting(self) -> int:
        """Number of events that wait for the client."""
        return max(len(self._backlog), self._scope.waiting)

    @property
    def outbound(self) -> SlotQueue | None:
        """The queue of its connection; None over HTTP."""
        return self._scope.outbound

    @property
    def is_live(self) -> bool:
        """True between the first event and the end."""
        return not self.is_early and not self.is_closing

    @property
    def is_acting(self) -> bool:
        """True while an action runs here."""
        return self._actions is not None and self._actions.is_running

    def actions(self) -> RunningActions:
        """Return the actions that run here."""
        if self._actions is None:
            limit = self._settings.operations_per_connection
            self._actions = RunningActions(self.context, limit=limit)
        return self._actions

    # -- what a follower needs to know

    @property
    def replica(self) -> Replica:
        """What is shown."""
        return self._access.attachment.replica

    @property
    def sight(self) -> Hashable | None:
        """Equal for all contexts of a replica that see the same; None: no other need see it."""
        tree = self.compiled.tree
        if tree.many:
            return None
        return self.compiled, self._user_id if tree.has_private_layers else None

    def blank(self) -> EventSource:
        """Return an event that tells nothing but what every event of this context tells."""
        return self.maker.message(self.view, (), self.cursor)

    def mute(self) -> None:
        """Hear no more of the hub: what moves comes through a cohort."""
        self._access.attachment.mute()

    # -- what the hub and the channel tell, on the event loop

    def receive(self, move: Move) -> None:
        """Take a move of the replica at the moment it happens."""
        if not self.is_early and not self.is_closing:
            self._backlog.move(move)
            if is_written_elsewhere(move.marks, self._scope.connection):
                # Whoever wrote waits for it: the others get to their events a moment later.
                asyncio.get_running_loop().call_soon(self.stir)
            else:
                self.stir()

    def stir(self) -> None:
        """Let whoever tells the stream look at what there is to tell."""
        if self.follower is not None:
            self.follower.advance()
        elif self._stirred is not None:
            self._stirred.set()

    async def send(self, data: JSON) -> None:
        """Send *data* as a MESSAGE event, after everything told so far."""
        data = jsonable(data)
        refuse_reserved(data)
        self.tell(data)

    def tell(self, data: JSON) -> None:
        """Tell *data*, which is JSON already, as a MESSAGE event."""
        if self._early is not None:
            self._early.append(data)
        elif not self.is_closing:
            self._backlog.message(data)
            self.stir()

    @property
    def anchor_ids(self) -> tuple[str, ...]:
        """The id of the anchor, as soon as that is known."""
        return () if self.key is None else (self.key.anchor_id,)

    async def add_instance(self, instance_id: Any, at_beginning: bool = False) -> None:
        """Do nothing: only lists have roots to add (``serve.list_stream``)."""

    async def remove_instance(self, instance_id: Any) -> None:
        """Do nothing."""

    async def clear(self) -> None:
        """Do nothing."""

    async def set_runtime_var(self, name: str, value: object) -> None:
        """Tell a value of ``RuntimeState``: in the first event, later in a MESSAGE of its own."""
        self._runtime = {**self._runtime, name: runtime_value(self.compiled.channel, name, value)}
        if self._early is None and self._closing is None:
            self._backlog.runtime(self._runtime)
            self.stir()

    async def group_add(self, group: str) -> None:
        """Get the events of *group* for the ``@consumer`` methods of the channel."""
        self._groups = self._groups or Groups(self.context)
        if self._closing is None:
            await self._groups.add(group)

    def shows(self, anchor_id: str) -> bool:
        """True when the viewer sees this anchor."""
        if not self.compiled.tree.many:
            return True
        root = InstanceKey(self.compiled.tree.root.typename, anchor_id)
        if self._early is not None or self.view.document(root) is None:
            return False
        return root in self.view.roots

    def may_show(self, anchor_id: str) -> bool:
        """True unless it is certain that this anchor is none of this context's."""
        return self.key is None or self.compiled.tree.many or self.key.anchor_id == anchor_id

    @property
    def _is_in_doubt(self) -> bool:
        return self._must_recheck or self._doubted_at is not None

    def doubt(self) -> None:
        """Ask again who may watch, before anything else is told."""
        self._doubted_at = time.monotonic()
        self.stir()

    # -- opening

    async def open(self, after: str | None) -> None:
        """Check the viewer, hold the replica, tell the channel, prepare the first event.

        Raises:
            RequestError: the viewer cannot have this.
            BackendError: the store does not answer.
        """
        self._scope.on_close(self.close)
        self._hub.contexts.add(self)  # before anything is asked: what is taken meanwhile is heard
        self.context.user = await self._hub.contexts.sure_user(
            self._identity, self._settings.reauth_seconds
        )
        self._access = access = await self._admit()
        self._has_access = True
        self._user_id = access.user_id
        cursor = None if after is None else cursors.decode(after, access.admission.key)
        self._stamp = access.stamp(self._settings)
        self.maker = EventMaker(self.compiled, self.arguments, self._stamp, self.session)
        access.require_view()
        tstamp = cursor.at if cursor is not None and cursor.generation != VOID else None
        self._is_connected = True
        await call_hook(self.context.on_connect, tstamp)
        self._begin(access.attachment.replica, cursor)
        logger.debug("%s: a live context has begun", self.key, extra=self.log_fields())

    def log_fields(self) -> dict[str, object]:
        """Return what a log record about this context says beside its message."""
        if not self._has_access:
            return about(self.key, session=self.session)
        replica = self.replica
        place = {"generation": replica.generation, "position": replica.position}
        return about(self.key, session=self.session, **place)

    async def _admit(self) -> Access:
        """Let the viewer in, and hold what he looks at."""
        return await open_access(
            self._hub, self.compiled, self.context, self.arguments, self.receive, self._place
        )

    def _place(self, admission: Admission) -> None:
        self.key = admission.key
        self._hub.contexts.place(self, admission.key)

    def _begin(self, replica: Replica, cursor: Cursor | None) -> None:
        """Capture the first state; from here on every move is told."""
        view = self.view = self._access.require_view()
        self.cursor = self._stamp.at(replica.generation, replica.position, replica.at)
        if self._runtime:
            self.maker.runtime = ValuesSource(self._runtime)
        first: list[EventSource]
        if cursor is not None and self._can_resume(replica, cursor):
            since = self._since(view, cursor)
            is_list = self.compiled.tree.many
            first = [self.maker.delta(view, since, self.cursor, is_relisted=is_list)]
        else:
            first = [self.maker.snapshot(view, self.cursor)]
            if cursor is not None:
                first.insert(0, self.maker.reset(view, ResetReason.CURSOR_EXPIRED))
        self._first = [(event, self._reserve()) for event in first]
        self._telling = self._tell_first()
        self._check_at = self._next_check()
        self._backlog.begin(standing(replica))
        early, self._early = self._early, None
        for data in early or ():
            self._backlog.message(data)

    def _since(self, view: View, cursor: Cursor) -> ViewChange:
        """Return what the viewer has to be told to arrive here from *cursor*."""
        tombstones = self._access.attachment.replica.tombstones.values()
        return see_since(view, tombstones, cursor.position, self._user_id)

    def _can_resume(self, replica: Replica, cursor: Cursor) -> bool:
        age = time.time() - cursor.issued
        return (
            cursor.generation == replica.generation
            and cursor.generation != VOID
            and cursor.store == self._stamp.store
            and cursor.viewer == self._stamp.viewer
            and replica.floor <= cursor.position <= replica.position
            and math.isfinite(age)
            and age <= self._settings.cursor_ttl
        )

    # -- the stream

    async def events(self) -> AsyncGenerator[EventSource, None]:
        """Yield every event; ends after the last one, or raises what ends the operation.

        Closing it closes the stream, unless that has a follower: then it goes on by itself.
        """
        try:
            while (told := await self._wait_next()) is not None:
                event, place = told
                self._scope.use(place)
                yield event
                self.gone_out()
            if self._refusal is not None:
                raise self._refusal
        finally:
            if self.follower is None:
                await self.close()

    async def _wait_next(self) -> Told | None:
        """Return what is to be told next, waiting for it; None: it is over."""
        while True:
            await self.settle()
            if (told := self.next()) is not None:
                return told
            if self.is_over:
                return None
            self._stirred = asyncio.Event()
            try:
                async with asyncio.timeout(max(0.0, self._check_at - time.monotonic())):
                    await self._stirred.wait()
            except TimeoutError:
                pass
            finally:
                self._stirred = None

    def next(self) -> Told | None:
        """Return what is to be told now; None: nothing is, or the stream :attr:`is_over`.

        Not while it must :meth:`settle`.

        Raises:
            RuntimeError: the replica failed.
        """
        while True:
            told = next(self._telling, None)
            if told is not None:
                kind = told[0].kind
                self._has_begun = self._has_begun or kind is not ChannelEventKind.RESET
                EVENTS.add(kind.name)
                return told
            self._telling = _NOTHING
            if self._ends:
                self.is_over = True
                return None
            pending = self._backlog.take()
            if pending is None:
                return None
            self._telling = self._tell(pending)

    def gone_out(self) -> None:
        """Note that the socket has what was told last."""
        if self.since:
            LAG.observe(time.time() - self.since)
            self.since = 0.0

    # -- may he still watch?

    @property
    def must_settle(self) -> bool:
        """True when it has to be asked who may watch, before anything else is told."""
        return self._refusal is None and (self._is_in_doubt or time.monotonic() >= self._check_at)

    @property
    def check_at(self) -> float:
        """When it has to be asked at the latest, in monotonic seconds."""
        return self._check_at

    @property
    def refusal(self) -> RequestError | None:
        """Why the viewer may not watch any more."""
        return self._refusal

    async def settle(self) -> None:
        """Ask who may watch, where that is in doubt; a refusal ends the stream."""
        while self.must_settle:
            is_in_doubt, doubted_at = self._is_in_doubt, self._doubted_at
            try:
                refusal = await self._recheck()
            except Exception as error:  # noqa: BLE001  # which is logged
                if self._is_patient(error):
                    await self._ask_later(is_in_doubt, doubted_at)
                    continue
                refusal = Forbidden(
                    f"You may not watch {describe(self.compiled, self.arguments)}:"
                    " your permission could not be checked again"
                )
            self._unanswered_at = None
            self._check_at = self._next_check()
            if refusal is not None:
                self._refuse(refusal)

    def _is_patient(self, error: Exception) -> bool:
        """True where *error* will pass, and the last good answer is not too old."""
        if not is_passing(error):
            what, fields = "could not check again who may watch %s", self.log_fields()
            logger.error(what, self._stamp.key, exc_info=error, extra=fields)
            return False
        if not is_logged(error):
            logger.warning("could not check again who may watch: %s", error)
        now = time.monotonic()
        self._unanswered_at = now if self._unanswered_at is None else self._unanswered_at
        return now - self._unanswered_at < _UNANSWERED_CHECKS * self._settings.reauth_seconds

    async def _ask_later(self, is_in_doubt: bool, doubted_at: float | None) -> None:
        """Ask again in a while; until then nothing is told to a viewer who is in doubt."""
        longest = min(_ASK_AGAIN_SECONDS, self._settings.reauth_seconds)
        pause = longest * random.uniform(0.5, 1.0)  # noqa: S311
        if not is_in_doubt:
            self._check_at = time.monotonic() + pause
            return
        if doubted_at is None:
            self._must_recheck = True
        elif self._doubted_at is None or self._doubted_at > doubted_at:
            self._doubted_at = doubted_at
        await asyncio.sleep(pause)

    def _next_check(self) -> float:
        """Return when to ask again: not at the same moment for all who came at one."""
        seconds = self._settings.reauth_seconds * random.uniform(0.9, 1.0)  # noqa: S311
        left = self._identity.seconds_left
        if left is not None:  # a token that expires ends what it opened
            seconds = min(seconds, max(left, 0.0))
        return time.monotonic() + seconds

    def _refuse(self, refusal: RequestError) -> None:
        told = discreetly(self.compiled, self.arguments, refusal)
        assert isinstance(told, RequestError)
        self._refusal, self._ends = told, True
        self._backlog.clear()
        for _, place in self._first:
            place.release()
        self._first.clear()
        if isinstance(self._telling, Generator):
            self._telling.close()  # gives back the places of what is not told any more
        self._telling = iter(list(self._refused()) if self._has_begun else ())

    def _tell_first(self) -> Iterator[Told]:
        while self._first:
            yield self._first.pop(0)

    def _tell(self, pending: Pending) -> Iterator[Told]:
        if isinstance(pending, Message):
            yield self.maker.message(self.view, [pending.data], self.cursor), pending.place
            return
        if isinstance(pending, RuntimeChange):
            self.maker.runtime = ValuesSource(pending.values)
            yield self.maker.message(self.view, [], self.cursor), pending.place
            return
        before, move = self.view, pending.move
        if isinstance(pending, Lost) and (move.state or before.tree.many):
            pending.place.release()
            raise RuntimeError(f"the replica of {self._stamp.key} stopped")
        if isinstance(pending, Delta):
            after = see_after(before, move.state, move.changes, self._user_id, pending.roots)
        else:
            roots = pending.roots if isinstance(pending, Restart) else None
            roots = before.roots if roots is None else roots
            after = see_roots(before.tree, roots, move.state, self._user_id)
        if not has_root(after):
            places = pending.places if isinstance(pending, Restart) else (pending.place,)
            for place in places[1:]:
                place.release()
            self._ends = True
            yield self.maker.emptied(before, move.changes, isinstance(pending, Lost)), places[0]
            return
        is_relisted = before.tree.many and self._is_relisted(before, after)
        if isinstance(pending, Delta):
            self.view = after
            change = see_change(before, after, move.changes)
            self.cursor = self._stamp.at(move.generation, move.position, move.at, move.at)
            own = marked_by(self._user_id, move.marks)
            if change or own or is_relisted:
                self.since = move.since or move.at
                event = self.maker.delta(after, change, self.cursor, own, is_relisted=is_relisted)
                yield event, pending.place
            else:
                pending.place.release()
        elif isinstance(pending, Restart):
            self.cursor = self._stamp.at(move.generation, move.position, move.at)
            try:
                yield self.maker.reset(before, pending.reason), pending.places[0]
            except GeneratorExit:
                pending.places[1].release()
                raise
            after = self.view = self._still(after)
            yield self.maker.snapshot(after, self.cursor), pending.places[1]

    def _reserve(self) -> Place:
        """Reserve a place for what is told next."""
        return self._scope.reserve()

    def _still(self, view: View) -> View:
        """Return what the viewer may still see of *view*, which was decided on a moment ago."""
        return view

    def _is_relisted(self, before: View, after: View) -> bool:
        """True when the roots of a list are others now; the cursors to come say which."""
        if after.roots is not before.roots:
            self._stamp.members = cursors.members_mark(root.id for root in after.roots)
        elif after.visible is before.visible:
            return False
        return after.shown_roots != before.shown_roots

    async def _recheck(self) -> RequestError | None:
        """Return why the viewer may not watch any more, or None.

        Raises:
            Exception: that could not be found out.
        """
        self._must_recheck = False
        max_age = self._settings.reauth_seconds / 2
        if self._doubted_at is not None:
            max_age = min(max_age, time.monotonic() - self._doubted_at)
            self._doubted_at = None  # another doubt may come while this one is cleared up
        try:
            user = await self._hub.contexts.sure_user(self._identity, max_age)
            require_user(user)
            await check_permission(self.compiled, user, self.arguments)
            self.context.user = user
            await self._recheck_state()
        except NotFound as error:
            # The row is gone: then the stream will tell in its own words. Or it is something else
            # that is, such as the membership of this user.
            if self._first or not await self._is_gone():
                return error
            await self._skip_to_end()
        except RequestError as error:
            return error
        return None

    async def _is_gone(self) -> bool:
        """True when the database has no root any more."""
        if self.compiled.tree.many:
            return False
        model, root = self.compiled.tree.root.model, self._access.attachment.replica.root
        rows = model._base_manager.using(alias_of(model)).filter(pk=parse_pk(model, root.id))
        return not await database_sync_to_async(rows.exists)()

    async def _skip_to_end(self) -> None:
        """Tell only that the root is gone: nobody knows who might see what was written before.

        Raises:
            BackendError: it has not been told here yet.
        """
        for pause in (0, *_END_MOMENTS):
            await asyncio.sleep(pause)
            if self._backlog.skip_to_end(self._access.attachment.replica.root):
                return
        raise BackendError(f"{self._stamp.key} is gone from the database, and is shown here still")

    async def _recheck_state(self) -> None:
        """Find out what of the state the viewer may still have."""

    def _refused(self) -> Iterator[Told]:
        reset = self.maker.reset(self.view, ResetReason.PERMISSION_CHANGED)
        yield reset, self._reserve()
        yield self.maker.emptied(self.view, {}), self._reserve()

    # -- the end

    async def close(self) -> None:
        """Give back the replica and tell the channel, once, whoever is cancelled meanwhile."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="rxgraph close")
            _closings.add(self._closing)
            self._closing.add_done_callback(_closings.discard)
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self._hub.contexts.discard(self)
        self._backlog.clear()
        if self._actions is not None:
            await self._actions.close()
        if self._groups is not None:
            await self._groups.close()
        try:
            if self._has_access:
                await self._access.attachment.detach()
        finally:
            if self._is_connected:
                try:
                    await call_hook(self.context.on_disconnect)
                except Exception:
                    name = self.compiled.name
                    logger.exception("%s.on_disconnect failed", name, extra=self.log_fields())
        logger.debug("%s: a live context has ended", self.key, extra=self.log_fields())


def standing(replica: Replica) -> Move:
    """Return a move that leads nowhere else than where *replica* stands."""
    return Move(
        MoveKind.CHANGES, replica.state, {}, replica.generation, replica.position, replica.at
    )
