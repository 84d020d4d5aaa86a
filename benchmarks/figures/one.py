"""One mutation at a time: how long until it is answered, and until it is seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from benchmarks.figure import Figure, median, ms, quantile, ratio
from benchmarks.ground import OURS, THEIRS
from benchmarks.run import Run, say
from benchmarks.writers import QUIET, SERIALIZER, STOCK, UNNAMED, UNWATCHED, Turn, Writers, ways

_REST_SECONDS = 0.1
_MOST = 1.5  # times the plain mutation, besides the cache's round trips

#: Steps of a flush that ask the store; see ``rxgraph.sync.engine.STORE_STEPS``.
_STORE_STEPS = (
    *("LoadAnchor", "SwapAnchor", "FindHolders", "ReadDocuments", "ReadParents", "ReadSince"),
    *("WriteDocuments", "DropGeneration"),
)

Turns = dict[str, list[Turn]]
Value = Callable[[Turn], float]


async def measure(run: Run) -> Figure:
    """Save in rounds, one request after the other, each way in turn."""
    names = [name for name, way in ways().items() if way.side in run.ground.sides and name != QUIET]
    turns: Turns = {name: [] for name in names}
    writers = Writers(run)
    try:
        await writers.open(names, 1)
        for round_ in range(run.choices.rounds + 1):
            for name in names if round_ % 2 else names[::-1]:
                turn = await writers.turn(name, run.choices.saves)
                if round_:  # the first one warms up
                    turns[name].append(turn)
                await asyncio.sleep(_REST_SECONDS)
            say(f"  round {round_} of {run.choices.rounds}")
        is_right = await writers.is_right()
    finally:
        writers.close()
    figure = _figure(turns)
    figure.promise("all is stored, and who watched has what DRF renders", is_right)
    return figure


def _figure(turns: Turns) -> Figure:
    compared = [name for name in (THEIRS, SERIALIZER, STOCK) if name in turns]
    texts = {name: way.text for name, way in ways().items()}
    figure = Figure(
        "one",
        "One mutation at a time, PostgreSQL: the title of a task",
        ("", "RxGraph", *(cell for name in compared for cell in (texts[name], "ratio"))),
        data={name: [vars(turn) for turn in found] for name, found in turns.items()},
    )

    def add(text: str, value: Value, show: Callable[[float], str]) -> None:
        cells, mine = [], _typical(turns[OURS], value)
        for name in compared:
            other = _typical(turns[name], value)
            cells += ["–", "–"] if other is None else [show(other), ratio(mine or 0.0, other)]
        figure.add(text, "–" if mine is None else show(mine), *cells)

    add("request → answer, p50", _answer, ms)
    add("request → answer, p95", lambda turn: quantile(turn.answers, 0.95), ms)
    add("request → the writer's event, p50", lambda turn: median(turn.own), ms)
    add("request → another's event, p50", lambda turn: median(turn.others), ms)
    add("mutations per second", lambda t: len(t.answers) / t.seconds, lambda n: f"{n:.0f}")
    add("server CPU", lambda turn: turn.used["cpu"], ms)
    add("SQL statements", lambda turn: turn.used["statements"], lambda n: f"{n:.3g}")
    add("SQL answering, all statements", lambda turn: turn.used["sql"], ms)
    add("MongoDB commands", lambda turn: turn.used["commands"], lambda n: f"{n:.3g}")

    def explain(text: str, cell: str) -> None:
        figure.add(text, cell, *["" for _ in compared for _ in range(2)])

    for name, text in ((UNNAMED, "no clientMutationId"), (UNWATCHED, "nobody subscribes")):
        found, value = turns[name], _typical(turns[name], _answer)
        statements = _typical(found, lambda turn: turn.used["statements"])
        commands = _typical(found, lambda turn: turn.used["commands"])
        explain(f"{text}: request → answer", ms(value))
        explain(f"{text}: SQL, MongoDB", f"{statements:.3g}, {commands:.3g}")
    explain("the write on its thread", ms(_spent(turns, "write")))
    explain("of that: from the commit on", ms(_spent(turns, "flush")))
    explain("of that: the store's requests before the wake-up", ms(_store_seconds(turns)))
    explain("of that: those after it, for others", ms(_store_seconds(turns, "late")))
    explain("MongoDB answering all of them", ms(_spent(turns, "mongo")))
    _judge(figure, turns)
    return figure


def _judge(figure: Figure, turns: Turns) -> None:
    trips = _store_seconds(turns)
    mine = _typical(turns[OURS], _answer) or 0.0
    for name in (SERIALIZER, STOCK):
        plain = _typical(turns[name], _answer) or 0.0
        text = (
            f"at most {_MOST:g} × {ways()[name].text} ({ms(plain)}) and the cache's round trips"
            f" ({ms(trips)}): {ms(mine)} of {ms(_MOST * plain + trips)},"
            f" which is {(mine - trips) / plain:.2f} ×"
        )
        figure.promise(text, mine <= _MOST * plain + trips)
    figure.notes += [
        "the cache's round trips: what those steps of the flush that ask the store took, driver"
        " included, which are over before the replica in this process is woken",
        "the last rows are times within the server and have no counterpart elsewhere; what comes"
        " after the wake-up keeps no client waiting",
        "SQL leaves out BEGIN and COMMIT; sweeps and heartbeats of the server are counted",
    ]


def _answer(turn: Turn) -> float:
    return median(turn.answers)


def _typical(turns: list[Turn], value: Value) -> float | None:
    """Return the median over the rounds; None where there is nothing of the kind."""
    try:
        return median([value(turn) for turn in turns])
    except ValueError:  # statistics.StatisticsError: no event comes this way
        return None


def _spent(turns: Turns, key: str) -> float:
    return median([turn.used.get(key, 0.0) for turn in turns[OURS]])


def _store_seconds(turns: Turns, when: str = "step") -> float:
    return sum(_spent(turns, f"{when} {name}") for name in _STORE_STEPS)
