"""What a process knows of its anchors is right, or it knows nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rxgraph.cache import mirrors as module
from rxgraph.cache.anchor import Anchor
from rxgraph.cache.mirrors import Mirror, Mirrors
from rxgraph.cache.phases import Phase
from rxgraph.cache.steps import Peek, Recall, Remember
from rxgraph.types import AnchorKey, Document, InstanceKey, RemovalReason

KEY, OTHER = AnchorKey("board", "1"), AnchorKey("board", "2")
TASK, GONE, NEW = InstanceKey("Task", "1"), InstanceKey("Task", "2"), InstanceKey("Task", "3")
HOT = Anchor(revision=3, phase=Phase.HOT, generation=5, seq=7, done=7)
STATE = {TASK: Document(TASK, 6)}
TOMBSTONES = {GONE: Document(GONE, 7, removed=RemovalReason.DELETED)}


@pytest.fixture
def mirrors() -> Mirrors:
    found = Mirrors()
    found.put(KEY, Mirror(5, 7, STATE, TOMBSTONES))
    return found


def recall(mirrors: Mirrors, *keys: InstanceKey, channel: str = "board") -> object:
    return mirrors.recall(Recall({channel: frozenset(keys)}))


def peek(
    mirrors: Mirrors, *keys: InstanceKey, generation: int = 5, number: int = 7
) -> dict[InstanceKey, Document] | None:
    return mirrors.peek(Peek(KEY, generation, number, frozenset(keys)))


def test_documents_are_answered_as_of_exactly_the_number(mirrors: Mirrors) -> None:
    assert peek(mirrors, TASK, GONE, NEW) == {**STATE, **TOMBSTONES}
    assert peek(mirrors, NEW) == {}
    assert peek(mirrors, TASK, number=6) is None
    assert peek(mirrors, TASK, number=8) is None
    assert peek(mirrors, TASK, generation=4) is None


def test_anchors_that_hold_a_row_are_recalled(mirrors: Mirrors) -> None:
    mirrors.put(OTHER, Mirror(5, 1, {NEW: Document(NEW, 1)}, {}))
    assert recall(mirrors, TASK) == {KEY: None}
    assert recall(mirrors, TASK, NEW) == {KEY: None, OTHER: None}
    assert recall(mirrors, GONE) == {}
    assert recall(mirrors, TASK, channel="list") == {}


def test_only_hot_records_are_recalled(mirrors: Mirrors) -> None:
    mirrors.note(KEY, HOT)
    assert recall(mirrors, TASK) == {KEY: HOT}
    for phase in (Phase.COLD, Phase.HEATING, Phase.COOLING):
        mirrors.note(KEY, replace(HOT, phase=phase))
        assert recall(mirrors, TASK) == {KEY: None}


def test_nothing_is_kept_of_what_is_not_shown(mirrors: Mirrors) -> None:
    mirrors.note(OTHER, HOT)
    mirrors.note(KEY, HOT)
    mirrors.drop(KEY)
    mirrors.drop(KEY)
    assert not mirrors._records
    assert peek(mirrors, TASK) is None
    assert recall(mirrors, TASK) == {}


def test_too_many_are_not_looked_through(mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 0)
    assert recall(mirrors, TASK) == {}


# -- what writers without a replica remember


def remember(mirrors: Mirrors, number: int, *known: InstanceKey, **more: int) -> None:
    documents = {key: Document(key, number) for key in known}
    place = {"generation": 5, "previous": number - 1, **more}
    mirrors.remember(Remember(KEY, number=number, documents={**documents, NEW: None}, **place))


def test_what_a_batch_found_and_wrote_is_known_as_of_its_number() -> None:
    mirrors = Mirrors()
    remember(mirrors, 7, TASK, GONE)
    assert peek(mirrors, TASK, NEW) == {TASK: Document(TASK, 7)}
    assert peek(mirrors, InstanceKey("Task", "9"), TASK) is None, "nothing is known of one"
    for generation, number in ((5, 6), (5, 8), (4, 7)):
        assert peek(mirrors, TASK, generation=generation, number=number) is None


def test_the_next_batch_adds_to_what_is_known() -> None:
    mirrors = Mirrors()
    remember(mirrors, 7, TASK, GONE)
    remember(mirrors, 8, TASK)
    assert peek(mirrors, TASK, GONE, number=8) == {
        TASK: Document(TASK, 8),
        GONE: Document(GONE, 7),
    }
    remember(mirrors, 10, TASK)
    assert peek(mirrors, GONE, number=10) is None, "somebody else made a batch in between"
    remember(mirrors, 11, GONE, generation=6)
    assert peek(mirrors, TASK, generation=6, number=11) is None


def test_a_replica_knows_better(mirrors: Mirrors) -> None:
    remember(mirrors, 8, TASK)
    assert peek(mirrors, TASK, number=8) is None
    mirrors.drop(KEY)
    remember(mirrors, 8, TASK)
    assert peek(mirrors, TASK, number=8) == {TASK: Document(TASK, 8)}
    mirrors.put(KEY, Mirror(5, 9, STATE, TOMBSTONES))
    mirrors.drop(KEY)
    assert peek(mirrors, TASK, number=8) is None


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_OF_ONE", 5)
    monkeypatch.setattr(module, "_MOST_REMEMBERED", 12)
    mirrors = Mirrors()
    many = [InstanceKey("Task", str(number)) for number in range(20)]
    for number in range(10):
        remember(mirrors, number + 1, many[number])
        assert len(mirrors._parts[KEY].documents) <= 5
    assert peek(mirrors, *many[6:10], number=10) is not None, "the newest"
    remember(mirrors, 11, *many)
    assert KEY not in mirrors._parts, "too much at once"
    for number in range(8):
        known = {key: Document(key, 1) for key in many[:4]}
        mirrors.remember(Remember(AnchorKey("board", str(number)), 1, 0, 1, known))
    assert list(mirrors._parts) == [AnchorKey("board", str(number)) for number in (5, 6, 7)]
    assert mirrors._remembered == 12
