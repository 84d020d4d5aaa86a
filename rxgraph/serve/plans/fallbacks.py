"""What was answered without a plan, and why: counted for this process, since it started."""

from __future__ import annotations

import logging
from collections import Counter

logger = logging.getLogger("rxgraph.plans")

_counts: Counter[str] = Counter()


def note(document: str, reason: str) -> None:
    """Count one operation or event that *document* (a name) made and no plan served."""
    _counts[reason] += 1
    logger.debug("no plan for %s: %s", document, reason)


def fallbacks() -> dict[str, int]:
    """Return reason → how many operations and events this process served without a plan.

    Reasons are few and name nobody's data; ``rxgraph.plans`` logs the documents at DEBUG.
    """
    return dict(sorted(_counts.items()))


def forget() -> None:
    """Count from zero again."""
    _counts.clear()
