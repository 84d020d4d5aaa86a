"""A crowd watches one project while another process saves its tasks, or uvicorn broadcasts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.crowd import AT_ONCE, Crowd, Report
from benchmarks.figure import quantile
from benchmarks.ground import RAW
from benchmarks.processes import Server
from benchmarks.run import SMALL, Run, ask, say
from benchmarks.visits import look

_ALONE_SECONDS = 3.0
_REST_SECONDS = 1.0
_STEPS = (0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1)


@dataclass(frozen=True)
class Plan:
    """Who watches, and how is written."""

    subscribers: int
    per_second: float  # writes; 0 is without pause
    seconds: float
    processes: int = 1  # of clients
    at_once: int = AT_ONCE  # that connect at the same time
    hold_seconds: float = 0.0  # before anything is written
    alone: bool = False  # write before one subscriber first
    late: bool = False  # let one more come when all are there
    message_bytes: int = 0  # that uvicorn alone broadcasts
    quiet_seconds: float = 5.0  # without a message, after which nothing is waited for
    longest_seconds: float = 240.0  # from the last write on
    limits: str = "wide"  # of the server: "wide", or as they are by default
    #: What is entered while there are writes, a profiler say.
    during: Callable[[Server], AbstractAsyncContextManager[None]] | None = None


@dataclass(frozen=True)
class Outcome:
    """What happened on one side."""

    report: Report
    wanted: int
    stayed: int  # clients that were there when the writing began
    writes: int
    write_seconds: float
    durations: list[float]  # of the saves
    connect_seconds: float
    first_states: list[float]  # seconds from connecting
    late_seconds: float  # of the one that came when all were there, from connecting
    drain_seconds: float  # from the last commit to the last message
    cpu_seconds: float  # of the server, from the first write to the last message
    alone_cpu_seconds: float | None  # of the server for each write before one subscriber
    connect_cpu_seconds: float  # of the server for each connection
    rss_bytes: int
    rss_bytes_each: float
    problems: list[str]

    def latency(self, part: float) -> float:
        """Return the seconds from commit to client that *part* of all do not exceed.

        Infinite where nothing came.
        """
        found = self.report.latencies
        return quantile(found, part) if found else float("inf")

    @property
    def cpu_per_message(self) -> float:
        """Seconds of the server."""
        return self.cpu_seconds / max(1, self.report.delivered)

    @property
    def cpu_per_write(self) -> float:
        """Seconds of the server for each write and subscriber: what counts where messages merge."""
        return self.cpu_seconds / max(1, self.writes * self.report.clients)

    @property
    def active_seconds(self) -> float:
        """Seconds from the first write to the last message."""
        return self.write_seconds + max(0.0, self.drain_seconds)

    @property
    def per_second(self) -> float:
        """Messages delivered in a second."""
        return self.report.delivered / self.active_seconds

    @property
    def shown_per_second(self) -> float:
        """Writes that clients came to show in a second, over all clients."""
        return len(self.report.latencies) / self.active_seconds

    @property
    def writes_per_message(self) -> float:
        """How many writes a message carries: more than one where they merge."""
        return len(self.report.latencies) / max(1, self.report.delivered)

    @property
    def is_whole(self) -> bool:
        """Every client that was asked for is there and shows what DRF renders."""
        found = self.report
        return found.equal == found.clients == self.wanted and not self.problems

    def samples(self) -> dict[str, Any]:
        """Return what programs may want."""
        found = asdict(self)
        found["report"].pop("latencies")
        return found | {"latency_quantiles": {str(step): self.latency(step) for step in _STEPS}}


async def watch(run: Run, side: str, plan: Plan) -> Outcome:
    """Let a crowd watch a project that nobody watched before, and write."""
    server = run.ground.raw_server() if side == RAW else run.ground.server(side, limits=plan.limits)
    listeners = [run.ground.listeners() for _ in range(plan.processes)]
    crowd = Crowd(listeners, server, side)
    seed = run.seeds.get(side)
    token = seed.token if seed else ""
    project = await ask(run.workers[side], "make", instances=SMALL) if seed else 0
    await crowd.connect(project, token, plan.processes)  # heats it
    await asyncio.sleep(_REST_SECONDS)
    first, alone_cpu = 0, None
    if plan.alone and seed:
        first, alone_cpu = await _write_alone(run, server, side, plan, project, crowd)
    empty = await _usage(server)
    connected = await crowd.connect(
        project, token, max(0, plan.subscribers - plan.processes), at_once=plan.at_once
    )
    say(f"  {side}: {connected.count + plan.processes} clients in {connected.seconds:.1f} s")
    await asyncio.sleep(_REST_SECONDS + plan.hold_seconds)
    stayed = await crowd.still_there()
    late = 0.0
    if plan.late:
        visitor = await look(server, side, project, token)
        late = visitor.conversation.seconds
        visitor.close()
        await asyncio.sleep(_REST_SECONDS)
    crowded = await _usage(server)
    async with plan.during(server) if plan.during else nullcontext():
        written = await _write(run, server, side, plan, project, seconds=plan.seconds, first=first)
    committed = written["committed"]
    await crowd.wait(
        first + len(committed) - 1,
        quiet_seconds=plan.quiet_seconds,
        seconds=plan.longest_seconds,
    )
    after = await _usage(server)
    rendered = await ask(run.workers[side], "render", project=project) if seed else None
    report = await crowd.report(committed, rendered, first=first)
    for worker in listeners:
        worker.stop()
    server.stop()
    say(f"  {side}: {report.delivered:,} messages, {report.equal} of {report.clients} equal")
    each = max(1, connected.count)
    return Outcome(
        report=report,
        wanted=plan.subscribers,
        stayed=stayed,
        writes=len(committed),
        write_seconds=written["took"],
        durations=written["durations"],
        connect_seconds=connected.seconds,
        first_states=connected.each,
        late_seconds=late,
        drain_seconds=report.last - committed[-1],
        cpu_seconds=after["cpu_seconds"] - crowded["cpu_seconds"],
        alone_cpu_seconds=alone_cpu,
        connect_cpu_seconds=(crowded["cpu_seconds"] - empty["cpu_seconds"]) / each,
        rss_bytes=after["rss_bytes"],
        rss_bytes_each=(crowded["rss_bytes"] - empty["rss_bytes"]) / each,
        problems=[*connected.problems, *report.problems],
    )


async def _write_alone(
    run: Run, server: Server, side: str, plan: Plan, project: int, crowd: Crowd
) -> tuple[int, float]:
    """Write before the first subscribers; return how many writes, and the server's seconds each."""
    before = await _usage(server)
    written = await _write(run, server, side, plan, project, seconds=_ALONE_SECONDS)
    count = len(written["committed"])
    await crowd.wait(count - 1)
    after = await _usage(server)
    return count, (after["cpu_seconds"] - before["cpu_seconds"]) / count


async def _write(
    run: Run,
    server: Server,
    side: str,
    plan: Plan,
    project: int,
    *,
    seconds: float,
    first: int = 0,
) -> dict[str, Any]:
    if side != RAW:
        found: dict[str, Any] = await ask(
            run.workers[side],
            "write",
            project=project,
            per_second=plan.per_second,
            seconds=seconds,
            first=first,
        )
        return found
    page = f"broadcast?size={plan.message_bytes}&per_second={plan.per_second}&seconds={seconds}"
    began = time.monotonic()
    committed = await asyncio.to_thread(server.fetch, page, seconds=seconds + 60)
    return {"committed": committed, "durations": [], "took": time.monotonic() - began}


async def _usage(server: Server) -> dict[str, Any]:
    return await asyncio.to_thread(server.usage)
