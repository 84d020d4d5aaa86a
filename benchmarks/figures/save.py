"""What a save costs more, while somebody watches and while nobody does."""

from __future__ import annotations

from typing import Any

from benchmarks.dialects import dialect_of
from benchmarks.figure import Figure, median, ms, ratio
from benchmarks.ground import OURS, THEIRS
from benchmarks.run import Run, ask, say
from benchmarks.sockets import Client, Tape, subscribe

_KINDS = {"plain": "Django alone", "unwatched": "nobody watches", "watched": "somebody watches"}


async def measure(run: Run) -> Figure:
    """Save in rounds: plain, unwatched, watched, each side in turn."""
    clients: list[Client] = []
    servers = {side: run.ground.server(side) for side in run.sides}
    for side, server in servers.items():
        seed = run.seeds[side]
        tape = Tape(dialect_of(side))
        clients.append(await subscribe(tape, server.port, seed.watched, seed.token))
    samples: dict[str, dict[str, list[float]]] = {
        side: {kind: [] for kind in _KINDS} for side in run.sides
    }
    counts: dict[str, dict[str, Any]] = {side: {} for side in run.sides}
    for round_ in range(run.choices.rounds + 1):
        for side in run.turns(round_):
            for kind in _KINDS:
                found = await _save(run, side, kind)
                if round_:  # the first one warms up
                    samples[side][kind].append(median(found["seconds"]))
                counts[side][kind] = {
                    name: sum(found[name].values()) for name in ("statements", "commands")
                }
        say(f"  round {round_} of {run.choices.rounds}")
    problems = [client.problem for client in clients if client.problem]
    for client in clients:
        client.close()
    for server in servers.values():
        server.stop()
    if problems:
        raise ConnectionError("; ".join(problems))
    return _figure(samples, counts)


async def _save(run: Run, side: str, kind: str) -> dict[str, Any]:
    seed = run.seeds[side]
    project = seed.watched if kind == "watched" else seed.unwatched
    found: dict[str, Any] = await ask(
        run.workers[side], "save", project=project, times=run.choices.saves, plain=kind == "plain"
    )
    return found


def _figure(samples: dict[str, dict[str, list[float]]], counts: dict[str, Any]) -> Figure:
    figure = Figure(
        "save",
        "One save, PostgreSQL",
        ("", "RxGraph", "adds", "SQL", "MongoDB", "RxDjango", "adds", "SQL", "MongoDB", "ratio"),
        data={"samples": samples, "counts": counts},
    )
    for kind, text in _KINDS.items():
        cells = []
        for side in (OURS, THEIRS):
            if side not in samples:
                cells += ["–"] * 4
                continue
            counted = counts[side][kind]
            cells += [
                ms(median(samples[side][kind])),
                ms(added(samples[side], kind)) if kind != "plain" else "",
                f"{counted['statements']:.3g}",
                f"{counted['commands']:.3g}",
            ]
        both = kind != "plain" and THEIRS in samples
        share = ratio(added(samples[OURS], kind), added(samples[THEIRS], kind)) if both else ""
        figure.add(text, *cells, share)
    trips = counts[OURS]["unwatched"]["commands"]
    figure.promise(f"nobody watches: at most one round trip to the store ({trips:g})", trips <= 1)
    if THEIRS in samples:
        part = added(samples[OURS], "watched") / added(samples[THEIRS], "watched")
        text = f"somebody watches: less than a quarter of what RxDjango adds ({part:.3f})"
        figure.promise(text, part < 0.25)
    figure.notes.append("`ratio` is between what the two add; SQL leaves out BEGIN and COMMIT")
    return figure


def added(samples: dict[str, list[float]], kind: str) -> float:
    """Return by how many seconds a save of *kind* is longer than a plain one: median of rounds."""
    pairs = zip(samples[kind], samples["plain"], strict=True)
    return median([seconds - plain for seconds, plain in pairs])
