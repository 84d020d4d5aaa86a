"""One live list: a stream whose roots may join and leave.

What the hub tells, and what the context's own code adds and removes, passes through a queue in its
order. There a batch that touched roots waits until it is known who lists them, so that joining and
leaving are part of the very event that tells the change.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from rxgraph.cache.rows.keys import parse_pk
from rxgraph.compile.channel_types import ResetReason
from rxgraph.declare.hooks import call_hook, is_default
from rxgraph.delta import View, ViewChange
from rxgraph.errors import NotFound
from rxgraph.serve import cursor as cursors
from rxgraph.serve.access import Access, Roots, see_roots
from rxgraph.serve.backlog import nowhere
from rxgraph.serve.cursor import Cursor
from rxgraph.serve.desk import Batch, Group
from rxgraph.serve.ending import ended
from rxgraph.serve.gate import entity_id
from rxgraph.serve.listing import Edit, Listing, list_ids, normal_root
from rxgraph.serve.replica import Move, MoveKind, Replica
from rxgraph.serve.scope import Place
from rxgraph.serve.stream import LiveStream, standing
from rxgraph.sync.outstanding import MOMENTS, Outstanding
from rxgraph.types import NOTICE, InstanceKey, RemovalReason

logger = logging.getLogger("rxgraph.lists")


_NEVER = (2**64, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """Something that waits for its turn to be told."""

    move: Move
    place: Place
    touched: frozenset[str] = frozenset()  # roots of which it has to be known who lists them
    edit: Edit | None = None  # by the context's own code
    attempt: int = 0  # how often that was asked for before, in vain


class ListStream(LiveStream):
    """The subscription of one viewer to one list."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._entries: deque[Entry] = deque()
        super().__init__(*args, **kwargs)
        self._listing = Listing(())
        self._newer: set[str] | None = None  # touched while the whole list is asked for
        self._roots_of: tuple[tuple[str, ...], Roots] = ((), ())
        self._group: Group | None = None
        self._resumed: Cursor | None = None
        self._held: tuple[str, ...] | None = None  # what was listed at the last letting go
        self._coming: Counter[str] = Counter()  # held, and about to be listed
        self._worker: asyncio.Task[None] | None = None
        #: Root that was found listed → from where on it is shown as it was after that.
        self._found: dict[str, tuple[int, int]] = {}
        self._again: set[asyncio.Task[None]] = set()

    @property
    def anchor_ids(self) -> tuple[str, ...]:
        """The ids of the roots in their order, with what the context's code has said by now."""
        edits = [entry.edit for entry in self._entries if entry.edit is not None]
        if not edits:
            return self._listing.ids
        ahead = self._listing.copy()
        for edit in edits:
            edit(ahead)
        return ahead.ids

    # -- opening and closing

    async def _admit(self) -> Access:
        access = await super()._admit()
        self._listing = Listing([root.id for root in access.roots])
        self._roots_of = (self._listing.ids, access.roots)
        if self.compiled.tree.auto_update:
            self._group = Group(access.user_id, entity_id(self.compiled, self.arguments))
            self._hub.desk.register(access.admission.key, self._group, self)
        return access

    def _begin(self, replica: Replica, cursor: Cursor | None) -> None:
        self._resumed = cursor
        self._access.roots = self._roots()
        self._stamp.members = cursors.members_mark(self._listing.ids)
        super()._begin(replica, cursor)

    def _since(self, view: View, cursor: Cursor) -> ViewChange:
        if cursor.members == self._stamp.members:
            return super()._since(view, cursor)
        # The list is another one than the client had: some roots may be new to it that nobody
        # wrote since, so all of it is told.
        everything = tuple(view.state[key] for key in sorted(view.keys()))
        return ViewChange(everything, {})

    async def _close(self) -> None:
        if self._group is not None and self._has_access:
            self._hub.desk.unregister(self._access.admission.key, self._group, self)
        self._drop_entries()
        await ended(self._again)
        await super()._close()

    def _reserve(self) -> Place:
        """Reserve a place for what is told next: before everything that waits for its turn.

        Behind it, that would hold up what is told first, which would hold up that in turn.
        """
        return self._scope.reserve(self._entries[0].place if self._entries else None)

    # -- what the hub tells

    def receive(self, move: Move) -> None:
        """Take a move of the replica at the moment it happens."""
        is_new_life = move.kind is MoveKind.RESTART
        if self.is_early:  # whatever was asked before it may be out of date
            self._must_recheck |= is_new_life or bool(self._touched(move))
        elif not self.is_closing:
            self._must_recheck |= is_new_life
            touched = self._touched(move)
            if self._newer is not None:
                self._newer |= touched
            self._enter(Entry(move, self._scope.reserve(), touched))

    def _touched(self, move: Move) -> frozenset[str]:
        """Return the roots that the batch of *move* touched, where they join by themselves."""
        if not self.compiled.tree.auto_update:
            return frozenset()
        return frozenset(key.id for key in move.changes if key.typename == NOTICE)

    # -- what the context's own code says

    async def add_instance(self, instance_id: Any, at_beginning: bool = False) -> None:
        """Add a root; an event of its own, unless it is listed.

        Raises:
            NotFound: there is no such row.
        """
        id_ = normal_root(self.compiled, instance_id)
        async with self._holding([id_]):
            if self._root(id_) not in self._access.attachment.replica.state:
                raise NotFound(f"{self.compiled.tree.root.typename} {id_} does not exist")
            self._edit(lambda listing: listing.add(id_, at_beginning=at_beginning))

    async def remove_instance(self, instance_id: Any) -> None:
        """Remove a root; an event of its own, if it is listed."""
        id_ = normal_root(self.compiled, instance_id)
        self._edit(lambda listing: listing.remove([id_]))

    async def clear(self) -> None:
        """Remove every root; one event."""
        self._edit(lambda listing: listing.remove(listing.ids))

    def _edit(self, edit: Edit) -> None:
        if self.is_early:  # part of the first event
            edit(self._listing)
        elif not self.is_closing:
            here = standing(self._access.attachment.replica)
            self._enter(Entry(here, self._scope.reserve(), edit=edit))

    def _still(self, view: View) -> View:
        listed = set(self._listing.ids)
        roots = tuple(root for root in view.roots if root.id in listed)
        return see_roots(view.tree, roots, view.state, self._user_id)

    # -- one after the other

    def _enter(self, entry: Entry) -> None:
        self._entries.append(entry)
        if len(self._entries) > self._settings.queue_events:
            self._overflow()
        elif self._worker is None or self._worker.done():
            self._pass_on()

    def _pass_on(self) -> None:
        """Tell what needs no asking; go on in a task when something does."""
        while self._entries:
            entry = self._entries[0]
            if entry.touched:
                work = self._ask(entry)
                self._worker = asyncio.create_task(work, name="rxgraph list")
                return
            self._tell_entry(self._entries.popleft())

    async def _ask(self, entry: Entry) -> None:
        """Find out who lists the touched roots, then tell the first entry and what follows."""
        move, touched, replica = entry.move, entry.touched, self._access.attachment.replica
        assert self._group is not None
        try:
            again = (entry.attempt, touched) if entry.attempt else (0, frozenset())
            batch = Batch(replica.key, move.generation, move.position, again)
            visible = await self._hub.desk.judge(batch, touched, self._group, self)
            late: frozenset[str] = frozenset()
            if visible is not None:
                self._listing.forget(await self._hidden(touched - visible))
                joining = self._listing.joining(touched, visible)
                unsure = await self._still_unsure(joining, move)
                async with self._holding(id_ for id_ in joining if id_ not in unsure):
                    late = frozenset(id_ for id_ in visible if self._root(id_) not in move.state)
                    order = sorted(touched, key=_by_number)
                    self._listing.follow(order, visible - late - unsure, joins=True)
                self._forget_found(touched - unsure - late)
                self._make_sure(unsure, entry.attempt)
            if visible is None or late:  # not with this batch, then by asking again
                self._must_recheck = True
        except Exception:
            what = "could not find out who lists what in %s"
            logger.exception(what, self.compiled.name, extra=self.log_fields())
            self._must_recheck = True
        if not self._entries or self._entries[0] is not entry:
            return  # it was taken out, and something here swallowed that this was cancelled
        self._worker = None
        self._tell_entry(self._entries.popleft())
        self._pass_on()

    # -- no root is shown as it was before it was shared

    async def _outstanding(self, ids: Collection[str]) -> Outstanding | None:
        """Return what the replica may lack now, where somebody of *ids* is to join."""
        return await self._access.attachment.outstanding() if ids else None

    async def _still_unsure(self, ids: Collection[str], move: Move) -> frozenset[str]:
        """Return those of *ids* of which that is not known after a moment either."""
        unsure = self._unsure(ids, move, await self._outstanding(ids))
        for pause in MOMENTS:
            if not unsure:
                break
            await asyncio.sleep(pause)
            unsure = self._unsure(unsure, move, await self._outstanding(unsure))
        return unsure

    def _unsure(
        self, ids: Iterable[str], move: Move, outstanding: Outstanding | None
    ) -> frozenset[str]:
        """Return *ids*, where *move* may show of one what was hidden when it was shared.

        They were found listed after it, and then *outstanding* was asked for. What it shows is for
        the viewer if nothing has changed since, or if it is from between two moments at which they
        were listed.
        """
        if outstanding is None:
            return frozenset()
        replica, tree, old = self.replica, self.compiled.tree, move.state
        new, place = replica.state, (replica.generation, replica.position)
        is_same, is_settled = new is old, outstanding.is_settled(*place)
        if is_same and outstanding.is_nothing(*place):
            return frozenset()

        def may_differ(root: InstanceKey) -> bool:
            if not is_settled:  # what is under way may have been read before
                return True
            shown = frozenset(see_roots(tree, (root,), old, self._user_id).keys())
            is_other = not is_same and any(new.get(key) is not old.get(key) for key in shown)
            return is_other or outstanding.names(tree, shown)

        def is_found(id_: str) -> bool:
            return self._found.get(id_, _NEVER) <= (move.generation, move.position)

        there = {id_: self._root(id_) for id_ in ids if self._root(id_) in old}
        if any(not is_found(id_) and may_differ(root) for id_, root in there.items()):
            return frozenset(there)  # what joins together does so in one event, and in its order
        return frozenset()

    def _make_sure(self, ids: frozenset[str], attempt: int) -> None:
        """Have *ids* brought up to now, and ask once more who lists them."""
        if ids:
            work = self._ask_again(ids, attempt)
            task = asyncio.create_task(work, name="rxgraph list again")
            self._again.add(task)
            task.add_done_callback(self._again.discard)

    def _forget_found(self, ids: Iterable[str]) -> None:
        for id_ in ids:
            self._found.pop(id_, None)

    async def _ask_again(self, ids: frozenset[str], attempt: int) -> None:
        catch_up = self._access.attachment.catch_up
        try:
            async with self._holding(ids):
                for id_, place in zip(ids, await asyncio.gather(*map(catch_up, ids)), strict=True):
                    if place is not None:
                        self._found.setdefault(id_, place)
                if not self.is_closing:
                    here = standing(self.replica)
                    self._enter(Entry(here, self._scope.reserve(), ids, attempt=attempt + 1))
        except Exception:
            what = "could not bring up to now what joins %s"
            logger.exception(what, self.compiled.name, extra=self.log_fields())
            self._must_recheck = True
            self.stir()

    def _tell_entry(self, entry: Entry) -> None:
        if entry.edit is not None:
            entry.edit(self._listing)
        self._forget_deleted(entry.move)
        self._backlog.move(entry.move, entry.place, self._roots())
        self._let_go()
        self.stir()

    def _forget_deleted(self, move: Move) -> None:
        root = self.compiled.tree.root.typename
        self._listing.forget(
            key.id
            for key, document in move.changes.items()
            if key.typename == root and document.removed is RemovalReason.DELETED
        )

    @contextlib.asynccontextmanager
    async def _holding(self, ids: Iterable[str]) -> AsyncIterator[None]:
        """Hold *ids* until they are listed, or are not going to be."""
        coming = Counter(ids)
        self._coming += coming
        try:
            await self._access.attachment.hold(coming)
            yield
        finally:
            self._coming -= coming
            self._held = None
            self._let_go()

    def _let_go(self) -> None:
        """Hold no roots that are neither listed nor about to be."""
        attachment = self._access.attachment
        if self._held is not self._listing.ids:
            attachment.let_go(attachment.roots - {*self._listing.ids, *self._coming})
            self._held = self._listing.ids

    def _roots(self) -> Roots:
        ids, roots = self._roots_of
        if ids is not self._listing.ids:
            known = {root.id: root for root in roots}
            roots = tuple(known.get(id_) or self._root(id_) for id_ in self._listing.ids)
            self._roots_of = (self._listing.ids, roots)
        return roots

    def _root(self, id_: str) -> InstanceKey:
        return InstanceKey(self.compiled.tree.root.typename, id_)

    # -- asking for the whole list again

    async def _recheck_state(self) -> None:
        """Ask ``list_instances`` again: what it no longer answers leaves before anything is told.

        Raises:
            RequestError: it refuses.
        """
        asked, newer = set(self._entries), set[str]()
        self._newer = newer  # roots touched from now on: they join with their own batches
        ids = await list_ids(self.compiled, self.context, self.arguments)
        hidden = await self._hidden(self._listing.added)
        joins = self.compiled.tree.auto_update
        fresh = await self._shown(self._listing.joining(ids, frozenset(ids))) if joins else []
        outstanding = await self._outstanding(fresh)
        async with self._holding(fresh):
            self._newer = None
            before = self._listing.ids
            self._listing.forget(hidden)
            waiting = self._drop_entries(asked)
            here = nowhere(waiting[-1]) if waiting else self._backlog.newest
            there = [id_ for id_ in reversed(fresh) if self._root(id_) in here.state]
            unsure = self._unsure(there, here, outstanding)
            there = [id_ for id_ in there if id_ not in unsure]
            listed = frozenset(ids)
            undecided = newer & listed
            decided = [id_ for id_ in (*self._listing.ids, *there) if id_ not in undecided]
            self._listing.follow(decided, listed, joins=joins)
            self._forget_found(there)
        self._make_sure(unsure, 0)
        # What is deleted by now has left the list, and may still wait to be told as it was before.
        shown = self._backlog.shown_roots.union(self.view.roots)
        is_other = before is not self._listing.ids or not shown.issubset(self._roots())
        if is_other and self._first:  # nothing was told yet: begin with the list as it is now
            for _, place in self._first:
                place.release()
            self._must_recheck |= bool(self._drop_entries())
            self._begin(self._access.attachment.replica, self._resumed)
        elif waiting or is_other:
            self._backlog.collapse(waiting, here, self._roots())
        if self._is_behind(set(fresh) - newer, here):
            self._must_recheck = True  # what it lists is there now, but was not yet here
        self._let_go()
        if self._worker is None:
            self._pass_on()

    def _is_behind(self, ids: Iterable[str], here: Move) -> bool:
        """True when the replica has any of these roots, and *here* did not have it yet."""
        state = self._access.attachment.replica.state
        return any(root in state and root not in here.state for root in map(self._root, ids))

    async def _shown(self, ids: list[str]) -> list[str]:
        """Return those of *ids* that ``is_visible`` answers True for."""
        if is_default(self.context.is_visible):
            return ids
        return [id_ for id_ in ids if await self._ask_visible(id_)]

    async def _hidden(self, ids: frozenset[str]) -> list[str]:
        """Return those of *ids* that the context's code has added and now says are not visible."""
        added = sorted(self._listing.added & ids)
        if not added or is_default(self.context.is_visible):
            return []
        return [id_ for id_ in added if not await self._ask_visible(id_)]

    async def _ask_visible(self, id_: str) -> bool:
        pk = parse_pk(self.compiled.tree.root.model, id_)
        return await call_hook(self.context.is_visible, pk) is True

    def _drop_entries(self, some: Collection[Entry] | None = None) -> list[Move]:
        """Take *some* (None: all) out of the queue; what the context's own code said is done."""
        moves = []
        while self._entries and (some is None or self._entries[0] in some):
            if self._worker is not None:  # it asks about the first
                self._worker.cancel()
                self._worker = None
            entry = self._entries.popleft()
            entry.place.release()
            if entry.edit is not None:
                entry.edit(self._listing)
            self._forget_deleted(entry.move)
            moves.append(entry.move)
        return moves

    def _overflow(self) -> None:
        self._drop_entries()
        here = standing(self._access.attachment.replica)
        self._backlog.relist(self._roots())
        self._backlog.restart(here, ResetReason.OVERFLOW)
        self._must_recheck = True
        self.stir()


def _by_number(id_: str) -> tuple[int, str]:
    """Order ids as numbers where they are: the newest row comes last, and joins first."""
    return (int(id_) if id_.isascii() and id_.isdigit() else 0, id_)
