"""Run many worlds in processes of their own, and put together what they found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MANY = 10**15


@dataclass(frozen=True)
class Job:
    """What one process is to do: seeds from *seed* on, each *stride* further."""

    seed: int = 0
    stride: int = 1
    steps: int = MANY
    seeds: int = MANY
    failures: int = 1  # after so many it stops
    is_replay: bool = False
    attempts: int = 400  # to make a failing run smaller
    broken: str | None = None
    without: tuple[str, ...] = ()  # kinds of trouble that are left out
    only: tuple[str, ...] = ()  # the kinds of trouble that every world has; none: as it happens


@dataclass
class Report:
    """What all processes found together."""

    steps: int = 0
    seeds: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)

    def add(self, told: dict[str, Any]) -> None:
        """Add what one process told at its end."""
        self.steps += told["steps"]
        self.seeds += told["seeds"]
        self.seconds = max(self.seconds, told["seconds"])
        self.faults.update(told["faults"])
        self.counts.update(told["counts"])

    def __str__(self) -> str:
        speed = self.steps / self.seconds if self.seconds else 0.0
        lines = [
            f"{self.steps:,} steps in {self.seeds:,} worlds, {speed:,.0f} steps/s",
            "  " + ", ".join(f"{count:,} {name}" for name, count in self.counts.most_common()),
            "  " + ", ".join(f"{count:,} {name}" for name, count in self.faults.most_common()),
        ]
        for seed, failure in sorted(self.failures):
            lines += [f"  seed {seed}: {failure}", f"    again: {command_for(seed)}"]
        return "\n".join(lines)


def command_for(seed: int) -> str:
    """Return the command that replays and shrinks a seed."""
    return f"scripts/test simulation --seed {seed}"


def told_by(job: Job) -> Iterator[dict[str, Any]]:
    """Yield what a process that does *job* tells.

    Raises:
        RuntimeError: it broke.
    """
    process = subprocess.Popen(  # noqa: S603 - our own
        [sys.executable, "-m", "tests.simulation.worker", json.dumps(asdict(job))],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0", "DJANGO_SETTINGS_MODULE": "tests.settings"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        raise RuntimeError(f"the simulating process ended with {process.returncode}: {job}")


def run(
    job: Job, *, processes: int, told: Callable[[dict[str, Any]], None] = lambda told: None
) -> Report:
    """Do *job*, shared among *processes*; *told* hears of failures and progress at once."""
    report, lock, errors = Report(), threading.Lock(), list[Exception]()

    def follow(part: Job) -> None:
        try:
            for item in told_by(part):
                with lock:
                    if item["kind"] == "failed":
                        report.failures.append((item["seed"], item["failure"]))
                    if item["kind"] == "end":
                        report.add(item)
                    else:
                        told(item)
        except Exception as error:  # noqa: BLE001 - raised below
            errors.append(error)

    parts = [
        replace(job, seed=job.seed + index, stride=processes, steps=-(-job.steps // processes))
        for index in range(processes)
    ]
    threads = [threading.Thread(target=follow, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return report


def find(job: Job) -> int | None:
    """Return the first seed that shows that a rule is broken; None: none of them does."""
    for item in told_by(job):
        if item["kind"] == "failed":
            return int(item["seed"])
    return None
