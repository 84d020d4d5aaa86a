"""What a measurement comes to: a table for people, samples for programs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Goal:
    """Something promised, and whether it was kept in this run."""

    text: str
    is_met: bool


@dataclass
class Figure:
    """One measurement."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    def add(self, *cells: str) -> None:
        """Add a row."""
        self.rows.append(cells)

    def promise(self, text: str, is_met: bool) -> None:
        """Add a goal."""
        self.goals.append(Goal(text, is_met))

    def text(self) -> str:
        """Return the figure as a table in Markdown."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[n]) for line in lines) for n in range(len(self.columns))]
        table = [_line(self.columns, widths), "|" + "|".join("-" * (w + 2) for w in widths) + "|"]
        table += [_line(row, widths) for row in self.rows]
        goals = [f"- {'met' if goal.is_met else 'MISSED'}: {goal.text}" for goal in self.goals]
        notes = [f"- {note}" for note in self.notes]
        return "\n".join([f"### {self.title}", "", *table, "", *goals, *notes])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if n == 0 else cell.rjust(width)
        for n, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "| " + " | ".join([first, *others]) + " |"


def ms(seconds: float | None) -> str:
    """Return seconds as milliseconds with three significant digits.

    >>> ms(0.0123456), ms(12.3456), ms(None)
    ('12.3 ms', '12300 ms', '–')
    """
    if seconds is None:
        return "–"
    value = seconds * 1000
    return f"{value:.2f} ms" if value < 10 else f"{float(f'{value:.3g}'):g} ms"


def ratio(ours: float, theirs: float | None) -> str:
    """Return how much of theirs ours is.

    >>> ratio(1.0, 8.0), ratio(1.0, None)
    ('0.125', '–')
    """
    return "–" if not theirs else f"{ours / theirs:.3f}"


def median(values: Sequence[float]) -> float:
    """Return the median; of what is in between, the mean."""
    return statistics.median(values)


def quantile(values: Sequence[float], part: float) -> float:
    """Return the value that *part* of all *values* do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
