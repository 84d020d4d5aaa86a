"""What one round does: everything in it follows from its seed.

The same seed makes the same choices: who writes what, who watches how, what breaks when and for how
long. What a process is doing at that moment is up to the machine.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rxgraph.faults import POINTS

SECONDS = 20.0
_QUIET_SECONDS = 1.5  # before the first fault
_SERVER_POINTS = sorted(set(POINTS) - {"before acknowledging"})
_WRITER_POINTS = ["before commit", "after commit", "before forgetting", "after push"]

#: Kind → how often it is drawn, against the others.
WEIGHTS: Mapping[str, int] = {
    "server killed": 3,
    "server killed at a point": 6,
    "server paused at a point": 3,
    "server stopped": 3,
    "server deployed": 3,
    "server of a newer version": 2,
    "writer killed": 2,
    "writer killed at a point": 5,
    "writer stopped": 2,
    "heater killed": 3,
    "mutating server killed": 2,
    "cache cleared": 2,
    "MongoDB primary killed": 2,
    "MongoDB primary stopped": 2,
    "MongoDB restarted": 1,
    "MongoDB stopped": 1,
    "MongoDB lost its data": 2,
    "Redis killed": 2,
    "Redis stopped": 2,
    "Redis connections cut": 1,
    "PostgreSQL killed": 2,
    "PostgreSQL stopped": 2,
    "PostgreSQL connections cut": 2,
    "link to services cut": 3,
    "link to clients cut": 2,
    "channel layer full": 2,
}
NEEDS_LINK = frozenset({"link to services cut", "link to clients cut"})


@dataclass(frozen=True)
class Fault:
    """Something that breaks at *at* seconds of a round, and is whole again after *seconds*."""

    at: float
    kind: str
    seconds: float
    seed: int
    point: str = ""
    skip: int = 0

    def __str__(self) -> str:
        where = f" ({self.point!r}, {self.skip} passed)" if self.point else ""
        return f"{self.at:5.1f} s  {self.kind}{where} for {self.seconds:.1f} s"


@dataclass(frozen=True)
class Watcher:
    """A client: whom it watches as, and what is wrong with it."""

    board: int
    person: int  # 0: who is on both boards
    kind: str  # steady, restless, old, forgetful, stalling, deaf, list, stranger
    seed: int


@dataclass(frozen=True)
class Plan:
    """One round."""

    seed: int
    seconds: float
    faults: tuple[Fault, ...]
    watchers: tuple[Watcher, ...]
    mutators: tuple[Watcher, ...]
    writers: tuple[int, ...]  # their seeds

    def settings(self, server: int, life: int) -> Mapping[str, Any]:
        """Return what the settings of a server's next life add."""
        rng = random.Random(f"{self.seed} server {server} {life}")
        return {"MONGO_DRIVER": rng.choice(["motor", "pymongo"])}


def plan(seed: int, seconds: float = SECONDS, only: frozenset[str] = frozenset()) -> Plan:
    """Return the round of *seed*; *only*: kinds of faults, all of them where it is empty."""
    rng = random.Random(seed)
    kinds = [kind for kind in WEIGHTS if not only or kind in only]
    weights = [WEIGHTS[kind] for kind in kinds]
    faults = []
    for _ in range(rng.randint(3, 7)):
        [kind] = rng.choices(kinds, weights)
        faults.append(_fault(rng, kind, seconds))
    kinds_of_clients = ["steady", "restless", "restless", "old", "forgetful", "stalling", "deaf"]
    watchers = [
        Watcher(board, person, "steady", rng.getrandbits(32))
        for board in (0, 1)
        for person in (0, 1)
    ]
    watchers += [
        Watcher(rng.randint(0, 1), rng.randint(0, 1), kind, rng.getrandbits(32))
        for kind in rng.sample(kinds_of_clients, 5)
    ]
    watchers += [Watcher(0, person, "list", rng.getrandbits(32)) for person in (0, 1)]
    watchers += [Watcher(board, 1, "stranger", rng.getrandbits(32)) for board in (0, 1)]
    mutators = [
        Watcher(rng.randint(0, 1), person, "mutator", rng.getrandbits(32)) for person in (0, 1)
    ]
    writers = tuple(rng.getrandbits(32) for _ in range(3))
    ordered = tuple(sorted(faults, key=lambda fault: fault.at))
    return Plan(seed, seconds, ordered, tuple(watchers), tuple(mutators), writers)


def _fault(rng: random.Random, kind: str, seconds: float) -> Fault:
    at = rng.uniform(_QUIET_SECONDS, max(_QUIET_SECONDS, seconds - 5))
    lasts = rng.choice([rng.uniform(0.1, 1.5), rng.uniform(1.5, 6.0)])
    point, skip = "", 0
    if kind.endswith("at a point"):
        point = rng.choice(_WRITER_POINTS if kind.startswith("writer") else _SERVER_POINTS)
        skip = rng.randint(0, 10)
    elif kind == "heater killed":
        point = rng.choice(["heating", "before filled"])
    elif kind == "mutating server killed":
        point = rng.choice(["before acknowledging", "after commit", "before commit"])
        skip = rng.randint(0, 3)
    return Fault(at, kind, lasts, rng.getrandbits(32), point, skip)


def changes(seed: int, names: list[str]) -> Any:
    """Yield what a writer does, one change after another: its name and its seed."""
    rng = random.Random(seed)
    while True:
        yield rng.choice(names), rng.getrandbits(40)
