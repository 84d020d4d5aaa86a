"""Fill a cold anchor from the database, once for everybody who waits.

The opener writes a new generation under the lease and lets readers in when all of it is there. A
heater that dies lets its lease run out, and the next one begins another generation.
"""

from __future__ import annotations

from enum import Enum

from rxgraph.cache import anchor as decisions
from rxgraph.cache.anchor import Lease
from rxgraph.cache.phases import Phase
from rxgraph.cache.reading import Reading
from rxgraph.cache.steps import (
    DropGeneration,
    LoadAnchor,
    MarkAnchors,
    Procedure,
    Publish,
    ReadTree,
    Row,
    Wakeup,
    WriteDocuments,
    chunks,
)
from rxgraph.cache.turns import cool, in_snapshot, settle
from rxgraph.sync.flush import Writer, rescue
from rxgraph.types import AnchorKey, Document, InstanceKey

_DOCUMENTS_PER_WRITE = 2000


class Warmth(Enum):
    """What an attempt to heat came to."""

    HOT = "hot"
    WAIT = "wait"  # somebody else is heating
    MISSING = "missing"  # the root is not in the database, or cannot be rendered


def heat(writer: Writer, key: AnchorKey, lease: Lease | None = None) -> Procedure[Warmth | Reading]:
    """Make *key* HOT, unless it is or somebody else is at it.

    Who has just filled it is answered what is there, and need not read it back.

    Reading a large state can take longer than a lease: who knows the name of the *lease* can
    ``keep`` it meanwhile. A cache whose documents have another shape than this process declares
    is dropped first.
    """
    tree = writer.trees(key.channel)
    anchor = yield from LoadAnchor(key)
    if anchor.phase is Phase.HOT and anchor.schema != tree.fingerprint:
        _, cooling = yield from settle(key, decisions.clear, anchor)
        if cooling is None:
            return Warmth.WAIT
        anchor = cooling
    if anchor.phase is Phase.COOLING:
        yield from cool(key, anchor)
    elif anchor.phase is Phase.HOT:
        return Warmth.HOT

    lease = lease or writer.lease()
    _, opened = yield from settle(
        key, lambda a, now: decisions.open_(a, lease, now, schema=tree.fingerprint)
    )
    if opened is None:
        return Warmth.WAIT
    seq, generation = opened.seq, opened.generation
    root = InstanceKey(tree.root.typename, key.anchor_id)
    try:
        if tree.anchor_mark and not tree.many:
            # Before the snapshot: a writer who does not find the mark, and therefore goes home,
            # has committed before this, so the snapshot shows what it wrote.
            yield from MarkAnchors(key.channel, (key.anchor_id,))
        rows: list[Row] = []  # a list channel begins empty: its roots are asked for
        if not tree.many:
            rows = yield from in_snapshot(
                key.channel, lambda snapshot: ReadTree(snapshot, key.anchor_id).__iter__()
            )
        if not tree.many and not any(row.key == root for row in rows):
            yield from settle(key, lambda a, _: decisions.abandon(a, lease.owner, seq))
            return Warmth.MISSING
        documents = {row.key: _document(row, seq) for row in rows}
        for part in chunks(documents.values(), _DOCUMENTS_PER_WRITE):
            yield from WriteDocuments(key, generation, tuple(part))
            _, renewed = yield from settle(
                key,
                lambda a, now: decisions.extend(
                    a, lease.owner, seq, now, seconds=writer.lease_seconds
                ),
            )
            if renewed is None:
                return Warmth.WAIT
    except Exception:
        yield from settle(key, lambda a, _: decisions.abandon(a, lease.owner, seq))
        raise
    _, filled = yield from settle(key, lambda a, now: decisions.fill(a, lease.owner, seq, now))
    if filled is None:
        return Warmth.WAIT
    yield from Publish(Wakeup(key, generation, 0, seq, filled.done_at, None), filled.sessions)
    yield from DropGeneration(key, generation - 1)
    if filled.pending:
        yield from rescue(writer, key)
        return Warmth.HOT
    return Reading(filled, 0, documents)


def keep(key: AnchorKey, lease: Lease) -> Procedure[bool]:
    """Renew *lease* on behalf of its holder; False when it does not hold it (any more)."""
    _, kept = yield from settle(
        key,
        lambda anchor, now: decisions.renew(anchor, lease.owner, now, lease.seconds),
        is_durable=lambda after: False,
    )
    return kept is not None


def _document(row: Row, seq: int) -> Document:
    return Document(row.key, seq, row.data, row.links, row.owner)
