"""Fault points: named once, passed where they say, and nothing where nobody is armed."""

from __future__ import annotations

import re
import timeit
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import rxgraph
from rxgraph import faults

_PACKAGE = Path(rxgraph.__file__).parent


@pytest.fixture
def passed() -> Iterator[list[str]]:
    found: list[str] = []
    faults.arm(found.append)
    yield found
    faults.arm(None)


def test_every_point_is_named_and_passed_in_one_place() -> None:
    used = Counter(
        name
        for path in _PACKAGE.rglob("*.py")
        for name in re.findall(r'\bfault\("([^"]+)"\)', path.read_text())
    )
    assert set(used) == set(faults.POINTS)
    assert set(used.values()) == {1}


def test_an_armed_process_is_told_which_point_it_passes(passed: list[str]) -> None:
    faults.fault("after commit")
    assert passed == ["after commit"]


def test_nothing_in_the_library_arms_itself() -> None:
    assert faults._strike is None
    arming = [p for p in _PACKAGE.rglob("*.py") if "faults.arm(" in p.read_text()]
    assert arming == []


def test_a_point_that_is_not_armed_costs_nothing_worth_measuring() -> None:
    seconds = min(timeit.repeat(lambda: faults.fault("after commit"), number=10_000, repeat=5))
    assert seconds / 10_000 < 5e-6  # of a save, which takes a millisecond
