"""Make events: what one viewer of one live context is told, as sources for GraphQL.

Each event is complete in itself when it is made; nothing is looked up later.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.channel_types import ChannelEventKind, ResetReason
from rxgraph.counters import RESETS
from rxgraph.delta import Changes, View, ViewChange
from rxgraph.serve import cursor as cursors
from rxgraph.serve.cursor import VOID, Cursor
from rxgraph.serve.gate import entity_id
from rxgraph.serve.sources import (
    ChangesSource,
    ChannelSource,
    EventSource,
    QuerySource,
    RemovedSource,
    ValuesSource,
)
from rxgraph.settings import RxGraphSettings
from rxgraph.types import JSON, AnchorKey, Document, RemovalReason


class Stamp:
    """Writes the cursors of one viewer of one anchor."""

    __slots__ = (
        "key",
        "members",
        "store",
        "viewer",
    )

    def __init__(self, key: AnchorKey, store: bytes, viewer: bytes) -> None:
        self.key, self.store, self.viewer = key, store, viewer
        self.members = cursors.NO_MEMBERS  # of a list, as it stands

    def at(self, generation: int, position: int, at: float, issued: float | None = None) -> str:
        """Return the cursor of a position; *at* is when its batch was finished."""
        when = time.time() if issued is None else issued
        return cursors.encode(
            self.key,
            Cursor(generation, position, self.store, self.viewer, self.members, at, when),
        )

    def void(self) -> str:
        """Return a cursor that leads to a fresh SNAPSHOT."""
        return self.at(VOID, 0, 0.0)


def stamp_for(
    compiled: CompiledChannel, key: AnchorKey, user_id: str, settings: RxGraphSettings
) -> Stamp:
    """Return what writes cursors for this viewer of this anchor."""
    return Stamp(
        key,
        cursors.store_mark(settings.store, is_memory=settings.is_memory),
        cursors.viewer_mark(user_id if compiled.tree.has_private_layers else None),
    )


_NO_VALUES = ValuesSource({})


class EventMaker:
    """Makes the events of one live context."""

    __slots__ = (
        "_entity_id",
        "arguments",
        "compiled",
        "runtime",
        "session",
        "stamp",
    )

    def __init__(
        self,
        compiled: CompiledChannel,
        arguments: Mapping[str, object],
        stamp: Stamp,
        session: str,
    ) -> None:
        self.compiled, self.arguments = compiled, arguments
        self.stamp, self.session = stamp, session
        #: ``RuntimeState`` as it is told from now on.
        self.runtime = _NO_VALUES
        self._entity_id = entity_id(compiled, arguments)

    def snapshot(self, view: View, cursor: str) -> EventSource:
        """Return the whole of *view*."""
        channel = self.channel(view, cursor)
        return EventSource(
            ChannelEventKind.SNAPSHOT,
            cursor,
            self.session,
            ChangesSource(self.compiled, view, None),
            channel=channel,
            query=QuerySource(self.compiled, self.arguments, channel),
            runtime=self.runtime,
        )

    def delta(
        self,
        view: View,
        change: ViewChange,
        cursor: str,
        own: Sequence[str] = (),
        *,
        is_relisted: bool = False,
    ) -> EventSource:
        """Return what *change* means; *own* are the viewer's own writes in it.

        *is_relisted*: the roots of a list or their order changed, so they are told.
        """
        return EventSource(
            ChannelEventKind.DELTA,
            cursor,
            self.session,
            ChangesSource(self.compiled, view, change.changed),
            channel=self.channel(view, cursor) if is_relisted else None,
            removed=tuple(RemovedSource(*item) for item in sorted(change.removed.items())),
            client_mutation_ids=tuple(own),
            runtime=self.runtime,
        )

    def emptied(self, view: View, changes: Changes, is_gone: bool = False) -> EventSource:
        """Return the last event: nothing of *view* is left, for the reasons in *changes*.

        *is_gone*: the anchor was deleted, whatever *changes* say.
        """
        cursor = self.stamp.void()
        removed = {key: _reason(changes.get(key)) for key in view.keys()}  # noqa: SIM118
        if is_gone and not view.tree.many:
            removed[view.root] = RemovalReason.DELETED
        return EventSource(
            ChannelEventKind.DELTA,
            cursor,
            self.session,
            self._nothing(view),
            channel=self.channel(None, cursor),
            removed=tuple(RemovedSource(*item) for item in sorted(removed.items())),
            runtime=self.runtime,
        )

    def reset(self, view: View, reason: ResetReason) -> EventSource:
        """Return a RESET: it changes nothing, and its cursor cannot be resumed."""
        RESETS.add(reason.name)
        return EventSource(
            ChannelEventKind.RESET,
            self.stamp.void(),
            self.session,
            self._nothing(view),
            reset_reason=reason,
            runtime=self.runtime,
        )

    def message(self, view: View, data: Iterable[JSON], cursor: str) -> EventSource:
        """Return *data* as notifications."""
        return EventSource(
            ChannelEventKind.MESSAGE,
            cursor,
            self.session,
            self._nothing(view),
            notifications=tuple(ValuesSource({"data": item}) for item in data),
            runtime=self.runtime,
        )

    def channel(self, view: View | None, cursor: str) -> ChannelSource:
        """Return the entity itself; without a view its state is empty."""
        return ChannelSource(self._entity_id, cursor, view, self.compiled.tree.many)

    def _nothing(self, view: View) -> ChangesSource:
        return ChangesSource(self.compiled, view, ())


def _reason(document: Document | None) -> RemovalReason:
    if document is not None and document.removed is RemovalReason.DELETED:
        return RemovalReason.DELETED
    return RemovalReason.LEFT


def has_root(view: View) -> bool:
    """True when the viewer may see the anchor itself; a list may be empty."""
    return view.tree.many or view.document(view.root) is not None
