"""Where a server's time goes while it fans out and while it heats, as py-spy sees it.

Samples count only while a thread holds the interpreter's lock, so what waits is left out.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.ground import OURS
from benchmarks.processes import Server
from benchmarks.run import Run, ask
from benchmarks.samples import below, by_function, by_package
from benchmarks.visits import look
from benchmarks.watching import Plan, watch

_PER_SECOND = 250  # samples
_MOST_PACKAGES, _MOST_FUNCTIONS = 9, 12
_LEAST = 0.01  # a share that is worth a row
_COLD = 8  # states
_START_SECONDS = 1.5


async def fanout(run: Run) -> Figure:
    """Look at a server while it tells a crowd of the writes of another process."""
    choices, path = run.choices, run.ground.folder / "fanout.raw"
    plan = Plan(
        choices.subscribers,
        choices.per_second,
        choices.seconds,
        during=lambda server: recorded(run, server, path),
    )
    outcome = await watch(run, OURS, plan)
    figure = _figure("fanout_profile", "Fan-out: the server's time", path)
    figure.notes.append(
        f"{choices.subscribers:,} subscribers, {choices.per_second:g} writes a second:"
        f" {outcome.report.delivered:,} messages, {outcome.cpu_per_message * 1e6:.0f} µs each"
        " under the profiler"
    )
    return figure


async def cold(run: Run) -> Figure:
    """Look at a server while it reads, stores and sends one big state after the other."""
    seed, worker, path = run.seeds[OURS], run.workers[OURS], run.ground.folder / "cold.raw"
    server = run.ground.server(OURS)
    (await look(server, OURS, seed.warm_up, seed.token)).close()
    size = run.choices.instances
    projects = [await ask(worker, "make", instances=size) for _ in range(_COLD)]
    await ask(worker, "analyze")
    async with recorded(run, server, path):
        for project in projects:
            (await look(server, OURS, project, seed.token)).close()
    server.stop()
    figure = _figure("cold_profile", "Cold first states: the server's time", path)
    figure.notes.append(f"{_COLD} states of {size:,} instances")
    return figure


@asynccontextmanager
async def recorded(run: Run, server: Server, path: Path) -> AsyncIterator[None]:
    """Sample a server for as long as this is entered.

    Raises:
        RuntimeError: there is no py-spy.
    """
    program = shutil.which(run.choices.py_spy)
    if program is None:
        raise RuntimeError("no py-spy here: install it anywhere and name it with --py-spy FILE")
    command = [program, "record", "--pid", str(server.pid), "--format", "raw", "--gil"]
    command += ["--rate", str(_PER_SECOND), "--duration", "600", "--output", str(path)]
    quiet = subprocess.DEVNULL
    profiler = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet)
    await asyncio.sleep(_START_SECONDS)
    try:
        yield
    finally:
        profiler.send_signal(signal.SIGINT)
        await profiler.wait()


def _figure(name: str, title: str, path: Path) -> Figure:
    lines = path.read_text().splitlines()
    packages, functions, everywhere = by_package(lines), by_function(lines), below(lines)
    total = sum(packages.values())
    figure = Figure(name, title, ("innermost frame", "share", "with what it calls"))
    for package, count in packages.most_common(_MOST_PACKAGES):
        if count >= _LEAST * total:
            figure.add(package, f"{count / total:.0%}", "")
    for function, count in functions.most_common(_MOST_FUNCTIONS):
        if count >= _LEAST * total:
            figure.add(
                f"`{function}`", f"{count / total:.1%}", f"{everywhere[function] / total:.0%}"
            )
    figure.data = {
        "samples": total,
        "below": dict(Counter(everywhere).most_common(100)),
    }
    return figure
