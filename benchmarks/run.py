"""What the figures share: the ground, the workers with their data, the choices of the caller."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.ground import PLAIN, Ground
from benchmarks.processes import Worker

SMALL = 100  # instances of a project that is saved to


@dataclass(frozen=True)
class Choices:
    """What the caller asked for."""

    rounds: int = 15
    cold_rounds: int = 5
    instances: int = 10_000
    saves: int = 20  # in a row, per round
    subscribers: int = 1000
    per_second: float = 20.0
    seconds: float = 10.0
    clients: int = 10  # that write at the same time
    anchors: int = 1000  # of a list
    list_rounds: int = 2
    users: int = 50  # to whom the subscribers of lists belong
    creations: int = 5
    burst_seconds: float = 5.0
    many: int = 10_000  # subscribers of one process
    hold: float = 60.0  # seconds for which they stay before something happens
    largest: int = 100_000  # instances, of the sizes that costs are held against
    py_spy: str = "py-spy"  # the profiler: a name or a path
    plot: Path | None = None  # where to draw how costs grow; None: under .bench


@dataclass
class Seed:
    """Data of one side: who watches, and the projects."""

    token: str
    large: list[int]  # one for each cold round
    warm_up: int
    watched: int
    unwatched: int
    crowd: int
    big: int  # looked at while it is hot


@dataclass
class Run:
    """A run that is under way."""

    ground: Ground
    choices: Choices
    workers: Mapping[str, Worker]
    seeds: Mapping[str, Seed]
    host: dict[str, Any] = field(default_factory=dict)

    @property
    def sides(self) -> list[str]:
        """The sides that keep state live, ours first."""
        return [side for side in self.ground.sides if side != PLAIN]

    def turns(self, round_: int) -> list[str]:
        """Return the sides in the order of a round: whoever was first is last next time."""
        return self.sides if round_ % 2 == 0 else self.sides[::-1]


async def ask(worker: Worker, do: str, **arguments: Any) -> Any:
    """Have a worker do an errand, while the event loop goes on."""
    return await asyncio.to_thread(partial(worker.ask, do, **arguments))


async def start(ground: Ground, choices: Choices) -> Run:
    """Start a worker for each side and have it make its data."""
    workers = {side: ground.worker(side) for side in ground.sides}
    projects = [SMALL] * 4 + [choices.instances] * (1 + choices.cold_rounds)
    made = await asyncio.gather(
        *(ask(worker, "prepare", projects=projects) for worker in workers.values())
    )
    seeds = {side: seed(answer) for side, answer in zip(workers, made, strict=True)}
    return Run(ground, choices, workers, seeds)


def seed(answer: Mapping[str, Any]) -> Seed:
    """Return what ``prepare`` answered, by purpose."""
    warm_up, watched, unwatched, crowd, big, *large = answer["projects"]
    return Seed(answer["token"], large, warm_up, watched, unwatched, crowd, big)


def say(text: str) -> None:
    """Tell the one who waits what is going on."""
    print(text, file=sys.stderr, flush=True)
