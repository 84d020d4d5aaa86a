"""A thousand subscribers of one anchor: what reaches them, when, and at what cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from benchmarks.figure import Figure, median, ms, ratio
from benchmarks.ground import OURS, RAW, THEIRS
from benchmarks.run import SMALL, Run
from benchmarks.watching import Outcome, Plan, watch

_COLUMNS = ("", "RxGraph", "RxDjango (pub/sub layer)", "raw socket", "to RxDjango", "to raw")
_LONGEST_BURST_SECONDS = 120.0

Outcomes = dict[str, Outcome]


async def measure(run: Run) -> Figure:
    """Let a crowd watch one project while another process saves its tasks; one side at a time."""
    choices = run.choices
    outcomes = await _all(
        run, Plan(choices.subscribers, choices.per_second, choices.seconds, alone=True)
    )
    ours, raw = outcomes[OURS], outcomes[RAW]
    figure = Figure(
        "fanout",
        f"{choices.subscribers:,} subscribers of one anchor of {SMALL}"
        f" instances, {choices.per_second:g} writes a second for {choices.seconds:g} s",
        _COLUMNS,
        data={side: outcome.samples() for side, outcome in outcomes.items()},
    )
    _common(figure, outcomes)
    _add(figure, outcomes, "one save, p50", _save, ms)
    _add(figure, outcomes, "server CPU of a write, one subscriber", _alone, ms)
    _add(figure, outcomes, "connecting the crowd, server CPU each", _connecting, ms)
    _add(figure, outcomes, "resident memory of the server", lambda o: o.rss_bytes / 1e6, _megabytes)
    _add(figure, outcomes, "of it per subscriber", lambda o: o.rss_bytes_each / 1024, _kilobytes)
    figure.promise("nothing lost, every client equal to the database at the end", ours.is_whole)
    middle, late = ours.latency(0.5), ours.latency(0.99)
    figure.promise(f"latency p50 at most 40 ms ({ms(middle)})", middle <= 0.04)
    figure.promise(f"latency p99 at most 100 ms ({ms(late)})", late <= 0.1)
    part = ours.cpu_per_message / raw.cpu_per_message
    figure.promise(f"CPU per message at most 1.6 × the raw socket's ({part:.2f})", part <= 1.6)
    figure.notes.append(
        "clients, writer, server and services share the machine's cores:"
        " CPU per message says more than latency"
    )
    return figure


async def burst(run: Run) -> Figure:
    """The same while the writer does not pause."""
    choices = run.choices
    plan = Plan(
        choices.subscribers, 0, choices.burst_seconds, longest_seconds=_LONGEST_BURST_SECONDS
    )
    outcomes = await _all(run, plan)
    ours, theirs = outcomes[OURS], outcomes.get(THEIRS)
    figure = Figure(
        "burst",
        f"{choices.subscribers:,} subscribers of one anchor of {SMALL}"
        f" instances, one process writes without pause for {choices.burst_seconds:g} s",
        _COLUMNS,
        data={side: outcome.samples() for side, outcome in outcomes.items()},
    )
    _add(figure, outcomes, "writes a second", lambda o: o.writes / o.write_seconds, _count)
    _add(figure, outcomes, "messages a second, all clients", lambda o: o.per_second, _count)
    _add(figure, outcomes, "writes in a message", lambda o: o.writes_per_message, _short)
    _add(figure, outcomes, "writes shown a second", lambda o: o.shown_per_second, _count)
    _add(figure, outcomes, "from the last write to the last message", _drain, ms)
    _common(figure, outcomes)
    if theirs:
        times = ours.per_second / theirs.per_second
        figure.promise(f"at least 10 × RxDjango's messages a second ({times:.1f})", times >= 10)
        times = ours.shown_per_second / theirs.shown_per_second
        figure.promise(f"at least 10 × the writes shown a second ({times:.1f})", times >= 10)
    figure.promise("every client equal to the database at the end", ours.is_whole)
    figure.notes.append(
        "a message of RxDjango carries one write, of RxGraph it may carry several:"
        " *writes shown a second* compares what clients come to know"
    )
    return figure


async def _all(run: Run, plan: Plan) -> Outcomes:
    outcomes = {side: await watch(run, side, plan) for side in run.sides}
    size = outcomes[OURS].report.message_bytes
    return outcomes | {RAW: await watch(run, RAW, replace(plan, message_bytes=size))}


def _common(figure: Figure, outcomes: Outcomes) -> None:
    _add(figure, outcomes, "messages delivered", lambda o: o.report.delivered, _count)
    _add(figure, outcomes, "clients equal to the database at the end", _equal, _count)
    _add(figure, outcomes, "values that a client never showed", lambda o: o.report.unseen, _count)
    _add(figure, outcomes, "latency from commit to client, p50", lambda o: o.latency(0.5), ms)
    _add(figure, outcomes, "latency from commit to client, p99", lambda o: o.latency(0.99), ms)
    _add(figure, outcomes, "server CPU per message", lambda o: o.cpu_per_message, _micro)
    _add(figure, outcomes, "server CPU per subscriber and write", lambda o: o.cpu_per_write, _micro)
    _add(figure, outcomes, "bytes of a message", lambda o: o.report.message_bytes, _count)
    figure.notes.extend(f"{side}: {p}" for side, o in outcomes.items() for p in o.problems[:3])


def _add(
    figure: Figure,
    outcomes: Outcomes,
    text: str,
    value: Callable[[Outcome], Any],
    show: Callable[[Any], str],
) -> None:
    found = {side: value(outcome) for side, outcome in outcomes.items()}
    cells = ["–" if found.get(side) is None else show(found[side]) for side in (OURS, THEIRS, RAW)]
    shares = [
        ratio(found[OURS], found.get(side)) if found[OURS] is not None else "–"
        for side in (THEIRS, RAW)
    ]
    figure.add(text, *cells, *shares)


def _save(outcome: Outcome) -> float | None:
    return median(outcome.durations) if outcome.durations else None


def _alone(outcome: Outcome) -> float | None:
    return outcome.alone_cpu_seconds


def _connecting(outcome: Outcome) -> float:
    return outcome.connect_cpu_seconds


def _drain(outcome: Outcome) -> float:
    return max(0.0, outcome.drain_seconds)


def _equal(outcome: Outcome) -> int:
    return outcome.report.equal


def _count(number: float) -> str:
    return f"{number:,.0f}"


def _short(number: float) -> str:
    return f"{number:.3g}"


def _micro(seconds: float) -> str:
    value = seconds * 1e6
    return f"{value:,.0f} µs" if value >= 100 else f"{value:.3g} µs"


def _megabytes(number: float) -> str:
    return f"{number:.0f} MB"


def _kilobytes(number: float) -> str:
    return f"{number:.0f} KB"
