"""What happened in this process since it started, as plain numbers.

Counted where it happens, for an addition to a dictionary; ``rxgraph.serve.metrics`` reads them when
somebody asks, and nothing here knows of Prometheus. Law: what is no ``Level`` only grows. Names,
units and labels follow OpenMetrics; ``docs/operations.md`` says what each one means.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable


class Tally:
    """A number for each value of one label; without a label, one number.

    ``add`` loses nothing to other threads: the GIL does not change hands within one addition.
    """

    __slots__ = ("help", "label", "name", "values")

    def __init__(self, name: str, help_: str, label: str = "", values: Iterable[str] = ()) -> None:
        """Make it; *values* of the label are there from the start, at zero."""
        self.name, self.help, self.label = name, help_, label
        self.values: defaultdict[str, float] = defaultdict(int)
        for value in values if label else ("",):
            self.values[value] = 0

    def add(self, value: str = "", number: float = 1) -> None:
        """Count *number* more with this value of the label."""
        self.values[value] += number

    @property
    def total(self) -> float:
        """The sum over all values of the label."""
        return sum(list(self.values.values()))


class Spread:
    """How durations are spread: a histogram in seconds."""

    __slots__ = ("bounds", "counts", "help", "name", "total")

    def __init__(self, name: str, help_: str, bounds: tuple[float, ...]) -> None:
        self.name, self.help, self.bounds = name, help_, bounds
        self.counts = [0] * (len(bounds) + 1)  # the last one is beyond all bounds
        self.total = 0.0

    def observe(self, seconds: float, times: int = 1) -> None:
        """Count a duration; a clock that was set back makes it zero."""
        seconds = max(0.0, seconds)
        self.counts[bisect_left(self.bounds, seconds)] += times
        self.total += seconds * times

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.counts)


class Level:
    """A number that goes up and down."""

    __slots__ = ("help", "name", "value")

    def __init__(self, name: str, help_: str) -> None:
        self.name, self.help, self.value = name, help_, 0


_MOMENTS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_WHILES = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

# -- sockets and operations

SOCKETS = Level("rxgraph_connections", "WebSockets that are open")
CONNECTIONS = Tally("rxgraph_connections_opened", "WebSockets that were accepted")
CLOSES = Tally("rxgraph_closes", "WebSockets that were closed", "code")
OPERATIONS = Tally(
    "rxgraph_operations",
    "Operations that began",
    "type",
    ("query", "mutation", "subscription"),
)
MUTATIONS = Tally(
    "rxgraph_mutations",
    "Mutations of channels, by what became of them",
    "result",
    ("done", "repeated", "invalid", "refused", "failed"),
)
ERRORS = Tally("rxgraph_errors", "Errors that clients were told", "code", ("INTERNAL",))

# -- events

EVENTS = Tally(
    "rxgraph_events",
    "Events of live contexts, each counted for every subscriber",
    "kind",
    ("SNAPSHOT", "DELTA", "RESET", "MESSAGE"),
)
RESETS = Tally(
    "rxgraph_resets",
    "RESET events, by reason",
    "reason",
    ("CACHE_CLEARED", "CURSOR_EXPIRED", "OVERFLOW", "PERMISSION_CHANGED"),
)
LAG = Spread(
    "rxgraph_commit_to_socket_seconds",
    "From the commit of a change to handing its event to a socket",
    _MOMENTS,
)

# -- keeping replicas true

WAKEUPS = Tally(
    "rxgraph_wakeups",
    "Wake-ups that arrived: applied, already known, to be read, or with a gap before them",
    "result",
    ("applied", "known", "read", "gap"),
)
CATCH_UPS = Tally("rxgraph_catch_ups", "Times a replica read the store because it had to")
POLLS = Tally("rxgraph_polls", "Looks at the numbers of all replicas")
BATCHES = Tally("rxgraph_batches", "Batches that this process merged into caches")
HEATINGS = Spread(
    "rxgraph_heating_seconds",
    "Filling a cold anchor from the database",
    _WHILES,
)
SWEEPS = Tally("rxgraph_sweeps", "Looks at the intent log for what was left over")
SWEPT = Tally("rxgraph_intents_swept", "Intents that were taken over from other processes")
INTENTS_FAILED = Tally("rxgraph_intents_failed", "Attempts at an intent that failed; it stays")
QUARANTINED = Tally("rxgraph_intents_quarantined", "Intents that were put into quarantine")
STORE_ERRORS = Tally("rxgraph_store_errors", "Requests that the store did not answer")

COUNTED: tuple[Tally, ...] = (
    CONNECTIONS,
    CLOSES,
    OPERATIONS,
    MUTATIONS,
    ERRORS,
    EVENTS,
    RESETS,
    WAKEUPS,
    CATCH_UPS,
    POLLS,
    BATCHES,
    SWEEPS,
    SWEPT,
    INTENTS_FAILED,
    QUARANTINED,
    STORE_ERRORS,
)
SPREADS: tuple[Spread, ...] = (LAG, HEATINGS)
