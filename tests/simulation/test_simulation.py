"""The whole of it, a million steps in CI; ``RXGRAPH_SIMULATION_STEPS`` says how many.

``scripts/test simulation --steps N`` runs it for longer.
"""

from __future__ import annotations

import os

from tests.simulation.running import Job, run

STEPS = int(os.environ.get("RXGRAPH_SIMULATION_STEPS", "1000000"))


def test_every_client_converges_and_shows_only_states_the_database_had() -> None:
    report = run(Job(steps=STEPS), processes=os.cpu_count() or 1)
    assert not report.failures, str(report)
    assert report.steps >= STEPS
