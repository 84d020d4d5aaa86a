"""All of it, a million steps in CI; ``RXGRAPH_SIMULATION_STEPS`` says how many.

``scripts/test simulation --steps N`` runs it for longer.
"""

from __future__ import annotations

import os

import pytest

from tests.simulation.broken import BUGS
from tests.simulation.running import Job, find, run

STEPS = int(os.environ.get("RXGRAPH_SIMULATION_STEPS", "1000000"))
PARTS = 10  # each far from the limit of one test, on a busy machine too

WORLDS = 400  # most take 10 to 80, one 140; the rest is for changes of the code, which shift them

#: Rule that is broken → the only trouble there is while it is looked for; none: any.
FOUND_BY: dict[str, tuple[str, ...]] = {
    "reading before joining": (),
    "ignoring the previous number": ("bus silent",),
    "taking wakeups twice": ("bus silent",),
    "not polling": ("bus silent",),
    "not noticing that records are gone": ("records lost",),
    "not noticing that documents are gone": ("documents lost",),
    "reading without a sign": ("documents lost",),
    "writing without a sign": ("documents lost",),
    "resuming cursors of other generations": ("cache cleared", "everything lost"),
    "forgetting to leave after an outage": ("store away",),
    "losing the leave of a cancelled join": ("server paused",),
    "dropping moves of a slow client": ("bus silent",),
    "keeping the time of an early state": ("bus silent",),
    "showing what is behind to whoever comes": ("bus silent",),
    "counting generations from one": ("everything lost", "records lost", "cache cleared"),
    "no fence": ("server paused", "server killed", "store away"),
    "readers that trust unfinished batches": (),
    "snapshots without intents": (),
    "forgetting what was taken": ("server paused", "server killed"),
}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_every_client_converges_and_shows_only_states_the_database_had(part: int) -> None:
    steps = STEPS // PARTS
    report = run(Job(seed=part * 10**9, steps=steps), processes=os.cpu_count() or 1)
    assert not report.failures, str(report)
    assert report.steps >= steps


@pytest.mark.slow
@pytest.mark.parametrize("rule", FOUND_BY)
def test_a_broken_rule_is_found(rule: str) -> None:
    assert find(Job(broken=rule, only=FOUND_BY[rule], seeds=WORLDS)) is not None


def test_every_broken_rule_is_looked_for() -> None:
    assert set(FOUND_BY) == set(BUGS)
