"""The anchor record and every decision about it, as pure functions.

One record per anchor says who may write its documents and how far they are valid. A decision
takes the record as it was read and returns the record as it should be, or None when nothing is to
be done; the store swaps the record only if nobody changed it meanwhile (``revision``). The same
functions therefore run on every store and under the simulation of ``tests/cache``.

Laws: ``seq`` never falls and is the fencing token of the one writer; ``done <= seq`` is what
readers may show; ``taken`` survives its taker, so work is done again, never forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from zlib import crc32

from rxgraph.cache.phases import Event, Phase, follow
from rxgraph.types import InstanceKey, RowKey

NOBODY = ""

_MARKS_KEPT = 32  # for readers that missed a wake-up
_NAME_BITS = 20


@dataclass(frozen=True, slots=True)
class Pack:
    """A copy of all documents, tombstones included, as of a batch; see ``cache.packing``."""

    name: str  # nobody else's
    number: int
    parts: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """The record of one anchor. Times are Unix seconds."""

    revision: int = 0  # changes with every swap; 0 or less: not stored yet
    phase: Phase = Phase.COLD
    generation: int = 0  # one life of the cache; documents carry it
    seq: int = 0  # number of the newest batch begun
    done: int = 0  # number of the newest batch that readers may show
    done_at: float = 0.0  # when that batch was finished
    floor: int = 0  # the oldest number from which a cursor can be resumed
    pending: frozenset[RowKey] = frozenset()  # changed rows nobody works on yet
    taken: frozenset[RowKey] = frozenset()  # changed rows of the batch that is under way
    writing: frozenset[InstanceKey] = frozenset()  # what else that batch may have written
    owner: str = NOBODY  # holder of the lease
    lease_until: float = 0.0
    schema: str = ""  # fingerprint of the state tree that heated it
    sessions: frozenset[str] = frozenset()  # processes that have viewers
    idle_since: float = 0.0  # when the last session left; 0.0 while there are any
    #: Marks of the newest published transactions, each with the number of its batch.
    published: tuple[tuple[int, str], ...] = ()
    #: Where the whole state of this generation can be read at once.
    pack: Pack | None = None

    def stored(self) -> Anchor:
        """Return it as the store has it after a swap: who swaps it again has to name that one."""
        return replace(self, revision=abs(self.revision) + 1)

    def marks_since(self, number: int) -> tuple[str, ...]:
        """Return the marks that were published after *number*."""
        return tuple(text for seq, text in self.published if seq > number)

    @property
    def is_live(self) -> bool:
        """True when changed rows have to be pushed."""
        return self.phase in (Phase.HOT, Phase.HEATING)

    def is_free(self, now: float) -> bool:
        """True when nobody holds the lease, or its holder let it run out."""
        return self.owner == NOBODY or self.lease_until <= now

    @property
    def is_unfinished(self) -> bool:
        """True when some batch was begun and not finished."""
        return self.phase is Phase.HOT and self.done < self.seq


@dataclass(frozen=True, slots=True)
class Lease:
    """What a writer needs to know of its turn: its number is the fencing token."""

    owner: str
    seconds: float


def open_(anchor: Anchor, lease: Lease, now: float, *, schema: str) -> Anchor | None:
    """COLD → HEATING under a new generation, for the caller to fill; None: somebody else does.

    A heater that let its lease run out is replaced.
    """
    if anchor.phase is Phase.HEATING and anchor.is_free(now):
        anchor = replace(anchor, phase=follow(Phase.HEATING, Event.ABANDONED))
    if anchor.phase is not Phase.COLD:
        return None
    return replace(
        anchor,
        phase=follow(anchor.phase, Event.OPENED),
        generation=max(anchor.generation + 1, _fresh_generation(lease, now)),
        seq=anchor.seq + 1,
        pending=frozenset(),
        taken=frozenset(),
        writing=frozenset(),
        owner=lease.owner,
        lease_until=now + lease.seconds,
        schema=schema,
        pack=None,
    )


def fill(
    anchor: Anchor, owner: str, seq: int, now: float, pack: Pack | None = None
) -> Anchor | None:
    """HEATING → HOT, with a *pack* as of the same number; None: the caller was replaced."""
    if not _is_turn(anchor, owner, seq) or anchor.phase is not Phase.HEATING:
        return None
    return replace(
        anchor,
        phase=follow(anchor.phase, Event.FILLED),
        done=seq,
        done_at=now,
        floor=seq,
        owner=NOBODY,
        lease_until=0.0,
        idle_since=anchor.idle_since or (0.0 if anchor.sessions else now),
        pack=pack,
    )


def repack(anchor: Anchor, generation: int, pack: Pack) -> Anchor | None:
    """Name a newer *pack* of the same generation; None: it is none."""
    if anchor.phase is not Phase.HOT or anchor.generation != generation:
        return None
    if anchor.pack is not None and anchor.pack.number >= pack.number:
        return None
    return replace(anchor, pack=pack)


def abandon(anchor: Anchor, owner: str, seq: int) -> Anchor | None:
    """HEATING → COLD by its heater: the row does not exist, or reading it failed."""
    if not _is_turn(anchor, owner, seq) or anchor.phase is not Phase.HEATING:
        return None
    return replace(
        anchor,
        phase=follow(anchor.phase, Event.ABANDONED),
        pending=frozenset(),
        owner=NOBODY,
        lease_until=0.0,
    )


def push(
    anchor: Anchor, rows: frozenset[RowKey], lease: Lease, now: float, *, schema: str
) -> Anchor | None:
    """Record changed *rows*; take the lease as well where it is free. None: nothing is cached.

    A writer whose declaration has another *schema* than the cache leaves the work to those who
    share it.
    """
    if not anchor.is_live:
        return None
    pushed = replace(anchor, pending=anchor.pending | rows)
    may_take = anchor.phase is Phase.HOT and anchor.schema == schema and anchor.is_free(now)
    return _take(pushed, lease, now) if may_take else pushed


def leave_work(anchor: Anchor, rows: frozenset[RowKey]) -> Anchor | None:
    """Record changed *rows* for others to merge in; None: nothing is cached."""
    return replace(anchor, pending=anchor.pending | rows) if anchor.is_live else None


def take(anchor: Anchor, lease: Lease, now: float, *, schema: str) -> Anchor | None:
    """Take over work that nobody does; None: there is none, or somebody does it."""
    has_work = anchor.pending or anchor.is_unfinished
    if anchor.phase is not Phase.HOT or not has_work:
        return None
    if not anchor.is_free(now) or anchor.schema != schema:
        return None
    return _take(anchor, lease, now)


def take_again(anchor: Anchor, owner: str, seq: int, lease: Lease, now: float) -> Anchor | None:
    """Do the batch again under a higher number, with what was pushed since; None: replaced."""
    if not _is_turn(anchor, owner, seq) or anchor.phase is not Phase.HOT:
        return None
    return _take(anchor, lease, now)


def extend(
    anchor: Anchor,
    owner: str,
    seq: int,
    now: float,
    *,
    seconds: float,
    writing: frozenset[InstanceKey] = frozenset(),
) -> Anchor | None:
    """Renew the lease, and announce the instances that the batch will write besides its rows.

    Whoever takes over writes exactly these again under a higher number, so that nothing the
    caller may still write late can win. ``pending`` is left alone, although the batch may have
    read those rows too: one in there may have been pushed again since. None: the caller was
    replaced.
    """
    if not _is_turn(anchor, owner, seq):
        return None
    return replace(
        anchor,
        writing=anchor.writing | writing,
        lease_until=now + seconds,
    )


def renew(anchor: Anchor, owner: str, now: float, seconds: float) -> Anchor | None:
    """Let *owner* hold the lease for longer; None: it has lost it, or given it back."""
    if anchor.owner != owner:
        return None
    return replace(anchor, lease_until=now + seconds)


def finish(
    anchor: Anchor,
    owner: str,
    seq: int,
    now: float,
    *,
    again: frozenset[RowKey] = frozenset(),
    marks: tuple[str, ...] = (),
) -> Anchor | None:
    """Let readers see the batch and give the lease back; None: the caller was replaced.

    *again* are rows that changed after the batch had read them: they become pending. *marks* are
    the marked transactions that the batch contains.
    """
    if not _is_turn(anchor, owner, seq) or anchor.phase is not Phase.HOT:
        return None
    return replace(
        anchor,
        done=seq,
        done_at=now,
        pending=anchor.pending | again,
        published=(*anchor.published, *((seq, text) for text in marks))[-_MARKS_KEPT:],
        taken=frozenset(),
        writing=frozenset(),
        owner=NOBODY,
        lease_until=0.0,
    )


def release(anchor: Anchor, owner: str, seq: int) -> Anchor | None:
    """Give the lease back with the batch unfinished (reading failed); its work stays."""
    if not _is_turn(anchor, owner, seq):
        return None
    return replace(anchor, owner=NOBODY, lease_until=0.0)


def clear(anchor: Anchor, now: float, lost: int | None = None) -> Anchor | None:
    """HOT → COOLING; None when it is not HOT or a batch is under way.

    With *lost*, only a generation up to that one, and what is heated next is above it.
    """
    if anchor.phase is not Phase.HOT or not anchor.is_free(now):
        return None
    if lost is not None and anchor.generation > lost:
        return None
    return replace(
        anchor,
        phase=follow(anchor.phase, Event.CLEARED),
        generation=max(anchor.generation, lost or 0),
        pending=frozenset(),
        taken=frozenset(),
        writing=frozenset(),
        owner=NOBODY,
        lease_until=0.0,
    )


def outlive(anchor: Anchor, lost: int) -> Anchor | None:
    """Let what is heated next be above the *lost* generation; None: it is, or somebody heats."""
    if anchor.phase is not Phase.COLD or anchor.generation >= lost:
        return None
    return replace(anchor, generation=lost)


def expire(anchor: Anchor, now: float, ttl_seconds: float) -> Anchor | None:
    """HOT → COOLING when nobody has looked at it for *ttl_seconds*; None: it stays."""
    return clear(anchor, now) if is_expired(anchor, now, ttl_seconds) else None


def give_up(anchor: Anchor, now: float) -> Anchor | None:
    """HEATING → COLD when the heater let its lease run out and nobody waits; None: it goes on."""
    if not is_deserted(anchor, now):
        return None
    return replace(
        anchor,
        phase=follow(anchor.phase, Event.ABANDONED),
        pending=frozenset(),
        owner=NOBODY,
        lease_until=0.0,
    )


def drop(anchor: Anchor, generation: int) -> Anchor | None:
    """COOLING → COLD once the documents of *generation* are gone; None: done already."""
    if anchor.phase is not Phase.COOLING or anchor.generation != generation:
        return None
    return replace(anchor, phase=follow(anchor.phase, Event.DROPPED))


def join(anchor: Anchor, session: str) -> Anchor | None:
    """A process got its first viewer; None: known already."""
    if session in anchor.sessions:
        return None
    return replace(anchor, sessions=anchor.sessions | {session}, idle_since=0.0)


def leave(anchor: Anchor, session: str, now: float) -> Anchor | None:
    """A process lost its last viewer (or died); None: known already."""
    if session not in anchor.sessions:
        return None
    left = anchor.sessions - {session}
    return replace(anchor, sessions=left, idle_since=0.0 if left else now)


def is_expired(anchor: Anchor, now: float, ttl_seconds: float) -> bool:
    """True when nobody has looked at a HOT anchor for *ttl_seconds*."""
    return (
        anchor.phase is Phase.HOT and not anchor.sessions and now - anchor.idle_since >= ttl_seconds
    )


def is_deserted(anchor: Anchor, now: float) -> bool:
    """True when the heater of a HEATING anchor is dead, and nobody waits for the end of it."""
    return anchor.phase is Phase.HEATING and not anchor.sessions and anchor.is_free(now)


def watch(anchor: Anchor, lease: Lease, now: float) -> Anchor | None:
    """Take the duty that the record stands for; None: somebody has it, for a while yet.

    Such a record is no anchor's. It is COLD for ever and says who looks after all the others.
    """
    if not anchor.is_free(now):
        return None
    return replace(anchor, owner=lease.owner, lease_until=now + lease.seconds)


def _fresh_generation(lease: Lease, now: float) -> int:
    """Return a number that no life had before, also when the store has lost its records.

    Milliseconds tell lives apart, and the name of the lease, which nobody else uses, those that
    begin in the same one or by clocks that are wrong. Below 2**63 until the year 2248.
    """
    return int(now * 1000) << _NAME_BITS | crc32(lease.owner.encode()) >> (32 - _NAME_BITS)


def _take(anchor: Anchor, lease: Lease, now: float) -> Anchor:
    return replace(
        anchor,
        seq=anchor.seq + 1,
        taken=anchor.taken | anchor.pending,
        pending=frozenset(),
        owner=lease.owner,
        lease_until=now + lease.seconds,
    )


def _is_turn(anchor: Anchor, owner: str, seq: int) -> bool:
    return anchor.owner == owner and anchor.seq == seq
