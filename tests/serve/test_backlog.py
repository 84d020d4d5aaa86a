"""What waits for a slow subscriber: bounded, in order, and never less than it should be told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxgraph.compile.channel_types import ResetReason
from rxgraph.delta import apply, see
from rxgraph.serve.backlog import LAG_SECONDS, Backlog, Delta, Lost, Message, Restart, RuntimeChange
from rxgraph.serve.replica import Move, MoveKind
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


@pytest.mark.parametrize("count", [100, 2000])
def test_whoever_reads_nothing_keeps_a_second_of_deltas_and_what_changed_since(count):
    desk = Desk(1000)
    for number in range(count):
        desk.change(track(number % 7, number + 2))
        desk.now += 0.05
    assert len(desk.backlog) <= 2 * LAG_SECONDS / 0.05 + 1
    assert desk.held() == len(desk.backlog)
    (item,) = desk.take_all()
    assert len(item.move.changes) == 7
    assert item.move.state is desk.state


def test_changes_of_too_many_instances_become_a_restart():
    desk = Desk(50)
    for number in range(200):
        desk.change(track(number, number + 2))
        desk.now += 0.2
    assert desk.held() == len(desk.backlog) + 1, "a restart has two places"
    items = desk.take_all()
    assert isinstance(items[0], Restart)
    assert items[0].reason is ResetReason.OVERFLOW
    assert all(isinstance(item, Delta) for item in items[1:])


def test_a_delta_that_was_taken_is_not_changed_by_what_comes_then():
    desk = Desk(100)
    desk.change(track(0, 2))
    desk.now += 2 * LAG_SECONDS
    desk.change(track(1, 3))
    desk.change(track(2, 4))
    (item,) = desk.take_all()
    before = dict(item.move.changes)
    for number in range(5, 9):
        desk.now += LAG_SECONDS
        desk.change(track(number, number))
    assert item.move.changes == before
    assert len(before) == 3


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


# -- the roots of a list

_root_sets = st.lists(
    st.sampled_from([InstanceKey("Album", id_) for id_ in "789"]), unique=True, max_size=3
).map(tuple)
list_steps = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "move",
                "list",
                "message",
                "restart",
                "overflow",
                "collapse",
                "waiting",
                "take",
                "wait",
            ]
        ),
        _root_sets,
    ),
    max_size=40,
)


@given(list_steps, st.integers(2, 8))
def test_whoever_takes_everything_of_a_list_arrives_at_its_state_and_roots(steps, limit):
    desk = Desk(limit)
    seen: dict[InstanceKey, Document] = shelf()
    shown: Any = ()
    roots: Any = ()
    numbers: list[int] = []
    waiting: list[Move] = []  # of the stream that asks first: not in the backlog yet

    def take(item: Any) -> None:
        nonlocal seen, shown
        places: Any = item.places if isinstance(item, Restart) else (item.place,)
        numbers.extend(place.number for place in places)
        assert not any(place.is_released for place in places)
        if isinstance(item, Restart):
            seen, shown = dict(item.move.state), shown if item.roots is None else item.roots
        elif isinstance(item, Delta):
            seen = apply(seen, item.move.changes)
            assert seen == item.move.state
            shown = shown if item.roots is None else item.roots

    def pass_on() -> None:
        while waiting:
            desk.backlog.move(waiting.pop(0), None, roots)

    for version, (step, fresh) in enumerate(steps, start=2):
        if step in ("move", "waiting"):
            changed = track(version % 3, version, str(version))
            desk.state = apply(desk.state, {changed.key: changed})
            desk.position += 1
            waiting.append(desk.moved(MoveKind.CHANGES, {changed.key: changed}))
            if step == "move":
                roots = fresh
                pass_on()
        elif step == "list":
            pass_on()
            roots = fresh
            desk.backlog.move(desk.moved(MoveKind.CHANGES, {}), None, roots)
        elif step == "message":
            desk.backlog.message(version)
        elif step == "restart":
            waiting.append(desk.moved(MoveKind.RESTART, {}))
            pass_on()
        elif step == "overflow":
            waiting.clear()
            desk.backlog.relist(roots)
            desk.backlog.restart(desk.moved(MoveKind.CHANGES, {}), ResetReason.OVERFLOW)
        elif step == "collapse":
            roots = fresh
            desk.backlog.collapse(waiting, desk.moved(MoveKind.CHANGES, {}), roots)
            waiting.clear()
        elif step == "take" and not waiting and (item := desk.backlog.take()) is not None:
            take(item)
        elif step == "wait":
            desk.now += len(fresh)
        assert len(desk.backlog) <= limit
    pass_on()
    for item in desk.take_all():
        take(item)
    assert seen == desk.state
    assert shown == roots
    assert numbers == sorted(numbers)
    assert len(numbers) == desk.held()


def test_a_collapse_tells_one_step_with_the_marks_of_all():
    desk = Desk(100)
    one, two = (InstanceKey("Album", "7"),), (InstanceKey("Album", "8"),)
    for version in (2, 3):
        changed = track(version, version)
        desk.state = apply(desk.state, {changed.key: changed})
        marked = replace(
            desk.moved(MoveKind.CHANGES, {changed.key: changed}), marks=(str(version),)
        )
        desk.backlog.move(marked, None, one)
    desk.backlog.message("stays")
    last = track(4, 4)
    desk.state = apply(desk.state, {last.key: last})
    waiting = replace(desk.moved(MoveKind.CHANGES, {last.key: last}), marks=("4",))
    desk.backlog.collapse([waiting], desk.moved(MoveKind.CHANGES, {}), two)
    message, delta = desk.take_all()
    assert isinstance(message, Message)
    assert isinstance(delta, Delta)
    assert {key.id for key in delta.move.changes} == {"2", "3", "4"}
    assert delta.move.marks == ("2", "3", "4")
    assert delta.roots == two


def test_a_collapse_keeps_a_restart_that_waits_with_its_reason():
    desk = Desk(100)
    desk.backlog.restart(desk.moved(MoveKind.CHANGES, {}), ResetReason.OVERFLOW)
    desk.change(track(2, 2))
    roots = (InstanceKey("Album", "8"),)
    desk.backlog.collapse([], desk.moved(MoveKind.CHANGES, {}), roots)
    (item,) = desk.take_all()
    assert isinstance(item, Restart)
    assert (item.reason, item.roots) == (ResetReason.OVERFLOW, roots)
    desk.backlog.collapse(
        [desk.moved(MoveKind.RESTART, {})], desk.moved(MoveKind.CHANGES, {}), roots
    )
    (item,) = desk.take_all()
    assert isinstance(item, Restart)
    assert item.reason is ResetReason.CACHE_CLEARED
