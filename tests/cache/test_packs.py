"""Packs: their bytes, when they are written, and what becomes of them when others are faster."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxgraph.cache.anchor import Anchor, Pack
from rxgraph.cache.memory import MemoryStore
from rxgraph.cache.pack_codec import decode_part, encode_part
from rxgraph.cache.packing import Packing, repack
from rxgraph.cache.phases import Phase
from rxgraph.cache.reading import Reading, read_documents
from rxgraph.cache.signs import SIGN
from rxgraph.cache.steps import (
    LoadAnchor,
    Now,
    ReadPack,
    ReadSince,
    Step,
    SwapAnchor,
    WriteDocuments,
    WritePart,
    run,
)
from rxgraph.types import AnchorKey, Document, InstanceKey, RemovalReason
from tests.cache.test_store_conformance import _documents, shown

KEY = AnchorKey("board.ProjectChannel", "1")
HOT = Anchor(phase=Phase.HOT, generation=1, seq=3, done=3)
PACKING = Packing(from_documents=4, per_part=3)


# -- the bytes


@given(documents=st.lists(_documents, max_size=6))
def test_a_part_comes_back_as_it_was(documents: list[Document]) -> None:
    found = decode_part(encode_part(documents))
    assert found == documents
    assert [shown(document) for document in found] == [shown(document) for document in documents]


@pytest.mark.parametrize("value", [2**70, "half a pair \ud83d", {"\ud83d": [2**64]}, 2**64 - 1])
def test_a_part_holds_what_the_fast_encoder_refuses(value: Any) -> None:
    documents = [Document(InstanceKey("Task", str(i)), 1, {"x": value}) for i in range(3)]
    found = decode_part(encode_part(documents))
    assert json.dumps([d.data for d in found]) == json.dumps([d.data for d in documents])


@pytest.mark.parametrize("part", [b"", b"9[]", b"1[[", b"1{"])
def test_bytes_that_are_no_part_are_refused(part: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_part(part)


# -- writing them


class Store:
    """A memory store that counts steps."""

    def __init__(self, anchor: Anchor, *documents: Document) -> None:
        self.store = MemoryStore()
        self.steps: list[Step[Any]] = []
        self.store.perform(SwapAnchor(KEY, replace(anchor, revision=0)))
        self.store.perform(WriteDocuments(KEY, 1, (SIGN, *documents)))

    def __call__(self, step: Step[Any]) -> Any:
        self.steps.append(step)
        return 0.0 if isinstance(step, Now) else self.store.perform(step)

    @property
    def anchor(self) -> Anchor:
        return self.store.perform(LoadAnchor(KEY))

    def read(self) -> Reading:
        self.steps.clear()
        found = run(read_documents(KEY), self)
        assert isinstance(found, Reading)
        return found

    def swap(self, **changes: Any) -> None:
        assert self.store.perform(SwapAnchor(KEY, replace(self.anchor, **changes)))


def task(number: int, version: int = 1, **fields: Any) -> Document:
    return Document(InstanceKey("Task", str(number)), version, {"n": number}, **fields)


def test_packing_is_due_when_many_documents_are_in_no_pack() -> None:
    def is_due(pack: Pack | None, *versions: int) -> bool:
        documents = {d.key: d for d in (task(n, v) for n, v in enumerate(versions))}
        return PACKING.is_due(Reading(replace(HOT, pack=pack), 0, documents))

    assert not is_due(None, 1, 1, 1)
    assert is_due(None, 1, 1, 1, 1)
    pack = Pack("a", 2, 2)
    assert not is_due(pack, *[1] * 8, 3, 3, 3)
    assert is_due(pack, *[1] * 8, 3, 3, 3, 3)
    assert not is_due(pack, *[1] * 20, 3, 3, 3, 3)
    assert not is_due(Pack("a", 3, 2), *[3] * 20)


def test_what_was_read_is_read_at_once_the_next_time() -> None:
    tombstone = Document(InstanceKey("Task", "9"), 2, removed=RemovalReason.DELETED)
    store = Store(HOT, *map(task, range(7)), tombstone)
    first = store.read()
    assert run(repack(KEY, first, "mine", PACKING), store)
    assert store.anchor.pack == Pack("mine", 3, 3)
    again = store.read()
    assert again.documents == first.documents
    (since,) = [step.since for step in store.steps if isinstance(step, ReadSince)]
    assert since == 3


def test_what_is_newer_than_a_pack_is_read_on_top_of_it() -> None:
    store = Store(HOT, *map(task, range(7)))
    run(repack(KEY, store.read(), "mine", PACKING), store)
    gone = Document(InstanceKey("Task", "0"), 4, removed=RemovalReason.DELETED)
    store.store.perform(WriteDocuments(KEY, 1, (task(1, 4), gone)))
    store.swap(seq=4, done=4)
    found = store.read().documents
    assert found[InstanceKey("Task", "1")] == task(1, 4)
    assert found[InstanceKey("Task", "0")] == gone
    assert len(found) == 7


def test_a_pack_with_a_missing_part_is_none() -> None:
    store = Store(replace(HOT, pack=Pack("mine", 3, 2)), *map(task, range(5)))
    store.store.perform(WritePart(KEY, 1, "mine", 0, (task(0),)))
    assert len(store.read().documents) == 5


def test_a_newer_pack_takes_the_place_of_an_older_one() -> None:
    store = Store(HOT, *map(task, range(7)))
    old = store.read()
    assert run(repack(KEY, old, "old", PACKING), store)
    assert not run(repack(KEY, old, "same", PACKING), store)
    assert store.anchor.pack == Pack("old", 3, 3)
    store.swap(seq=5, done=5)
    assert run(repack(KEY, store.read(), "new", PACKING), store)
    assert store.store.perform(ReadPack(KEY, 1, Pack("old", 3, 3))) is None
    assert not run(repack(KEY, old, "late", PACKING), store)
    assert store.anchor.pack == Pack("new", 5, 3)
    assert store.store.perform(ReadPack(KEY, 1, Pack("late", 3, 3))) is None


@pytest.mark.parametrize("change", [{"generation": 2}, {"phase": Phase.COOLING}])
def test_a_generation_that_has_gone_gets_no_pack(change: dict[str, Any]) -> None:
    store = Store(HOT, *map(task, range(7)))
    reading = store.read()
    store.swap(**change)
    assert not run(repack(KEY, reading, "mine", PACKING), store)
    assert store.anchor.pack is None
    assert store.store.perform(ReadPack(KEY, 1, Pack("mine", 3, 3))) is None
