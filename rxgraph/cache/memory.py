"""The store of one process: the embedded default, and the twin that tests compare with.

Steps in, answers out, under one lock. Documents and records are values: what is handed in is kept
and handed out as it is, so nobody may change the ``data`` of a document afterwards. Whatever is
asked for by key or by link is looked up in an index, never searched for.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import RLock
from typing import TypeVar, cast

from rxgraph.cache.anchor import Anchor
from rxgraph.cache.buckets import (
    FORGET_SECONDS,
    Bucket,
    ForgetBuckets,
    Spend,
    SpendSeveral,
    Spent,
)
from rxgraph.cache.phases import Phase
from rxgraph.cache.signs import SIGN_KEY
from rxgraph.cache.steps import (
    DropGeneration,
    DropPack,
    FindHolders,
    FindIdleRoots,
    LoadAnchor,
    LoadAnchors,
    Performer,
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
)
from rxgraph.types import JSON, AnchorKey, Document, InstanceKey

T = TypeVar("T")
_Parts = dict[int, tuple[Document, ...]]


@dataclass(slots=True)
class _Generation:
    """The documents of one life of one anchor, and who links to whom among the live ones."""

    documents: dict[InstanceKey, Document] = field(default_factory=dict)
    parents: dict[InstanceKey, set[InstanceKey]] = field(default_factory=dict)


class MemoryStore:
    """Blocking side of the store; safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = RLock()
        self._anchors: dict[AnchorKey, Anchor] = {}
        self._heating: defaultdict[str, set[AnchorKey]] = defaultdict(set)
        self._generations: defaultdict[AnchorKey, dict[int, _Generation]] = defaultdict(dict)
        self._holders: dict[tuple[str, InstanceKey], set[tuple[AnchorKey, int]]] = {}
        #: By anchor, then by generation and name: the parts by their index.
        self._packs: defaultdict[AnchorKey, dict[tuple[int, str], _Parts]] = defaultdict(dict)
        self._heartbeats: dict[str, tuple[float, JSON]] = {}
        self._buckets: dict[str, Bucket] = {}
        self._claims: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self._answer = Performer(
            {
                LoadAnchor: self._load_anchor,
                SwapAnchor: self._swap_anchor,
                LoadAnchors: lambda step: self.load_anchors(step.keys),
                SwapAnchors: self._swap_anchors,
                FindHolders: self._find_holders,
                ReadDocuments: self._read_documents,
                ReadParents: self._read_parents,
                ReadSince: self._read_since,
                ReadSeveral: self._read_several,
                WriteDocuments: self._write_documents,
                DropGeneration: self._drop_generation,
                FindIdleRoots: self._find_idle_roots,
                Spend: lambda step: self._spend(step.spent),
                SpendSeveral: lambda step: self._spend_several(step.spent),
                ForgetBuckets: lambda step: self._forget_buckets(),
                WritePart: self._write_part,
                ReadPack: self._read_pack,
                DropPack: self._drop_pack,
            }
        )

    def perform(self, step: Step[T]) -> T:
        """Answer one store step."""
        with self._lock:
            return cast("T", self._answer(step))

    def load_anchors(self, keys: Iterable[AnchorKey]) -> dict[AnchorKey, Anchor]:
        """Return the records of several anchors; one that is not stored is ``Anchor()``."""
        with self._lock:
            return {key: self._load_anchor(LoadAnchor(key)) for key in keys}

    def list_anchors(self) -> list[tuple[AnchorKey, Anchor]]:
        """Return every stored record, for status and expiry."""
        with self._lock:
            return list(self._anchors.items())

    def count_phases(self) -> dict[tuple[str, str], int]:
        """Return how many records there are, by channel and phase: for metrics."""
        return dict(Counter((key.channel, str(a.phase)) for key, a in self.list_anchors()))

    def beat(self, session: str, until: float, told: JSON = None) -> None:
        """Say that the process *session* lives at least until *until* (Unix seconds).

        *told* is what it says of itself, for status.
        """
        with self._lock:
            self._heartbeats[session] = until, told

    def living_sessions(self, now: float) -> dict[str, JSON]:
        """Return what the processes that live say of themselves, by session."""
        with self._lock:
            return {
                session: told for session, (until, told) in self._heartbeats.items() if until > now
            }

    def dead_sessions(self, now: float) -> frozenset[str]:
        """Return the sessions that anchors name and whose heartbeat is missing or has ended."""
        with self._lock:
            named = frozenset[str]().union(*(a.sessions for a in self._anchors.values()))
            living = {session for session, (until, _) in self._heartbeats.items() if until > now}
            return named - living

    def forget_session(self, session: str) -> None:
        """Remove the heartbeat of a process that has ended."""
        with self._lock:
            self._heartbeats.pop(session, None)

    def claim_roots(
        self, channel: str, roots: Iterable[str], now: float, until: float
    ) -> frozenset[str]:
        """Keep *roots* of a list channel cached until then; answers those not kept at *now*."""
        with self._lock:
            claims = self._claims[channel]
            unclaimed = set()
            for root in roots:
                known = claims.get(root, 0.0)
                if known <= now:
                    unclaimed.add(root)
                claims[root] = max(known, until)
            return frozenset(unclaimed)

    def forget_claims(self, before: float) -> None:
        """Remove the claims that ran out before then (Unix seconds)."""
        with self._lock:
            for channel, claims in self._claims.items():
                kept = {root: until for root, until in claims.items() if until >= before}
                self._claims[channel] = kept

    def close(self) -> None:
        """Do nothing: what is kept here lives as long as the process."""

    # -- token buckets

    def _spend(self, spent: Spent) -> float:
        now = self._clock()
        bucket = self._buckets.setdefault(spent.key, Bucket(spent.burst, now))
        return bucket.spend(spent.tokens, now, rate=spent.rate, burst=spent.burst)

    def _spend_several(self, several: Iterable[Spent]) -> None:
        for spent in several:
            self._spend(spent)

    def _forget_buckets(self) -> None:
        before = self._clock() - FORGET_SECONDS
        self._buckets = {key: one for key, one in self._buckets.items() if one.at >= before}

    # -- the anchor records

    def _load_anchor(self, step: LoadAnchor) -> Anchor:
        return self._anchors.get(step.key) or Anchor()

    def _swap_anchor(self, step: SwapAnchor) -> bool:
        key, anchor = step.key, step.anchor
        if self._load_anchor(LoadAnchor(key)).revision != max(anchor.revision, 0):
            return False
        self._anchors[key] = anchor.stored()
        if anchor.phase is Phase.HEATING:
            self._heating[key.channel].add(key)
        else:
            self._heating[key.channel].discard(key)
        return True

    def _swap_anchors(self, step: SwapAnchors) -> bool:
        stored = {key: self._swap_anchor(SwapAnchor(key, a)) for key, a in step.anchors.items()}
        return all(stored.values())

    def _find_holders(self, step: FindHolders) -> dict[AnchorKey, Anchor]:
        found: dict[AnchorKey, Anchor] = {}
        for channel, wanted in step.wanted.items():
            for key in self._heating.get(channel, ()):
                found[key] = self._anchors[key]
            for instance in wanted:
                for key, generation in self._holders.get((channel, instance), ()):
                    anchor = self._anchors.get(key)
                    if anchor and anchor.is_live and anchor.generation == generation:
                        found[key] = anchor
        for key in step.always:
            anchor = self._anchors.get(key)
            if anchor and anchor.is_live:
                found[key] = anchor
        return found

    def _find_idle_roots(self, step: FindIdleRoots) -> frozenset[str]:
        claims, now = self._claims.get(step.channel, {}), self._clock()
        return frozenset(root for root in step.roots if claims.get(root, 0.0) <= now)

    # -- the documents

    def _read_documents(self, step: ReadDocuments) -> dict[InstanceKey, Document]:
        documents = self._generation(step.key, step.generation).documents
        return {key: documents[key] for key in step.wanted if key in documents}

    def _read_parents(self, step: ReadParents) -> dict[InstanceKey, Document]:
        generation = self._generation(step.key, step.generation)
        keys = {key for child in step.children for key in generation.parents.get(child, ())}
        return {key: generation.documents[key] for key in keys}

    def _read_since(self, step: ReadSince) -> list[Document]:
        documents = self._generation(step.key, step.generation).documents.values()
        if step.since < 0:
            return [document for document in documents if document.is_live]
        return [document for document in documents if document.version > step.since]

    def _read_several(self, step: ReadSeveral) -> dict[AnchorKey, list[Document]]:
        return {key: self._read_since(ReadSince(key, *at)) for key, at in step.places.items()}

    def _write_documents(self, step: WriteDocuments) -> bool:
        generations = self._generations[step.key]
        generation = generations.setdefault(step.generation, _Generation())
        for document in step.documents:
            old = generation.documents.get(document.key)
            if old is not None and old.version >= document.version:
                continue
            generation.documents[document.key] = document
            before = old.links if old is not None and old.is_live else ()
            after = document.links if document.is_live else ()
            if before != after:
                _unlink(generation.parents, document.key, before)
                for child in after:
                    generation.parents.setdefault(child, set()).add(document.key)
            holder = (step.key, step.generation)
            if document.is_live:
                self._holders.setdefault((step.key.channel, document.key), set()).add(holder)
            elif old is not None:
                self._forget_holder(step.key.channel, document.key, holder)
        return not step.checks or SIGN_KEY in generation.documents

    def _drop_generation(self, step: DropGeneration) -> None:
        generations = self._generations.get(step.key, {})
        for number in [number for number in generations if number <= step.generation]:
            for instance in generations.pop(number).documents:
                self._forget_holder(step.key.channel, instance, (step.key, number))
        if not generations:
            self._generations.pop(step.key, None)
        for generation, name in list(self._packs.get(step.key, ())):
            if generation <= step.generation:
                self._drop_pack(DropPack(step.key, generation, name))

    def _write_part(self, step: WritePart) -> None:
        parts = self._packs[step.key].setdefault((step.generation, step.name), {})
        parts[step.index] = step.documents

    def _read_pack(self, step: ReadPack) -> list[Document] | None:
        parts = self._packs.get(step.key, {}).get((step.generation, step.pack.name), {})
        if any(index not in parts for index in range(step.pack.parts)):
            return None
        return [document for index in range(step.pack.parts) for document in parts[index]]

    def _drop_pack(self, step: DropPack) -> None:
        packs = self._packs.get(step.key, {})
        packs.pop((step.generation, step.name), None)
        if not packs:
            self._packs.pop(step.key, None)

    def _generation(self, key: AnchorKey, number: int) -> _Generation:
        generations = self._generations.get(key)
        return (generations.get(number) if generations else None) or _Generation()

    def _forget_holder(
        self, channel: str, instance: InstanceKey, holder: tuple[AnchorKey, int]
    ) -> None:
        holders = self._holders.get((channel, instance))
        if holders is not None:
            holders.discard(holder)
            if not holders:
                del self._holders[channel, instance]


class AsyncMemoryStore:
    """The same store from an event loop; it awaits nothing, so it never gives way either."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def perform(self, step: Step[T]) -> T:
        """Answer one store step."""
        return self._store.perform(step)

    async def load_anchors(self, keys: Iterable[AnchorKey]) -> dict[AnchorKey, Anchor]:
        """Return the records of several anchors; one that is not stored is ``Anchor()``."""
        return {key: self._store.perform(LoadAnchor(key)) for key in keys}

    async def beat(self, session: str, until: float, told: JSON = None) -> None:
        """Say that the process *session* lives at least until *until* (Unix seconds)."""
        self._store.beat(session, until, told)

    async def forget_session(self, session: str) -> None:
        """Remove the heartbeat of a process that has ended."""
        self._store.forget_session(session)

    async def close(self) -> None:
        """Do nothing: what is kept here lives as long as the process."""


def _unlink(
    parents: dict[InstanceKey, set[InstanceKey]],
    parent: InstanceKey,
    children: Iterable[InstanceKey],
) -> None:
    for child in children:
        known = parents.get(child)
        if known is not None:
            known.discard(parent)
            if not known:
                del parents[child]
