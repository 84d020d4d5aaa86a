"""What a subscriber that nothing happens to holds in memory."""

from __future__ import annotations

import asyncio

from benchmarks.crowd import Crowd
from benchmarks.dialects import CONNECTED
from benchmarks.figure import Figure
from benchmarks.ground import OURS, RAW, THEIRS
from benchmarks.processes import Server
from benchmarks.run import SMALL, Run, say

_NAMES = {
    RAW: "raw socket",
    CONNECTED: "RxGraph, connected only",
    OURS: "RxGraph, one subscription",
    THEIRS: "RxDjango, one subscription",
}
_PROCESSES = 2  # of clients
_SETTLE_SECONDS = 3.0
_MOST_BYTES = 12 * 1024  # beside the raw connection


async def measure(run: Run) -> Figure:
    """Connect a crowd in two steps and look at the memory of the server after each."""
    step = run.choices.subscribers
    found: dict[str, list[int]] = {}
    connected: dict[str, int] = {}
    for kind in _NAMES:
        if kind != THEIRS or THEIRS in run.sides:
            found[kind], connected[kind] = await _fill(run, kind, step)
    figure = Figure(
        "idle",
        f"Memory of the server, {step:,} and {2 * step:,} clients of an anchor of {SMALL}",
        ("", "empty", f"{step:,}", f"{2 * step:,}", "each, of all", "each, of the second half"),
        data={"rss_bytes": found},
    )
    slopes = {kind: (rss[2] - rss[0]) / (2 * step) for kind, rss in found.items()}
    for kind, rss in found.items():
        late = (rss[2] - rss[1]) / step
        cells = [f"{size / 1e6:.1f} MB" for size in rss]
        figure.add(_NAMES[kind], *cells, f"{slopes[kind] / 1024:.1f} KB", f"{late / 1024:.1f} KB")
    more = slopes[OURS] - slopes[RAW]
    text = f"a subscription: at most a raw connection and 12 KB (and {more / 1024:.1f} KB)"
    figure.promise(text, more <= _MOST_BYTES)
    figure.promise("all are connected", all(n == 2 * step for n in connected.values()))
    figure.notes.append("resident memory, the first state delivered; each client has its socket")
    return figure


async def _fill(run: Run, kind: str, step: int) -> tuple[list[int], int]:
    side = OURS if kind == CONNECTED else kind
    server = run.ground.raw_server() if kind == RAW else run.ground.server(side)
    listeners = [run.ground.listeners() for _ in range(_PROCESSES)]
    crowd = Crowd(listeners, server, kind)
    seed = run.seeds.get(side)
    project, token = (seed.crowd, seed.token) if seed else (0, "")
    await crowd.connect(project, token, _PROCESSES)  # imports, connections, the replica
    sizes, connected = [await _settled(server)], 0
    for _ in range(2):
        connected += (await crowd.connect(project, token, step)).count
        sizes.append(await _settled(server))
    for worker in listeners:
        worker.stop()
    server.stop()
    say(f"  {_NAMES[kind]}: {(sizes[2] - sizes[0]) / 2 / step / 1024:.1f} KB each")
    return sizes, connected


async def _settled(server: Server) -> int:
    await asyncio.sleep(_SETTLE_SECONDS)
    return int((await asyncio.to_thread(server.usage))["rss_bytes"])
