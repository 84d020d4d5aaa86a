"""A thousand subscribers of one anchor: what reaches them, when, and at what cost."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.dialects import dialect_of
from benchmarks.figure import Figure, median, ms, quantile, ratio
from benchmarks.ground import OURS, THEIRS
from benchmarks.processes import Server
from benchmarks.run import SMALL, Run, ask, say
from benchmarks.sockets import Client, Tape, state_of, subscribe

_AT_ONCE = 20  # clients that connect at the same time
_QUIET_SECONDS = 5.0
_LONGEST_SECONDS = 240.0


@dataclass
class Outcome:
    """What happened on one side."""

    subscribers: int
    writes: int
    delivered: int
    equal: int  # clients whose state is what DRF renders in the end
    unseen: int  # values that a client never showed, over all clients
    latencies: list[float]
    durations: list[float]  # of the saves
    connect_seconds: float
    drain_seconds: float  # from the last commit to the last message
    server_cpu_seconds: float
    client_cpu_seconds: float
    connect_cpu_seconds: float
    rss_bytes: int
    rss_bytes_per_subscriber: float
    message_bytes: float
    problems: list[str]


async def measure(run: Run) -> Figure:
    """Let a crowd watch one project while another process saves its tasks; one side at a time."""
    outcomes = {side: await _watch(run, side) for side in run.sides}
    ours, theirs = outcomes[OURS], outcomes.get(THEIRS)
    choices = run.choices
    figure = Figure(
        "fanout",
        f"{choices.subscribers:,} subscribers of one anchor of {SMALL}"
        f" instances, {choices.per_second:g} writes a second for {choices.seconds:g} s",
        ("", "RxGraph", "RxDjango (pub/sub layer)", "ratio"),
        data={side: vars(outcome) for side, outcome in outcomes.items()},
    )

    def add(text: str, value: Any, show: Any) -> None:
        mine, other = value(ours), value(theirs) if theirs else None
        share = ratio(mine, other) if other else "–"
        figure.add(text, show(mine), "–" if other is None else show(other), share)

    def count(number: float) -> str:
        return f"{number:,.0f}"

    add("messages delivered", lambda o: o.delivered, count)
    add("clients equal to the database at the end", lambda o: o.equal, count)
    add("values that a client never showed", lambda o: o.unseen, count)
    add("latency from commit to client, p50", lambda o: quantile(o.latencies, 0.5), ms)
    add("latency from commit to client, p99", lambda o: quantile(o.latencies, 0.99), ms)
    add("server CPU per message", _cpu_per_message, lambda s: f"{s * 1e6:.0f} µs")
    add("server CPU per subscriber and write", _cpu_per_write, lambda s: f"{s * 1e6:.0f} µs")
    add("bytes of a message", lambda o: o.message_bytes, count)
    add("one save, p50", lambda o: median(o.durations), ms)
    add("connecting the crowd, server CPU each", _cpu_per_connection, ms)
    add("resident memory of the server", lambda o: o.rss_bytes / 1e6, lambda mb: f"{mb:.0f} MB")
    add(
        "of it per subscriber", lambda o: o.rss_bytes_per_subscriber / 1024, lambda k: f"{k:.0f} KB"
    )
    is_whole = ours.equal == ours.subscribers == choices.subscribers and not ours.problems
    figure.promise("nothing lost, every client equal to the database at the end", is_whole)
    figure.notes.append(
        "clients, writer, server and services share the machine's cores:"
        " CPU per message says more than latency"
    )
    figure.notes.extend(f"{side}: {p}" for side, o in outcomes.items() for p in o.problems[:3])
    return figure


def _cpu_per_message(outcome: Outcome) -> float:
    return outcome.server_cpu_seconds / max(1, outcome.delivered)


def _cpu_per_write(outcome: Outcome) -> float:
    """What counts where a slow subscriber gets several writes in one message."""
    return outcome.server_cpu_seconds / (outcome.writes * max(1, outcome.subscribers))


def _cpu_per_connection(outcome: Outcome) -> float:
    return outcome.connect_cpu_seconds / max(1, outcome.subscribers)


async def _watch(run: Run, side: str) -> Outcome:
    seed, choices = run.seeds[side], run.choices
    server, tape = run.ground.server(side), Tape(dialect_of(side))
    first = await subscribe(tape, server.port, seed.crowd, seed.token)  # heats it
    await asyncio.sleep(1)
    alone = await _usage(server)
    began = time.monotonic()
    clients, problems = await _connect(run, side, server, tape)
    connect_seconds = time.monotonic() - began
    await asyncio.sleep(1)
    crowded = await _usage(server)
    say(f"  {side}: {len(clients)} clients in {connect_seconds:.1f} s")
    cpu = _own_cpu()
    written = await ask(
        run.workers[side],
        "write",
        project=seed.crowd,
        per_second=choices.per_second,
        seconds=choices.seconds,
    )
    last_commit = written["committed"][-1]
    clients.append(first)
    await _drain(clients, len(written["committed"]) - 1)
    cpu = _own_cpu() - cpu
    after = await _usage(server)
    rendered = await ask(run.workers[side], "render", project=seed.crowd)
    known: dict[tuple[int, ...], Any] = {}
    equal = 0
    for n, client in enumerate(clients):
        equal += state_of(tape, client, known) == rendered
        if n % 50 == 0:
            await asyncio.sleep(0)
    problems += [client.problem for client in clients if client.problem]
    arrivals = [client.arrivals for client in clients]
    delivered = sum(map(len, arrivals))
    times = [when for found in arrivals for when, _ in found]
    sizes = [f.size for f in tape.frames if f.holds_state and not f.completes]
    for client in clients:
        client.close()
    server.stop()
    say(f"  {side}: {delivered:,} messages, {equal} of {len(clients)} clients equal")
    return Outcome(
        subscribers=len(clients),
        writes=len(written["committed"]),
        delivered=delivered,
        equal=equal,
        unseen=sum(len(written["committed"]) - len({mark for _, mark in a}) for a in arrivals),
        latencies=latencies(arrivals, written["committed"]),
        durations=written["durations"],
        connect_seconds=connect_seconds,
        drain_seconds=max(times, default=last_commit) - last_commit,
        server_cpu_seconds=after["cpu_seconds"] - crowded["cpu_seconds"],
        client_cpu_seconds=cpu,
        connect_cpu_seconds=crowded["cpu_seconds"] - alone["cpu_seconds"],
        rss_bytes=after["rss_bytes"],
        rss_bytes_per_subscriber=(crowded["rss_bytes"] - alone["rss_bytes"]) / len(clients),
        message_bytes=median(sizes or [0]),
        problems=problems,
    )


async def _connect(
    run: Run, side: str, server: Server, tape: Tape
) -> tuple[list[Client], list[str]]:
    seed, places = run.seeds[side], asyncio.Semaphore(_AT_ONCE)
    problems: list[str] = []

    async def one() -> Client | None:
        async with places:
            try:
                return await subscribe(tape, server.port, seed.crowd, seed.token)
            except (OSError, TimeoutError) as error:
                problems.append(repr(error))
                return None

    found = await asyncio.gather(*(one() for _ in range(run.choices.subscribers - 1)))
    return [client for client in found if client is not None], problems


async def _drain(clients: Sequence[Client], last: int) -> None:
    """Return when every client has shown the last write, or nothing has come for a while."""
    count, quiet_since = -1, time.monotonic()
    end = quiet_since + _LONGEST_SECONDS
    while time.monotonic() < end:
        await asyncio.sleep(0.2)
        if all(client.arrivals and client.arrivals[-1][1] >= last for client in clients):
            await asyncio.sleep(0.5)  # nothing should come after that
            return
        found = sum(len(client.arrivals) for client in clients)
        if found != count:
            count, quiet_since = found, time.monotonic()
        elif time.monotonic() - quiet_since > _QUIET_SECONDS:
            return


def latencies(
    arrivals: Sequence[Sequence[tuple[float, int]]], committed: Sequence[float]
) -> list[float]:
    """Return, for each client and write, the seconds from its commit until the client showed it.

    A client shows a write with the first message that has its number or a higher one.

    >>> latencies([[(1.5, 0), (4.0, 2)]], [1.0, 2.0, 3.0])
    [0.5, 2.0, 1.0]
    """
    found = []
    for client in arrivals:
        shown = -1
        for when, mark in client:
            found += [when - committed[n] for n in range(shown + 1, mark + 1)]
            shown = max(shown, mark)
    return found


async def _usage(server: Server) -> dict[str, Any]:
    return await asyncio.to_thread(server.usage)


def _own_cpu() -> float:
    used = os.times()
    return used.user + used.system
