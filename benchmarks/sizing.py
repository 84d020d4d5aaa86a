"""What a crowd takes, computed from the slopes that a run has measured.

A report of ``scripts/bench speed`` goes in, a table comes out. The arithmetic is in ``size``; what
it assumes of the crowd is in ``Crowd``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.figure import Figure, ms
from benchmarks.fitting import slope

NAME = "sizing"

_BUSY = 0.5  # of a core that a process may use on average
_MOST_SUBSCRIBERS = 10_000  # of a process; as many as `ten_thousand` has tried
_NEEDED = {"fanout", "idle", "processes", "anchors"}


@dataclass(frozen=True)
class Slopes:
    """What one more of each costs, as measured."""

    message_cpu: float  # seconds of the server, to one subscriber
    write_cpu: float  # of the server that merges it
    taken_cpu: float  # of every other process that shows the anchor
    process_bytes: float  # an empty server
    subscription_bytes: float
    anchor_bytes: float  # a replica, of the size that was measured
    commands_per_write: float  # of MongoDB
    commands_per_process: float  # a second, while nothing happens
    redis_bytes: float  # to each process that shows the anchor, for each write


@dataclass(frozen=True)
class Crowd:
    """Who subscribes, and what happens to them."""

    subscribers: int
    per_anchor: int = 100
    deltas_per_second: float = 0.2  # that each subscriber gets


@dataclass(frozen=True)
class Size:
    """What it takes, of one second where that makes a difference."""

    processes: int
    showing: float  # processes that show an anchor, on average
    cores: float
    memory_bytes: float
    writes: float
    commands: float
    published: float
    delivered: float
    redis_bytes: float


def size(slopes: Slopes, crowd: Crowd, *, by_anchor: bool) -> Size:
    """Return what a crowd takes.

    *by_anchor*: the balancer sends the subscribers of one anchor to one process; else to any.
    """
    anchors = math.ceil(crowd.subscribers / crowd.per_anchor)
    writes = anchors * crowd.deltas_per_second
    processes = max(1, math.ceil(crowd.subscribers / _MOST_SUBSCRIBERS))
    while True:
        showing = 1.0 if by_anchor else spread(crowd.per_anchor, processes)
        cores = (
            crowd.subscribers * crowd.deltas_per_second * slopes.message_cpu
            + writes * slopes.write_cpu
            + writes * (showing - 1) * slopes.taken_cpu
        )
        needed = math.ceil(cores / _BUSY)
        if needed <= processes:
            break
        processes = max(processes + 1, min(needed, processes * 2))
    delivered = writes * showing
    return Size(
        processes,
        showing,
        cores,
        processes * slopes.process_bytes
        + crowd.subscribers * slopes.subscription_bytes
        + anchors * showing * slopes.anchor_bytes,
        writes,
        writes * slopes.commands_per_write + processes * slopes.commands_per_process,
        writes,
        delivered,
        delivered * slopes.redis_bytes,
    )


def spread(balls: int, boxes: int) -> float:
    """Return how many of *boxes* hold something on average, when *balls* fall at random.

    >>> spread(100, 1), round(spread(2, 2), 2), round(spread(100, 1_000_000), 1)
    (1.0, 1.5, 100.0)
    """
    return boxes * (1.0 - (1.0 - 1.0 / boxes) ** balls)


def slopes_of(report: Mapping[str, Any]) -> Slopes:
    """Return what the figures of a report say.

    Raises:
        KeyError: a figure is missing.
    """
    data = {figure["name"]: figure["data"] for figure in report["figures"]}
    ours = data["fanout"]["ours"]
    writing = ours["alone_cpu_seconds"]
    sending = ours["cpu_seconds"] - writing * ours["writes"]
    message = max(0.0, sending) / ours["report"]["delivered"]
    rss = data["idle"]["rss_bytes"]["ours"]
    step = report["choices"]["subscribers"]
    subscription = (rss[2] - rss[0]) / (2 * step)
    counts = {int(count): found for count, found in data["processes"].items()}

    def busy(name: str) -> list[tuple[float, float]]:
        return [
            (n, (b[name] - i[name] * b["seconds"] / i["seconds"]) / writes)
            for n, (i, b, writes) in counts.items()
        ]

    idle = [(n, found[0]["commands"] / found[0]["seconds"]) for n, found in counts.items()]
    anchors = [(int(n), row["rss"]) for n, row in data["anchors"].items()]
    subscribers = counts[1][0]["subscribers"]
    return Slopes(
        message_cpu=message,
        write_cpu=writing,
        taken_cpu=max(0.0, slope(busy("cpu")) - subscribers * message),
        process_bytes=rss[0],
        subscription_bytes=subscription,
        anchor_bytes=max(0.0, slope(anchors) - subscription),
        commands_per_write=busy("commands")[0][1],
        commands_per_process=slope(idle),
        redis_bytes=max(0.0, slope(busy("redis_bytes"))),
    )


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def sizing(report: Mapping[str, Any]) -> Figure | None:
    """Return the table for three crowds; None where the report lacks a figure that it takes."""
    if not {figure["name"] for figure in report["figures"]} >= _NEEDED:
        return None
    slopes = slopes_of(report)
    crowds = [Crowd(1_000), Crowd(100_000), Crowd(10_000_000)]
    sizes = [size(slopes, c, by_anchor=way) for c in crowds for way in (True, False)]
    heads = [f"{c.subscribers:,}, {way}" for c in crowds for way in ("by anchor", "at random")]
    figure = Figure(
        NAME,
        f"{crowds[0].per_anchor} subscribers an anchor, each gets a delta every"
        f" {1 / crowds[0].deltas_per_second:g} s",
        ("", *heads),
    )
    for text, cells in (
        ("server processes", [f"{s.processes:,}" for s in sizes]),
        ("of them show an anchor", [f"{s.showing:.3g}" for s in sizes]),
        ("cores in use, all processes", [_short(s.cores) for s in sizes]),
        ("memory of the processes, GB", [f"{s.memory_bytes / 1e9:,.1f}" for s in sizes]),
        ("writes a second", [f"{s.writes:,.0f}" for s in sizes]),
        ("MongoDB commands a second", [f"{s.commands:,.0f}" for s in sizes]),
        ("Redis messages delivered a second", [f"{s.delivered:,.0f}" for s in sizes]),
        ("Redis sends, MB a second", [_short(s.redis_bytes / 1e6) for s in sizes]),
    ):
        figure.add(text, *cells)
    figure.notes.append(
        f"computed from: a message {slopes.message_cpu * 1e6:.3g} µs of CPU, a write"
        f" {ms(slopes.write_cpu)}, a wake-up taken by another process {ms(slopes.taken_cpu)};"
        f" a process {slopes.process_bytes / 1e6:.0f} MB, a subscription"
        f" {slopes.subscription_bytes / 1024:.1f} KB,"
        f" a replica {slopes.anchor_bytes / 1024:.1f} KB;"
        f" MongoDB {slopes.commands_per_write:.3g} commands a write and"
        f" {slopes.commands_per_process:.3g} a process and second; Redis"
        f" {slopes.redis_bytes:,.0f} bytes a write and process that shows the anchor"
    )
    return figure
