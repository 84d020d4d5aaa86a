"""What waits for a slow subscriber: bounded, in order, and never less than it should be told."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rxgraph.compile.channel_types import ResetReason
from rxgraph.delta import apply, see
from rxgraph.serve.backlog import LAG_SECONDS, Backlog, Delta, Lost, Message, Restart, RuntimeChange
from rxgraph.serve.hub import Move, MoveKind
from rxgraph.serve.views import see_after
from rxgraph.types import Document, InstanceKey
from tests.serve.shop import ANN, BOB, HIS, MINE, ROOT, TREE, album, gone, memo, shelf, track


class Place:
    """A place that knows whether it was given up."""

    def __init__(self, number: int) -> None:
        self.number, self.is_released = number, False

    def release(self) -> None:
        """Give it up."""
        assert not self.is_released
        self.is_released = True


class Desk:
    """A backlog, its places, and a replica that moves."""

    def __init__(self, limit: int) -> None:
        self.now, self.places = 0.0, list[Place]()
        self.state: dict[InstanceKey, Document] = shelf()
        self.position = 1
        self.backlog = Backlog(limit, self.reserve, lambda: self.now)
        self.backlog.begin(self.moved(MoveKind.CHANGES, {}))

    def reserve(self) -> Place:
        """Reserve a place."""
        self.places.append(Place(len(self.places)))
        return self.places[-1]

    def moved(self, kind: MoveKind, changes: dict[InstanceKey, Document]) -> Move:
        """Return the move that *changes* are."""
        return Move(kind, self.state, changes, 1, self.position, 0.0)

    def change(self, *documents: Document) -> None:
        """Move the replica on."""
        changes = {document.key: document for document in documents}
        self.state = apply(self.state, changes)
        self.position += 1
        self.backlog.move(self.moved(MoveKind.CHANGES, changes))

    def take_all(self) -> list[Any]:
        """Take everything that waits."""
        found = []
        while (item := self.backlog.take()) is not None:
            found.append(item)
        return found

    def held(self) -> int:
        """Return how many places are neither given up nor taken."""
        return sum(not place.is_released for place in self.places)


commands = st.lists(
    st.tuples(
        st.sampled_from(["change", "delete", "message", "runtime", "restart", "take", "wait"]),
        st.integers(0, 3),
    ),
    max_size=60,
)


@given(commands, st.integers(2, 8))
def test_whoever_takes_everything_arrives_at_the_replicas_state(steps, limit):
    desk = Desk(limit)
    seen: dict[InstanceKey, Document] = shelf()
    numbers: list[int] = []
    runtime: list[int] = []
    newest = 0

    def take(item: Any) -> None:
        nonlocal seen
        places: Any = item.places if isinstance(item, Restart) else (item.place,)
        numbers.extend(place.number for place in places)
        assert not any(place.is_released for place in places)
        if isinstance(item, Restart):
            seen = dict(item.move.state)
        elif isinstance(item, Delta):
            seen = apply(seen, item.move.changes)
            assert seen == item.move.state
        elif isinstance(item, RuntimeChange):
            runtime.append(item.values["set"])

    for version, (step, number) in enumerate(steps, start=2):
        if step == "change":
            desk.change(track(number, version, str(version)))
        elif step == "delete":
            desk.change(gone(InstanceKey("Track", str(number)), version))
        elif step == "message":
            desk.backlog.message(number)
        elif step == "runtime":
            desk.backlog.runtime({"set": version})
            newest = version
        elif step == "restart":
            desk.backlog.move(desk.moved(MoveKind.RESTART, {}))
        elif step == "take" and (item := desk.backlog.take()) is not None:
            take(item)
        elif step == "wait":
            desk.now += number
        assert len(desk.backlog) <= limit
    for item in desk.take_all():
        take(item)
    assert seen == desk.state
    assert runtime == sorted(runtime)
    assert runtime[-1:] == ([newest] if newest else [])
    assert numbers == sorted(numbers)
    assert len(numbers) == desk.held()  # every other place was given up


def test_merged_deltas_take_the_place_of_the_newest():
    desk = Desk(3)
    for version in range(2, 6):
        desk.change(track(version, version))
    (item,) = desk.take_all()
    assert isinstance(item, Delta)
    assert item.place is desk.places[-1]
    assert {key.id for key in item.move.changes} == {"2", "3", "4", "5"}


def test_deltas_that_waited_too_long_go_out_as_one():
    desk = Desk(100)
    desk.change(track(0, 2))
    desk.change(track(1, 3))
    desk.now += LAG_SECONDS / 2
    assert len(desk.take_all()) == 2
    desk.change(track(0, 4))
    desk.change(track(1, 5))
    desk.now += LAG_SECONDS * 2
    assert len(desk.take_all()) == 1


def test_messages_keep_their_place_between_deltas():
    desk = Desk(100)
    desk.change(track(0, 2))
    desk.backlog.message("between")
    desk.change(track(0, 3))
    desk.now += LAG_SECONDS * 2
    kinds = [type(item) for item in desk.take_all()]
    assert kinds == [Delta, Message, Delta]


def test_what_cannot_be_merged_overflows_into_a_restart_with_the_newest_state():
    desk = Desk(4)
    desk.change(track(0, 2, "newest"))
    for number in range(4):
        desk.backlog.message(number)
    (item,) = desk.take_all()
    assert isinstance(item, Restart)
    assert item.reason is ResetReason.OVERFLOW
    assert item.move.state[InstanceKey("Track", "0")].data["title"] == "newest"


def test_nothing_comes_after_the_end_and_the_end_is_never_dropped():
    desk = Desk(2)
    desk.backlog.move(desk.moved(MoveKind.LOST, {}))
    for number in range(9):
        desk.backlog.message(number)
    desk.change(track(0, 2))
    assert [type(item) for item in desk.take_all()] == [Lost]


documents = st.one_of(
    st.builds(track, st.integers(0, 2), st.integers(2, 9)),
    st.builds(album, st.integers(2, 9), tracks=st.integers(0, 3)),
    st.builds(memo, st.sampled_from([MINE, HIS]), st.sampled_from([ANN, BOB]), st.integers(2, 9)),
    st.builds(
        gone,
        st.sampled_from([ROOT, MINE, InstanceKey("Track", "0"), InstanceKey("Track", "1")]),
        st.integers(2, 9),
    ),
)


@given(st.lists(st.lists(documents, max_size=4), max_size=6), st.sampled_from(["1", "2"]))
def test_following_a_replica_sees_what_looking_at_all_of_it_sees(batches, user_id):
    state: dict[InstanceKey, Document] = shelf()
    view = see(TREE, ROOT, state, user_id)
    for batch in batches:
        changes = {document.key: document for document in batch}
        state = apply(state, changes)
        view = see_after(view, state, changes, user_id)
        assert view == see(TREE, ROOT, state, user_id)
