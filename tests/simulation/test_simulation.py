"""All of it, a million steps in CI; ``RXGRAPH_SIMULATION_STEPS`` says how many.

``scripts/test simulation --steps N`` runs it for longer.
"""

from __future__ import annotations

import os

import pytest

from tests.simulation.running import Job, find, run

STEPS = int(os.environ.get("RXGRAPH_SIMULATION_STEPS", "1000000"))
PARTS = 4

#: Rule that is broken → worlds within which it is found.
FOUND_WITHIN = {
    "reading before joining": 40,
    "ignoring the previous number": 80,
    "taking wakeups twice": 60,
    "not polling": 40,
    "not noticing that records are gone": 60,
    "reading without a sign": 60,
    "readers that trust unfinished batches": 60,
    "snapshots without intents": 40,
}


@pytest.mark.parametrize("part", range(PARTS))
def test_every_client_converges_and_shows_only_states_the_database_had(part: int) -> None:
    steps = STEPS // PARTS
    report = run(Job(seed=part * 10**9, steps=steps), processes=os.cpu_count() or 1)
    assert not report.failures, str(report)
    assert report.steps >= steps


@pytest.mark.parametrize("rule", FOUND_WITHIN)
def test_a_broken_rule_is_found(rule: str) -> None:
    assert find(rule, FOUND_WITHIN[rule]) is not None
