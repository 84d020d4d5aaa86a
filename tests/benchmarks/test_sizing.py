"""What a crowd takes grows as the slopes say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.sizing import Crowd, Slopes, size, sizing, slopes_of

SLOPES = Slopes(
    message_cpu=20e-6,
    write_cpu=5e-3,
    taken_cpu=1e-3,
    process_bytes=100e6,
    subscription_bytes=30e3,
    anchor_bytes=50e3,
    commands_per_write=4,
    commands_per_process=0.5,
    redis_bytes=1000,
)


@pytest.mark.parametrize("by_anchor", [True, False])
def test_a_hundred_times_the_crowd_takes_a_hundred_times_the_stores(by_anchor: bool) -> None:
    small, large = (size(SLOPES, Crowd(n), by_anchor=by_anchor) for n in (100_000, 10_000_000))
    assert large.writes == pytest.approx(100 * small.writes)
    assert large.commands == pytest.approx(100 * small.commands, rel=0.05)


def test_no_process_has_more_than_it_can_do() -> None:
    for subscribers in (1, 1_000, 100_000, 10_000_000):
        for by_anchor in (True, False):
            found = size(SLOPES, Crowd(subscribers), by_anchor=by_anchor)
            assert found.cores <= 0.5 * found.processes
            assert subscribers <= 10_000 * found.processes


def test_sending_an_anchor_to_one_process_saves_wake_ups() -> None:
    together, apart = (
        size(SLOPES, Crowd(100_000), by_anchor=by_anchor) for by_anchor in (True, False)
    )
    assert together.delivered == together.writes
    assert apart.delivered > 5 * together.delivered
    assert apart.memory_bytes > together.memory_bytes


def report(slopes: Slopes) -> dict[str, Any]:
    """Return what a run would have measured, were everything exactly linear."""

    def spent(count: int, writes: int) -> dict[str, float]:
        taken = slopes.write_cpu + (count - 1) * (slopes.taken_cpu + 10 * slopes.message_cpu)
        return {
            "cpu": writes * taken,
            "commands": writes * slopes.commands_per_write
            + 5 * count * slopes.commands_per_process,
            "redis_bytes": writes * count * slopes.redis_bytes,
            "seconds": 5.0,
            "subscribers": 10,
        }

    ours = {
        "alone_cpu_seconds": slopes.write_cpu,
        "cpu_seconds": 200 * slopes.write_cpu + 200_000 * slopes.message_cpu,
        "writes": 200,
        "report": {"delivered": 200_000},
    }
    rss = [slopes.process_bytes + n * slopes.subscription_bytes for n in (0, 1000, 2000)]
    each = slopes.anchor_bytes + slopes.subscription_bytes
    data: dict[str, Any] = {
        "fanout": {"ours": ours},
        "idle": {"rss_bytes": {"ours": rss}},
        "processes": {str(n): [spent(n, 0), spent(n, 100), 100] for n in (1, 2, 4)},
        "anchors": {str(n): {"rss": slopes.process_bytes + n * each} for n in (1, 10, 1000)},
    }
    figures = [{"name": name, "data": found} for name, found in data.items()]
    return {"figures": figures, "choices": {"subscribers": 1000}}


def test_slopes_are_found_in_a_report() -> None:
    found = vars(slopes_of(report(SLOPES)))
    assert found == pytest.approx(vars(SLOPES))


def test_a_report_that_lacks_a_figure_has_no_sizes() -> None:
    whole = report(replace(SLOPES, redis_bytes=0))
    assert sizing(whole) is not None
    assert sizing({**whole, "figures": whole["figures"][1:]}) is None
