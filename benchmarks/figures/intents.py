"""What the intent log costs a save, on SQLite and PostgreSQL."""

from __future__ import annotations

from benchmarks.figure import Figure, median, ms
from benchmarks.figures.save import added
from benchmarks.ground import OURS
from benchmarks.run import SMALL, Run, Seed, ask, say, seed

_KINDS = {"unwatched": "nobody watches", "watched": "somebody watches"}


async def measure(run: Run) -> Figure:
    """Save with the log on and off, in turn, in processes that differ in nothing else."""
    ground = run.ground
    seeds: dict[str, Seed] = {"PostgreSQL": run.seeds[OURS]}
    workers = {
        (database, outbox): ground.worker(
            OURS, sqlite=database == "SQLite", outbox=outbox, hand_over=False
        )
        for database in ("PostgreSQL", "SQLite")
        for outbox in (True, False)
    }
    made = await ask(workers["SQLite", True], "prepare", projects=[SMALL] * 5)
    seeds["SQLite"] = seed(made)
    for database, found in seeds.items():
        await ask(workers[database, True], "heat", project=found.watched)

    samples: dict[str, dict[str, list[float]]] = {}
    for round_ in range(run.choices.rounds + 1):
        in_turn = list(workers.items()) if round_ % 2 else list(workers.items())[::-1]
        for (database, outbox), worker in in_turn:
            for kind in ("plain", *_KINDS):
                found = seeds[database]
                project = found.watched if kind == "watched" else found.unwatched
                answer = await ask(
                    worker,
                    "save",
                    project=project,
                    times=run.choices.saves,
                    plain=kind == "plain",
                )
                if round_:  # the first one warms up
                    name = f"{database}, {'on' if outbox else 'off'}"
                    taken = samples.setdefault(name, {"plain": [], **{k: [] for k in _KINDS}})
                    taken[kind].append(median(answer["seconds"]))
        say(f"  round {round_} of {run.choices.rounds}")
    for worker in workers.values():
        worker.stop()

    figure = Figure(
        "intents",
        "The intent log, per save",
        ("", "Django alone", "log off adds", "log on adds", "price of the log"),
        data={"samples": samples},
        notes=[
            "SQLite in WAL mode with synchronous=NORMAL",
            "HAND_OVER is off and no server runs: the saving process merges all by itself",
        ],
    )
    for database in seeds:
        on, off = samples[f"{database}, on"], samples[f"{database}, off"]
        for kind, text in _KINDS.items():
            with_log, without = added(on, kind), added(off, kind)
            figure.add(
                f"{database}, {text}",
                ms(median(on["plain"] + off["plain"])),
                ms(without),
                ms(with_log),
                ms(with_log - without),
            )
    return figure
