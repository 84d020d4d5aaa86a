"""Many clients that listen, in processes of their own; see ``listeners``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.processes import Server, Worker
from benchmarks.run import ask

AT_ONCE = 20  # clients that connect at the same time
_QUIET_SECONDS = 5.0
_LONGEST_SECONDS = 240.0


@dataclass(frozen=True)
class Connected:
    """What came of connecting."""

    count: int
    seconds: float  # from the first connection to the last first state
    each: list[float]  # from connecting to the first state
    bytes: int  # that one client got
    problems: list[str]


@dataclass(frozen=True)
class Report:
    """What came of the writes."""

    clients: int
    open: int
    equal: int  # clients that show what DRF renders in the end
    delivered: int  # messages
    unseen: int  # values that a client never showed, over all clients
    latencies: list[float]  # seconds, of every client and write
    last: float  # when the last message came, by the monotonic clock
    message_bytes: int  # median
    problems: list[str]


class Crowd:
    """Clients of one server, spread over some processes."""

    def __init__(self, workers: Sequence[Worker], server: Server, dialect: str) -> None:
        self._workers, self._server, self._dialect = workers, server, dialect

    async def connect(
        self,
        project: int | Sequence[int],
        token: str,
        count: int,
        *,
        at_once: int = AT_ONCE,
        seconds: float = _LONGEST_SECONDS,
    ) -> Connected:
        """Connect *count* more clients; problems are told, not raised.

        Several projects are watched in turn, by the clients of each process.
        """
        found = await asyncio.gather(
            *(
                ask(
                    worker,
                    "connect",
                    dialect=self._dialect,
                    port=self._server.port,
                    projects=[project] if isinstance(project, int) else list(project),
                    token=token,
                    count=share,
                    at_once=max(1, at_once // len(self._workers)),
                    seconds=seconds,
                )
                for worker, share in zip(
                    self._workers, shares(count, len(self._workers)), strict=True
                )
            )
        )
        return Connected(
            sum(part["connected"] for part in found),
            max(part["ended"] for part in found) - min(part["began"] for part in found),
            [seconds for part in found for seconds in part["seconds"]],
            max(part["bytes"] for part in found),
            [problem for part in found for problem in part["problems"]],
        )

    async def wait(
        self,
        newest: int,
        *,
        quiet_seconds: float = _QUIET_SECONDS,
        seconds: float = _LONGEST_SECONDS,
    ) -> None:
        """Return when every client has shown write *newest*, or nothing has come for a while."""
        waiting = {"newest": newest, "quiet_seconds": quiet_seconds, "seconds": seconds}
        await asyncio.gather(*(ask(worker, "wait", **waiting) for worker in self._workers))

    async def still_there(self) -> int:
        """Return how many connections are open."""
        return sum(await asyncio.gather(*(ask(w, "still_there") for w in self._workers)))

    async def report(self, committed: Sequence[float], rendered: Any, *, first: int = 0) -> Report:
        """Return what came of the writes *first* and later, which were *committed* then."""
        asked = {"committed": list(committed), "first": first, "rendered": rendered}
        found = await asyncio.gather(*(ask(worker, "report", **asked) for worker in self._workers))

        def total(name: str) -> int:
            return sum(int(part[name]) for part in found)

        return Report(
            total("clients"),
            total("open"),
            total("equal"),
            total("delivered"),
            total("unseen"),
            [seconds for part in found for seconds in part["latencies"]],
            max(part["last"] for part in found),
            max(part["message_bytes"] for part in found),
            [problem for part in found for problem in part["problems"]],
        )

    async def close(self) -> None:
        """Hang up; others may connect then."""
        await asyncio.gather(*(ask(worker, "close") for worker in self._workers))


def shares(count: int, parts: int) -> list[int]:
    """Return how *count* is spread over *parts* as evenly as it goes.

    >>> shares(10, 4)
    [3, 3, 2, 2]
    """
    return [count // parts + (n < count % parts) for n in range(parts)]
