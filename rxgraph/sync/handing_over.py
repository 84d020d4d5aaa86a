"""Leave committed changes to the servers that show them.

A process without subscribers of its own merges nothing: it looks who shows an instance and nudges
that server, which works from the intent log. Rule: whatever goes wrong on the way, the intents
stay until somebody has done the work.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rxgraph.cache import anchor as decisions
from rxgraph.cache.steps import FindHolders, Locate, Now, Procedure
from rxgraph.cache.turns import clear_anchor, settle
from rxgraph.compile.state_tree import StateTree
from rxgraph.sync.forest import always_told
from rxgraph.types import InstanceKey, RowKey

Wanted = Mapping[str, frozenset[InstanceKey]]

_MOST_PENDING = 5000  # rows that may wait for somebody to look at an anchor again


@dataclass(frozen=True, slots=True)
class HandOver:
    """What a writer left to others: *servers* to nudge (one for each anchor that is watched)."""

    servers: frozenset[str]
    #: True when nobody has to look at the intents any more.
    is_done: bool


class Watched:
    """Which server showed an instance a moment ago: a writer need not ask again at once.

    Being wrong costs nothing but time. The server that is nudged looks at the intents and finds
    everybody concerned; one that has just ended leaves them to the sweepers.
    """

    SECONDS = 1.0
    _MOST = 10_000

    def __init__(self) -> None:
        self._servers: dict[tuple[str, InstanceKey], tuple[str, float]] = {}

    def note(self, wanted: Wanted, servers: frozenset[str], now: float) -> None:
        """Remember who shows some of *wanted*."""
        if len(self._servers) > self._MOST:
            self._servers.clear()
        for server in servers:
            for channel, keys in wanted.items():
                for key in keys:
                    self._servers[channel, key] = server, now + self.SECONDS

    def server_of(self, wanted: Wanted, now: float) -> str | None:
        """Return a server that showed any of *wanted* a moment ago."""
        for channel, keys in wanted.items():
            for key in keys:
                server, until = self._servers.get((channel, key), ("", 0.0))
                if until > now:
                    return server
        return None


def hand_over(
    trees: Callable[[str], StateTree],
    watched: Watched,
    rows: frozenset[RowKey],
    *,
    using: str = "default",
    columns: Mapping[RowKey, Mapping[str, str | None]] | None = None,
) -> Procedure[HandOver]:
    """Leave committed changes to the servers that show them, at the price of one look.

    The intents of the transaction say what there is to do. A cache that nobody looks at gets the
    rows recorded; whoever comes first merges them in before reading.
    """
    wanted = yield from Locate(using, rows, columns or {})
    if not wanted:
        return HandOver(frozenset(), is_done=True)
    now = yield from Now()
    if (server := watched.server_of(wanted, now)) is not None:
        return HandOver(frozenset({server}), is_done=False)
    servers: set[str] = set()
    always = always_told(trees, wanted, rows)
    for key, anchor in sorted((yield from FindHolders(wanted, always)).items()):
        if anchor.sessions:
            # Any of them; one that was killed a moment ago is not asked every time.
            servers.add(random.choice(sorted(anchor.sessions)))  # noqa: S311
        elif len(anchor.pending) > _MOST_PENDING:
            yield from clear_anchor(key)  # cheaper to read anew than to catch up with
        else:
            yield from settle(key, lambda found, _: decisions.leave_work(found, rows), anchor)
    watched.note(wanted, frozenset(servers), now)
    return HandOver(frozenset(servers), is_done=not servers)
