"""How costs grow with the size of a state and with the number of its subscribers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from benchmarks.figure import Figure, median, ms
from benchmarks.fitting import Point, exponent, last_exponent
from benchmarks.ground import OURS
from benchmarks.latencies import latencies
from benchmarks.limits import open_files
from benchmarks.plot import Line, Panel, svg
from benchmarks.processes import Server
from benchmarks.run import SMALL, Run, ask, say
from benchmarks.sockets import Client
from benchmarks.visits import look
from benchmarks.watching import Plan, watch

_SIZES = (100, 1_000, 10_000, 100_000)  # instances
_CROWDS = (1, 100, 1_000, 10_000)  # subscribers
_COLD = 2  # projects of each size
_HOT = 3  # visits of each
_WRITES_PER_SECOND, _WRITE_SECONDS = 4.0, 3.0
_SHOWN_SECONDS = 60.0
_REST_SECONDS = 1.0
_SPARE_FILES = 200
_STEEPEST = 1.1  # an exponent that is still called linear, for the noise

_COLD_LINE, _HOT_LINE, _DELTA_LINE = "first state, cold", "first state, hot", "one delta"
_LATE_LINE, _MIDDLE_LINE, _LAST_LINE = "one more first state", "a delta, p50", "a delta, p99"

Lines = dict[str, list[Point]]


async def measure(run: Run) -> Figure:
    """Measure first states and deltas of RxGraph over sizes, draw them, and fit exponents."""
    sizes = [size for size in _SIZES if size <= run.choices.largest]
    crowds = [crowd for crowd in _CROWDS if crowd <= run.choices.many]
    by_instances = await _by_instances(run, sizes)
    by_subscribers = await _by_subscribers(run, crowds)
    figure = Figure(
        "scale",
        "Times over sizes",
        ("", *(f"{n:,}" for n in sorted({*sizes, *crowds})), "exponent", "of the last step"),
        data={"instances": by_instances, "subscribers": by_subscribers},
    )
    everywhere = sorted({*sizes, *crowds})
    for what, lines in (("instances", by_instances), ("subscribers", by_subscribers)):
        for name, points in lines.items():
            found = dict(points)
            cells = [ms(found.get(size)) for size in everywhere]
            steep = exponent(points), last_exponent(points)
            figure.add(f"{what}: {name}", *cells, *(f"{e:.2f}" for e in steep))
            text = f"{name} over {what}: linear or better (exponent {max(steep):.2f})"
            figure.promise(text, max(steep) <= _STEEPEST)
    picture = run.choices.plot or run.ground.folder.parent / "scale.svg"
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_text(svg(_panels(by_instances, by_subscribers)))
    figure.notes.append(f"drawn to {picture.name}; subscribers watch an anchor of {SMALL}")
    return figure


def _panels(by_instances: Lines, by_subscribers: Lines) -> list[Panel]:
    def lines(found: Lines) -> list[Line]:
        return [
            Line(name, [(size, seconds * 1000) for size, seconds in points])
            for name, points in found.items()
        ]

    return [
        Panel("Size of the state", "instances", "milliseconds", lines(by_instances)),
        Panel("Size of the crowd", "subscribers", "milliseconds", lines(by_subscribers)),
    ]


async def _by_instances(run: Run, sizes: Sequence[int]) -> Lines:
    seed, worker = run.seeds[OURS], run.workers[OURS]
    server = run.ground.server(OURS)
    (await look(server, OURS, seed.warm_up, seed.token)).close()
    lines: Lines = {_COLD_LINE: [], _HOT_LINE: [], _DELTA_LINE: []}
    for size in sizes:
        projects = [await ask(worker, "make", instances=size) for _ in range(_COLD)]
        await ask(worker, "analyze")
        found = [await _measure(run, server, project) for project in projects]
        for line, values in zip(lines.values(), zip(*found, strict=True), strict=True):
            line.append((size, median(values)))
        say(f"  {size:,} instances: " + ", ".join(ms(line[-1][1]) for line in lines.values()))
    server.stop()
    return lines


async def _measure(run: Run, server: Server, project: int) -> tuple[float, float, float]:
    """Return the seconds of a cold first state, of a hot one, and of a delta."""
    token = run.seeds[OURS].token
    holder = await look(server, OURS, project, token)
    hot = []
    for _ in range(_HOT):
        visitor = await look(server, OURS, project, token)
        hot.append(visitor.conversation.seconds)
        visitor.close()
    settled = await _write(run, holder, project, first=0, seconds=1.0)
    await asyncio.sleep(_REST_SECONDS)
    committed = await _write(run, holder, project, first=len(settled), seconds=_WRITE_SECONDS)
    holder.close()
    arrivals = [found for found in holder.arrivals if found[1] >= len(settled)]
    delta = median(latencies([arrivals], committed, len(settled)))
    return holder.conversation.seconds, median(hot), delta


async def _write(
    run: Run, holder: Client, project: int, *, first: int, seconds: float
) -> list[float]:
    """Save some tasks and wait until *holder* shows that; return when they were committed.

    The first deltas after a cold state wait until that is stored: they are no measure.
    """
    written = await ask(
        run.workers[OURS],
        "write",
        project=project,
        per_second=_WRITES_PER_SECOND,
        seconds=seconds,
        first=first,
    )
    committed: list[float] = written["committed"]
    end = time.monotonic() + _SHOWN_SECONDS
    while holder.conversation.newest < first + len(committed) - 1:
        if time.monotonic() > end:
            raise TimeoutError("a write was not shown")
        await asyncio.sleep(0.05)
    return committed


async def _by_subscribers(run: Run, crowds: Sequence[int]) -> Lines:
    open_files(max(crowds) + _SPARE_FILES)
    lines: Lines = {_LATE_LINE: [], _MIDDLE_LINE: [], _LAST_LINE: []}
    for count in crowds:
        plan = Plan(
            count,
            _WRITES_PER_SECOND / 2,
            _WRITE_SECONDS * 2,
            processes=1 + (count > 1000) * 3,
            quiet_seconds=20.0,
            late=True,
        )
        outcome = await watch(run, OURS, plan)
        for line, value in zip(
            lines.values(),
            (outcome.late_seconds, outcome.latency(0.5), outcome.latency(0.99)),
            strict=True,
        ):
            line.append((count, value))
    return lines
