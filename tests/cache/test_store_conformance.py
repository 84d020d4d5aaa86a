"""What every store answers: one suite for the memory store and for MongoDB with each driver.

The asynchronous stores are driven through an adapter that blocks, so the same tests run on all.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rxgraph.cache import opening
from rxgraph.cache.anchor import Anchor, Pack
from rxgraph.cache.buckets import ForgetBuckets, Spend, SpendSeveral, Spent
from rxgraph.cache.memory import AsyncMemoryStore, MemoryStore
from rxgraph.cache.phases import Phase
from rxgraph.cache.signs import SIGN, SIGN_KEY
from rxgraph.cache.steps import (
    DropGeneration,
    DropPack,
    FindHolders,
    FindIdleRoots,
    LoadAnchor,
    LoadAnchors,
    Now,
    ReadDocuments,
    ReadPack,
    ReadParents,
    ReadSeveral,
    ReadSince,
    Sleep,
    Step,
    SwapAnchor,
    SwapAnchors,
    WriteDocuments,
    WritePart,
    run,
)
from rxgraph.cache.store import AsyncStore, Store
from rxgraph.cache.turns import join_anchors, leave_anchors
from rxgraph.errors import BackendError
from rxgraph.settings import RxGraphSettings
from rxgraph.types import AnchorKey, Document, InstanceKey, RemovalReason, RowKey

T = TypeVar("T")

PROJECT = AnchorKey("board.ProjectChannel", "1")
OTHER = AnchorKey("board.ProjectChannel", "2")
LABELS = AnchorKey("board.LabelChannel", "1")
TASK, TASK_2, COMMENT = InstanceKey("Task", "1"), InstanceKey("Task", "2"), InstanceKey("C", "a:b")
HOT = Anchor(phase=Phase.HOT, generation=1, seq=1, done=1)


class Performs(Protocol):
    """What a store of either kind looks like to these tests."""

    def perform(self, step: Step[T]) -> T: ...


class Blocking:
    """An asynchronous store with an event loop of its own."""

    def __init__(self, store: AsyncStore) -> None:
        self.store = store
        self.runner = asyncio.Runner()

    def perform(self, step: Step[T]) -> T:
        return self.runner.run(self.store.perform(step))

    def load_anchors(self, keys: list[AnchorKey]) -> dict[AnchorKey, Any]:
        return self.runner.run(self.store.load_anchors(keys))

    def close(self) -> None:
        is_pymongo = getattr(self.store, "driver", None) == "pymongo"
        with dropping_sockets() if is_pymongo else nullcontext():
            self.runner.run(self.store.close())
            self.runner.close()


@contextmanager
def dropping_sockets() -> Iterator[None]:
    """Have what pymongo's asynchronous client drops collected here, not in some later test.

    Closing it cancels the tasks that watch the server. One that is just connecting (on a busy
    machine also to the loopback) leaves its socket to the garbage collector, open.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@pytest.fixture
def mongo_url() -> Iterator[str]:
    """Address of a database of its own, dropped at the end."""
    server = os.environ.get("MONGO_URL")
    if not server:
        if os.environ.get("CI") == "true":
            pytest.fail("MONGO_URL is not set")
        pytest.skip("MONGO_URL is not set")
    pymongo = pytest.importorskip("pymongo")
    name = f"rxgraph_test_{uuid4().hex[:12]}"
    scheme, rest = server.split("://", 1)
    yield f"{scheme}://{rest.partition('/')[0]}/{name}"
    with pymongo.MongoClient(server) as client:
        client.drop_database(name)


MONGO = [
    pytest.param("mongo", marks=pytest.mark.integration),
    pytest.param("motor", marks=pytest.mark.integration),
    pytest.param("pymongo", marks=pytest.mark.integration),
]


@pytest.fixture(params=["memory", "async memory", *MONGO])
def store(request: pytest.FixtureRequest) -> Iterator[Performs]:
    match request.param:
        case "memory":
            yield MemoryStore()
        case "async memory":
            adapter = Blocking(AsyncMemoryStore(MemoryStore()))
            yield adapter
            adapter.close()
        case "mongo":
            opened = _mongo(request.getfixturevalue("mongo_url"))
            yield opened
            opened.close()
        case driver:
            adapter = Blocking(_async_mongo(request.getfixturevalue("mongo_url"), driver))
            yield adapter
            adapter.close()


@pytest.fixture(params=["memory", "async memory", *MONGO])
def claiming(request: pytest.FixtureRequest) -> Iterator[tuple[Store, Performs]]:
    """A blocking store that takes claims, and one of each kind that looks at the same data."""
    claims: Store
    asked: Any
    match request.param:
        case "memory" | "async memory":
            memory = claims = MemoryStore()
            asked = memory if request.param == "memory" else Blocking(AsyncMemoryStore(memory))
        case driver:
            url = request.getfixturevalue("mongo_url")
            claims = _mongo(url)
            asked = claims if driver == "mongo" else Blocking(_async_mongo(url, driver))
    yield claims, asked
    if asked is not claims:
        asked.close()
    claims.close()


@pytest.fixture(params=["memory", MONGO[0]])
def blocking(request: pytest.FixtureRequest) -> Iterator[Store]:
    opened: Store = (
        MemoryStore() if request.param == "memory" else _mongo(request.getfixturevalue("mongo_url"))
    )
    yield opened
    opened.close()


def _mongo(url: str, **options: Any) -> Store:
    from rxgraph.cache.mongo import MongoStore

    return MongoStore(url, **options)


def _async_mongo(url: str, driver: str) -> AsyncStore:
    return opening.open_async_store(RxGraphSettings(store=url, mongo_driver=driver))


def keys(*wanted: InstanceKey) -> frozenset[InstanceKey]:
    return frozenset(wanted)


def task(key: InstanceKey = TASK, version: int = 1, **fields: Any) -> Document:
    return Document(key, version, fields.pop("data", {"title": f"v{version}"}), **fields)


def tombstone(key: InstanceKey, version: int) -> Document:
    return Document(key, version, removed=RemovalReason.DELETED)


def write(store: Performs, *documents: Document, key: AnchorKey = PROJECT, gen: int = 1) -> None:
    store.perform(WriteDocuments(key, gen, documents))


def read(store: Performs, since: int = -1, key: AnchorKey = PROJECT, gen: int = 1) -> Any:
    answer = store.perform(ReadSince(key, gen, since))
    assert isinstance(answer, list)
    found = {document.key: document for document in answer}
    assert len(found) == len(answer)
    return found


# -- anchor records


def test_an_anchor_nobody_stored_is_empty(store: Performs) -> None:
    assert store.perform(LoadAnchor(PROJECT)) == Anchor()


def test_a_record_comes_back_as_it_was_stored(store: Performs) -> None:
    anchor = Anchor(
        phase=Phase.HEATING,
        generation=3,
        seq=2**40,
        done=7,
        done_at=1234.5,
        floor=5,
        pending=frozenset([RowKey("board.task", "a:b"), RowKey("board.task", "")]),
        taken=frozenset([RowKey("board.user", "7")]),
        writing=frozenset([COMMENT]),
        owner="someone",
        lease_until=99.25,
        schema="f00",
        sessions=frozenset(["s1", "s2"]),
        idle_since=12.0,
        published=((3, "mark"), (4, "")),
        pack=Pack("name", 3, 2),
    )
    assert store.perform(SwapAnchor(PROJECT, anchor))
    stored = store.perform(LoadAnchor(PROJECT))
    assert stored.revision == 1
    assert store.perform(SwapAnchor(PROJECT, stored))
    again = store.perform(LoadAnchor(PROJECT))
    assert again.revision == 2
    for name in Anchor.__slots__:
        if name != "revision":
            assert getattr(again, name) == getattr(anchor, name), name


def test_only_one_of_two_who_read_the_same_record_may_swap_it(store: Performs) -> None:
    assert store.perform(SwapAnchor(PROJECT, Anchor(schema="first")))
    assert not store.perform(SwapAnchor(PROJECT, Anchor(schema="second")))
    stored = store.perform(LoadAnchor(PROJECT))
    assert stored.schema == "first"
    assert store.perform(SwapAnchor(PROJECT, stored))
    assert not store.perform(SwapAnchor(PROJECT, stored))


def test_a_record_that_is_not_stored_cannot_be_swapped_by_revision(store: Performs) -> None:
    assert not store.perform(SwapAnchor(PROJECT, Anchor(revision=4)))
    assert store.perform(LoadAnchor(PROJECT)) == Anchor()


def test_a_record_begins_where_it_is_told_to(store: Performs) -> None:
    first, several = Anchor(revision=-(2**48), schema="first"), replace(HOT, revision=-7)
    assert store.perform(SwapAnchor(PROJECT, first))
    assert (
        store.perform(LoadAnchor(PROJECT)) == first.stored() == replace(first, revision=2**48 + 1)
    )
    assert not store.perform(SwapAnchor(PROJECT, first))  # it is stored by now
    assert not store.perform(SwapAnchors({PROJECT: first, LABELS: several}))
    assert store.perform(LoadAnchor(LABELS)) == replace(several, revision=8)
    assert store.perform(SwapAnchors({LABELS: several.stored()}))
    assert store.perform(LoadAnchor(LABELS)).revision == 9
    assert store.perform(SwapAnchor(PROJECT, first.stored()))


def test_many_threads_swap_one_after_the_other(blocking: Store) -> None:
    wins: list[int] = []

    def climb() -> None:
        while True:
            anchor = blocking.perform(LoadAnchor(PROJECT))
            if anchor.revision >= 40:
                return
            if blocking.perform(SwapAnchor(PROJECT, anchor)):
                wins.append(anchor.revision)

    threads = [threading.Thread(target=climb) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(wins) == list(range(40))


# -- several at once


def test_several_records_are_read_stored_or_not(store: Performs) -> None:
    assert store.perform(SwapAnchor(PROJECT, HOT))
    found = store.perform(LoadAnchors(frozenset([PROJECT, LABELS])))
    assert found == {PROJECT: replace(HOT, revision=1), LABELS: Anchor()}
    assert store.perform(LoadAnchors(frozenset())) == {}


def test_several_records_are_swapped_each_by_itself(store: Performs) -> None:
    assert store.perform(SwapAnchors({PROJECT: HOT, LABELS: HOT}))
    known = store.perform(LoadAnchors(frozenset([PROJECT, LABELS])))
    assert [anchor.revision for anchor in known.values()] == [1, 1]
    changed = {key: replace(anchor, schema="new") for key, anchor in known.items()}
    assert store.perform(SwapAnchors({**changed, OTHER: HOT}))
    # The same again is too late for two of them; the third is stored all the same.
    third = store.perform(LoadAnchor(OTHER))
    assert not store.perform(SwapAnchors({**known, OTHER: replace(third, schema="third")}))
    found = store.perform(LoadAnchors(frozenset([PROJECT, OTHER, LABELS])))
    assert {key: anchor.schema for key, anchor in found.items()} == {
        PROJECT: "new", OTHER: "third", LABELS: "new",
    }  # fmt: skip
    assert {key: anchor.revision for key, anchor in found.items()} == {
        PROJECT: 2, OTHER: 2, LABELS: 2,
    }  # fmt: skip


def test_several_new_records_are_stored_where_there_is_none(store: Performs) -> None:
    assert store.perform(SwapAnchor(PROJECT, HOT))
    late = Anchor(schema="late")
    assert not store.perform(SwapAnchors({PROJECT: late, OTHER: late}))
    found = store.perform(LoadAnchors(frozenset([PROJECT, OTHER])))
    assert {key: anchor.schema for key, anchor in found.items()} == {PROJECT: "", OTHER: "late"}


def test_documents_of_several_anchors_are_read_each_since_its_number(store: Performs) -> None:
    write(store, task(version=1), task(TASK_2, 2))
    write(store, task(version=3), tombstone(TASK_2, 4), key=OTHER, gen=7)
    write(store, task(version=9), key=OTHER, gen=6)
    write(store, task(COMMENT, 5), key=LABELS)
    places = {PROJECT: (1, 1), OTHER: (7, 0), LABELS: (1, 5), AnchorKey("no", "1"): (1, 0)}
    found = store.perform(ReadSeveral(places))
    assert {key: {d.key: d.version for d in found[key]} for key in places} == {
        PROJECT: {TASK_2: 2}, OTHER: {TASK: 3, TASK_2: 4}, LABELS: {}, AnchorKey("no", "1"): {},
    }  # fmt: skip
    for key, (generation, since) in places.items():
        alone = store.perform(ReadSince(key, generation, since))
        assert sorted(found[key], key=str) == sorted(alone, key=str)
    assert {d.key for d in store.perform(ReadSeveral({OTHER: (7, -1)}))[OTHER]} == {TASK}


def test_many_anchors_are_read_like_few(store: Performs) -> None:
    keys_ = [AnchorKey(PROJECT.channel, str(number)) for number in range(450)]
    for key in keys_[::45]:
        write(store, task(version=int(key.anchor_id) + 1), key=key)
    found = store.perform(ReadSeveral(dict.fromkeys(keys_, (1, 0))))
    assert {key.anchor_id: [d.version for d in part] for key, part in found.items() if part} == {
        str(number): [number + 1] for number in range(0, 450, 45)
    }
    assert found.keys() == set(keys_)


def test_sessions_that_come_and_go_at_once_are_all_counted(blocking: Store) -> None:
    anchors = [AnchorKey(PROJECT.channel, str(number)) for number in range(20)]
    sessions = [f"s{number}" for number in range(6)]

    def come_and_go(session: str) -> None:
        def perform(step: Step[Any]) -> Any:
            return time.sleep(step.seconds) if isinstance(step, Sleep) else _perform(blocking, step)

        run(join_anchors(anchors, session), perform)
        run(leave_anchors(anchors[::2], session), perform)

    threads = [threading.Thread(target=come_and_go, args=[session]) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    found = blocking.perform(LoadAnchors(frozenset(anchors)))
    for place, key in enumerate(anchors):
        assert found[key].sessions == (frozenset(sessions) if place % 2 else frozenset())
        assert found[key].idle_since == (0.0 if place % 2 else 12.0)


def _perform(store: Store, step: Step[Any]) -> Any:
    return 12.0 if isinstance(step, Now) else store.perform(step)


@pytest.mark.integration
def test_threads_share_the_connections_of_a_store(mongo_url: str) -> None:
    from pymongo import monitoring

    class Pool(monitoring.ConnectionPoolListener):
        created = 0

        def connection_created(self, event: Any) -> None:
            Pool.created += 1

        def _ignore(self, event: Any) -> None: ...

        pool_created = pool_ready = pool_cleared = pool_closed = _ignore
        connection_ready = connection_closed = connection_check_out_started = _ignore
        connection_check_out_failed = connection_checked_out = connection_checked_in = _ignore

    store = _mongo(mongo_url, client_options={"event_listeners": [Pool()]})

    def work() -> None:
        for number in range(25):
            store.perform(WriteDocuments(PROJECT, 1, (task(version=number + 1),)))
            store.perform(ReadDocuments(PROJECT, 1, keys(TASK)))

    for _ in range(3):  # threads of a server come and go
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    store.close()
    assert 0 < Pool.created <= 4


# -- documents


def test_documents_come_back_by_key_tombstones_included(store: Performs) -> None:
    full = task(
        links=(COMMENT, TASK_2), owner="7", former_owners=("5", "6"), data={"a": 1, "b": None}
    )
    write(store, full, tombstone(TASK_2, 1))
    found = store.perform(ReadDocuments(PROJECT, 1, keys(TASK, TASK_2, COMMENT)))
    assert found == {TASK: full, TASK_2: tombstone(TASK_2, 1)}
    assert store.perform(ReadDocuments(PROJECT, 1, keys())) == {}


def test_nothing_is_read_of_another_generation_or_anchor_or_channel(store: Performs) -> None:
    write(store, task())
    for key, generation in ((PROJECT, 2), (OTHER, 1), (LABELS, 1)):
        assert store.perform(ReadDocuments(key, generation, keys(TASK))) == {}
        assert read(store, key=key, gen=generation) == {}


def test_an_older_or_equal_version_does_not_replace(store: Performs) -> None:
    write(store, task(version=5))
    write(store, task(version=4), task(TASK_2, 4))
    write(store, task(version=5, data={"title": "late"}))
    assert read(store) == {TASK: task(version=5), TASK_2: task(TASK_2, 4)}
    write(store, task(version=6))
    assert read(store)[TASK] == task(version=6)


def test_a_late_write_does_not_bring_a_deleted_instance_back(store: Performs) -> None:
    write(store, task(version=3))
    write(store, tombstone(TASK, 5))
    write(store, task(version=4))
    assert read(store) == {}
    write(store, task(version=6))
    assert read(store) == {TASK: task(version=6)}


@pytest.mark.parametrize("count", [1, 3, 150])
def test_whoever_writes_may_ask_whether_the_sign_is_there(store: Performs, count: int) -> None:
    def is_signed(version: int, gen: int) -> Any:
        batch = tuple(task(InstanceKey("Task", str(i)), version) for i in range(count))
        return store.perform(WriteDocuments(PROJECT, gen, batch, checks=True))

    assert is_signed(1, gen=1) is False
    write(store, SIGN, gen=1)
    assert is_signed(2, gen=1) is True
    assert is_signed(2, gen=1) is True  # though there was nothing older
    assert is_signed(3, gen=2) is False
    found = read(store, gen=1)
    assert found.pop(SIGN_KEY) == SIGN
    assert {document.version for document in found.values()} == {2}


@pytest.mark.parametrize("count", [150, 4_500])
def test_many_documents_are_written_like_few(store: Performs, count: int) -> None:
    def batch(version: int) -> list[Document]:
        return [task(InstanceKey("Task", str(i)), version) for i in range(count)]

    newer = [task(InstanceKey("Task", str(i)), 9) for i in range(0, count, 3)]
    write(store, *newer)
    write(store, *batch(5))
    expected = {d.key: d for d in batch(5)} | {d.key: d for d in newer}
    assert read(store) == expected
    write(store, *batch(10))
    assert read(store) == {d.key: d for d in batch(10)}


def test_everything_since_a_version_includes_tombstones(store: Performs) -> None:
    write(store, task(version=1), tombstone(TASK_2, 2), task(COMMENT, 3))
    assert set(read(store)) == {TASK, COMMENT}
    assert set(read(store, since=0)) == {TASK, TASK_2, COMMENT}
    assert set(read(store, since=1)) == {TASK_2, COMMENT}
    assert set(read(store, since=3)) == set()


def test_parents_are_the_live_documents_that_link_to_a_child(store: Performs) -> None:
    write(
        store,
        task(links=(COMMENT,)),
        task(TASK_2, links=(COMMENT, TASK)),
        Document(InstanceKey("Task", "3"), 1, {}, (COMMENT,), removed=RemovalReason.LEFT),
    )
    write(store, task(InstanceKey("Task", "4"), links=(COMMENT,)), gen=2)
    ask = ReadParents(PROJECT, 1, keys(COMMENT))
    assert store.perform(ask).keys() == {TASK, TASK_2}
    assert store.perform(ReadParents(PROJECT, 1, keys(TASK))).keys() == {TASK_2}
    assert store.perform(ReadParents(PROJECT, 1, keys())) == {}
    write(store, task(TASK_2, 2, links=(TASK,)))
    assert store.perform(ask) == {TASK: task(links=(COMMENT,))}
    write(store, tombstone(TASK, 3))
    assert store.perform(ask) == {}


def test_dropping_takes_a_generation_and_those_before(store: Performs) -> None:
    for generation in (1, 2, 3):
        write(store, task(), gen=generation)
    write(store, task(), key=OTHER)
    store.perform(DropGeneration(PROJECT, 2))
    assert [set(read(store, gen=generation)) for generation in (1, 2, 3)] == [set(), set(), {TASK}]
    assert set(read(store, key=OTHER)) == {TASK}
    store.perform(DropGeneration(PROJECT, 2))
    store.perform(DropGeneration(LABELS, 9))


ODD_VALUES: list[Any] = [
    {"$gt": 1, "a.b": 2, "": None, "nested": {"$set": {"z": [1, {"$ref": "x", "$id": 1}]}}},
    {"$ref": "collection", "$id": "5", "$db": "x"},
    {"z": 1, "a": {"y": 1, "b": 2}, "_id": 3},
    [],
    [[1, [2, []]], [{"a": 1}], "x"],
    [None, True, 1, 1.5, "x"],
    [2**70, 1],
    2**63 - 1,
    -(2**63),
    2**63,
    -(2**200),
    1.0,
    1e300,
    "zero \0 byte, ümläut, \U0001f600",
    {"zero \0 byte": 1, "\U0001f600": 2},
    "half a pair \ud83d",
    {"half \ud83d": ["\ude00"]},
    {"deep": {"er": {"and": {"deeper": [[[[[[{"x": {}}]]]]]]}}}},
]


def test_every_json_value_comes_back_as_it_was(store: Performs) -> None:
    data = {f"field_{number}": value for number, value in enumerate(ODD_VALUES)}
    many = [task(InstanceKey("Task", str(i)), data=data) for i in range(120)]
    write(store, task(data=data))
    assert shown(read(store)[TASK]) == json.dumps(data)
    write(store, *many, gen=2)
    assert {shown(document) for document in read(store, gen=2).values()} == {json.dumps(data)}


@pytest.mark.parametrize("name", ["$set", "a.b", "", "zero\0byte", "_id", "e", "é", "0"])
def test_every_field_name_comes_back_as_it_was(store: Performs, name: str) -> None:
    data = {"z": {"$x": 1}, name: 2, "a": [name]}
    write(store, task(data=data))
    assert shown(read(store)[TASK]) == json.dumps(data)


def shown(document: Document) -> str:
    return json.dumps(document.data)  # shows types and the order of keys


# -- packs


def part(store: Performs, index: int, *documents: Document, name: str = "p", gen: int = 1) -> None:
    store.perform(WritePart(PROJECT, gen, name, index, documents))


def test_a_pack_is_its_parts_in_their_order(store: Performs) -> None:
    full = task(links=(COMMENT, TASK_2), owner="7", former_owners=("5",), data={"b": [1], "a": 2})
    part(store, 1, tombstone(COMMENT, 2))
    part(store, 0, full, task(TASK_2, 3))
    found = store.perform(ReadPack(PROJECT, 1, Pack("p", 3, 2)))
    assert found == [full, task(TASK_2, 3), tombstone(COMMENT, 2)]
    assert shown(found[0]) == shown(full)


def test_a_pack_that_is_not_whole_is_none(store: Performs) -> None:
    assert store.perform(ReadPack(PROJECT, 1, Pack("p", 3, 1))) is None
    part(store, 1, task())
    assert store.perform(ReadPack(PROJECT, 1, Pack("p", 3, 2))) is None
    part(store, 0, task(), name="q")
    assert store.perform(ReadPack(PROJECT, 1, Pack("p", 3, 2))) is None
    part(store, 0, task(), gen=2)
    assert store.perform(ReadPack(PROJECT, 1, Pack("p", 3, 2))) is None
    part(store, 0, task(TASK_2))
    assert store.perform(ReadPack(PROJECT, 1, Pack("p", 3, 2))) == [task(TASK_2), task()]


def test_a_pack_of_any_size_and_content_comes_back(store: Performs) -> None:
    large = [task(InstanceKey("Task", str(i)), data={"text": "x" * 2**20}) for i in range(18)]
    odd = [task(data={f"f{n}": value for n, value in enumerate(ODD_VALUES)})]
    part(store, 0, *large)
    part(store, 1, *odd)
    found = store.perform(ReadPack(PROJECT, 1, Pack("p", 1, 2)))
    assert found is not None
    assert [shown(document) for document in found] == [shown(d) for d in (*large, *odd)]


def test_packs_are_dropped_by_name_and_with_their_generation(store: Performs) -> None:
    for generation in (1, 2, 3):
        for name in ("p", "q"):
            part(store, 0, task(), name=name, gen=generation)

    def there() -> list[str]:
        return [
            f"{name}{generation}"
            for generation in (1, 2, 3)
            for name in ("p", "q")
            if store.perform(ReadPack(PROJECT, generation, Pack(name, 1, 1))) is not None
        ]

    store.perform(DropPack(PROJECT, 3, "p"))
    store.perform(DropPack(OTHER, 3, "q"))
    assert there() == ["p1", "q1", "p2", "q2", "q3"]
    store.perform(DropGeneration(OTHER, 9))
    store.perform(DropGeneration(PROJECT, 2))
    assert there() == ["q3"]


# -- holders


def holders(
    store: Performs, *wanted: InstanceKey, channel: str = PROJECT.channel
) -> set[AnchorKey]:
    found = store.perform(FindHolders({channel: frozenset(wanted)}))
    return set(found)


def test_holders_are_found_in_an_empty_store(store: Performs) -> None:
    assert holders(store, TASK) == set()
    assert store.perform(FindHolders({})) == {}
    assert store.perform(FindHolders({PROJECT.channel: frozenset()})) == {}


def test_holders_are_live_anchors_whose_generation_holds_the_instance(store: Performs) -> None:
    for key in (PROJECT, OTHER, LABELS):
        write(store, task(), key=key)
        assert store.perform(SwapAnchor(key, HOT))
    write(store, task(TASK_2), key=OTHER, gen=2)
    assert holders(store, TASK) == {PROJECT, OTHER}
    assert holders(store, TASK_2) == set()
    assert holders(store, TASK, channel=LABELS.channel) == {LABELS}
    both = store.perform(
        FindHolders({PROJECT.channel: keys(TASK, TASK_2), LABELS.channel: keys(TASK)})
    )
    assert set(both) == {PROJECT, OTHER, LABELS}
    assert both[OTHER] == store.perform(LoadAnchor(OTHER))
    cross = FindHolders({PROJECT.channel: keys(TASK_2), LABELS.channel: keys(TASK)})
    assert store.perform(cross).keys() == {LABELS}


@pytest.mark.parametrize("phase", [Phase.COLD, Phase.COOLING])
def test_what_is_not_live_holds_nothing(store: Performs, phase: Phase) -> None:
    write(store, task())
    store.perform(SwapAnchor(PROJECT, Anchor(phase=phase, generation=1)))
    assert holders(store, TASK) == set()


def test_a_tombstone_holds_nothing(store: Performs) -> None:
    store.perform(SwapAnchor(PROJECT, HOT))
    write(store, task(version=1))
    write(store, tombstone(TASK, 2))
    assert holders(store, TASK) == set()
    write(store, task(version=3))
    assert holders(store, TASK) == {PROJECT}
    store.perform(DropGeneration(PROJECT, 1))
    assert holders(store, TASK) == set()


def test_whatever_is_heating_may_come_to_hold_anything(store: Performs) -> None:
    store.perform(SwapAnchor(PROJECT, Anchor(phase=Phase.HEATING, generation=1)))
    store.perform(SwapAnchor(LABELS, Anchor(phase=Phase.HEATING, generation=1)))
    assert holders(store, TASK) == {PROJECT}
    assert holders(store) == {PROJECT}
    write(store, task())
    assert holders(store, TASK) == {PROJECT}
    hot = store.perform(LoadAnchor(PROJECT))
    assert hot.phase is Phase.HEATING
    store.perform(SwapAnchor(PROJECT, Anchor(phase=Phase.HOT, generation=1, revision=1)))
    assert holders(store, TASK) == {PROJECT}
    assert holders(store, TASK_2) == set()


# -- the forests of list channels

FOREST = AnchorKey("board.ListChannel", "")


@pytest.mark.parametrize("phase", Phase)
def test_an_anchor_that_is_always_asked_is_found_while_it_is_live(
    store: Performs, phase: Phase
) -> None:
    write(store, task())
    store.perform(SwapAnchor(PROJECT, HOT))
    store.perform(SwapAnchor(FOREST, Anchor(phase=phase, generation=3)))
    nothing = {FOREST.channel: keys(TASK)}
    heating = {FOREST} if phase is Phase.HEATING else set()
    assert store.perform(FindHolders(nothing)).keys() == heating
    live = {FOREST} if phase in (Phase.HOT, Phase.HEATING) else set()
    found = store.perform(FindHolders(nothing, always=frozenset([FOREST])))
    assert found.keys() == live
    for key in live:
        assert found[key] == store.perform(LoadAnchor(key))
    both = {PROJECT.channel: keys(TASK), FOREST.channel: keys(TASK_2)}
    assert store.perform(FindHolders(both, always=frozenset([FOREST, OTHER]))).keys() == {
        PROJECT,
        *live,
    }
    assert store.perform(FindHolders({}, always=frozenset([FOREST]))).keys() == live


def test_an_anchor_that_is_always_asked_and_holds_the_instance_is_found_once(
    store: Performs,
) -> None:
    write(store, task(), key=FOREST)
    store.perform(SwapAnchor(FOREST, HOT))
    found = store.perform(FindHolders({FOREST.channel: keys(TASK)}, always=frozenset([FOREST])))
    assert found == {FOREST: store.perform(LoadAnchor(FOREST))}


def idle(store: Performs, *roots: str, channel: str = FOREST.channel) -> set[str]:
    found: frozenset[str] = store.perform(FindIdleRoots(channel, frozenset(roots)))
    return set(found)


def test_roots_are_idle_unless_somebody_claims_them(claiming: tuple[Store, Performs]) -> None:
    claims, asked = claiming
    now = time.time()
    assert idle(asked, "1", "2") == {"1", "2"}
    assert idle(asked) == set()
    assert claims.claim_roots(FOREST.channel, ["1", "2", "3"], now, now + 60) == {"1", "2", "3"}
    claims.claim_roots(FOREST.channel, ["4"], now, now - 1)
    claims.claim_roots("board.OtherListChannel", ["5"], now, now + 60)
    assert idle(asked, "1", "3", "4", "5") == {"4", "5"}
    assert idle(asked, "5", "1", channel="board.OtherListChannel") == {"1"}


def test_claiming_answers_what_was_not_claimed_at_that_time(
    claiming: tuple[Store, Performs],
) -> None:
    claims, _ = claiming
    channel = FOREST.channel
    assert claims.claim_roots(channel, [], 100.0, 200.0) == set()
    assert claims.claim_roots(channel, ["1", "2"], 100.0, 200.0) == {"1", "2"}
    assert claims.claim_roots(channel, ["1", "2", "3"], 199.0, 300.0) == {"3"}
    assert claims.claim_roots(channel, ["1", "2"], 300.0, 400.0) == {"1", "2"}  # just run out


def test_a_shorter_claim_does_not_shorten_a_longer_one(claiming: tuple[Store, Performs]) -> None:
    claims, asked = claiming
    now = time.time()
    claims.claim_roots(FOREST.channel, ["1"], now, now + 1000)
    assert claims.claim_roots(FOREST.channel, ["1", "2"], now, now + 10) == {"2"}
    assert claims.claim_roots(FOREST.channel, ["1", "2"], now + 500, now + 600) == {"2"}
    assert idle(asked, "1", "2") == set()


def test_claims_that_ran_out_are_forgotten_and_others_kept(
    claiming: tuple[Store, Performs],
) -> None:
    claims, _ = claiming
    for number in range(5):
        claims.claim_roots(FOREST.channel, [str(number)], 0.0, 100.0 + number)
    claims.forget_claims(102.0)
    everyone = list(map(str, range(5)))
    assert claims.claim_roots(FOREST.channel, everyone, 50.0, 60.0) == {"0", "1"}


def test_thousands_of_roots_are_claimed_like_few(claiming: tuple[Store, Performs]) -> None:
    claims, asked = claiming
    now = time.time()
    many = [str(number) for number in range(4_500)]
    assert claims.claim_roots(FOREST.channel, many[::2], now, now + 60) == set(many[::2])
    assert claims.claim_roots(FOREST.channel, many, now, now + 90) == set(many[1::2])
    assert idle(asked, *many, "other") == {"other"}


def test_of_two_processes_that_claim_at_once_both_claims_count(blocking: Store) -> None:
    roots = [str(number) for number in range(50)]

    def claim(until: float) -> None:
        for _ in range(5):
            blocking.claim_roots(FOREST.channel, roots, 0.0, until)

    threads = [threading.Thread(target=claim, args=(100.0 + n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert blocking.claim_roots(FOREST.channel, roots, 102.9, 103.0) == set()
    assert blocking.claim_roots(FOREST.channel, roots, 103.0, 103.0) == set(roots)


@pytest.mark.parametrize(
    "name", ["", "board.Ünï", "a/b$c", "x" * 500, "$c", "Ünï.board"], ids=lambda name: name[:9]
)
def test_any_channel_name_will_do(store: Performs, name: str) -> None:
    key = AnchorKey(name, "$a.b")
    write(store, task(), key=key)
    store.perform(SwapAnchor(key, HOT))
    assert holders(store, TASK, channel=name) == {key}
    assert set(read(store, key=key)) == {TASK}


# -- heartbeats, lists, opening


def test_a_session_is_dead_when_its_heartbeat_is_missing_or_over(blocking: Store) -> None:
    sessions = frozenset(["silent", "late", "well"])
    blocking.perform(SwapAnchor(PROJECT, Anchor(sessions=sessions)))
    blocking.perform(SwapAnchor(OTHER, Anchor(sessions=frozenset(["well"]))))
    blocking.beat("late", 10.0)
    blocking.beat("well", 15.0)
    blocking.beat("well", 20.0)
    blocking.beat("nowhere", 1.0)
    assert blocking.dead_sessions(now=10.0) == {"silent", "late"}
    blocking.forget_session("well")
    assert blocking.dead_sessions(now=5.0) == {"silent", "well"}


def test_what_living_sessions_say_of_themselves(blocking: Store) -> None:
    blocking.beat("quiet", 20.0)
    blocking.beat("talks", 15.0, {"said": 1})
    blocking.beat("talks", 20.0, {"said": 2})
    blocking.beat("late", 10.0, {"said": 3})
    assert blocking.living_sessions(now=10.0) == {"quiet": None, "talks": {"said": 2}}
    blocking.forget_session("talks")
    assert blocking.living_sessions(now=10.0) == {"quiet": None}


def test_every_record_is_listed(blocking: Store) -> None:
    assert blocking.list_anchors() == []
    blocking.perform(SwapAnchor(PROJECT, HOT))
    blocking.perform(SwapAnchor(LABELS, HOT))
    assert {key for key, _ in blocking.list_anchors()} == {PROJECT, LABELS}


def test_records_are_counted_by_channel_and_phase(blocking: Store) -> None:
    assert blocking.count_phases() == {}
    for key in (PROJECT, OTHER, LABELS):
        blocking.perform(SwapAnchor(key, HOT))
    blocking.perform(SwapAnchor(LABELS, replace(HOT, phase=Phase.COOLING, revision=1)))
    assert blocking.count_phases() == {
        (PROJECT.channel, "HOT"): 2,
        (LABELS.channel, "COOLING"): 1,
    }


def test_several_records_are_loaded_at_once(store: Any) -> None:
    store.perform(SwapAnchor(PROJECT, HOT))
    loaded = store.load_anchors([PROJECT, OTHER])
    assert loaded == {PROJECT: store.perform(LoadAnchor(PROJECT)), OTHER: Anchor()}
    assert store.load_anchors([]) == {}


def test_there_is_one_memory_store_per_process() -> None:
    opening.reset()
    conf = RxGraphSettings()
    first = opening.open_store(conf)
    first.perform(SwapAnchor(PROJECT, HOT))
    assert opening.open_store(conf) is first
    served = Blocking(opening.open_async_store(conf))
    assert served.perform(LoadAnchor(PROJECT)).phase is Phase.HOT
    served.close()
    opening.reset()
    assert opening.open_store(conf) is not first


@pytest.mark.parametrize("url", ["redis://x", "localhost", ""])
def test_an_address_of_no_store_is_refused_when_it_is_opened(url: str) -> None:
    pytest.importorskip("pymongo")
    for opener in (opening.open_store, opening.open_async_store):
        with pytest.raises(ValueError, match=r"memory://"):
            opener(RxGraphSettings(store=url))


def test_an_unknown_driver_is_refused_when_it_is_opened() -> None:
    pytest.importorskip("pymongo")
    with pytest.raises(ValueError, match="motor"):
        opening.open_async_store(RxGraphSettings(store="mongodb://x/y", mongo_driver="txmongo"))


# -- MongoDB alone


@pytest.mark.parametrize(("driver", "port"), [("mongo", 9), ("motor", 10), ("pymongo", 11)])
def test_a_store_that_is_away_is_named_without_its_password(driver: str, port: int) -> None:
    pytest.importorskip("pymongo")
    conf = RxGraphSettings(
        store=f"mongodb://me:secret@127.0.0.1:{port}/live",  # a process remembers what is away
        mongo_driver=driver,
        store_timeout_seconds=0.2,
    )
    opened: Any
    if driver == "mongo":
        opened = opening.open_store(conf)
    else:
        opened = Blocking(opening.open_async_store(conf))
    with pytest.raises(
        BackendError, match=rf"LoadAnchor on mongodb://127\.0\.0\.1:{port}/live"
    ) as told:
        opened.perform(LoadAnchor(PROJECT))
    opened.close()
    assert "secret" not in str(told.value)


def test_a_store_that_is_closed_while_its_driver_connects_leaves_no_socket_to_later_tests():
    pytest.importorskip("pymongo")
    with socket.socket() as busy, socket.socket() as waiting, socket.socket() as another:
        busy.bind(("127.0.0.1", 0))
        busy.listen(0)
        for client in (waiting, another):  # a queue that is full: who comes now never connects
            client.setblocking(False)
            client.connect_ex(busy.getsockname())
        url = f"mongodb://127.0.0.1:{busy.getsockname()[1]}/live"
        opened = Blocking(_async_mongo(url, "pymongo"))

        async def look_in_vain() -> None:
            looking = asyncio.create_task(opened.store.perform(LoadAnchor(PROJECT)))
            await asyncio.sleep(0.2)
            await opened.store.close()
            with pytest.raises(BackendError):
                await looking

        with dropping_sockets():
            opened.runner.run(look_in_vain())
        opened.close()
    gc.collect()  # what is still open warns, and warnings are errors


@pytest.mark.integration
def test_a_save_that_nobody_watches_costs_one_round_trip(mongo_url: str) -> None:
    from pymongo.monitoring import CommandListener

    class Recorder(CommandListener):
        def __init__(self) -> None:
            self.names: list[str] = []

        def started(self, event: Any) -> None:
            self.names.append(event.command_name)

        def succeeded(self, event: Any) -> None: ...

        def failed(self, event: Any) -> None: ...

    recorder = Recorder()
    fresh = _mongo(mongo_url, client_options={"event_listeners": [recorder]})
    wanted = {PROJECT.channel: keys(TASK, COMMENT), LABELS.channel: keys(TASK)}
    fresh.perform(FindHolders(wanted))
    assert recorder.names == ["aggregate"]
    write(fresh, *[task(InstanceKey("Task", str(i))) for i in range(500)])
    fresh.perform(SwapAnchor(PROJECT, HOT))
    recorder.names.clear()
    assert fresh.perform(FindHolders(wanted)).keys() == {PROJECT}
    assert recorder.names == ["aggregate"]
    recorder.names.clear()
    fresh.perform(SwapAnchor(PROJECT, fresh.perform(LoadAnchor(PROJECT))))
    assert recorder.names == ["find", "update"]
    fresh.close()


@pytest.mark.integration
def test_every_question_is_answered_from_an_index(mongo_url: str) -> None:
    from pymongo import MongoClient

    from rxgraph.cache.mongo_codec import collection_name

    opened = _mongo(mongo_url)
    write(opened, *[task(InstanceKey("Task", str(i)), links=(COMMENT,)) for i in range(200)])
    write(opened, *[task(InstanceKey("Task", str(i))) for i in range(200)], key=OTHER)
    opened.perform(SwapAnchor(PROJECT, HOT))
    generation = {"_id.a": "1", "_id.g": 1}
    with MongoClient[Any](mongo_url) as client:
        database = client.get_default_database()
        instances = database[collection_name(PROJECT.channel)]
        for filter_ in (
            {"$or": [{"_id.t": "Task", "_id.i": {"$in": ["1", "7"]}}], "x": None},
            {**generation, "c": {"$in": ["C:none"]}, "x": None},
            {**generation, "v": {"$gt": 1}},
            {"_id": {"$in": [{"a": "1", "g": 1, "t": "Task", "i": "1"}]}},
        ):
            plan = instances.find(filter_).explain()["executionStats"]
            assert plan["totalDocsExamined"] <= 4, filter_
        plan = database.anchors.find({"_id.c": "x", "phase": "HEATING"}).explain()
        assert plan["executionStats"]["totalDocsExamined"] == 0
    opened.close()


@pytest.mark.integration
def test_questions_about_roots_and_forests_are_answered_from_an_index(mongo_url: str) -> None:
    from pymongo import MongoClient

    from rxgraph.cache import mongo_requests as requests

    opened = _mongo(mongo_url)
    for number in range(100):
        opened.perform(SwapAnchor(AnchorKey("board.ProjectChannel", str(number)), HOT))
        opened.perform(SwapAnchor(AnchorKey(f"board.List{number}", ""), HOT))
    opened.claim_roots(FOREST.channel, [str(number) for number in range(200)], 0.0, 4e9)
    opened.claim_roots(FOREST.channel, ["old"], 0.0, 50.0)
    always = frozenset([AnchorKey("board.List7", ""), AnchorKey("board.List8", "")])
    holders = FindHolders({"board.List7": keys(TASK)}, always)
    (first, *_) = next(requests.find_holders(holders)).pipeline  # type: ignore[attr-defined]
    idle_roots = FindIdleRoots(FOREST.channel, frozenset(["1", "2", "none"]))
    claimed: Any = next(requests.find_idle_roots(idle_roots))
    forgotten: Any = next(requests.forget_claims(60.0))
    with MongoClient[Any](mongo_url) as client:
        database = client.get_default_database()
        for collection, filter_, found in (
            ("anchors", first["$match"], 2),
            ("roots", claimed.filter, 2),
            ("roots", forgotten.filter, 1),
        ):
            plan = database[collection].find(filter_).explain()["executionStats"]
            assert plan["nReturned"] == found, filter_
            assert plan["totalDocsExamined"] <= 4, filter_
            assert plan["totalKeysExamined"] <= found + 4, filter_
    opened.close()


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_store_survives_a_fork(mongo_url: str) -> None:
    opened = _mongo(mongo_url)
    opened.perform(SwapAnchor(PROJECT, HOT))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            anchor = opened.perform(LoadAnchor(PROJECT))
            status = 0 if opened.perform(SwapAnchor(PROJECT, anchor)) else 2
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert opened.perform(LoadAnchor(PROJECT)).revision == 2
    opened.close()


# -- the same answers, whatever is asked

_instances = st.sampled_from([TASK, TASK_2, COMMENT, InstanceKey("Task", "3")])
_some = st.frozensets(_instances, max_size=3)
_anchor_keys = st.sampled_from([PROJECT, OTHER, LABELS])
_generations = st.integers(1, 3)
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
_documents = st.builds(
    Document,
    key=_instances,
    version=st.integers(0, 6),
    data=st.dictionaries(st.sampled_from(["id", "b", "a", "$x"]), _json, max_size=2),
    links=st.lists(_instances, max_size=2, unique=True).map(tuple),
    owner=st.none() | st.just("7"),
    former_owners=st.sampled_from([(), ("5",)]),
    removed=st.none() | st.sampled_from(RemovalReason),
)
_anchors = st.builds(
    Anchor,
    revision=st.integers(-2, 3),
    phase=st.sampled_from(Phase),
    generation=_generations,
    pending=st.frozensets(st.just(RowKey("board.task", "1"))),
)
_names = st.sampled_from(["p", "q"])
_channels = st.sampled_from([PROJECT.channel, FOREST.channel])
_roots = st.sampled_from(["1", "2", "3"])
_times = st.sampled_from([5.0, 10.0, 4e9, 5e9])  # long ago, or far ahead: both clocks agree


@dataclass(frozen=True)
class Claim:
    """Claim roots; what is no step because it blocks."""

    channel: str
    roots: frozenset[str]
    now: float
    until: float


@dataclass(frozen=True)
class Forget:
    """Forget claims."""

    before: float


def answer_of(store: Store, step: Any) -> Any:
    match step:
        case Claim(channel, roots, now, until):
            return store.claim_roots(channel, sorted(roots), now, until)
        case Forget(before):
            store.forget_claims(before)
            return None
    answer = store.perform(step)
    return answer if isinstance(step, ReadPack) else comparable(answer)


_steps: st.SearchStrategy[Any] = st.one_of(
    st.builds(LoadAnchor, _anchor_keys),
    st.builds(SwapAnchor, _anchor_keys, _anchors),
    st.builds(
        FindHolders,
        st.dictionaries(st.sampled_from([PROJECT.channel, LABELS.channel]), _some, max_size=2),
        st.frozensets(_anchor_keys, max_size=2),
    ),
    st.builds(FindIdleRoots, _channels, st.frozensets(_roots)),
    st.builds(Claim, _channels, st.frozensets(_roots), _times, _times),
    st.builds(Forget, _times),
    st.builds(ReadDocuments, _anchor_keys, _generations, _some),
    st.builds(ReadParents, _anchor_keys, _generations, _some),
    st.builds(ReadSince, _anchor_keys, _generations, st.integers(-1, 6)),
    st.builds(
        WriteDocuments,
        _anchor_keys,
        _generations,
        st.lists(_documents, max_size=4, unique_by=lambda document: document.key).map(tuple),
        st.booleans(),
    ),
    st.builds(WriteDocuments, _anchor_keys, _generations, st.just((SIGN,))),
    st.builds(DropGeneration, _anchor_keys, _generations),
    st.builds(
        WritePart,
        _anchor_keys,
        _generations,
        _names,
        st.integers(0, 1),
        st.lists(_documents, max_size=3).map(tuple),
    ),
    st.builds(
        ReadPack,
        _anchor_keys,
        _generations,
        st.builds(Pack, _names, st.integers(0, 3), st.integers(1, 2)),
    ),
    st.builds(DropPack, _anchor_keys, _generations, _names),
)


@pytest.mark.integration
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(_steps, min_size=5, max_size=25))
def test_memory_and_mongodb_give_the_same_answers(mongo_url: str, steps: list[Any]) -> None:
    from pymongo import MongoClient

    memory, mongo = MemoryStore(), _mongo(mongo_url)
    with MongoClient[Any](mongo_url) as client:
        database = client.get_default_database()
        for name in database.list_collection_names():
            database[name].delete_many({})
    for step in steps:
        assert answer_of(mongo, step) == answer_of(memory, step), step
    for key in (PROJECT, OTHER, LABELS):
        for generation in (1, 2, 3):
            everything = ReadSince(key, generation, 0)
            assert comparable(mongo.perform(everything)) == comparable(memory.perform(everything))
    mongo.close()


def comparable(answer: Any) -> Any:
    """Return *answer* without the order that no store promises."""
    if isinstance(answer, list):
        return {document.key: (document, shown(document)) for document in answer}
    return answer


# -- token buckets


def spent(tokens: float, *, key: str = "operations u1", rate: float = 1000.0) -> Spent:
    return Spent(key, tokens, rate, burst=50)


def about(tokens: float) -> Any:
    """A bucket that is refilled slowly, some time later."""
    return pytest.approx(tokens, abs=0.1)


def test_a_bucket_begins_full_and_may_be_overdrawn(store: Performs) -> None:
    slow = 0.001
    assert store.perform(Spend(spent(20, rate=slow))) == about(30)
    assert store.perform(Spend(spent(45, rate=slow))) == about(-15)
    assert store.perform(Spend(spent(1, key="operations u2", rate=slow))) == about(49)
    store.perform(SpendSeveral((spent(5, rate=slow), spent(9, key="operations u3", rate=slow))))
    assert store.perform(Spend(spent(0, rate=slow))) == about(-20)
    assert store.perform(Spend(spent(0, key="operations u3", rate=slow))) == about(41)


def test_a_bucket_refills_up_to_its_burst(store: Performs) -> None:
    store.perform(Spend(spent(60)))
    time.sleep(0.15)
    assert store.perform(Spend(spent(0))) == 50


def test_buckets_are_kept_while_somebody_takes_from_them(store: Performs) -> None:
    store.perform(Spend(spent(20, rate=0.001)))
    store.perform(ForgetBuckets())
    assert store.perform(Spend(spent(0, rate=0.001))) == about(30)
