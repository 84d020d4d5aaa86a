"""Several processes save at once: what leaving the merging to a server saves them, and costs."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.crowd import Crowd, Report
from benchmarks.figure import Figure, median, ms, quantile
from benchmarks.ground import OURS
from benchmarks.processes import Server, Worker
from benchmarks.run import SMALL, Run, ask, say

_WRITERS = (1, 4)
_PER_SECOND = 20.0  # saves of each writer
_WAYS = {True: "handed over", False: "merged by the writer"}
_REST_SECONDS = 1.0


async def measure(run: Run) -> Figure:
    """Let one writer, then four, save at a steady pace, each to a project that somebody watches."""
    figure = Figure(
        "handover",
        "Flushes, handed over and not",
        ("", "a save, p50", "p95", "commit → viewer, p50", "p95", "viewers equal DRF"),
        notes=[
            f"each writer saves {_PER_SECOND:g} times a second to a project of {SMALL} instances"
            " with one viewer; one server"
        ],
    )
    samples: dict[str, Any] = {}
    is_equal = True
    for count in _WRITERS:
        for is_handed_over, text in _WAYS.items():
            durations, reports = await _turn(run, count, hand_over=is_handed_over)
            latencies = [seconds for report in reports for seconds in report.latencies]
            equal = sum(report.equal for report in reports)
            is_equal &= equal == count
            figure.add(
                f"{count} writer{'s' * (count > 1)}, {text}",
                ms(median(durations)),
                ms(quantile(durations, 0.95)),
                ms(quantile(latencies, 0.5)),
                ms(quantile(latencies, 0.95)),
                f"{equal} of {count}",
            )
            samples[f"{count}, {text}"] = {"durations": durations, "latencies": latencies}
            say(f"  {count} writers, {text}")
    figure.data = {"samples": samples}
    figure.promise("who watched has what DRF renders", is_equal)
    return figure


async def _turn(run: Run, count: int, *, hand_over: bool) -> tuple[list[float], list[Report]]:
    server = run.ground.server(OURS)
    writers = [run.ground.worker(OURS, hand_over=hand_over) for _ in range(count)]
    crowds = [Crowd([run.ground.listeners()], server, OURS) for _ in range(count)]
    token = run.seeds[OURS].token
    projects = [await ask(run.workers[OURS], "make", instances=SMALL) for _ in range(count)]
    for crowd, project in zip(crowds, projects, strict=True):
        await crowd.connect(project, token, 1)
    await asyncio.sleep(_REST_SECONDS)
    found = await asyncio.gather(
        *(
            ask(
                writer,
                "write",
                project=project,
                per_second=_PER_SECOND,
                seconds=run.choices.seconds,
            )
            for writer, project in zip(writers, projects, strict=True)
        )
    )
    reports = [
        await _report(run, crowd, project, written)
        for crowd, project, written in zip(crowds, projects, found, strict=True)
    ]
    await _end(server, writers, crowds)
    return [seconds for written in found for seconds in written["durations"]], reports


async def _report(run: Run, crowd: Crowd, project: int, written: dict[str, Any]) -> Report:
    committed = written["committed"]
    await crowd.wait(len(committed) - 1, quiet_seconds=5.0, seconds=60.0)
    rendered = await ask(run.workers[OURS], "render", project=project)
    return await crowd.report(committed, rendered)


async def _end(server: Server, writers: list[Worker], crowds: list[Crowd]) -> None:
    for crowd in crowds:
        await crowd.close()
    for writer in writers:
        writer.stop()
    server.stop()
