"""What a run counts, and how it tells."""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Violation(Exception):
    """A promise was broken; the message says which."""


@dataclass
class Tally:
    """Counts of a run, over all its rounds."""

    operations: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    closes: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    states: int = 0
    connections: int = 0
    resumed: int = 0
    queries: int = 0
    mutations: int = 0
    repeats: int = 0
    seeds: list[int] = field(default_factory=list)
    #: Kind of fault → the longest time from the end of a round with it until all clients agreed.
    slowest: dict[str, float] = field(default_factory=dict)

    def converged(self, kinds: set[str], seconds: float) -> None:
        """Note how long it took after a round with faults of these *kinds*."""
        for kind in kinds or {"none"}:
            self.slowest[kind] = max(seconds, self.slowest.get(kind, 0.0))

    def lines(self, seconds: float) -> list[str]:
        """Return the report."""
        first, last = (self.seeds[0], self.seeds[-1]) if self.seeds else (0, 0)
        found = [
            f"{len(self.seeds)} rounds in {seconds:.0f} s, seeds {first} to {last}",
            f"operations: {self.operations.total()} ({self.refused.total()} failed)",
            *_table(self.operations, self.refused, "failed"),
            f"mutations: {self.mutations} acknowledged, {self.repeats} attempts repeated",
            f"faults: {self.faults.total()}; seconds until all clients agreed again, at most",
        ]
        for kind, count in sorted(self.faults.items()):
            found.append(f"  {kind:32} {count:6}  {self.slowest.get(kind, 0.0):6.1f} s")
        found += [
            f"fault points: {_plain(self.points)}",
            f"events: {self.events.total()} ({_plain(self.events)})",
            f"states checked: {self.states}; queries: {self.queries}",
            f"connections: {self.connections}, {self.resumed} with a cursor",
            f"closed by: {_plain(self.closes)}",
            f"errors told to clients: {_plain(self.errors)}",
        ]
        return found


def _table(counts: Mapping[str, int], beside: Mapping[str, int], word: str) -> list[str]:
    return [
        f"  {name:32} {counts.get(name, 0):6}  {beside.get(name, 0):5} {word}"
        for name in sorted({*counts, *beside})
    ]


def _plain(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


class Diary:
    """What happened in a round, in order; the end of it is shown when something is wrong."""

    def __init__(self, folder: Path, seed: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.seed = folder, seed
        self._began = time.monotonic()
        self._log = (folder / "operations.log").open("w")
        self._last: deque[str] = deque(maxlen=60)

    def note(self, who: str, what: str) -> None:
        """Write down that *who* did *what*, now."""
        line = f"{time.monotonic() - self._began:8.3f} {who:12} {what}"
        self._log.write(line + "\n")
        self._last.append(line)

    def recording(self, name: str) -> Any:
        """Return a file for what a client is told."""
        return (self.folder / f"{name}.jsonl").open("w")

    def end(self) -> list[str]:
        """Return the last lines."""
        return list(self._last)

    def close(self) -> None:
        """Write it to disk."""
        self._log.close()


def as_line(value: Any) -> str:
    """Return one line of a recording."""
    return json.dumps({"at": round(time.time(), 4), **value}) + "\n"
