"""The places where a test ends, stops or delays this process: each is named here, and once there.

In production nothing is armed, and a fault point is a call that returns. Nothing but ``arm`` can
change that: no setting, no variable of the environment.
"""

from __future__ import annotations

from collections.abc import Callable

POINTS: dict[str, str] = {
    "before commit": "the intent is written, COMMIT is not sent",
    "after commit": "committed, nobody was told",
    "after push": "an anchor's record names the rows",
    "after take": "this process holds the lease and has to write the batch",
    "after writing": "documents of a batch are written, it is not finished",
    "before finish": "the whole batch is written",
    "before publishing": "the batch is finished, others were not woken",
    "before forgetting": "the work is done, its intents are still there",
    "heating": "an anchor is HEATING, with a part of its documents",
    "before filled": "everything is read, and the anchor is still HEATING",
    "sweeping": "intents of others are found, nothing is done yet",
    "before acknowledging": "a mutation is committed, its client was not told",
}
"""Name → where the process is then."""

_strike: Callable[[str], None] | None = None


def arm(strike: Callable[[str], None] | None) -> None:
    """Call *strike* with the name of every fault point that is passed; None: nothing again."""
    global _strike
    _strike = strike


def fault(point: str) -> None:
    """Pass a fault point."""
    if _strike is not None:
        _strike(point)
