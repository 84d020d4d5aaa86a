"""How long clients waited for what was written."""

from __future__ import annotations

from collections.abc import Sequence


def latencies(
    arrivals: Sequence[Sequence[tuple[float, int]]], committed: Sequence[float], first: int = 0
) -> list[float]:
    """Return, for each client and write, the seconds from its commit until the client showed it.

    *arrivals*: of each client when a message came, and the highest number of a write in it.
    *committed*: when the writes from number *first* on were committed. A client shows a write with
    the first message that has its number or a higher one.

    >>> latencies([[(1.5, 0), (4.0, 2)]], [1.0, 2.0, 3.0])
    [0.5, 2.0, 1.0]
    """
    found = []
    for client in arrivals:
        shown = first - 1
        for when, mark in client:
            found += [when - committed[n - first] for n in range(shown + 1, mark + 1)]
            shown = max(shown, mark)
    return found
