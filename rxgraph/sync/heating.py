"""Fill a cold anchor from the database, once for everybody who waits.

The opener writes a new generation under the lease and lets readers in when all of it is there. A
heater that dies lets its lease run out, and the next one begins another generation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from rxgraph.cache import anchor as decisions
from rxgraph.cache.anchor import Anchor, Lease, Pack
from rxgraph.cache.phases import Phase
from rxgraph.cache.reading import Reading
from rxgraph.cache.signs import SIGN
from rxgraph.cache.steps import (
    Await,
    Begin,
    DropGeneration,
    LoadAnchor,
    MarkAnchors,
    Now,
    Offer,
    Procedure,
    Publish,
    ReadMore,
    ReadTree,
    Step,
    Wakeup,
    WriteDocuments,
    WritePart,
)
from rxgraph.cache.turns import cool, in_snapshot, settle
from rxgraph.faults import fault
from rxgraph.sync.flush import Writer, rescue
from rxgraph.types import AnchorKey, Document, InstanceKey


class Warmth(Enum):
    """What an attempt to heat came to."""

    HOT = "hot"
    WAIT = "wait"  # somebody else is heating
    MISSING = "missing"  # the root is not in the database, or cannot be rendered


def heat(writer: Writer, key: AnchorKey, lease: Lease | None = None) -> Procedure[Warmth | Reading]:
    """Make *key* HOT, unless it is or somebody else is at it.

    Who has just filled it is answered what is there, and need not read it back; it is offered what
    was read even before it is written.

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
    known: Anchor | None = anchor
    if anchor.phase is Phase.COOLING:
        yield from cool(key, anchor)
        known = None
    elif anchor.phase is Phase.HOT:
        return Warmth.HOT

    lease = lease or writer.lease()
    _, opened = yield from settle(
        key, lambda a, now: decisions.open_(a, lease, now, schema=tree.fingerprint), known
    )
    if opened is None:
        return Warmth.WAIT
    filling = _Filling(writer, key, lease, opened)
    seq, generation = opened.seq, opened.generation
    root = InstanceKey(tree.root.typename, key.anchor_id)
    try:
        if tree.anchor_mark and not tree.many:
            # Before the snapshot: a writer who does not find the mark, and therefore goes home,
            # has committed before this, so the snapshot shows what it wrote.
            yield from MarkAnchors(key.channel, (key.anchor_id,))
        yield from filling.sign()
        if not tree.many:  # a list channel begins empty: its roots are asked for
            yield from in_snapshot(key.channel, filling.read)
        if not tree.many and root not in filling.documents:
            yield from _abandon(key, lease, seq)
            return Warmth.MISSING
        yield from filling.offer()
        pack = yield from filling.end()
        fault("before filled")
        _, filled = yield from settle(
            key, lambda a, now: decisions.fill(a, lease.owner, seq, now, pack), filling.record
        )
    except _Replaced:
        return Warmth.WAIT
    except Exception:
        yield from _abandon(key, lease, seq)
        raise
    if filled is None:
        return Warmth.WAIT
    yield from Publish(Wakeup(key, generation, 0, seq, filled.done_at, None), filled.sessions)
    yield from Begin(DropGeneration(key, generation - 1))
    if filled.pending:
        yield from rescue(writer, key)
        return Warmth.HOT
    return Reading(filled, 0, filling.documents)


def _abandon(key: AnchorKey, lease: Lease, seq: int) -> Procedure[None]:
    """Let others heat, and wake those who wait for it."""
    _, after = yield from settle(key, lambda a, _: decisions.abandon(a, lease.owner, seq))
    if after is not None:
        wakeup = Wakeup(key, after.generation, after.done, after.done, 0.0, None)
        yield from Publish(wakeup, after.sessions)
        yield from Begin(DropGeneration(key, after.generation))


class _Replaced(Exception):
    """Somebody else heats: the lease ran out."""


@dataclass
class _Filling:
    """What a heater has read and written so far.

    The store writes one part while the next is read, and what waits for it are references: memory
    holds the documents once.
    """

    writer: Writer
    key: AnchorKey
    lease: Lease
    record: Anchor  # as it was last seen
    documents: dict[InstanceKey, Document] = field(default_factory=dict)
    _unpacked: list[Document] = field(default_factory=list)
    _parts: int = 0  # of the pack, which has the name of the lease
    _under_way: list[Any] = field(default_factory=list)
    _sign: Any = None  # while it is being written

    def sign(self) -> Procedure[None]:
        """Begin to write what says that the documents of this generation are there.

        It is there before any of them, so that it is gone where some of them are.
        """
        self._sign = yield from Begin(WriteDocuments(self.key, self.record.generation, (SIGN,)))

    def read(self, snapshot: object) -> Procedure[None]:
        """Read and write everything below the root.

        Raises:
            _Replaced: somebody else heats.
        """
        tree = yield from ReadTree(snapshot, self.key.anchor_id, self.record.seq)
        yield from self._be_signed()
        while part := (yield from ReadMore(snapshot, tree)):
            self.documents.update([(document.key, document) for document in part])
            yield from self._begin(WriteDocuments(self.key, self.record.generation, tuple(part)))
            if (packing := self.writer.packing) is not None:
                self._unpacked += part
                while len(self._unpacked) >= packing.per_part:
                    yield from self._write_part(packing.per_part)
            fault("heating")
            yield from self._hold()

    def _be_signed(self) -> Procedure[None]:
        sign, self._sign = self._sign, None
        if sign is not None:
            yield from Await(sign)

    def offer(self) -> Procedure[None]:
        """Show what was read to those who wait here: as it will be when all is written."""
        owner, seq = self.lease.owner, self.record.seq
        filled = decisions.fill(self.record, owner, seq, (yield from Now()))
        if filled is not None and self.documents:
            yield from Offer(Reading(filled, 0, self.documents))

    def end(self) -> Procedure[Pack | None]:
        """Return when all is written: the pack, if it is large enough for one."""
        yield from self._be_signed()
        packing = self.writer.packing
        is_large = packing is not None and len(self.documents) >= packing.from_documents
        if self._unpacked and (self._parts or is_large):
            yield from self._write_part(len(self._unpacked))
        for begun in self._under_way:
            yield from Await(begun)
        return Pack(self.lease.owner, self.record.seq, self._parts) if self._parts else None

    def _write_part(self, size: int) -> Procedure[None]:
        part, self._unpacked = tuple(self._unpacked[:size]), self._unpacked[size:]
        generation, name = self.record.generation, self.lease.owner
        yield from self._begin(WritePart(self.key, generation, name, self._parts, part))
        self._parts += 1

    def _begin(self, step: Step[Any]) -> Procedure[None]:
        self._under_way.append((yield from Begin(step)))

    def _hold(self) -> Procedure[None]:
        """Hold the lease, where nobody else does that."""
        seconds, now = self.writer.lease_seconds, (yield from Now())
        if now < self.record.lease_until - seconds / 2:
            return
        owner, seq = self.lease.owner, self.record.seq
        _, extended = yield from settle(
            self.key,
            lambda a, now: decisions.extend(a, owner, seq, now, seconds=seconds),
            is_durable=lambda after: False,
        )
        if extended is None:
            raise _Replaced
        self.record = extended


def keep(key: AnchorKey, lease: Lease) -> Procedure[bool]:
    """Renew *lease* on behalf of its holder; False when it does not hold it (any more)."""
    _, kept = yield from settle(
        key,
        lambda anchor, now: decisions.renew(anchor, lease.owner, now, lease.seconds),
        is_durable=lambda after: False,
    )
    return kept is not None
