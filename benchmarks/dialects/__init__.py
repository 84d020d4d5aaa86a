"""How each side talks to a client, and how its messages fold into a state.

A state is folded to what DRF renders for the nested serializer, so that all can be compared with
the database.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.dialects.base import Dialect, Frame, newest
from benchmarks.dialects.ours import Ours
from benchmarks.dialects.plain import Plain, PlainState
from benchmarks.dialects.raw import Raw
from benchmarks.dialects.theirs import Theirs

__all__ = ["CONNECTED", "Dialect", "Frame", "Ours", "Plain", "dialect_of", "newest"]

#: RxGraph's, but of a client that connects and asks for nothing.
CONNECTED = "connected"

_DIALECTS: dict[str, Callable[[], Dialect]] = {
    "ours": Ours,
    "theirs": Theirs,
    "plain": PlainState,
    "raw": Raw,
    CONNECTED: lambda: Ours(subscribes=False),
}


def dialect_of(side: str) -> Dialect:
    """Return how a side talks to those who watch."""
    return _DIALECTS[side]()
