"""``python -m benchmarks GROUP``: print tables for people, JSON for programs."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure
from benchmarks.figures import (
    cold,
    fanout,
    handover,
    hostile,
    hot,
    idle,
    intents,
    lists,
    many,
    one,
    profile,
    save,
    scale,
    spread,
    ten_thousand,
    together,
)
from benchmarks.ground import OURS, PLAIN, THEIRS, prepared, versions
from benchmarks.limits import open_files
from benchmarks.run import Choices, Run, say, start

FIGURES: dict[str, dict[str, Callable[[Run], Awaitable[Figure]]]] = {
    "read": {
        "cold": cold.measure,
        "save": save.measure,
        "intents": intents.measure,
        "fanout": fanout.measure,
        "handover": handover.measure,
    },
    "speed": {
        "hot": hot.measure,
        "new": hot.new,
        "cold": cold.measure,
        "crowd": together.measure,
        "fanout": fanout.measure,
        "burst": fanout.burst,
        "save": save.measure,
        "idle": idle.measure,
        "ten_thousand": ten_thousand.measure,
        "processes": spread.processes,
        "anchors": spread.anchors,
        "scale": scale.measure,
    },
    "profile": {"fanout": profile.fanout, "cold": profile.cold},
    "write": {"one": one.measure, "many": many.measure},
    "hostile": {"hostile": hostile.measure},
    "lists": {"attach": lists.attach, "create": lists.create},
}
SIDES = {
    "read": (OURS, THEIRS),
    "speed": (OURS, THEIRS),
    "profile": (OURS,),
    "write": (OURS, THEIRS, PLAIN),
    "lists": (OURS, THEIRS),
    "hostile": (OURS,),
}
_OPEN_FILES = 8192  # for a crowd of a few thousand


def main() -> int:
    """Measure what the command line asks for; 1 when a goal was missed, or a figure failed."""
    arguments = _parser().parse_args()
    open_files(_OPEN_FILES)
    choices = Choices(
        rounds=arguments.rounds,
        instances=arguments.instances,
        subscribers=arguments.subscribers,
        seconds=arguments.seconds,
        clients=arguments.clients,
        anchors=arguments.anchors,
        users=arguments.users,
        burst_seconds=arguments.burst_seconds,
        many=arguments.many,
        hold=arguments.hold,
        largest=arguments.largest,
        plot=arguments.plot,
        py_spy=arguments.py_spy,
    )
    names = arguments.only or list(FIGURES[arguments.command])
    if "cold" not in names:
        choices = replace(choices, cold_rounds=0)
    try:
        report = asyncio.run(measure(arguments.command, names, choices, alone=arguments.alone))
    except KeyboardInterrupt:
        say("interrupted; what was made for it is gone")
        return 130
    text = json.dumps(report, indent=1, default=str)
    if arguments.json:
        arguments.json.write_text(text + "\n")
    else:
        print("\n" + json.dumps(_without_samples(report)))
    figures = report["figures"]
    is_fine = len(figures) == len(names) and all(
        goal["is_met"] for figure in figures for goal in figure["goals"]
    )
    return 0 if is_fine or not arguments.strict else 1


async def measure(
    command: str, names: list[str], choices: Choices, *, alone: bool
) -> dict[str, Any]:
    """Prepare, measure the figures *names* and print each when it is there."""
    began = time.monotonic()
    figures: list[dict[str, Any]] = []
    sides = SIDES[command] + ((PLAIN,) if "hot" in names else ())
    with prepared([side for side in sides if side != THEIRS or not alone]) as ground:
        say("preparing the data of " + " and ".join(ground.sides))
        run = await start(ground, choices)
        machine = _machine() | versions(ground)
        print("# Figures\n\n" + ", ".join(f"{k} {v}" for k, v in machine.items()) + "\n")
        for name in names:
            say(f"{name}: {time.monotonic() - began:.0f} s so far")
            figure = await FIGURES[command][name](run)
            print(figure.text() + "\n", flush=True)
            figures.append(asdict(figure))
    seconds = time.monotonic() - began
    say(f"all of it took {seconds:.0f} s")
    return {"machine": machine, "choices": asdict(choices), "figures": figures, "seconds": seconds}


def _parser() -> argparse.ArgumentParser:
    default = Choices()
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command")
    for command, figures in FIGURES.items():
        measuring = commands.add_parser(command, help=f"measure and print {', '.join(figures)}")
        measuring.add_argument("--only", action="append", choices=list(figures), metavar="NAME")
        measuring.add_argument("--json", type=Path, metavar="FILE", help="every sample, to FILE")
        measuring.add_argument("--alone", action="store_true", help="leave RxDjango out")
        measuring.add_argument("--strict", action="store_true", help="exit with 1 for missed goals")
        measuring.add_argument("--plot", type=Path, metavar="FILE", help="where scale draws")
        measuring.add_argument("--py-spy", default=default.py_spy, metavar="FILE")
        for name, kind in (
            ("rounds", int),
            ("instances", int),
            ("subscribers", int),
            ("seconds", float),
            ("clients", int),
            ("anchors", int),
            ("users", int),
            ("burst_seconds", float),
            ("many", int),
            ("hold", float),
            ("largest", int),
        ):
            value, option = getattr(default, name), name.replace("_", "-")
            measuring.add_argument(
                f"--{option}", type=kind, default=value, help=f"default {value:g}"
            )
    return parser


def _machine() -> dict[str, str]:
    return {
        "on": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": str(os.cpu_count()),
        "load": f"{os.getloadavg()[0]:.1f}",
        "Python": platform.python_version(),
        "Django": version("django"),
        "Strawberry": version("strawberry-graphql"),
    }


def _without_samples(report: dict[str, Any]) -> dict[str, Any]:
    figures = [{k: v for k, v in figure.items() if k != "data"} for figure in report["figures"]]
    return {**report, "figures": figures}


if __name__ == "__main__":
    sys.exit(main())
