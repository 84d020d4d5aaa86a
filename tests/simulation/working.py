"""What a simulating process does: one world after the other, or one again; it tells in JSON."""

from __future__ import annotations

import gc
import json
import logging
import sys
from collections import Counter
from typing import Any

from tests.simulation import broken, clock
from tests.simulation.running import Job
from tests.simulation.shrinking import shrink
from tests.simulation.world import Verdict, simulate

_SEEDS_BETWEEN_COLLECTIONS = 20
_REPORT_SECONDS = 60.0


def say(**told: Any) -> None:
    """Tell the parent process something."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def search(job: Job) -> None:
    """Run one seed after the other, until there were enough steps or one that fails."""
    gc.disable()  # at moments of its own it would take longer, and objects die by counting anyway
    begun = reported = clock.real_seconds()
    steps = seeds = failures = 0
    faults: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    seed = job.seed

    def report(kind: str) -> None:
        seconds = clock.real_seconds() - begun
        say(kind=kind, steps=steps, seeds=seeds, faults=faults, counts=counts, seconds=seconds)

    while steps < job.steps and seeds < job.seeds:
        verdict = simulate(seed, without=job.without, only=job.only)
        steps, seeds = steps + verdict.steps, seeds + 1
        faults += verdict.faults
        counts += verdict.counts
        if verdict.failure is not None:
            say(kind="failed", seed=seed, failure=verdict.failure)
            failures += 1
            if failures >= job.failures:
                break
        seed += job.stride
        if seeds % _SEEDS_BETWEEN_COLLECTIONS == 0:
            gc.collect()
            if clock.real_seconds() - reported > _REPORT_SECONDS:
                reported = clock.real_seconds()
                report("progress")
    report("end")


def replay(job: Job) -> None:
    """Run one seed again, make it as small as may be, and tell what happens in it."""
    first = simulate(job.seed, without=job.without, only=job.only)
    if first.failure is None:
        say(kind="passed", seed=job.seed, steps=first.steps)
        return

    def fails(choices: Any) -> bool:
        again = simulate(job.seed, choices, without=job.without, only=job.only)
        return _is_alike(again, first)

    best = shrink(first.choices, fails, attempts=job.attempts)
    kinds = {"without": job.without, "only": job.only}
    last = simulate(job.seed, best, is_traced=True, **kinds)
    say(
        kind="small",
        seed=job.seed,
        failure=first.failure,
        small_failure=last.failure,
        choices=[len(first.choices), len(best)],
        steps=[first.steps, last.steps],
        faults=last.faults,
        counts=last.counts,
        trace=last.trace,
    )


def _is_alike(verdict: Verdict, other: Verdict) -> bool:
    return verdict.kind is not None and verdict.kind == other.kind


def do(job: Job) -> None:
    """Do what *job* says."""
    logging.getLogger("rxgraph").propagate = False
    logging.getLogger("rxgraph").addHandler(logging.NullHandler())
    if job.broken is not None:
        broken.install(job.broken)
    if job.is_replay:
        replay(job)
    else:
        search(job)
