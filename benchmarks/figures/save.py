"""What a save costs more, while somebody watches and while nobody does."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.conversation import Tape, state_of
from benchmarks.dialects import dialect_of
from benchmarks.figure import Figure, median, ms, ratio
from benchmarks.ground import OURS, THEIRS
from benchmarks.processes import Worker
from benchmarks.run import Run, ask, say
from benchmarks.sockets import Client, subscribe

PLAIN, UNWATCHED, WATCHED, MERGED = "plain", "unwatched", "watched", "merged"
_KINDS = {
    PLAIN: "Django alone",
    UNWATCHED: "nobody watches",
    WATCHED: "somebody watches",
    MERGED: "the same, HAND_OVER off",  # ours only: the saving process merges by itself
}
_REST_SECONDS = 0.2  # for servers to finish what a turn left to them

Samples = dict[str, dict[str, list[float]]]


async def measure(run: Run) -> Figure:
    """Save in rounds: plain, unwatched, watched, each side in turn."""
    clients: dict[str, Client] = {}
    tapes = {side: Tape(dialect_of(side)) for side in run.sides}
    servers = {side: run.ground.server(side) for side in run.sides}
    for side, server in servers.items():
        seed = run.seeds[side]
        clients[side] = await subscribe(tapes[side], server.port, seed.watched, seed.token)
    merging = run.ground.worker(OURS, hand_over=False)
    samples: Samples = {side: {kind: [] for kind in _kinds(side)} for side in run.sides}
    counts: dict[str, dict[str, Any]] = {side: {} for side in run.sides}
    for round_ in range(run.choices.rounds + 1):
        for side in run.turns(round_):
            for kind in _kinds(side):
                worker = merging if kind == MERGED else run.workers[side]
                found = await _save(run, worker, side, kind)
                if round_:  # the first one warms up
                    samples[side][kind].append(median(found["seconds"]))
                counts[side][kind] = {
                    name: sum(found[name].values()) for name in ("statements", "commands")
                }
                await asyncio.sleep(_REST_SECONDS)
        say(f"  round {round_} of {run.choices.rounds}")
    await asyncio.sleep(1)
    is_equal = True
    for side, client in clients.items():
        rendered = await ask(run.workers[side], "render", project=run.seeds[side].watched)
        is_equal &= state_of(client.conversation, {}) == rendered and client.problem is None
        client.close()
        servers[side].stop()
    merging.stop()
    figure = _figure(samples, counts)
    figure.promise("who watched has what DRF renders", is_equal)
    return figure


def _kinds(side: str) -> list[str]:
    return [kind for kind in _KINDS if side == OURS or kind != MERGED]


async def _save(run: Run, worker: Worker, side: str, kind: str) -> dict[str, Any]:
    seed = run.seeds[side]
    project = seed.watched if kind in (WATCHED, MERGED) else seed.unwatched
    found: dict[str, Any] = await ask(
        worker, "save", project=project, times=run.choices.saves, plain=kind == PLAIN
    )
    return found


def _figure(samples: Samples, counts: dict[str, Any]) -> Figure:
    figure = Figure(
        "save",
        "One save, PostgreSQL",
        ("", "RxGraph", "adds", "SQL", "MongoDB", "RxDjango", "adds", "SQL", "MongoDB", "ratio"),
        data={"samples": samples, "counts": counts},
    )
    for kind, text in _KINDS.items():
        cells = []
        for side in (OURS, THEIRS):
            if kind not in samples.get(side, {}):
                cells += ["–"] * 4
                continue
            counted = counts[side][kind]
            cells += [
                ms(median(samples[side][kind])),
                ms(added(samples[side], kind)) if kind != PLAIN else "",
                f"{counted['statements']:.3g}",
                f"{counted['commands']:.3g}",
            ]
        figure.add(text, *cells, _share(samples, kind))
    trips = counts[OURS][UNWATCHED]["commands"]
    figure.promise(f"nobody watches: at most one round trip to the store ({trips:g})", trips <= 1)
    if THEIRS in samples:
        part = added(samples[OURS], WATCHED) / added(samples[THEIRS], WATCHED)
        text = f"somebody watches: at most a quarter of what RxDjango adds ({part:.3f})"
        figure.promise(text, part <= 0.25)
    figure.notes.append("`ratio` is between what the two add; SQL leaves out BEGIN and COMMIT")
    return figure


def _share(samples: Samples, kind: str) -> str:
    if kind == PLAIN or THEIRS not in samples:
        return ""
    other = UNWATCHED if kind == UNWATCHED else WATCHED
    return ratio(added(samples[OURS], kind), added(samples[THEIRS], other))


def added(samples: dict[str, list[float]], kind: str) -> float:
    """Return by how many seconds a save of *kind* is longer than a plain one: median of rounds."""
    pairs = zip(samples[kind], samples[PLAIN], strict=True)
    return median([seconds - plain for seconds, plain in pairs])
