"""Several anchors are read as each would be alone: as of one finished batch, or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rxgraph.cache.anchor import Anchor
from rxgraph.cache.memory import MemoryStore
from rxgraph.cache.phases import Phase
from rxgraph.cache.reading import Reading, find_unsigned, read_documents, read_several
from rxgraph.cache.signs import SIGN, Lost
from rxgraph.cache.steps import (
    DropGeneration,
    LoadAnchor,
    LoadAnchors,
    ReadSeveral,
    Step,
    SwapAnchor,
    WriteDocuments,
    run,
)
from rxgraph.types import AnchorKey, Document, InstanceKey

ONE, TWO, COLD, BUSY, OLD = (AnchorKey("board", name) for name in ("1", "2", "cold", "busy", "old"))
TASK, NEW = InstanceKey("Task", "1"), InstanceKey("Task", "2")


def a_store() -> MemoryStore:
    store = MemoryStore()
    for key in (ONE, TWO, BUSY, OLD):
        hot = Anchor(phase=Phase.HOT, generation=3, seq=5, done=5)
        store.perform(SwapAnchor(key, hot))
        store.perform(WriteDocuments(key, 3, (SIGN, Document(TASK, 5, {"of": key.anchor_id}))))
    store.perform(WriteDocuments(BUSY, 3, (Document(NEW, 6),)))  # of a batch that is under way
    return store


def several(store: MemoryStore, places: Any, meanwhile: Any = None) -> Any:
    def perform(step: Step[Any]) -> Any:
        answer = store.perform(step)
        seen.append(type(step))
        if isinstance(step, ReadSeveral) and meanwhile is not None:
            meanwhile()
        return answer

    seen: list[type] = []
    found = run(read_several(places), perform)
    assert seen.count(LoadAnchors) <= 2
    assert seen.count(ReadSeveral) <= 1
    return found


def test_each_is_read_as_it_would_be_alone() -> None:
    store = a_store()
    found = several(store, {ONE: (None, 0), TWO: (3, 5), COLD: (None, 0), OLD: (2, 0)})
    assert found.keys() == {ONE, TWO, COLD, OLD}
    for key, (generation, since) in {ONE: (None, 0), TWO: (3, 5), COLD: (None, 0)}.items():
        procedure = read_documents(key, generation=generation, since=since)
        assert found[key] == run(procedure, store.perform)
    assert found[ONE].documents == {TASK: Document(TASK, 5, {"of": "1"})}
    assert found[TWO].documents == {}
    assert found[COLD] == Anchor()
    assert found[OLD] == store.perform(LoadAnchor(OLD)), "of another generation"


def test_what_is_being_written_to_is_left_out() -> None:
    found = several(a_store(), {ONE: (None, 0), BUSY: (None, 0)})
    assert found.keys() == {ONE}
    assert isinstance(found[ONE], Reading)


def test_what_is_cleared_while_it_is_read_is_not_shown() -> None:
    store = a_store()

    def clear() -> None:
        for key, change in {ONE: {"phase": Phase.COOLING}, TWO: {"generation": 4}}.items():
            record = replace(store.perform(LoadAnchor(key)), **change)  # type: ignore[arg-type]
            assert store.perform(SwapAnchor(key, record))

    found = several(store, {ONE: (None, 0), TWO: (None, 0)}, clear)
    assert found == {key: store.perform(LoadAnchor(key)) for key in (ONE, TWO)}


def test_lost_documents_are_not_taken_for_none() -> None:
    store = a_store()
    assert run(find_unsigned({ONE: 3, TWO: 3}), store.perform) == frozenset()
    store.perform(DropGeneration(ONE, 3))
    store.perform(WriteDocuments(ONE, 3, (Document(NEW, 5),)))  # written since
    for since in (0, 5):
        with pytest.raises(Lost, match="heated anew"):
            run(read_documents(ONE, since=since), store.perform)
    assert several(store, {ONE: (None, 0), TWO: (None, 0)}).keys() == {TWO}
    assert run(find_unsigned({ONE: 3, TWO: 3}), store.perform) == {ONE}
