"""Twenty clients that come at once for a big state."""

from __future__ import annotations

import asyncio

from benchmarks.crowd import Crowd
from benchmarks.figure import Figure, median, ms, ratio
from benchmarks.ground import OURS, RAW, THEIRS
from benchmarks.processes import Server
from benchmarks.run import Run, ask, say
from benchmarks.visits import first_payload, look

_CLIENTS = 20
_ROUNDS = 3
_REST_SECONDS = 1.0


async def measure(run: Run) -> Figure:
    """Connect all of them to a hot project, each side in turn, until each has the whole state."""
    servers = {side: run.ground.server(side) for side in run.sides}
    holders = {
        side: await look(server, side, run.seeds[side].big, run.seeds[side].token)
        for side, server in servers.items()
    }
    servers[RAW] = run.ground.raw_server()
    payload = first_payload(holders[OURS])
    await asyncio.to_thread(servers[RAW].fetch, "keep", payload)
    seconds: dict[str, list[float]] = {side: [] for side in servers}
    cpu: dict[str, list[float]] = {side: [] for side in servers}
    equal = dict.fromkeys(servers, 0)
    for round_ in range(_ROUNDS):
        for side in [*servers] if round_ % 2 == 0 else [*servers][::-1]:
            found = await _visit(run, side, servers[side])
            seconds[side].append(found[0])
            cpu[side].append(found[1])
            equal[side] = found[2]
            say(f"  {side}: {ms(found[0])}")
    for holder in holders.values():
        holder.close()
    for server in servers.values():
        server.stop()
    figure = Figure(
        "crowd",
        f"{_CLIENTS} clients at once, {run.choices.instances:,} instances, hot",
        ("", "RxGraph", "RxDjango", "raw bytes", "to RxDjango", "to raw"),
        data={"seconds": seconds, "cpu": cpu},
    )
    for text, samples in (("until all have it", seconds), ("server CPU, all", cpu)):
        values = {side: median(found) for side, found in samples.items()}
        cells = [ms(values.get(side)) for side in (OURS, THEIRS, RAW)]
        shares = [ratio(values[OURS], values.get(other)) for other in (THEIRS, RAW)]
        figure.add(text, *cells, *shares)
    if THEIRS in servers:
        part = median(seconds[OURS]) / median(seconds[THEIRS])
        figure.promise(f"at most 1/20 of RxDjango's time ({part:.4f})", part <= 1 / 20)
    figure.promise(
        "every client has what DRF renders", all(equal[side] == _CLIENTS for side in run.sides)
    )
    return figure


async def _visit(run: Run, side: str, server: Server) -> tuple[float, float, int]:
    seed, listeners = run.seeds.get(side), run.ground.listeners()
    crowd = Crowd([listeners], server, side)
    project, token = (seed.big, seed.token) if seed else (0, "")
    before = await asyncio.to_thread(server.usage)
    connected = await crowd.connect(project, token, _CLIENTS, at_once=_CLIENTS)
    after = await asyncio.to_thread(server.usage)
    rendered = await ask(run.workers[side], "render", project=project) if seed else None
    report = await crowd.report([], rendered)
    listeners.stop()
    await asyncio.sleep(_REST_SECONDS)
    return connected.seconds, after["cpu_seconds"] - before["cpu_seconds"], report.equal
