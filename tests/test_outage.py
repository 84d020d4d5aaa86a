"""Two lines for an outage, and pauses that grow; the clock is turned by hand."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxgraph.outage import Outage, pause_after


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_pauses_grow_to_a_bound_and_are_jittered(failures: int, jitter: float) -> None:
    found = pause_after(failures, first=0.1, longest=2.0, jitter=jitter)
    whole = pause_after(failures, first=0.1, longest=2.0, jitter=1.0)
    assert whole / 2 <= found <= whole <= 2.0
    assert pause_after(failures + 1, first=0.1, longest=2.0, jitter=1.0) >= whole


def test_an_outage_is_told_once_and_once_when_it_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [100.0]
    outage = Outage("the moon", clock=lambda: now[0], jitter=lambda: 1.0)
    with caplog.at_level(logging.INFO):
        pauses = []
        for _ in range(1000):
            pauses.append(outage.failed(OSError("gone")))
            now[0] += 0.1
        assert [outage.is_on] == [True]
        outage.over()
        outage.over()
        assert [outage.is_on] == [False]
        outage.failed(OSError("again"))
    assert [record.getMessage() for record in caplog.records] == [
        "the moon does not answer (OSError: gone)",
        "the moon answers again, after 100.0 s and 1000 failures",
        "the moon does not answer (OSError: again)",
    ]
    assert pauses[:3] == [0.1, 0.2, 0.4]
    assert pauses[-1] == 2.0
    assert outage.failures == 1001
