"""The first state of an anchor that is hot: a replica is there, or the process has just begun."""

from __future__ import annotations

import asyncio

from benchmarks.figure import Figure, median, ms, ratio
from benchmarks.floors import blob_seconds, orjson_seconds
from benchmarks.ground import OURS, PLAIN, RAW, THEIRS, at
from benchmarks.processes import Server
from benchmarks.run import Run, ask, say
from benchmarks.visits import Visits, first_payload, look, visit

_ROUNDS = 5
_VISITS = {OURS: 5, THEIRS: 3, PLAIN: 2, RAW: 5}  # each round
_NAMES = {OURS: "RxGraph", THEIRS: "RxDjango", PLAIN: "stock Strawberry", RAW: "raw bytes"}
_REST_SECONDS = 1.0

Samples = dict[str, list[Visits]]


async def measure(run: Run) -> Figure:
    """Visit a project that somebody else watches, each side in turn."""
    servers = {side: run.ground.server(side) for side in run.ground.sides}
    holders = {
        side: await look(server, side, run.seeds[side].big, run.seeds[side].token)
        for side, server in servers.items()
    }
    payload = first_payload(holders[OURS])
    servers[RAW] = await _raw_server(run, payload)
    samples: Samples = {side: [] for side in servers}
    for round_ in range(_ROUNDS):
        await asyncio.sleep(_REST_SECONDS)
        for side in [*servers] if round_ % 2 == 0 else [*servers][::-1]:
            project, token = _of(run, side)
            samples[side].append(await visit(servers[side], side, project, token, _VISITS[side]))
        say(f"  round {round_ + 1} of {_ROUNDS}")
    figure = Figure(
        "hot",
        f"First state of {run.choices.instances:,} instances, hot, a replica in the process",
        ("", *(_NAMES[side] for side in servers), "to RxDjango", "to raw"),
        data={
            side: [(v.connecting, v.asking, v.cpu) for v in found]
            for side, found in samples.items()
        },
    )
    connecting, asking, cpu = (
        {side: median([pick(v) for v in found]) for side, found in samples.items()}
        for pick in (_connecting, _asking, _cpu)
    )
    for text, found in (
        ("from connecting", connecting),
        ("from asking for it", asking),
        ("server CPU", cpu),
    ):
        shares = [ratio(found[OURS], found.get(other)) for other in (THEIRS, RAW)]
        figure.add(text, *(ms(found[side]) for side in servers), *shares)
    sizes = {side: samples[side][0].bytes for side in servers}
    shares = [ratio(sizes[OURS], sizes.get(other)) for other in (THEIRS, RAW)]
    figure.add("bytes", *(f"{sizes[side]:,}" for side in servers), *shares)
    for text, found in (("from connecting", connecting), ("from asking", asking)):
        if THEIRS in servers:
            part = found[OURS] / found[THEIRS]
            figure.promise(f"{text}, at most 1/25 of RxDjango's ({part:.4f})", part <= 1 / 25)
        times = found[OURS] / found[RAW]
        figure.promise(f"{text}, at most 5 × the bytes alone ({times:.2f})", times <= 5)
    figure.promise("every client has what DRF renders", await _are_equal(run, samples))
    for holder in holders.values():
        holder.close()
    for server in servers.values():
        server.stop()
    return figure


async def new(run: Run) -> Figure:
    """Visit a hot project in processes that have just begun and served another one."""
    payload = await _heat(run)
    samples: Samples = {side: [] for side in run.sides}
    for round_ in range(_ROUNDS):
        for side in run.turns(round_):
            seed, server = run.seeds[side], run.ground.server(side)
            (await look(server, side, seed.warm_up, seed.token)).close()
            await asyncio.sleep(_REST_SECONDS)
            samples[side].append(await visit(server, side, seed.big, seed.token, 1))
            server.stop()
        say(f"  round {round_ + 1} of {_ROUNDS}")
    blob = blob_seconds(at(run.ground.mongo, f"{run.ground.name}_{OURS}"), payload)
    figure = Figure(
        "new",
        f"First state of {run.choices.instances:,} instances, hot, in a process that is new",
        ("", "RxGraph", "RxDjango", "ratio", "one blob read", "orjson of a dict"),
    )
    connecting, asking, cpu = (
        {side: median([pick(v) for v in found]) for side, found in samples.items()}
        for pick in (_connecting, _asking, _cpu)
    )
    floors = (ms(blob), ms(orjson_seconds(payload)))
    for text, found, beside in (
        ("from connecting", connecting, floors),
        ("from asking for it", asking, ("", "")),
        ("server CPU", cpu, ("", "")),
    ):
        theirs = found.get(THEIRS)
        figure.add(text, ms(found[OURS]), ms(theirs), ratio(found[OURS], theirs), *beside)
    if THEIRS in samples:
        part = connecting[OURS] / connecting[THEIRS]
        figure.promise(f"at most half of RxDjango's ({part:.3f})", part <= 0.5)
    figure.promise("every client has what DRF renders", await _are_equal(run, samples))
    figure.notes.append(f"{len(payload):,} bytes, read back with pymongo from one document")
    figure.data = {
        side: [(_connecting(v), _asking(v), v.cpu) for v in found]
        for side, found in samples.items()
    }
    return figure


async def _heat(run: Run) -> bytes:
    """Fill the caches by servers that end then; return our message."""
    payload = b""
    for side in run.sides:
        seed, server = run.seeds[side], run.ground.server(side)
        client = await look(server, side, seed.big, seed.token)
        if side == OURS:
            payload = first_payload(client)
        client.close()
        await asyncio.sleep(_REST_SECONDS)
        server.stop()
    return payload


async def _raw_server(run: Run, payload: bytes) -> Server:
    server = run.ground.raw_server()
    await asyncio.to_thread(server.fetch, "keep", payload)
    return server


def _of(run: Run, side: str) -> tuple[int, str]:
    seed = run.seeds.get(side)
    return (seed.big, seed.token) if seed else (0, "")


async def _are_equal(run: Run, samples: Samples) -> bool:
    is_equal = True
    for side, worker in run.workers.items():
        if side in samples:
            rendered = await ask(worker, "render", project=run.seeds[side].big)
            is_equal &= all(found.state == rendered for found in samples[side])
    return is_equal


def _connecting(found: Visits) -> float:
    return median(found.connecting)


def _asking(found: Visits) -> float:
    return median(found.asking)


def _cpu(found: Visits) -> float:
    return found.cpu
