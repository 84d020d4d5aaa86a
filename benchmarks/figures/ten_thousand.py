"""Ten thousand subscribers of one process that nothing happens to for a while, and then does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from benchmarks.figure import Figure, ms
from benchmarks.ground import OURS, RAW
from benchmarks.limits import open_files
from benchmarks.run import Run
from benchmarks.watching import Outcome, Plan, watch

_SPARE_FILES = 200  # of a process, beside its clients
_PROCESSES = 4  # of clients
_AT_ONCE = 40  # that connect at the same time
_QUIET_SECONDS = 20.0
_DELTAS_PER_SECOND, _DELTA_SECONDS = 1.0, 10.0


async def measure(run: Run) -> Figure:
    """Connect them, leave them alone, save some tasks; then uvicorn alone."""
    wanted, hold = run.choices.many, run.choices.hold
    allowed = open_files(wanted + _SPARE_FILES) - _SPARE_FILES
    subscribers = min(wanted, allowed)
    plan = Plan(
        subscribers,
        _DELTAS_PER_SECOND,
        _DELTA_SECONDS,
        processes=_PROCESSES,
        at_once=_AT_ONCE,
        hold_seconds=hold,
        quiet_seconds=_QUIET_SECONDS,
    )
    ours = await watch(run, OURS, plan)
    size = ours.report.message_bytes
    raw = await watch(run, RAW, replace(plan, hold_seconds=0, message_bytes=size))
    figure = Figure(
        "ten_thousand",
        f"{subscribers:,} subscribers of one process, idle for {hold:g} s,"
        f" then {_DELTAS_PER_SECOND:g} write a second for {_DELTA_SECONDS:g} s",
        ("", "RxGraph", "raw socket"),
        data={OURS: ours.samples(), RAW: raw.samples()},
    )
    for text, show in _ROWS.items():
        figure.add(text, show(ours), show(raw))
    if subscribers < wanted:
        figure.notes.append(f"the hard limit of open files allows {allowed:,} connections here")
    figure.promise(f"{wanted:,} connect and stay", ours.stayed == ours.report.open == wanted)
    figure.promise("nothing lost, every client equal to the database at the end", ours.is_whole)
    worst = ours.latency(0.99)
    figure.promise(f"p99 of a delta at most 1 s ({ms(worst)})", worst <= 1.0)
    figure.notes.extend(ours.problems[:3])
    return figure


_ROWS: dict[str, Callable[[Outcome], str]] = {
    "connected after": lambda o: f"{o.connect_seconds:.1f} s",
    "server CPU to connect one": lambda o: ms(o.connect_cpu_seconds),
    "still there after the rest": lambda o: f"{o.stayed:,}",
    "clients equal to the database at the end": lambda o: f"{o.report.equal:,}",
    "messages delivered": lambda o: f"{o.report.delivered:,}",
    "latency from commit to client, p50": lambda o: ms(o.latency(0.5)),
    "latency from commit to client, p99": lambda o: ms(o.latency(0.99)),
    "server CPU per message": lambda o: f"{o.cpu_per_message * 1e6:,.4g} µs",
    "resident memory of the server": lambda o: f"{o.rss_bytes / 1e6:.0f} MB",
    "of it per subscriber": lambda o: f"{o.rss_bytes_each / 1024:.1f} KB",
}
