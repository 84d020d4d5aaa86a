"""Several clients that write at the same time, each to a row of its own."""

from __future__ import annotations

import asyncio

from benchmarks.figure import Figure, median, ms, quantile, ratio
from benchmarks.ground import OURS, THEIRS
from benchmarks.run import Run, say
from benchmarks.writers import QUIET, SERIALIZER, STOCK, Turn, Writers, ways

_REST_SECONDS = 0.3
_SAVES = 10  # of each client, per round

_NAMES = (OURS, THEIRS, QUIET, SERIALIZER, STOCK)


async def measure(run: Run) -> Figure:
    """Save in rounds, all clients of a way at once, each way in turn."""
    names = [name for name in _NAMES if ways()[name].side in run.ground.sides]
    turns: dict[str, list[Turn]] = {name: [] for name in names}
    writers = Writers(run)
    try:
        await writers.open(names, run.choices.clients)
        for round_ in range(run.choices.rounds + 1):
            for name in names if round_ % 2 else names[::-1]:
                turn = await writers.turn(name, _SAVES)
                if round_:  # the first one warms up
                    turns[name].append(turn)
                await asyncio.sleep(_REST_SECONDS)
            say(f"  round {round_} of {run.choices.rounds}")
        is_right = await writers.is_right()
    finally:
        writers.close()
    figure = Figure(
        "many",
        f"{run.choices.clients} clients that write at once, to rows of their own",
        ("", "mutations/s", "ratio", "answer p50", "p95", "server CPU", "SQL", "MongoDB"),
        data={name: [vars(turn) for turn in found] for name, found in turns.items()},
        notes=[
            "ratio: RxGraph's rate to that of the others: with writers that subscribe to"
            " RxDjango's, without to the plain ones'",
            "server CPU, SQL and MongoDB are per mutation; one watcher is there besides",
        ],
    )
    rates = {
        name: median([len(turn.answers) / turn.seconds for turn in found])
        for name, found in turns.items()
    }
    for name, found in turns.items():
        peer = OURS if name == THEIRS else QUIET
        figure.add(
            ways()[name].text,
            f"{rates[name]:.0f}",
            "" if name in (OURS, QUIET) else ratio(rates[peer], rates[name]),
            ms(median([median(turn.answers) for turn in found])),
            ms(median([quantile(turn.answers, 0.95) for turn in found])),
            ms(median([turn.used["cpu"] for turn in found])),
            f"{median([turn.used['statements'] for turn in found]):.3g}",
            f"{median([turn.used['commands'] for turn in found]):.3g}",
        )
    figure.promise("all is stored, and who watched has what DRF renders", is_right)
    return figure
