"""What a procedure asks of the world, one value per step.

The procedures of ``cache`` and ``sync`` are generators that yield these and receive the answers,
as a sans-I/O protocol does: the same code runs on a blocking driver (a save in a thread), on an
asynchronous one (a server's event loop), and under a scheduler that interleaves, pauses and kills.
``state = yield from LoadAnchor(key)`` is typed: each step says what it answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from rxgraph.cache.anchor import Anchor, Pack
from rxgraph.types import AnchorKey, Document, InstanceKey, RowKey

T = TypeVar("T")
R = TypeVar("R")


class Step(Generic[T]):
    """One request to the world; ``T`` is its answer."""

    __slots__ = ()

    def __iter__(self) -> Generator[Step[Any], Any, T]:
        return cast("T", (yield self))


Procedure = Generator[Step[Any], Any, R]


# -- the store


@dataclass(frozen=True, slots=True)
class LoadAnchor(Step[Anchor]):
    """Read one record; an anchor that is not stored answers ``Anchor()``."""

    key: AnchorKey


@dataclass(frozen=True, slots=True)
class SwapAnchor(Step[bool]):
    """Replace the record if its stored revision is still ``anchor.revision``.

    One below 1 stands for a record that is not stored. What is stored is ``anchor.stored()``, with
    the next revision. False: somebody was faster. One that is not *is_durable* may be lost in a
    crash of the store, unless a later durable swap was answered.
    """

    key: AnchorKey
    anchor: Anchor
    is_durable: bool = True


@dataclass(frozen=True, slots=True)
class LoadAnchors(Step[dict[AnchorKey, Anchor]]):
    """Read several records in one request; one that is not stored answers ``Anchor()``."""

    keys: frozenset[AnchorKey]


@dataclass(frozen=True, slots=True)
class SwapAnchors(Step[bool]):
    """Replace several records as ``SwapAnchor`` does, each by itself, in few requests.

    True: all are stored. False: somebody was faster with one of them at least; the others are.
    """

    anchors: Mapping[AnchorKey, Anchor]


@dataclass(frozen=True, slots=True)
class FindHolders(Step[dict[AnchorKey, Anchor]]):
    """Find the live anchors that hold any of the instances, per channel name.

    Every HEATING anchor of those channels is included, since nobody knows yet what it will hold;
    they are looked up *before* the documents, so that one which gets HOT in between is not missed.
    Anchors of *always* are included where they are live, whatever they hold.
    """

    wanted: Mapping[str, frozenset[InstanceKey]]
    always: frozenset[AnchorKey] = frozenset()


@dataclass(frozen=True, slots=True)
class Recall(Step[dict[AnchorKey, Anchor | None]]):
    """Name anchors that this process knows to hold some of the instances, without the store.

    An anchor may be missing or hold none of them any more; its record, where there is one, may be
    out of date. ``FindHolders`` finds the others.
    """

    wanted: Mapping[str, frozenset[InstanceKey]]


@dataclass(frozen=True, slots=True)
class Peek(Step[dict[InstanceKey, Document] | None]):
    """Read documents by key, tombstones included, from what this process holds anyway.

    None: it holds nothing of this generation that is exactly as of *number*, so ask the store.
    """

    key: AnchorKey
    generation: int
    number: int
    wanted: frozenset[InstanceKey]


@dataclass(frozen=True, slots=True)
class Remember(Step[None]):
    """Keep for ``Peek`` what a finished batch knows of documents; None: there is no such one.

    It is right as of exactly *number*; the batch before had the number *previous*.
    """

    key: AnchorKey
    generation: int
    previous: int
    number: int
    documents: Mapping[InstanceKey, Document | None]


@dataclass(frozen=True, slots=True)
class ReadDocuments(Step[dict[InstanceKey, Document]]):
    """Read documents of one generation by key, tombstones included."""

    key: AnchorKey
    generation: int
    wanted: frozenset[InstanceKey]


@dataclass(frozen=True, slots=True)
class ReadParents(Step[dict[InstanceKey, Document]]):
    """Read the live documents of one generation whose ``links`` name any of *children*."""

    key: AnchorKey
    generation: int
    children: frozenset[InstanceKey]


@dataclass(frozen=True, slots=True)
class ReadSince(Step[list[Document]]):
    """Read documents of one generation with ``version > since``; -1: all live ones."""

    key: AnchorKey
    generation: int
    since: int


@dataclass(frozen=True, slots=True)
class ReadSeveral(Step[dict[AnchorKey, list[Document]]]):
    """Do what ``ReadSince`` does for several anchors, with one request a channel.

    ``places`` holds of each the generation, and the number since when.
    """

    places: Mapping[AnchorKey, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class WriteDocuments(Step[bool]):
    """Insert or replace documents, each only where the stored ``version`` is lower.

    They are durable with the next durable swap. With *checks*, the answer is whether the sign of
    the generation was there when they were written, see ``cache.signs``; else it is True.
    """

    key: AnchorKey
    generation: int
    documents: tuple[Document, ...]
    checks: bool = False


@dataclass(frozen=True, slots=True)
class FindIdleRoots(Step[frozenset[str]]):
    """Of these roots of a list channel, those that nobody has claimed for long enough.

    Claims are made by servers, see ``Store.claim_roots``; a root without one is idle.
    """

    channel: str
    roots: frozenset[str]


@dataclass(frozen=True, slots=True)
class DropGeneration(Step[None]):
    """Delete every document and pack of an anchor with ``generation <= generation``."""

    key: AnchorKey
    generation: int


@dataclass(frozen=True, slots=True)
class WritePart(Step[None]):
    """Write one part of the pack *name*, by its *index* from 0.

    Parts are durable with the next durable swap.
    """

    key: AnchorKey
    generation: int
    name: str
    index: int
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class ReadPack(Step[list[Document] | None]):
    """Read a pack; None: not all of its parts are there."""

    key: AnchorKey
    generation: int
    pack: Pack


@dataclass(frozen=True, slots=True)
class DropPack(Step[None]):
    """Delete the parts of one pack."""

    key: AnchorKey
    generation: int
    name: str


@dataclass(frozen=True, slots=True)
class Begin(Step[Any]):
    """Let the store do something meanwhile; answers what ``Await`` takes.

    What nobody awaits may fail unseen.
    """

    step: Step[Any]


@dataclass(frozen=True, slots=True)
class Await(Step[Any]):
    """Wait until it is done, and answer what it answers; its errors are raised here."""

    begun: Any


# -- the database


@dataclass(frozen=True, slots=True)
class Row:
    """One row as a layer renders it.

    ``parents`` are the instances that this row itself says it belongs to (its foreign keys, for
    relations that are read from the other side); they may or may not be part of any state.
    """

    key: InstanceKey
    data: dict[str, Any]
    links: tuple[InstanceKey, ...]
    owner: str | None = None
    parents: tuple[InstanceKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Locate(Step[dict[str, frozenset[InstanceKey]]]):
    """Per channel, the instances to look for in caches because *rows* changed.

    ``columns`` are foreign keys that the writer knows already: row to attname to id.
    """

    using: str
    rows: frozenset[RowKey]
    columns: Mapping[RowKey, Mapping[str, str | None]]


class Beyond(Exception):
    """What was read at a glance does not hold what was asked for."""


@dataclass(frozen=True, slots=True)
class Glance(Step[Any]):
    """Read the one row among *rows*, and what is outstanding, in one statement.

    Answers a handle as ``OpenSnapshot`` does, which need not be closed; what it does not hold
    raises ``Beyond``. None: there is no such short way.
    """

    channel: str
    rows: frozenset[RowKey]


@dataclass(frozen=True, slots=True)
class OpenSnapshot(Step[Any]):
    """Begin one consistent read of the database for a channel; answers a handle.

    *beside*: another one that is open, for the same moment: what both show is read once.
    """

    channel: str
    beside: Any = None


@dataclass(frozen=True, slots=True)
class CloseSnapshot(Step[None]):
    """End it."""

    snapshot: Any


@dataclass(frozen=True, slots=True)
class ReadIntents(Step[tuple[frozenset[RowKey], ...]]):
    """Rows named by each of the outstanding intents that this snapshot shows."""

    snapshot: Any


@dataclass(frozen=True, slots=True)
class ReadRows(Step[dict[InstanceKey, Row]]):
    """Render rows by key; missing in the answer: not in the database, or it cannot be rendered.

    *lists* holds, by instance and relation, the ids of children that are known already.
    """

    snapshot: Any
    wanted: frozenset[InstanceKey]
    lists: Mapping[InstanceKey, Mapping[str, list[str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadExisting(Step[frozenset[InstanceKey]]):
    """Of these instances, those whose row exists."""

    snapshot: Any
    wanted: frozenset[InstanceKey]


@dataclass(frozen=True, slots=True)
class ReadDependents(Step[frozenset[InstanceKey]]):
    """Instances whose rendering depends on these rows without being them.

    Layers that show a value of the row (``source="owner.username"``), and parents that reach it
    through ``@related_property``.
    """

    snapshot: Any
    rows: frozenset[RowKey]


@dataclass(frozen=True, slots=True)
class ReadTree(Step[Any]):
    """Read the whole state below one root, one query per layer; answers what ``ReadMore`` takes.

    Its documents get *version*.
    """

    snapshot: Any
    anchor_id: str
    version: int


@dataclass(frozen=True, slots=True)
class ReadMore(Step[list[Document]]):
    """Render some more documents of a tree, parents first; empty: that was all."""

    snapshot: Any
    tree: Any


@dataclass(frozen=True, slots=True)
class MarkAnchors(Step[None]):
    """Mark the root rows *ids* of a channel as possibly live, and commit (``optimize_anchors``)."""

    channel: str
    ids: tuple[str, ...]


# -- the rest


@dataclass(frozen=True, slots=True)
class Wakeup:
    """Tells other processes that a batch is finished. A hint: it may get lost.

    ``documents`` is what the batch wrote, or None when it is too much for a message.
    """

    key: AnchorKey
    generation: int
    previous: int
    seq: int
    at: float
    documents: tuple[Document, ...] | None
    #: True when the writer left work behind for a server to go on with.
    more: bool = False
    #: Marks of the transactions that the batch contains.
    marks: tuple[str, ...] = ()
    #: When the oldest of these transactions was committed, Unix seconds; 0: nobody knows.
    since: float = 0.0
    #: W3C ``traceparent`` of the span that published it; empty: it is not traced.
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Publish(Step[None]):
    """Wake every process that shows this anchor.

    *sessions* are those that do, as of the swap that this tells of: who joins later reads later.
    """

    wakeup: Wakeup
    sessions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Offer(Step[None]):
    """Show a whole state (a ``Reading``) to those who wait in this process, if anybody does.

    Readers elsewhere wait until it is written. Should that fail, the next generation is read from
    the database later than this one was.
    """

    reading: Any


@dataclass(frozen=True, slots=True)
class Now(Step[float]):
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class Sleep(Step[None]):
    """Wait a little before trying again."""

    seconds: float


def run(procedure: Procedure[R], perform: Callable[[Step[Any]], Any]) -> R:
    """Drive *procedure* to its end on this thread; errors of a step are raised at its place."""
    try:
        step = next(procedure)
        while True:
            try:
                answer = perform(step)
            except BaseException as error:  # noqa: BLE001 - raised again inside the procedure
                step = procedure.throw(error)
            else:
                step = procedure.send(answer)
    except StopIteration as end:
        return cast("R", end.value)


async def run_async(procedure: Procedure[R], perform: Callable[[Step[Any]], Awaitable[Any]]) -> R:
    """Drive *procedure* to its end on an event loop, as ``run`` does on a thread."""
    try:
        step = next(procedure)
        while True:
            try:
                answer = await perform(step)
            except BaseException as error:  # noqa: BLE001 - raised again inside the procedure
                step = procedure.throw(error)
            else:
                step = procedure.send(answer)
    except StopIteration as end:
        return cast("R", end.value)


class Performer:
    """Answers steps by their type, from the handlers it was given."""

    def __init__(self, *handlers: Mapping[type[Step[Any]], Any]) -> None:
        self._handlers = {kind: handler for group in handlers for kind, handler in group.items()}

    def __call__(self, step: Step[Any]) -> Any:
        """Perform one step."""
        return self._handlers[type(step)](step)


def chunks(items: Iterable[T], size: int) -> Generator[list[T], None, None]:
    """Yield lists of at most *size* items."""
    part: list[T] = []
    for item in items:
        part.append(item)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
