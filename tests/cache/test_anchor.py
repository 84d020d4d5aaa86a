"""Every decision over an anchor record, every refusal, and the laws on random walks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rxgraph.cache import anchor as decide
from rxgraph.cache.anchor import NOBODY, Anchor, Lease
from rxgraph.cache.phases import Phase
from rxgraph.types import InstanceKey, RowKey

NOW = 1000.0
ME, YOU = Lease("me", 10.0), Lease("you", 10.0)
ROW, ROW_2 = RowKey("board.task", "1"), RowKey("board.task", "2")
TASK = InstanceKey("Task", "1")

COLD = Anchor()
HEATING = Anchor(
    phase=Phase.HEATING, generation=1, seq=1, owner="me", lease_until=NOW + 10, schema="s"
)
HOT = Anchor(phase=Phase.HOT, generation=1, seq=1, done=1, floor=1, schema="s", idle_since=900.0)
TAKEN = replace(HOT, seq=2, owner="me", lease_until=NOW + 10, taken=frozenset([ROW]))
COOLING = replace(HOT, phase=Phase.COOLING)
EVERY = [COLD, HEATING, HOT, TAKEN, COOLING]


def rows(*keys: RowKey) -> frozenset[RowKey]:
    return frozenset(keys)


# -- heating


def test_a_cold_anchor_is_opened_under_a_new_generation() -> None:
    before = replace(COLD, generation=4, seq=9, done=9, sessions=frozenset(["s"]))
    after = decide.open_(before, ME, NOW, schema="new")
    assert after == replace(
        before,
        phase=Phase.HEATING,
        generation=after.generation if after else 0,
        seq=10,
        owner="me",
        lease_until=NOW + 10,
        schema="new",
    )


def test_a_generation_is_none_that_was_there_before_though_the_store_has_forgotten_it() -> None:
    first = decide.open_(COLD, ME, NOW, schema="s")
    later = decide.open_(COLD, ME, NOW + 0.001, schema="s")
    other = decide.open_(COLD, YOU, NOW, schema="s")
    assert first is not None
    assert later is not None
    assert other is not None
    assert len({anchor.generation for anchor in (first, later, other)}) == 3
    assert first.generation < later.generation < 2**63
    again = decide.open_(replace(COLD, generation=later.generation), ME, NOW, schema="s")
    assert again is not None
    assert again.generation == later.generation + 1


def test_what_is_heated_after_a_loss_is_above_what_was_lost() -> None:
    hot, newer = replace(HOT, generation=5), replace(HOT, generation=9)
    cooling = decide.clear(hot, NOW, 7)
    assert cooling is not None
    assert (cooling.phase, cooling.generation) == (Phase.COOLING, 7)
    assert decide.clear(newer, NOW, 7) is None, "somebody has heated it anew"
    assert decide.outlive(COLD, 7) == replace(COLD, generation=7)
    assert decide.outlive(replace(COLD, generation=7), 7) is None
    assert decide.outlive(HEATING, 7) is None


def test_a_heater_that_is_silent_too_long_is_replaced() -> None:
    pushed = replace(HEATING, pending=rows(ROW))
    after = decide.open_(pushed, YOU, NOW + 10, schema="s")
    assert after is not None
    assert (after.owner, after.seq, after.pending) == ("you", 2, rows())
    assert after.generation > HEATING.generation
    assert decide.fill(after, "me", 1, NOW + 10) is None


@pytest.mark.parametrize("anchor", [HEATING, HOT, TAKEN, COOLING])
def test_only_cold_anchors_and_forsaken_heatings_are_opened(anchor: Anchor) -> None:
    assert decide.open_(anchor, YOU, NOW, schema="s") is None


@pytest.mark.parametrize("anchor", [HOT, TAKEN, COOLING])
def test_what_is_hot_or_cooling_is_not_opened_after_any_time(anchor: Anchor) -> None:
    assert decide.open_(anchor, YOU, NOW + 99, schema="s") is None


def test_filling_makes_hot_and_keeps_what_was_pushed_meanwhile() -> None:
    pushed = replace(HEATING, seq=4, pending=rows(ROW))
    after = decide.fill(pushed, "me", 4, NOW)
    assert after == replace(
        pushed,
        phase=Phase.HOT,
        done=4,
        floor=4,
        done_at=NOW,
        owner=NOBODY,
        lease_until=0.0,
        idle_since=NOW,
    )


def test_a_filled_anchor_is_idle_only_without_sessions() -> None:
    watched = decide.fill(replace(HEATING, sessions=frozenset(["s"])), "me", 1, NOW)
    assert watched is not None
    assert watched.idle_since == 0.0


def test_abandoning_makes_cold_and_forgets_what_was_pushed() -> None:
    after = decide.abandon(replace(HEATING, pending=rows(ROW)), "me", 1)
    assert after == replace(HEATING, phase=Phase.COLD, owner=NOBODY, lease_until=0.0)


@pytest.mark.parametrize("anchor", [COLD, HOT, TAKEN, COOLING])
def test_only_a_heating_is_filled_or_abandoned(anchor: Anchor) -> None:
    assert decide.fill(anchor, anchor.owner, anchor.seq, NOW) is None
    assert decide.abandon(anchor, anchor.owner, anchor.seq) is None


# -- turns


def test_a_push_takes_a_free_lease() -> None:
    after = decide.push(HOT, rows(ROW, ROW_2), ME, NOW, schema="s")
    assert after == replace(HOT, seq=2, taken=rows(ROW, ROW_2), owner="me", lease_until=NOW + 10)


def test_a_push_leaves_the_work_to_who_holds_the_lease() -> None:
    after = decide.push(TAKEN, rows(ROW_2), YOU, NOW, schema="s")
    assert after == replace(TAKEN, pending=rows(ROW_2))
    again = decide.push(TAKEN, rows(ROW), YOU, NOW, schema="s")
    assert again == replace(TAKEN, pending=rows(ROW))  # changed after it was taken, perhaps read


def test_a_push_on_a_heating_waits_for_it() -> None:
    for now in (NOW, NOW + 99):
        after = decide.push(HEATING, rows(ROW), YOU, now, schema="s")
        assert after == replace(HEATING, pending=rows(ROW))


def test_a_push_from_another_schema_does_not_take() -> None:
    after = decide.push(HOT, rows(ROW), ME, NOW, schema="other")
    assert after == replace(HOT, pending=rows(ROW))


def test_a_push_takes_over_from_a_silent_holder_with_its_work() -> None:
    silent = replace(TAKEN, writing=frozenset([TASK]), pending=rows(ROW_2))
    after = decide.push(silent, rows(), YOU, NOW + 10, schema="s")
    assert after is not None
    assert (after.owner, after.seq, after.done) == ("you", 3, 1)
    assert after.taken == rows(ROW, ROW_2)
    assert after.writing == frozenset([TASK])
    assert after.pending == rows()


@pytest.mark.parametrize("anchor", [COLD, COOLING])
def test_nothing_is_pushed_to_what_is_not_live(anchor: Anchor) -> None:
    assert decide.push(anchor, rows(ROW), ME, NOW, schema="s") is None


def test_left_work_is_taken() -> None:
    left = replace(HOT, pending=rows(ROW))
    after = decide.take(left, YOU, NOW, schema="s")
    assert after == replace(HOT, seq=2, taken=rows(ROW), owner="you", lease_until=NOW + 10)
    unfinished = decide.take(TAKEN, YOU, NOW + 10, schema="s")
    assert unfinished is not None
    assert unfinished.taken == rows(ROW)
    assert unfinished.seq == 3


@pytest.mark.parametrize(
    ("anchor", "now", "schema"),
    [
        (HOT, NOW, "s"),  # nothing to do
        (TAKEN, NOW, "s"),  # somebody does it
        (replace(TAKEN, pending=rows(ROW_2)), NOW, "s"),
        (replace(HOT, pending=rows(ROW)), NOW, "other"),
        (TAKEN, NOW + 99, "other"),
        (replace(HEATING, pending=rows(ROW)), NOW + 99, "s"),
        (replace(COOLING, pending=rows(ROW)), NOW, "s"),
        (replace(COLD, pending=rows(ROW)), NOW, "s"),
    ],
)
def test_work_is_not_taken(anchor: Anchor, now: float, schema: str) -> None:
    assert decide.take(anchor, YOU, now, schema=schema) is None


def test_extending_renews_the_lease_and_announces_more() -> None:
    pushed = replace(TAKEN, pending=rows(ROW_2))
    after = decide.extend(pushed, "me", 2, NOW + 5, seconds=10, writing=frozenset([TASK]))
    assert after == replace(pushed, writing=frozenset([TASK]), lease_until=NOW + 15)
    assert after is not None
    assert decide.extend(after, "me", 2, NOW + 6, seconds=10) == replace(
        after, lease_until=NOW + 16
    )


def test_a_heater_extends_too() -> None:
    after = decide.extend(HEATING, "me", 1, NOW + 5, seconds=10)
    assert after == replace(HEATING, lease_until=NOW + 15)


def test_finishing_shows_the_batch_and_gives_the_lease_back() -> None:
    busy = replace(TAKEN, writing=frozenset([TASK]), pending=rows(ROW_2))
    after = decide.finish(busy, "me", 2, NOW)
    assert after == replace(HOT, seq=2, done=2, done_at=NOW, pending=rows(ROW_2))


def test_rows_that_changed_after_they_were_read_are_pending_again() -> None:
    after = decide.finish(TAKEN, "me", 2, NOW, again=rows(ROW))
    assert after is not None
    assert after.pending == rows(ROW)
    assert after.taken == rows()


def test_a_batch_is_taken_again_with_what_was_pushed_meanwhile() -> None:
    pushed = replace(TAKEN, pending=rows(ROW_2), writing=frozenset([TASK]))
    after = decide.take_again(pushed, "me", 2, YOU, NOW)
    assert after == replace(
        pushed,
        seq=3,
        taken=rows(ROW, ROW_2),
        pending=rows(),
        owner="you",
        lease_until=NOW + 10,
    )
    assert after.is_unfinished
    assert decide.take_again(pushed, "you", 2, YOU, NOW) is None
    assert decide.take_again(pushed, "me", 1, YOU, NOW) is None
    assert decide.take_again(replace(HEATING, seq=2), "me", 2, YOU, NOW) is None


def test_a_lease_that_ran_out_still_counts_while_nobody_took_over() -> None:
    assert decide.finish(TAKEN, "me", 2, NOW + 99) is not None


def test_a_released_batch_stays_to_be_done() -> None:
    after = decide.release(TAKEN, "me", 2)
    assert after == replace(TAKEN, owner=NOBODY, lease_until=0.0)
    assert after is not None
    assert after.is_unfinished
    assert decide.take(after, YOU, NOW, schema="s") is not None


@pytest.mark.parametrize(("owner", "seq"), [("me", 1), ("me", 3), ("you", 2), (NOBODY, 2)])
def test_who_was_replaced_is_refused(owner: str, seq: int) -> None:
    assert decide.extend(TAKEN, owner, seq, NOW, seconds=10) is None
    assert decide.finish(TAKEN, owner, seq, NOW) is None
    assert decide.release(TAKEN, owner, seq) is None
    heating = replace(HEATING, seq=2)
    assert decide.fill(heating, owner, seq, NOW) is None
    assert decide.abandon(heating, owner, seq) is None
    assert decide.extend(heating, owner, seq, NOW, seconds=10) is None


@pytest.mark.parametrize("anchor", [HEATING, COOLING])
def test_only_a_hot_anchor_is_finished(anchor: Anchor) -> None:
    assert decide.finish(anchor, anchor.owner, anchor.seq, NOW) is None


# -- clearing, sessions, expiry


def test_clearing_cools_and_dropping_makes_cold() -> None:
    cleared = decide.clear(replace(HOT, pending=rows(ROW)), NOW)
    assert cleared == COOLING
    assert cleared is not None
    assert decide.drop(cleared, 1) == replace(COOLING, phase=Phase.COLD)


def test_clearing_overtakes_a_silent_holder_whose_finish_is_then_refused() -> None:
    cleared = decide.clear(TAKEN, NOW + 10)
    assert cleared is not None
    assert cleared.phase is Phase.COOLING
    assert cleared.taken == rows()
    assert decide.finish(cleared, "me", 2, NOW + 10) is None


@pytest.mark.parametrize("anchor", [COLD, HEATING, TAKEN, COOLING])
def test_only_a_hot_anchor_at_rest_is_cleared(anchor: Anchor) -> None:
    assert decide.clear(anchor, NOW) is None


def test_only_the_cooling_generation_is_dropped() -> None:
    assert decide.drop(COOLING, 2) is None
    for anchor in (COLD, HEATING, HOT, TAKEN):
        assert decide.drop(anchor, anchor.generation) is None


@pytest.mark.parametrize("anchor", EVERY)
def test_sessions_join_and_leave_in_every_phase(anchor: Anchor) -> None:
    joined = decide.join(anchor, "s")
    assert joined == replace(anchor, sessions=frozenset(["s"]), idle_since=0.0)
    assert joined is not None
    assert decide.join(joined, "s") is None
    both = decide.join(joined, "t")
    assert both is not None
    one = decide.leave(both, "s", NOW)
    assert one == replace(anchor, sessions=frozenset(["t"]), idle_since=0.0)
    assert one is not None
    assert decide.leave(one, "s", NOW) is None
    assert decide.leave(one, "t", NOW) == replace(anchor, idle_since=NOW)


def test_an_anchor_expires_when_nobody_has_looked_for_long() -> None:
    assert decide.is_expired(HOT, 1000.0, ttl_seconds=100.0)
    assert not decide.is_expired(HOT, 999.9, ttl_seconds=100.0)
    assert not decide.is_expired(replace(HOT, sessions=frozenset(["s"])), 1e9, ttl_seconds=1.0)
    for anchor in (COLD, HEATING, COOLING):
        assert not decide.is_expired(anchor, 1e9, ttl_seconds=1.0)


def test_questions_about_a_record() -> None:
    assert [anchor.is_live for anchor in EVERY] == [False, True, True, True, False]
    assert [anchor.is_free(NOW) for anchor in EVERY] == [True, False, True, False, True]
    assert TAKEN.is_free(NOW + 10)
    assert [anchor.is_unfinished for anchor in EVERY] == [False, False, False, True, False]


# -- the laws, on random walks

_owners = st.sampled_from(["a", "b", "c"])
_rows = st.frozensets(st.sampled_from([ROW, ROW_2, RowKey("board.user", "1")]), max_size=2)
_instances = st.frozensets(st.sampled_from([TASK, InstanceKey("Task", "2")]), max_size=1)


class Life(RuleBasedStateMachine):
    """Several writers, some of them late, decide over one record; swaps are atomic."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = Anchor()
        self.now = NOW
        self.turns: list[tuple[str, int]] = []  # every turn anybody ever had
        self.owed: set[RowKey] = set()  # pushed in this generation and not shown since
        self.announced: set[InstanceKey] = set()

    def swap(self, after: Anchor | None) -> bool:
        """Store a decision, and check what must hold from one record to the next."""
        if after is None:
            return False
        before, self.anchor = self.anchor, after
        assert after != before
        assert after.seq >= before.seq
        assert after.done >= before.done
        assert after.generation >= before.generation
        if (after.owner, after.seq) != (before.owner, before.seq) and after.owner != NOBODY:
            assert after.seq > before.seq, "a turn needs a number of its own"
            assert before.is_free(self.now), "nobody is robbed of a lease that runs"
            self.turns.append((after.owner, after.seq))
        if after.generation != before.generation or not after.is_live:
            self.owed.clear()
            self.announced.clear()
        if after.generation > before.generation:
            assert after.seq > before.seq, "cursors of different generations never look alike"
        return True

    @rule(seconds=st.sampled_from([0.1, 5.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(owner=_owners, schema=st.sampled_from(["s", "s", "t"]))
    def open(self, owner: str, schema: str) -> None:
        self.swap(decide.open_(self.anchor, Lease(owner, 10.0), self.now, schema=schema))

    @rule(owner=_owners, changed=_rows, schema=st.sampled_from(["s", "s", "t"]))
    def push(self, owner: str, changed: frozenset[RowKey], schema: str) -> None:
        lease = Lease(owner, 10.0)
        after = decide.push(self.anchor, changed, lease, self.now, schema=schema)
        if after is None:
            assert not self.anchor.is_live
        elif after != self.anchor:
            self.swap(after)
            self.owed |= changed

    @rule(owner=_owners, schema=st.sampled_from(["s", "s", "t"]))
    def take(self, owner: str, schema: str) -> None:
        if self.swap(decide.take(self.anchor, Lease(owner, 10.0), self.now, schema=schema)):
            assert self.anchor.schema == schema

    @rule(data=st.data(), again=_rows)
    def a_writer_goes_on(self, data: st.DataObject, again: frozenset[RowKey]) -> None:
        """Any writer that ever had a turn, also long after it was replaced."""
        if not self.turns:
            return
        owner, seq = data.draw(st.sampled_from(self.turns))
        before, now = self.anchor, self.now
        what = data.draw(st.sampled_from(["fill", "abandon", "extend", "finish", "release"]))
        after: Anchor | None
        match what:
            case "fill":
                after = decide.fill(before, owner, seq, now)
            case "abandon":
                after = decide.abandon(before, owner, seq)
            case "extend":
                writing = data.draw(_instances)
                after = decide.extend(before, owner, seq, now, seconds=10.0, writing=writing)
                if after is not None:
                    self.announced |= writing
            case "finish":
                after = decide.finish(before, owner, seq, now, again=again)
                if after is not None:
                    self.owed -= before.taken
                    self.owed |= again
                    self.announced.clear()
            case _:
                after = decide.release(before, owner, seq)
        if after is not None:
            assert (before.owner, before.seq) == (owner, seq), "late writers are refused"
            if after != before:
                self.swap(after)

    @rule()
    def clear(self) -> None:
        self.swap(decide.clear(self.anchor, self.now))

    @rule(generation=st.integers(0, 5))
    def drop(self, generation: int) -> None:
        self.swap(decide.drop(self.anchor, generation))

    @rule(session=st.sampled_from(["s1", "s2"]), comes=st.booleans())
    def somebody_looks(self, session: str, comes: bool) -> None:
        if comes:
            self.swap(decide.join(self.anchor, session))
        else:
            self.swap(decide.leave(self.anchor, session, self.now))

    @invariant()
    def readers_are_shown_finished_batches_only(self) -> None:
        assert self.anchor.floor <= self.anchor.done <= self.anchor.seq

    @invariant()
    def no_work_is_forgotten(self) -> None:
        assert self.owed <= self.anchor.pending | self.anchor.taken
        assert self.announced <= self.anchor.writing

    @invariant()
    def a_lease_has_an_owner_and_an_end(self) -> None:
        assert (self.anchor.owner == NOBODY) == (self.anchor.lease_until == 0.0)
        if self.anchor.phase in (Phase.COLD, Phase.COOLING):
            assert self.anchor.owner == NOBODY
        if self.anchor.phase is Phase.HEATING:
            assert self.anchor.owner != NOBODY or self.anchor.is_free(self.now)

    @invariant()
    def turns_are_numbered_once(self) -> None:
        numbers = [seq for _, seq in self.turns]
        assert len(numbers) == len(set(numbers))

    @invariant()
    def idle_time_runs_only_without_sessions(self) -> None:
        if self.anchor.sessions:
            assert self.anchor.idle_since == 0.0


Life.TestCase.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
test_the_laws_hold_on_every_walk = pytest.mark.slow(Life.TestCase)
