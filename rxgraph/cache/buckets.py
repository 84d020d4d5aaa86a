"""Token buckets: how much each user may still do, in all processes together.

A bucket refills by ``rate`` tokens a second up to ``burst``. Spending is told afterwards, in parts,
so a bucket may be overdrawn: then its owner waits until it is back at zero. Time is the store's.
"""

from __future__ import annotations

from dataclasses import dataclass

from rxgraph.cache.steps import Step

FORGET_SECONDS = 3600
"""How long a bucket is kept that nobody takes from; by then it is full, or may as well be."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What was taken from the bucket *key*; ``rate`` is in tokens a second."""

    key: str
    tokens: float
    rate: float
    burst: float


@dataclass(frozen=True, slots=True)
class Spend(Step[float]):
    """Take from one bucket; answers what is left, below zero when it is overdrawn."""

    spent: Spent


@dataclass(frozen=True, slots=True)
class SpendSeveral(Step[None]):
    """Take from several buckets."""

    spent: tuple[Spent, ...]


@dataclass(frozen=True, slots=True)
class ForgetBuckets(Step[None]):
    """Remove what nobody has taken from for ``FORGET_SECONDS``."""


@dataclass(slots=True)
class Bucket:
    """A bucket in memory: ``tokens`` as of ``at`` (seconds)."""

    tokens: float
    at: float

    def spend(self, tokens: float, now: float, *, rate: float, burst: float) -> float:
        """Take *tokens*; return what is left, below zero when it was overdrawn."""
        refilled = min(burst, self.tokens + rate * max(0.0, now - self.at))
        self.tokens, self.at = refilled - tokens, now
        return self.tokens
