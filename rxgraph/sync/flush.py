"""Merge changed rows into the caches that hold them.

``flush`` is what a commit leads to: find the anchors, record the rows there, and where nobody else
is at it, take the turn: read one snapshot of the database *after* taking, write what differs,
finish, wake the others. Rule: each published state is one the database had, because the snapshot's
outstanding intents, and what was pushed until it was opened, are part of the same batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from rxgraph.cache import anchor as decisions
from rxgraph.cache.anchor import Anchor, Lease
from rxgraph.cache.packing import Packing
from rxgraph.cache.signs import Lost
from rxgraph.cache.steps import (
    Beyond,
    FindHolders,
    Glance,
    LoadAnchor,
    Locate,
    Peek,
    Procedure,
    Publish,
    ReadIntents,
    ReadRows,
    Recall,
    Remember,
    Row,
    Wakeup,
    WriteDocuments,
    chunks,
)
from rxgraph.cache.turns import forget_anchor, in_snapshots, settle
from rxgraph.compile.state_tree import StateTree
from rxgraph.faults import fault
from rxgraph.sync.forest import (
    Place,
    always_told,
    is_request,
    mark_wanted,
    only_marked,
    requested,
)
from rxgraph.sync.ordering import lists_of, steady_lists
from rxgraph.sync.reconcile import Reconciliation, instances_of
from rxgraph.types import (
    MARK,
    AnchorKey,
    Document,
    InstanceKey,
    RowKey,
    retold,
    root_row,
    rows_retold,
)

#: Channel name → its state tree.
Trees = Callable[[str], StateTree]
#: Channel name → the snapshot that is open for it.
Snapshots = Mapping[str, object]

_ROUNDS = 8  # batches in a row before the work is left to a server
_ANCHORS_PER_SNAPSHOT = 32


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to write one anchor's next batch, and what is known about the last."""

    key: AnchorKey
    anchor: Anchor
    #: A predecessor began this batch and did not finish: what it took is written in any case.
    is_redo: bool
    #: It was taken with rows that have just been pushed, most likely the only ones for now.
    is_fresh: bool = False


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: the name and length of its leases, and the trees it knows."""

    trees: Trees
    new_owner: Callable[[], str]
    lease_seconds: float = 10.0
    #: How whole states are packed; None: not at all.
    packing: Packing | None = None

    def lease(self) -> Lease:
        """Return a lease under a name nobody else uses."""
        return Lease(self.new_owner(), self.lease_seconds)


def flush(
    writer: Writer,
    rows: frozenset[RowKey],
    *,
    using: str = "default",
    columns: Mapping[RowKey, Mapping[str, str | None]] | None = None,
) -> Procedure[int]:
    """Bring committed changes to every cache that holds them; answer how many anchors those are.

    When it returns, each of these anchors has the rows recorded or published: the intents of
    their transaction may be forgotten.
    """
    wanted = yield from Locate(using, rows, columns or {})
    if not wanted:
        return 0
    # Those who watch in this process need not wait until the others are found.
    known = yield from Recall(wanted)
    yield from _merge(writer, rows, known)
    holders = yield from FindHolders(wanted, always_told(writer.trees, wanted, rows))
    others = {key: anchor for key, anchor in holders.items() if key not in known}
    yield from _merge(writer, rows, others)
    return len(known) + len(others)


def _merge(
    writer: Writer, rows: frozenset[RowKey], holders: Mapping[AnchorKey, Anchor | None]
) -> Procedure[None]:
    """Record *rows* in each of *holders*, and do the work where nobody else is at it."""
    concerned: dict[str, frozenset[RowKey]] = {}
    for channel in {key.channel for key in holders}:
        models = writer.trees(channel).tracked_labels | {MARK}
        concerned[channel] = frozenset(
            row for row in rows if row.model in models or is_request(row, channel)
        )
    for part in chunks(sorted(holders), _ANCHORS_PER_SNAPSHOT):
        turns = []
        for key in part:
            turn = yield from push(writer, key, concerned[key.channel], holders[key])
            if turn is not None:
                turns.append(turn)
        yield from work(writer, turns)


def push(
    writer: Writer, key: AnchorKey, rows: frozenset[RowKey], known: Anchor | None = None
) -> Procedure[Turn | None]:
    """Record *rows* as pending; a turn when nobody else is at it, None when somebody is."""
    lease, schema = writer.lease(), writer.trees(key.channel).fingerprint
    before, after = yield from settle(
        key,
        lambda anchor, now: decisions.push(anchor, rows, lease, now, schema=schema),
        known,
        # Work left to somebody else must not be lost: the caller forgets its intents. Work that
        # is done here is durable with the swap that finishes it.
        is_durable=lambda after: after.owner != lease.owner,
    )
    fault("after push")
    if after is None or after.owner != lease.owner:
        return None
    return Turn(key, after, before.is_unfinished, is_fresh=not before.is_unfinished)


def ask_for_roots(
    writer: Writer, key: AnchorKey, model: str, roots: Iterable[str]
) -> Procedure[Place | None]:
    """Have *roots* of a list channel brought in or dropped; answer the place where that is done.

    None: the forest is not cached.
    """
    rows = frozenset(root_row(model, key.channel, root) for root in roots)
    return (yield from bring_up(writer, key, rows))


def bring_up(writer: Writer, key: AnchorKey, rows: frozenset[RowKey]) -> Procedure[Place | None]:
    """Push *rows*; answer the place that contains all that was committed before, too.

    None: the anchor is not cached. Whoever has the turn does the work; whoever takes the next one
    takes everything that is pending.
    """
    lease, schema = writer.lease(), writer.trees(key.channel).fingerprint
    before, after = yield from settle(
        key, lambda anchor, now: decisions.push(anchor, rows, lease, now, schema=schema)
    )
    if after is None:
        return None
    if after.owner != lease.owner:
        return Place(after.generation, after.seq + 1)
    yield from work(writer, [Turn(key, after, is_redo=before.is_unfinished)])
    return Place(after.generation, after.seq)


def retell(writer: Writer, key: AnchorKey, rows: frozenset[RowKey]) -> Procedure[None]:
    """Read *rows* again for one anchor, and tell them whole; nothing when nobody shows them."""
    turn = yield from push(writer, key, rows.union(map(retold, rows)))
    if turn is not None:
        yield from work(writer, [turn])


def rescue(writer: Writer, key: AnchorKey) -> Procedure[bool]:
    """Take over work that nobody does; False when there is none."""
    lease, schema = writer.lease(), writer.trees(key.channel).fingerprint
    before, after = yield from settle(
        key, lambda anchor, now: decisions.take(anchor, lease, now, schema=schema)
    )
    if after is None:
        return False
    yield from work(writer, [Turn(key, after, is_redo=before.is_unfinished)])
    return True


def work(writer: Writer, turns: list[Turn]) -> Procedure[None]:
    """Do the batches of several anchors, until no work is pending there."""
    for round_ in range(_ROUNDS):
        if not turns:
            return
        turns = yield from _do_batches(writer, turns, last=round_ == _ROUNDS - 1)


@dataclass(slots=True)
class Batch:
    """What one turn wrote."""

    turn: Turn
    documents: tuple[Document, ...]
    #: Rows of instances that were not cached before, as they were read.
    entered: dict[InstanceKey, Row]
    #: The record as it was last seen.
    known: Anchor
    #: Marked transactions that it contains.
    marks: tuple[str, ...]
    #: Rows that it contains, where others may have been pushed before its snapshot; else None.
    seen: frozenset[RowKey] | None
    #: Cached documents as it found them; None: there is no such one.
    found: Mapping[InstanceKey, Document | None]
    #: Rows of *entered* that have changed since.
    again: frozenset[RowKey] = frozenset()


def _do_batches(writer: Writer, turns: list[Turn], *, last: bool) -> Procedure[list[Turn]]:
    """Do each anchor's batch from one snapshot; answer the turns that follow."""
    batches: list[Batch] = []
    following: list[Turn] = []

    def write(snapshots: Snapshots) -> Procedure[None]:
        for turn in turns:
            snapshot = snapshots[turn.key.channel]
            intents = yield from ReadIntents(snapshot)
            try:
                batch = yield from _write_batch(writer, turn, snapshot, intents)
            except Lost as lost:
                # Whoever shows it heats it anew, from a database that has these rows.
                yield from _release(turn)
                yield from forget_anchor(turn.key, lost.generation)
                continue
            if batch is not None:
                batches.append(batch)
        if not any(batch.entered for batch in batches):
            yield from finish()  # readers need not wait until the snapshot is closed

    def look_again(snapshots: Snapshots) -> Procedure[None]:
        for channel, snapshot in snapshots.items():
            layers = writer.trees(channel).layers
            entered = [batch for batch in batches if batch.turn.key.channel == channel]
            wanted = frozenset(key for batch in entered for key in batch.entered)
            fresh = yield from ReadRows(snapshot, wanted)
            for batch in entered:
                changed = {
                    RowKey(layers[key.typename].model_label, key.id)
                    for key, row in batch.entered.items()
                    if fresh.get(key) != row
                }
                # Whole: its lists may have changed, though no row of theirs will be named.
                batch.again = frozenset(changed | {retold(row) for row in changed})

    def finish() -> Procedure[None]:
        for batch in batches:
            turn = yield from _finish(writer, batch, last=last)
            if turn is not None:
                following.append(turn)

    try:
        for channel in _channels(turns):
            taken = (turn.anchor.taken for turn in turns if turn.key.channel == channel)
            yield from mark_wanted(writer.trees(channel), channel, taken)
        if not (yield from _at_a_glance(writer, turns, write)):
            yield from in_snapshots(_channels(turns), write)
        # A writer that changed an entering row before its document was there has not found this
        # anchor, and will not come back: look whether there was one. Whoever changes it from now
        # on finds the document.
        if any(batch.entered for batch in batches):
            looking = _channels(batch.turn for batch in batches if batch.entered)
            yield from in_snapshots(looking, look_again)
            yield from finish()
    except Exception:
        for turn in turns:
            yield from _release(turn)
        raise
    return following


def _at_a_glance(
    writer: Writer, turns: list[Turn], write: Callable[[Snapshots], Procedure[None]]
) -> Procedure[bool]:
    """Do the one batch of a single row from one statement; False: nothing is done yet."""
    if len(turns) != 1 or not turns[0].is_fresh:
        return False
    key, anchor = turns[0].key, turns[0].anchor
    tree = writer.trees(key.channel)
    instances = instances_of(tree, anchor.taken)
    if len(instances) != 1:
        return False
    [instance] = instances
    lists = lists_of(tree, instance.typename)
    if not set(lists) <= {relation.name for relation in steady_lists(tree, instance.typename)}:
        return False
    if lists and not (yield from Peek(key, anchor.generation, anchor.done, instances)):
        return False  # nobody here knows them, so that they have to be read
    glance = yield from Glance(key.channel, anchor.taken)
    if glance is None:
        return False
    try:
        yield from write({key.channel: glance})
    except Beyond:
        return False
    return True


def _channels(turns: Iterable[Turn]) -> list[str]:
    return sorted({turn.key.channel for turn in turns})


def _release(turn: Turn) -> Procedure[None]:
    """Give the lease back; the work stays where it is."""
    owner, seq = turn.anchor.owner, turn.anchor.seq
    yield from settle(turn.key, lambda anchor, _: decisions.release(anchor, owner, seq))


def _write_batch(
    writer: Writer, turn: Turn, snapshot: object, intents: tuple[frozenset[RowKey], ...]
) -> Procedure[Batch | None]:
    fault("after take")
    key, tree = turn.key, writer.trees(turn.key.channel)
    owner, seq = turn.anchor.owner, turn.anchor.seq
    # A transaction that the snapshot shows has either its intents still there, or was pushed before
    # they were deleted. Both together name every row of it, where the record is read after the
    # snapshot was opened. For a fresh turn it is not: nothing more will mostly have been pushed,
    # and finishing finds out if it was.
    current = turn.anchor if turn.is_fresh else (yield from LoadAnchor(key))
    rows = turn.anchor.taken.union(current.pending, *intents)
    if tree.anchor_mark:
        rows = only_marked(rows, turn.anchor.taken)
    forced: frozenset[InstanceKey] = frozenset()
    if turn.is_redo:
        forced = _named(tree, turn) | turn.anchor.writing
    whole = instances_of(tree, rows_retold(turn.anchor.taken))
    reconciliation = Reconciliation(
        tree,
        key,
        turn.anchor.generation,
        seq,
        snapshot,
        forced,
        whole,
        as_of=None if turn.is_redo else turn.anchor.done,
    )
    documents = yield from reconciliation.run(rows)
    writing = frozenset(document.key for document in documents) - _named(tree, turn)
    if writing:
        _, extended = yield from settle(
            key,
            lambda anchor, now: decisions.extend(
                anchor, owner, seq, now, seconds=writer.lease_seconds, writing=writing
            ),
            current,
            is_durable=lambda after: False,
        )
        if extended is None:
            return None
        current = extended
    if documents:
        # Of a store that has lost what this process still knows, other writers did not learn that
        # somebody holds their rows: what is written without them was never in the database.
        checks = not reconciliation.is_signed
        if not (yield from WriteDocuments(key, turn.anchor.generation, documents, checks)):
            raise Lost(key, turn.anchor.generation)
        fault("after writing")
    told = {row.pk for row in turn.anchor.taken if row.model == MARK}
    for named in intents:
        if reconciliation.concerns(named):
            told |= {row.pk for row in named if row.model == MARK}
    marks = tuple(sorted(told - {text for _, text in current.published}))
    seen = rows if turn.is_fresh else None
    found = {} if turn.is_redo else reconciliation.cached
    return Batch(turn, documents, reconciliation.entered, current, marks, seen, found)


def _named(tree: StateTree, turn: Turn) -> frozenset[InstanceKey]:
    """Return the instances that a turn's rows name by themselves."""
    taken = turn.anchor.taken
    return instances_of(tree, taken) | requested(tree, turn.key.channel, taken)


def _finish(writer: Writer, batch: Batch, *, last: bool) -> Procedure[Turn | None]:
    """Publish a batch; the next turn when more was pushed meanwhile and this was not the last.

    A batch that may show a part of a transaction is not published but done again, with the rest.
    """
    fault("before finish")
    turn, lease = batch.turn, writer.lease()
    owner, seq = turn.anchor.owner, turn.anchor.seq

    def decide(anchor: Anchor, now: float) -> Anchor | None:
        if batch.seen is not None and not anchor.pending <= batch.seen:
            return decisions.take_again(anchor, owner, seq, lease, now)
        finished = decisions.finish(anchor, owner, seq, now, again=batch.again, marks=batch.marks)
        if finished is None or last:
            return finished
        following = decisions.take(finished, lease, now, schema=finished.schema)
        return following or finished

    before, after = yield from settle(turn.key, decide, batch.known)
    if after is None:
        return None  # fenced off: somebody took over and does it again
    if after.done != seq:
        return Turn(turn.key, after, is_redo=True)
    known = {**batch.found, **{document.key: document for document in batch.documents}}
    yield from Remember(turn.key, after.generation, before.done, seq, known)
    fault("before publishing")
    yield from Publish(
        Wakeup(
            turn.key,
            after.generation,
            before.done,
            seq,
            after.done_at,
            batch.documents,
            more=bool(after.pending),
            marks=batch.marks,
        ),
        after.sessions,
    )
    return Turn(turn.key, after, is_redo=False) if after.owner == lease.owner else None
