"""The steps of a store as requests to MongoDB, without a driver.

Each step becomes a procedure over the few requests below, so the same code runs blocking and on
an event loop (``rxgraph.cache.mongo``). Rule: what several writers race for is decided by one
atomic request, a compare-and-set on ``_id`` and revision or version.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from rxgraph.cache.anchor import Anchor
from rxgraph.cache.buckets import FORGET_SECONDS, ForgetBuckets, Spend, SpendSeveral, Spent
from rxgraph.cache.mongo_codec import (
    Raw,
    anchor_id,
    collection_name,
    decode_anchor,
    decode_document,
    encode_anchor,
    encode_document,
    instance_id,
    join_keys,
    part_id,
)
from rxgraph.cache.pack_codec import decode_part, encode_part
from rxgraph.cache.phases import Phase
from rxgraph.cache.signs import SIGN_KEY
from rxgraph.cache.steps import (
    DropGeneration,
    DropPack,
    FindHolders,
    FindIdleRoots,
    LoadAnchor,
    LoadAnchors,
    Procedure,
    ReadDocuments,
    ReadPack,
    ReadParents,
    ReadSeveral,
    ReadSince,
    Step,
    SwapAnchor,
    SwapAnchors,
    WriteDocuments,
    WritePart,
    chunks,
)
from rxgraph.types import JSON, AnchorKey, Document, InstanceKey

ANCHORS = "anchors"
SESSIONS = "sessions"
ROOTS = "roots"
PACKS = "packs"
BUCKETS = "buckets"

IndexKeys = tuple[tuple[str, int], ...]

ANCHOR_INDEXES: tuple[IndexKeys, ...] = ((("_id.c", 1), ("phase", 1)),)
PACK_INDEXES: tuple[IndexKeys, ...] = ((("_id.c", 1), ("_id.a", 1), ("_id.g", 1)),)
BUCKET_INDEXES: tuple[IndexKeys, ...] = ((("at", 1),),)
ROOT_INDEXES: tuple[IndexKeys, ...] = ((("until", 1),),)
INSTANCE_INDEXES: tuple[IndexKeys, ...] = (
    (("_id.t", 1), ("_id.i", 1)),  # FindHolders
    (("_id.a", 1), ("_id.g", 1), ("c", 1)),  # ReadParents
    (("_id.a", 1), ("_id.g", 1), ("v", 1)),  # ReadSince, DropGeneration
)

#: Keys in one request: far below the 16 MiB that a command may have.
KEYS_PER_REQUEST = 20_000
#: Anchors whose documents are read with one request: each is a branch of its own in the query.
ANCHORS_PER_REQUEST = 200
#: Documents in one request: each request has the whole timeout for itself.
DOCUMENTS_PER_REQUEST = 2_000
#: Bytes of a part in one document, which has at most 16 MiB.
PIECE_BYTES = 8 * 2**20
#: Documents decoded in a row: a millisecond or two of an event loop.
DECODED_AT_ONCE = 500
#: From so many documents on it pays to try inserting first.
INSERT_FIRST = 100

_LIVE = [str(Phase.HOT), str(Phase.HEATING)]
_NOT_REMOVED = {"x": None}


# -- what a driver is asked for


@dataclass(frozen=True, slots=True)
class Find(Step[list[Raw]]):
    """Every document that matches."""

    collection: str
    filter: Raw


@dataclass(frozen=True, slots=True)
class Aggregate(Step[list[Raw]]):
    """Every document that the pipeline yields."""

    collection: str
    pipeline: list[Raw]


@dataclass(frozen=True, slots=True)
class Insert(Step[frozenset[int]]):
    """Insert what is not there yet; answers the positions of those whose ``_id`` is taken."""

    collection: str
    documents: Sequence[Raw]
    is_durable: bool = True


@dataclass(frozen=True, slots=True)
class Replace(Step[int]):
    """Replace by (filter, replacement); answers how many were stored.

    With *upsert*, what does not match is inserted, unless its ``_id`` is taken. The document with
    the ``_id`` *beside* is left as it is, and counts as one that was stored if it is there.
    """

    collection: str
    replacements: Sequence[tuple[Raw, Raw]]
    upsert: bool
    is_durable: bool = True
    beside: Raw | None = None


@dataclass(frozen=True, slots=True)
class Update(Step[list[Raw]]):
    """Update by (id, pipeline), or insert; answers the one as it is then, of several nothing.

    It may be lost when a server fails: for what is counted, and not for what was promised.
    """

    collection: str
    updates: Sequence[tuple[str, list[Raw]]]


@dataclass(frozen=True, slots=True)
class Delete(Step[None]):
    """Delete every document that matches."""

    collection: str
    filter: Raw


@dataclass(frozen=True, slots=True)
class EnsureIndexes(Step[None]):
    """Create indexes where they are missing; asked once per collection and store."""

    collection: str
    indexes: tuple[IndexKeys, ...]


@dataclass(frozen=True, slots=True)
class Breathe(Step[None]):
    """Let others have their turn on an event loop."""


# -- anchor records


def load_anchor(step: LoadAnchor) -> Procedure[Anchor]:
    """Answer ``LoadAnchor``."""
    raws = yield from Find(ANCHORS, {"_id": anchor_id(step.key)})
    return decode_anchor(raws[0])[1] if raws else Anchor()


def load_anchors(keys: Iterable[AnchorKey]) -> Procedure[dict[AnchorKey, Anchor]]:
    """Return the records of several anchors; one that is not stored is ``Anchor()``."""
    wanted = list(keys)
    if not wanted:
        return {}
    raws = yield from Find(ANCHORS, {"_id": {"$in": [anchor_id(key) for key in wanted]}})
    return {key: Anchor() for key in wanted} | dict(map(decode_anchor, raws))


def list_anchors() -> Procedure[list[tuple[AnchorKey, Anchor]]]:
    """Return every stored record."""
    raws = yield from Find(ANCHORS, {})
    return [decode_anchor(raw) for raw in raws]


def count_phases() -> Procedure[dict[tuple[str, str], int]]:
    """Return how many records there are, by channel and phase; the index alone is read."""
    group = {"_id": {"c": "$_id.c", "p": "$phase"}, "n": {"$sum": 1}}
    pipeline: list[Raw] = [{"$sort": {"_id.c": 1, "phase": 1}}, {"$group": group}]
    raws = yield from Aggregate(ANCHORS, pipeline)
    return {(raw["_id"]["c"], raw["_id"]["p"]): raw["n"] for raw in raws}


def swap_anchor(step: SwapAnchor) -> Procedure[bool]:
    """Answer ``SwapAnchor``."""
    yield from EnsureIndexes(ANCHORS, ANCHOR_INDEXES)
    revision = step.anchor.revision
    record = encode_anchor(step.key, step.anchor.stored())
    if revision <= 0:
        return not (yield from Insert(ANCHORS, [record], step.is_durable))
    filter_ = {"_id": record["_id"], "r": revision}
    replacement = Replace(ANCHORS, [(filter_, record)], False, step.is_durable)
    return (yield from replacement) == 1


def swap_anchors(step: SwapAnchors) -> Procedure[bool]:
    """Answer ``SwapAnchors``."""
    yield from EnsureIndexes(ANCHORS, ANCHOR_INDEXES)
    records = [(a.revision, encode_anchor(key, a.stored())) for key, a in step.anchors.items()]
    is_stored = True
    for part in chunks(records, DOCUMENTS_PER_REQUEST):
        fresh = [record for revision, record in part if revision <= 0]
        known = [({"_id": record["_id"], "r": n}, record) for n, record in part if n > 0]
        if fresh:
            is_stored &= not (yield from Insert(ANCHORS, fresh))
        if known:
            is_stored &= (yield from Replace(ANCHORS, known, upsert=False)) == len(known)
    return is_stored


def find_holders(step: FindHolders) -> Procedure[dict[AnchorKey, Anchor]]:
    """Answer ``FindHolders`` in one round trip.

    The order is essential: an anchor that is HEATING now will get HOT with documents that nobody
    has seen yet. ``$unionWith`` runs its pipelines only after its input is exhausted, so an anchor
    that was HOT already when the first part looked has all its documents in place when the second
    part looks for them; and the record that the second part finds is at least as new as those.
    """
    if not step.wanted and not step.always:
        return {}
    found: dict[AnchorKey, Anchor] = {}
    pairs = [(channel, key) for channel, keys in step.wanted.items() for key in keys]
    first: Raw = {"_id.c": {"$in": list(step.wanted)}, "phase": str(Phase.HEATING)}
    if step.always:
        always = {"$in": [anchor_id(key) for key in step.always]}
        first = {"$or": [first, {"_id": always, "phase": {"$in": _LIVE}}]}
    for part in list(chunks(pairs, KEYS_PER_REQUEST)) or [[]]:
        pipeline: list[Raw] = [{"$match": first}]
        for channel in step.wanted:
            wanted = [key for name, key in part if name == channel]
            if wanted:
                union = {"coll": collection_name(channel), "pipeline": _holders(channel, wanted)}
                pipeline.append({"$unionWith": union})
        found |= dict(map(decode_anchor, (yield from Aggregate(ANCHORS, pipeline))))
    return found


def _holders(channel: str, wanted: Iterable[InstanceKey]) -> list[Raw]:
    ids: dict[str, list[str]] = {}
    for typename, identity in wanted:
        ids.setdefault(typename, []).append(identity)
    instances = [{"_id.t": name, "_id.i": {"$in": some}} for name, some in ids.items()]
    return [
        {"$match": {"$or": instances, **_NOT_REMOVED}},
        {"$group": {"_id": {"a": "$_id.a", "g": "$_id.g"}}},
        {"$set": {"key": {"c": {"$literal": channel}, "a": "$_id.a"}}},
        {
            "$lookup": {
                "from": ANCHORS,
                "localField": "key",
                "foreignField": "_id",
                "as": "anchor",
            }
        },
        {"$unwind": "$anchor"},
        {
            "$match": {
                "anchor.phase": {"$in": _LIVE},
                "$expr": {"$eq": ["$anchor.generation", "$_id.g"]},
            }
        },
        {"$replaceRoot": {"newRoot": "$anchor"}},
    ]


# -- documents


def read_documents(step: ReadDocuments) -> Procedure[dict[InstanceKey, Document]]:
    """Answer ``ReadDocuments``."""
    documents: list[Document] = []
    for keys in chunks(step.wanted, KEYS_PER_REQUEST):
        ids = [instance_id(step.key.anchor_id, step.generation, key) for key in keys]
        wanted = ids[0] if len(ids) == 1 else {"$in": ids}
        raws = yield from Find(collection_name(step.key.channel), {"_id": wanted})
        documents += yield from _decoded(raws)
    return {document.key: document for document in documents}


def read_parents(step: ReadParents) -> Procedure[dict[InstanceKey, Document]]:
    """Answer ``ReadParents``."""
    documents: list[Document] = []
    for keys in chunks(step.children, KEYS_PER_REQUEST):
        filter_ = {**_generation(step), "c": {"$in": join_keys(keys)}, **_NOT_REMOVED}
        raws = yield from Find(collection_name(step.key.channel), filter_)
        documents += yield from _decoded(raws)
    return {document.key: document for document in documents}


def read_since(step: ReadSince) -> Procedure[list[Document]]:
    """Answer ``ReadSince``."""
    filter_ = {**_generation(step), "v": {"$gt": step.since}}
    if step.since < 0:
        filter_ |= _NOT_REMOVED
    raws = yield from Find(collection_name(step.key.channel), filter_)
    return (yield from _decoded(raws))


def _decoded(raws: Sequence[Raw]) -> Procedure[list[Document]]:
    documents: list[Document] = []
    for start in range(0, len(raws), DECODED_AT_ONCE):
        if start:
            yield from Breathe()
        documents += map(decode_document, raws[start : start + DECODED_AT_ONCE])
    return documents


def read_several(step: ReadSeveral) -> Procedure[dict[AnchorKey, list[Document]]]:
    """Answer ``ReadSeveral``."""
    found: dict[AnchorKey, list[Document]] = {key: [] for key in step.places}
    channels: dict[str, list[Raw]] = {}
    for (channel, anchor), (generation, since) in step.places.items():
        wanted: Raw = {"_id.a": anchor, "_id.g": generation, "v": {"$gt": since}}
        channels.setdefault(channel, []).append(
            wanted if since >= 0 else {**wanted, **_NOT_REMOVED}
        )
    for channel, places in channels.items():
        for part in chunks(places, ANCHORS_PER_REQUEST):
            filter_: Raw = part[0] if len(part) == 1 else {"$or": part}
            for raw in (yield from Find(collection_name(channel), filter_)):
                found[AnchorKey(channel, raw["_id"]["a"])].append(decode_document(raw))
    return found


def write_documents(step: WriteDocuments) -> Procedure[bool]:
    """Answer ``WriteDocuments``.

    Few documents are mostly replaced: one request of conditional upserts. Many are mostly new (a
    heating): inserting them and replacing what was there already takes a quarter of the time. The
    first part is a small one, to see; as soon as half of a part was there, the rest is upserted.

    The sign is looked for by the request that stores few, and by one of its own where that says
    too little: it stored less than it was asked to.
    """
    collection = collection_name(step.key.channel)
    sign = instance_id(step.key.anchor_id, step.generation, SIGN_KEY) if step.checks else None
    if step.documents:
        yield from EnsureIndexes(collection, INSTANCE_INDEXES)
    if 0 < len(step.documents) < INSERT_FIRST:
        older = _older(_encoded(step, step.documents))
        stored = yield from Replace(collection, older, upsert=True, is_durable=False, beside=sign)
        if stored > len(older):
            return True
    elif step.documents:
        insert_first = True
        probe, rest = step.documents[:INSERT_FIRST], step.documents[INSERT_FIRST:]
        for part in (probe, *chunks(rest, DOCUMENTS_PER_REQUEST)):
            insert_first = yield from _store(collection, _encoded(step, part), insert_first)
    return sign is None or bool((yield from Find(collection, {"_id": sign})))


def _encoded(step: WriteDocuments, documents: Iterable[Document]) -> list[Raw]:
    return [encode_document(step.key.anchor_id, step.generation, item) for item in documents]


def _older(raws: Iterable[Raw]) -> list[tuple[Raw, Raw]]:
    """Return what replaces documents that are older.

    A filter that does not match is a document that is missing, or newer; its _id is taken then.
    """
    return [({"_id": raw["_id"], "v": {"$lt": raw["v"]}}, raw) for raw in raws]


def _store(collection: str, raws: Sequence[Raw], insert_first: bool) -> Procedure[bool]:
    """Store a part; answers whether to insert first with the next one, too."""
    there = raws
    if insert_first:
        positions = yield from Insert(collection, raws, is_durable=False)
        there = [raws[position] for position in positions]
    if there:
        # What was there a moment ago and is missing now belonged to a generation that was
        # dropped meanwhile; it must not come back.
        yield from Replace(collection, _older(there), upsert=not insert_first, is_durable=False)
    return insert_first and 2 * len(there) < len(raws)


def drop_generation(step: DropGeneration) -> Procedure[None]:
    """Answer ``DropGeneration``."""
    filter_ = {"_id.a": step.key.anchor_id, "_id.g": {"$lte": step.generation}}
    yield from Delete(collection_name(step.key.channel), filter_)
    yield from Delete(PACKS, {**_packs_of(step.key), "_id.g": {"$lte": step.generation}})


def _generation(step: ReadParents | ReadSince) -> Raw:
    return {"_id.a": step.key.anchor_id, "_id.g": step.generation}


# -- packs


def _packs_of(key: AnchorKey) -> Raw:
    return {"_id.c": key.channel, "_id.a": key.anchor_id}


def write_part(step: WritePart) -> Procedure[None]:
    """Answer ``WritePart``."""
    yield from EnsureIndexes(PACKS, PACK_INDEXES)
    part = encode_part(step.documents)
    pieces = [part[start : start + PIECE_BYTES] for start in range(0, len(part), PIECE_BYTES)]
    for number, piece in enumerate(pieces):
        id_ = part_id(step.key, step.generation, step.name, step.index, number)
        record = {"_id": id_, "of": len(pieces), "b": piece}
        yield from Replace(PACKS, [({"_id": id_}, record)], upsert=True, is_durable=False)


def read_pack(step: ReadPack) -> Procedure[list[Document] | None]:
    """Answer ``ReadPack``."""
    filter_ = {**_packs_of(step.key), "_id.g": step.generation, "_id.n": step.pack.name}
    raws = yield from Find(PACKS, filter_)
    parts: dict[int, dict[int, Raw]] = {}
    for raw in raws:
        parts.setdefault(raw["_id"]["p"], {})[raw["_id"]["s"]] = raw
    documents: list[Document] = []
    for index in range(step.pack.parts):
        pieces = parts.get(index, {})
        if not pieces or len(pieces) < next(iter(pieces.values()))["of"]:
            return None
        if index:
            yield from Breathe()
        try:
            documents += decode_part(b"".join(pieces[number]["b"] for number in sorted(pieces)))
        except ValueError:  # written by another version
            return None
    return documents


def drop_pack(step: DropPack) -> Procedure[None]:
    """Answer ``DropPack``."""
    filter_ = {**_packs_of(step.key), "_id.g": step.generation, "_id.n": step.name}
    yield from Delete(PACKS, filter_)


# -- roots of list channels


def _root_id(channel: str, root: str) -> Raw:
    return {"c": channel, "r": root}


def find_idle_roots(step: FindIdleRoots) -> Procedure[frozenset[str]]:
    """Answer ``FindIdleRoots``."""
    now = time.time()
    claimed: set[str] = set()
    for roots in chunks(step.roots, KEYS_PER_REQUEST):
        ids = {"$in": [_root_id(step.channel, root) for root in roots]}
        raws = yield from Find(ROOTS, {"_id": ids, "until": {"$gt": now}})
        claimed |= {raw["_id"]["r"] for raw in raws}
    return step.roots - claimed


def claim_roots(
    channel: str, roots: Iterable[str], now: float, until: float
) -> Procedure[frozenset[str]]:
    """Keep roots until then; answers those not kept at *now*."""
    yield from EnsureIndexes(ROOTS, ROOT_INDEXES)
    unclaimed: set[str] = set()
    for part in chunks(roots, DOCUMENTS_PER_REQUEST):
        ids = {root: _root_id(channel, root) for root in part}
        raws = yield from Find(ROOTS, {"_id": {"$in": list(ids.values())}})
        known = {raw["_id"]["r"]: raw["until"] for raw in raws}
        unclaimed |= {root for root in part if known.get(root, 0.0) <= now}
        due = [(root, id_) for root, id_ in ids.items() if known.get(root, 0.0) < until]
        if due:
            # A filter that does not match is a claim that is missing (inserted), or a longer one.
            longer = [
                ({"_id": id_, "until": {"$lt": until}}, {"_id": id_, "until": until})
                for _, id_ in due
            ]
            yield from Replace(ROOTS, longer, upsert=True)
    return frozenset(unclaimed)


def forget_claims(before: float) -> Procedure[None]:
    """Remove claims that ran out before then."""
    yield from Delete(ROOTS, {"until": {"$lt": before}})


# -- token buckets


def _drawn(spent: Spent) -> tuple[str, list[Raw]]:
    """Return an update that refills a bucket by the clock of the store, and takes from it."""
    passed = {"$subtract": ["$$NOW", {"$ifNull": ["$at", "$$NOW"]}]}  # milliseconds
    refill = {"$multiply": [{"$max": [0, passed]}, spent.rate / 1000]}
    full = {"$min": [spent.burst, {"$add": [{"$ifNull": ["$tokens", spent.burst]}, refill]}]}
    left = {"$subtract": [full, spent.tokens]}
    return spent.key, [{"$set": {"tokens": left, "at": "$$NOW"}}]


def spend(step: Spend) -> Procedure[float]:
    """Answer ``Spend``."""
    (raw,) = yield from Update(BUCKETS, [_drawn(step.spent)])
    return float(raw["tokens"])


def spend_several(step: SpendSeveral) -> Procedure[None]:
    """Answer ``SpendSeveral``."""
    for part in chunks(step.spent, DOCUMENTS_PER_REQUEST):
        yield from Update(BUCKETS, [_drawn(spent) for spent in part])


def forget_buckets(step: ForgetBuckets) -> Procedure[None]:
    """Answer ``ForgetBuckets``."""
    yield from EnsureIndexes(BUCKETS, BUCKET_INDEXES)
    before = datetime.now(UTC) - timedelta(seconds=FORGET_SECONDS)
    yield from Delete(BUCKETS, {"at": {"$lt": before}})


# -- heartbeats


def beat(session: str, until: float, told: JSON = None) -> Procedure[None]:
    """Store the heartbeat of a process, and what it says of itself."""
    record = {"_id": session, "until": until, "told": told}
    yield from Replace(SESSIONS, [({"_id": session}, record)], upsert=True)


def living_sessions(now: float) -> Procedure[dict[str, JSON]]:
    """Return what the processes that live say of themselves, by session."""
    raws = yield from Find(SESSIONS, {"until": {"$gt": now}})
    return {raw["_id"]: raw.get("told") for raw in raws}


def forget_session(session: str) -> Procedure[None]:
    """Remove the heartbeat of a process."""
    yield from Delete(SESSIONS, {"_id": session})


def dead_sessions(now: float) -> Procedure[frozenset[str]]:
    """Return the sessions that anchors name and whose heartbeat is missing or has ended."""
    pipeline: list[Raw] = [
        {"$unwind": "$sessions"},
        {"$group": {"_id": "$sessions"}},
        {"$lookup": {"from": SESSIONS, "localField": "_id", "foreignField": "_id", "as": "beat"}},
        {"$match": {"beat": {"$not": {"$elemMatch": {"until": {"$gt": now}}}}}},
    ]
    raws = yield from Aggregate(ANCHORS, pipeline)
    return frozenset(raw["_id"] for raw in raws)


# -- by step


class _Handler(Protocol):
    def __call__(self, step: Any, /) -> Procedure[Any]: ...


_HANDLERS: dict[type[Step[Any]], _Handler] = {
    LoadAnchor: load_anchor,
    SwapAnchor: swap_anchor,
    LoadAnchors: lambda step: load_anchors(step.keys),
    SwapAnchors: swap_anchors,
    FindHolders: find_holders,
    ReadDocuments: read_documents,
    ReadParents: read_parents,
    ReadSince: read_since,
    ReadSeveral: read_several,
    WriteDocuments: write_documents,
    DropGeneration: drop_generation,
    FindIdleRoots: find_idle_roots,
    WritePart: write_part,
    ReadPack: read_pack,
    DropPack: drop_pack,
    Spend: spend,
    SpendSeveral: spend_several,
    ForgetBuckets: forget_buckets,
}


def requests_for(step: Step[Any]) -> Procedure[Any]:
    """Return the procedure that answers *step*."""
    return _HANDLERS[type(step)](step)
