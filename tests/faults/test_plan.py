"""A seed makes the same choices again, and every kind of fault is chosen sooner or later."""

from __future__ import annotations

from itertools import islice

from tests.faults.chaos import _FAULTS
from tests.faults.plan import WEIGHTS, changes, plan
from tests.faults.work import CHANGES, Work


def test_a_seed_is_the_same_round_again() -> None:
    assert plan(7) == plan(7) != plan(8)
    first, again = (list(islice(changes(3, CHANGES), 50)) for _ in range(2))
    assert first == again


def test_every_kind_of_fault_is_chosen_and_can_be_carried_out() -> None:
    chosen = {fault.kind for seed in range(200) for fault in plan(seed).faults}
    assert chosen == set(WEIGHTS) == set(_FAULTS)


def test_faults_are_over_before_the_round_is() -> None:
    for seed in range(200):
        found = plan(seed, seconds=20.0)
        assert all(0 < fault.at <= 15.0 and fault.seconds <= 6.0 for fault in found.faults)


def test_only_some_kinds_can_be_asked_for() -> None:
    chosen = {
        f.kind for seed in range(20) for f in plan(seed, only=frozenset({"Redis killed"})).faults
    }
    assert chosen == {"Redis killed"}


def test_every_change_is_known_by_name() -> None:
    assert len(CHANGES) > 30
    assert all(hasattr(Work, f"do_{name}") for name in CHANGES)
