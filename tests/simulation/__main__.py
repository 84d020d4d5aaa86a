"""``scripts/test simulation``: run the simulation for long, or one seed of it again.

--steps N     how many steps, shared among the processes (1,000,000)
--seed S      replay this seed, make it smaller, print what happens in it
--first S     the seed to begin with (0)
--processes N how many at a time (all cores)
--without K   leave out a kind of trouble; may be given several times
--only K      every world has this kind of trouble and no other; may be given several times
--broken NAME with a deliberate bug (``tests/simulation/broken.py``)
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from tests.simulation.running import MANY, Job, run, told_by


def main() -> int:
    """Return 0 when nothing wrong was found."""
    parser = argparse.ArgumentParser(prog="scripts/test simulation")
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--failures", type=int, default=3, help="stop after so many")
    parser.add_argument("--attempts", type=int, default=600, help="at making a failure smaller")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--without", action="append", default=[])
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--broken")
    given = parser.parse_args()
    job = Job(
        without=tuple(given.without),
        only=tuple(given.only),
        broken=given.broken,
        attempts=given.attempts,
    )
    if given.seed is not None:
        return _replay(Job(**{**vars(job), "seed": given.seed, "is_replay": True}))
    asked = {"seed": given.first, "steps": given.steps, "seeds": MANY, "failures": given.failures}
    report = run(Job(**{**vars(job), **asked}), processes=given.processes, told=_tell)
    _print(str(report))
    return 1 if report.failures else 0


def _tell(told: dict[str, Any]) -> None:
    if told["kind"] == "failed":
        _print(f"seed {told['seed']}: {told['failure']}")
    elif told["kind"] == "progress":
        _print(f"... {told['steps']:,} steps, {told['steps'] / told['seconds']:,.0f} a second")


def _replay(job: Job) -> int:
    for told in told_by(job):
        if told["kind"] == "passed":
            _print(f"seed {told['seed']} passes: {told['steps']:,} steps")
            return 0
        for line in told["trace"]:
            _print(line)
        _print(f"seed {told['seed']}: {told['failure']}")
        _print(
            f"made smaller: {told['choices'][0]:,} choices to {told['choices'][1]:,}, "
            f"{told['steps'][0]:,} steps to {told['steps'][1]:,}: {told['small_failure']}"
        )
        _print(f"faults in it: {told['faults']}")
    return 1


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
