"""Write the marks of ``Meta.optimize_anchors``, and take them away from what is COLD.

Law: while an anchor's record is anything but COLD, its row is marked. A heater marks after it has
opened the record and before it opens its snapshot. Only a janitor takes marks away: it locks the
row, looks at the record *while it holds the lock*, and unmarks what is COLD then. A heater that
opens the record later marks later too, and waits for that lock.

Of a list channel the marked rows are the roots in its forest. A batch that brings one in marks it
after taking the request and before its snapshot; the janitor looks for requests and documents.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from django.db import transaction

from rxgraph.cache.phases import Phase
from rxgraph.cache.rows import anchor_marks as marks
from rxgraph.cache.rows.keys import parse_pk
from rxgraph.cache.rows.snapshot import alias_of
from rxgraph.cache.steps import LoadAnchor, ReadDocuments, chunks
from rxgraph.cache.store import Store
from rxgraph.compile.state_tree import StateTree
from rxgraph.sync.rows import hold
from rxgraph.types import FOREST, ROOT_WANTED, AnchorKey, InstanceKey, roots_named

#: Of root ids, those that are live; asked while their rows are locked.
Live = Callable[[list[str]], Collection[str]]

_ROWS_PER_LOCK = 200


def mark_anchors(tree: StateTree, ids: Iterable[str]) -> None:
    """Mark root rows, and commit; to be called before the snapshot that fills their cache.

    Inside a transaction of the caller it is committed with that one, which is too late.
    """
    marks.set_marks(tree, ids, value=True)


def unmark_anchors(tree: StateTree, ids: Iterable[str], live: Live) -> list[str]:
    """Take the marks of root rows away, unless they are *live*; answers whose were taken."""
    model: Any = marks.model_of(tree)
    alias = alias_of(model)
    taken: list[str] = []
    for part in chunks(sorted(set(ids)), _ROWS_PER_LOCK):
        pks = [pk for pk in (parse_pk(model, id_, alias) for id_ in part) if pk is not None]
        with transaction.atomic(using=alias):
            hold(model, alias)
            marked = [id_ for id_, mark in marks.locked_marks(tree, pks).items() if mark]
            spared = set(live(marked)) if marked else set()
            cold = [id_ for id_ in marked if id_ not in spared]
            if cold:
                marks.set_marks(tree, cold, value=False)
        taken += cold
    return taken


def live_roots(store: Store, channel: str, tree: StateTree) -> Live:
    """Return the look at what is live of a channel: at each anchor's record, or into the forest."""

    def live(ids: list[str]) -> Collection[str]:
        records = store.load_anchors([AnchorKey(channel, id_) for id_ in ids])
        return {key.anchor_id for key, record in records.items() if record.phase is not Phase.COLD}

    def live_in_forest(ids: list[str]) -> Collection[str]:
        key = AnchorKey(channel, FOREST)
        record = store.perform(LoadAnchor(key))
        if record.phase is Phase.COLD:
            return ()
        # The record first: a root that it does not name any more has its documents in place.
        named = roots_named(ROOT_WANTED, channel, record.pending | record.taken)
        wanted = frozenset(InstanceKey(tree.root.typename, id_) for id_ in ids)
        found = store.perform(ReadDocuments(key, record.generation, wanted))
        return named | {key.id for key, document in found.items() if document.is_live}

    return live_in_forest if tree.many else live


def clean_up(store: Store, channel: str, tree: StateTree) -> list[str]:
    """Unmark what is not live of one channel: after cooling, and after crashes.

    Raises:
        BackendError: the store does not answer; the marks stay.
    """
    if not tree.anchor_mark:
        return []
    live = live_roots(store, channel, tree)
    marked = marks.marked_ids(tree)
    cold: list[str] = []
    for part in chunks(marked, _ROWS_PER_LOCK):  # a first look, without locking anything
        alive = set(live(part))
        cold += [id_ for id_ in part if id_ not in alive]
    return unmark_anchors(tree, cold, live)


def find_unmarked(store: Store, channel: str, tree: StateTree) -> list[AnchorKey]:
    """Return the HOT anchors whose row is not marked, and mark them: their caches are behind.

    Of single anchors alone. Nobody of ours takes such a mark away. SQL by hand does, a restored
    backup, or processes with code from before ``optimize_anchors``. The caller clears them.

    Raises:
        BackendError: the store does not answer.
    """
    if not tree.anchor_mark or tree.many:
        return []
    hot = [
        key.anchor_id
        for key, record in store.list_anchors()
        if key.channel == channel and record.phase is Phase.HOT
    ]
    unmarked = marks.unmarked_ids(tree, hot)
    mark_anchors(tree, unmarked)
    return [AnchorKey(channel, id_) for id_ in unmarked]
