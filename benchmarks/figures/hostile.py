"""Good subscribers beside hostile clients: what the good ones notice, and what the server keeps.

The limits are those that a project has from the start. A server is measured quiet first, then one
that another user's sockets flood with subscriptions, giant documents, broken frames, slow readers
and connections of nobody (``benchmarks.hostile``).
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

from benchmarks.figure import Figure, ms
from benchmarks.ground import OURS
from benchmarks.processes import Server
from benchmarks.run import Run, ask
from benchmarks.watching import Outcome, Plan, watch

_GOOD = 50
_MOST_TIMES = 3.0
_MOST_MEGABYTES = 250.0
_LEAD_SECONDS = 5.0  # in which the attack begins, and heats what it asks for
_STOP_SECONDS = 30.0


async def measure(run: Run) -> Figure:
    """Let a few clients watch a project that is written to, in peace and under attack."""
    choices = run.choices
    told: dict[str, Any] = {}
    quiet = await _watch(run, lambda server: nullcontext())
    beside = await _watch(run, lambda server: _beside(run, choices.seconds))
    hostile = await _watch(run, lambda server: _attacked(run, server, choices.seconds, told))
    figure = Figure(
        "hostile",
        f"{_GOOD} good subscribers beside hostile clients,"
        f" {choices.per_second:g} writes a second for {choices.seconds:g} s",
        ("", "quiet", "another server is attacked", "under attack"),
        data={
            "quiet": quiet.samples(),
            "beside": beside.samples(),
            "hostile": hostile.samples(),
            "told": told,
        },
    )
    for part in (0.5, 0.99):
        both = [ms(outcome.latency(part)) for outcome in (quiet, beside, hostile)]
        figure.add(f"latency from commit to client, p{part * 100:g}", *both)
    rows: list[tuple[str, Callable[[Outcome], str]]] = [
        ("clients equal to the database at the end", lambda o: f"{o.report.equal}"),
        ("values that a client never showed", lambda o: f"{o.report.unseen}"),
        ("resident memory of the server", lambda o: f"{o.rss_bytes / 1e6:.0f} MB"),
        ("processor seconds of the server", lambda o: f"{o.cpu_seconds:.1f}"),
    ]
    for text, value in rows:
        figure.add(text, *map(value, (quiet, beside, hostile)))
    for name, times in sorted(told.items()):
        figure.add(name, "–", "–", f"{times:,}")
    _promise(figure, quiet, beside, hostile, told)
    return figure


async def _watch(
    run: Run, during: Callable[[Server], AbstractAsyncContextManager[None]]
) -> Outcome:
    choices = run.choices
    plan = Plan(_GOOD, choices.per_second, choices.seconds, limits="default", during=during)
    return await watch(run, OURS, plan)


def _promise(
    figure: Figure, quiet: Outcome, beside: Outcome, hostile: Outcome, told: dict[str, Any]
) -> None:
    p99 = hostile.latency(0.99)
    times, to_beside = (p99 / outcome.latency(0.99) for outcome in (quiet, beside))
    figure.promise(f"p99 at most 3 × that of the quiet run ({times:.2f})", times <= _MOST_TIMES)
    figure.promise(
        f"p99 at most 3 × that beside an attack on another server ({to_beside:.2f})",
        to_beside <= _MOST_TIMES,
    )
    figure.notes.append(
        "clients good and bad, two servers, writer and services share the machine's cores: the"
        " attack on another server shows what of the latency is theirs"
    )
    figure.promise("nothing lost, every good client equal to the database", hostile.is_whole)
    under = told["megabytes of the server at the end of the attack"]
    more = under - quiet.rss_bytes / 1e6
    figure.promise(f"at most 250 MB more memory ({more:.0f} MB)", more <= _MOST_MEGABYTES)


@asynccontextmanager
async def _beside(run: Run, seconds: float) -> AsyncIterator[None]:
    """Attack a server that nobody good is on."""
    other = run.ground.server(OURS, limits="default")
    try:
        async with _attacked(run, other, seconds, {}):
            yield
    finally:
        other.stop()


@asynccontextmanager
async def _attacked(
    run: Run, server: Server, seconds: float, told: dict[str, Any]
) -> AsyncIterator[None]:
    worker, seed = run.workers[OURS], run.seeds[OURS]
    token = await ask(worker, "make_user", name="mallory")
    arguments = {
        "port": server.port,
        "token": token,
        "project": seed.crowd,
        "large": seed.big,
        "seconds": seconds + _LEAD_SECONDS,
    }
    command = [sys.executable, "-m", "benchmarks.hostile", json.dumps(arguments)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        await asyncio.sleep(_LEAD_SECONDS)
        yield
        usage = await asyncio.to_thread(server.usage)
        told["megabytes of the server at the end of the attack"] = usage["rss_bytes"] // 10**6
        out, _ = await asyncio.wait_for(process.communicate(), _STOP_SECONDS)
        told.update(json.loads(out))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
