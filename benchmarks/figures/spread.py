"""What more processes and more anchors cost, of the stores and of the server."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import redis

from benchmarks.crowd import Crowd
from benchmarks.figure import Figure, ms
from benchmarks.fitting import slope
from benchmarks.ground import OURS
from benchmarks.processes import Server
from benchmarks.run import SMALL, Run, ask, say

_PROCESSES = (1, 2, 4)
_SUBSCRIBERS = 10  # of each process
_WRITES_PER_SECOND, _WRITE_SECONDS = 20.0, 5.0
_ANCHORS = (1, 10, 100, 1000)
_ANCHOR_INSTANCES = 10
_IDLE_SECONDS = 5.0
_SETTLE_SECONDS = 2.0


@dataclass(frozen=True)
class Spent:
    """What was used in a while, of all processes."""

    cpu: float  # seconds, of the servers
    commands: int  # of MongoDB
    messages: int  # published in Redis
    redis_bytes: int  # that Redis sent
    seconds: float
    subscribers: int = 0  # of each process


async def processes(run: Run) -> Figure:
    """Let one, two, four processes show the same anchor, some subscribers each; write to it."""
    found: dict[int, tuple[Spent, Spent, int]] = {}
    for count in _PROCESSES:
        servers = [run.ground.server(OURS) for _ in range(count)]
        found[count] = await _write(run, servers)
        for server in servers:
            server.stop()
        say(f"  {count} processes: {found[count][1]}")
    figure = Figure(
        "processes",
        f"One anchor of {SMALL} instances in several server processes,"
        f" {_SUBSCRIBERS} subscribers each, {_WRITES_PER_SECOND:g} writes a second",
        (
            "for each write",
            *(f"{n} process{'es' * (n > 1)}" for n in found),
            "for each process more",
        ),
        data={str(count): [vars(idle), vars(busy), w] for count, (idle, busy, w) in found.items()},
    )
    for text, pick, show in (
        ("MongoDB commands, writer and servers", "commands", _short),
        ("messages published in Redis", "messages", _short),
        ("bytes that Redis sends", "redis_bytes", _bytes),
        ("CPU of all servers", "cpu", ms),
    ):
        values = {
            count: (getattr(busy, pick) - getattr(idle, pick) * busy.seconds / idle.seconds)
            / writes
            for count, (idle, busy, writes) in found.items()
        }
        more = slope(list(values.items()))
        figure.add(text, *(show(value) for value in values.values()), show(more))
    idle = {count: spent.commands / spent.seconds for count, (spent, _, _) in found.items()}
    figure.add(
        "MongoDB commands a second, nothing written",
        *(_short(value) for value in idle.values()),
        _short(slope(list(idle.items()))),
    )
    figure.notes.append("what the same seconds of idling cost is taken off")
    return figure


async def _write(run: Run, servers: list[Server]) -> tuple[Spent, Spent, int]:
    seed, worker = run.seeds[OURS], run.workers[OURS]
    listeners = [run.ground.listeners() for _ in servers]
    project = await ask(worker, "make", instances=SMALL)
    for server, listener in zip(servers, listeners, strict=True):
        crowd = Crowd([listener], server, OURS)
        await crowd.connect(project, seed.token, _SUBSCRIBERS)
    await asyncio.sleep(_SETTLE_SECONDS)
    before = await _look(run, servers)
    await asyncio.sleep(_IDLE_SECONDS)
    between = await _look(run, servers)
    written = await ask(
        worker,
        "write",
        project=project,
        per_second=_WRITES_PER_SECOND,
        seconds=_WRITE_SECONDS,
    )
    after = await _look(run, servers)
    for listener in listeners:
        listener.stop()
    busy = _less(after, between)
    own = sum(written["commands"].values())
    busy = replace(busy, commands=busy.commands + own)
    return _less(between, before), busy, len(written["committed"])


async def anchors(run: Run) -> Figure:
    """Let one process show more and more anchors, one subscriber each, and do nothing."""
    seed, worker = run.seeds[OURS], run.workers[OURS]
    projects = await ask(worker, "make_many", count=_ANCHORS[-1], instances=_ANCHOR_INSTANCES)
    server, listeners = run.ground.server(OURS), run.ground.listeners()
    crowd = Crowd([listeners], server, OURS)
    await crowd.connect(seed.crowd, seed.token, 1)
    rows: dict[int, dict[str, float]] = {}
    shown = 0
    for count in _ANCHORS:
        begun = await _usage(server)
        connected = await crowd.connect(projects[shown:count], seed.token, count - shown)
        await asyncio.sleep(_SETTLE_SECONDS)
        before = await _usage(server)
        await asyncio.sleep(_IDLE_SECONDS)
        after = await _usage(server)
        new, shown = count - shown, count
        rows[count] = {
            "rss": after["rss_bytes"],
            "cpu": (after["cpu_seconds"] - before["cpu_seconds"]) / _IDLE_SECONDS,
            "commands": (_commands(after) - _commands(before)) / _IDLE_SECONDS,
            "attach": (before["cpu_seconds"] - begun["cpu_seconds"]) / new,
            "attach_commands": (_commands(before) - _commands(begun)) / new,
            "groups": sum(after["groups"].values()),
        }
        say(f"  {count} anchors, {connected.count} new ones connected: {rows[count]}")
    await crowd.close()
    server.stop()
    figure = Figure(
        "anchors",
        f"Anchors of {_ANCHOR_INSTANCES} instances in one process, one subscriber each, idle",
        ("", *(f"{count:,}" for count in rows), "each more"),
        data={str(count): row for count, row in rows.items()},
    )
    for text, pick, show in (
        ("resident memory", "rss", _megabytes),
        ("CPU a second", "cpu", ms),
        ("MongoDB commands a second", "commands", _short),
        ("channel-layer groups joined so far", "groups", _short),
    ):
        values = [(count, row[pick]) for count, row in rows.items()]
        more = slope(values)
        last = {"rss": f"{more / 1024:.1f} KB", "cpu": _small(more)}.get(pick, _short(more))
        figure.add(text, *(show(value) for _, value in values), last)
    for text, pick, show in (
        ("server CPU to heat and attach one", "attach", ms),
        ("MongoDB commands for that", "attach_commands", _short),
    ):
        figure.add(text, *(show(row[pick]) for row in rows.values()), "")
    return figure


async def _look(run: Run, servers: list[Server]) -> Spent:
    used = [await _usage(server) for server in servers]
    with redis.Redis.from_url(run.ground.redis) as client:
        published: Counter[str] = Counter()
        for name, stats in client.info("commandstats").items():
            if "publish" in name:
                published[name] += int(stats["calls"])
        sent = int(client.info("stats")["total_net_output_bytes"])
    return Spent(
        sum(found["cpu_seconds"] for found in used),
        sum(map(_commands, used)),
        sum(published.values()),
        sent,
        time.monotonic(),
    )


def _less(after: Spent, before: Spent) -> Spent:
    return Spent(
        after.cpu - before.cpu,
        after.commands - before.commands,
        after.messages - before.messages,
        after.redis_bytes - before.redis_bytes,
        after.seconds - before.seconds,
        _SUBSCRIBERS,
    )


async def _usage(server: Server) -> dict[str, Any]:
    return await asyncio.to_thread(server.usage)


def _commands(used: dict[str, Any]) -> int:
    return sum(used["commands"].values())


def _short(number: float) -> str:
    """Three digits, and nothing for what is too little to count.

    >>> _short(1013.6), _short(0.586), _short(-0.0003)
    ('1,014', '0.586', '0')
    """
    if abs(number) < 0.005:
        return "0"
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def _small(seconds: float) -> str:
    return f"{seconds * 1e6:.3g} µs"


def _bytes(number: float) -> str:
    return f"{number:,.0f}"


def _megabytes(number: float) -> str:
    return f"{number / 1e6:.1f} MB"
