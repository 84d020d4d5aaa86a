"""Every decision of a run, drawn from a seed and written down, or read back.

A run is a function of its choices: whoever replays a list of them, or a part of it, gets the same
run, or a simpler one. 0 is the simplest choice, and what follows after the end of a list.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_FINE = 1000


class Choices:
    """Draws numbers; with *given* ones it reads those instead, and zeros after them."""

    def __init__(self, seed: int, given: Sequence[int] | None = None) -> None:
        self.seed = seed
        self.taken: list[int] = []
        self._draw = random.Random(seed).random
        self._given = given

    def below(self, count: int) -> int:
        """Return a number from 0 to *count* - 1."""
        if self._given is None:
            value = int(self._draw() * count)
        else:
            at = len(self.taken)
            value = self._given[at] % count if at < len(self._given) else 0
        self.taken.append(value)
        return value

    def chance(self, probability: float) -> bool:
        """Return True that often."""
        if self._given is None:
            value = int(self._draw() < probability)
        else:
            at = len(self.taken)
            value = int(at < len(self._given) and bool(self._given[at]))
        self.taken.append(value)
        return value == 1

    # -- as ``random.Random`` calls them

    def choice(self, options: Sequence[T]) -> T:
        """Return one of *options*."""
        return options[self.below(len(options))]

    def randrange(self, start: int, stop: int | None = None) -> int:
        """Return a number from *start* to *stop* - 1, or below *start*."""
        return self.below(start) if stop is None else start + self.below(stop - start)

    def random(self) -> float:
        """Return a number from 0 to 1, in steps of a thousandth."""
        return self.below(_FINE) / _FINE

    def uniform(self, low: float, high: float) -> float:
        """Return a number from *low* to *high*."""
        return low + (high - low) * self.random()
