"""``manage.py rxgraph_status``: what is live, who watches it, and what waits."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.management.base import BaseCommand

from rxgraph.errors import BackendError
from rxgraph.management.naming import channel_named
from rxgraph.sync.engine import Engine, get_engine
from rxgraph.sync.status import Status, gather, is_well


class Command(BaseCommand):
    """Prints tables, or JSON; ends with 1 when the store or a database does not answer."""

    help = "Print channels, anchors by phase, sessions, sequence numbers and waiting intents."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare ``--json`` and ``--channel``."""
        parser.add_argument("--json", action="store_true", help="print JSON with stable keys")
        parser.add_argument(
            "--channel", metavar="NAME", help="of this channel alone: its dotted name or its field"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Gather and print."""
        engine = get_engine()
        channel = channel_named(options["channel"], _names_in_store(engine, options["channel"]))
        status = gather(engine, channel)
        if options["json"]:
            self.stdout.write(json.dumps(status, indent=2))
        else:
            self.stdout.write("\n".join(_lines(status)))
        if not is_well(status):
            sys.exit(1)


def _names_in_store(engine: Engine, channel: str | None) -> set[str]:
    if channel is None:
        return set()
    try:
        return {key.channel for key, _ in engine.store.list_anchors()}
    except BackendError:
        return set()  # which the status will tell


def _lines(status: Status) -> Iterable[str]:
    store = status["store"]
    yield f"store     {store['kind']}, {_answer(store)}"
    if not store["visible"]:
        yield "          Live state is in the memory of the server's process, which this process"
        yield "          cannot see. Below: what is declared, and what waits in the databases."
    for item in status["intents"]:
        yield f"database  {item['database']}, {_answer(item)}; {_waiting(item)}"
    for item in status["servers"]:
        yield f"server    {item['session']}, {_fallbacks(item.get('fallbacks') or {})}"
    yield ""
    yield from _table(
        ("channel", "field", "type", "layers", "ttl", *_PHASES),
        [
            (
                channel["name"] + _remark(channel),
                channel["field"] or "-",
                channel["type"] or "-",
                " ".join(channel["layers"]) or "-",
                _seconds(channel["cache_ttl"]),
                *(str(channel["phases"][phase]) for phase in _PHASES),
            )
            for channel in status["channels"]
        ],
    )
    if store["visible"] and store["answers"]:
        yield ""
        yield from _table(
            ("anchor", "phase", "done/seq", "pending", "sessions", "idle", "last done", "lease"),
            [
                (
                    f"{anchor['channel'].rpartition('.')[2]} {anchor['id']}".rstrip(),
                    anchor["phase"],
                    f"{anchor['done']}/{anchor['seq']}",
                    f"{anchor['pending'] + anchor['taken']}",
                    _sessions(anchor),
                    _seconds(anchor["idle_age"]),
                    _seconds(anchor["done_age"]),
                    _seconds(anchor["lease_left"]),
                )
                for anchor in status["anchors"]
            ],
        )


_PHASES = ("COLD", "HEATING", "HOT", "COOLING")


def _answer(item: Any) -> str:
    return "answers" if item["answers"] else f"DOES NOT ANSWER: {item['error']}"


def _waiting(item: Any) -> str:
    if not item["answers"]:
        return "its intents cannot be counted"
    if not item["log"]:
        return "no intent log: run manage.py migrate rxgraph"
    aside = f"; {item['quarantined']} in quarantine" if item["quarantined"] else ""
    if not item["waiting"]:
        return f"no intents wait{aside}"
    return f"{item['waiting']} intents wait, the oldest for {_seconds(item['oldest_age'])}{aside}"


def _fallbacks(counts: dict[str, int]) -> str:
    if not counts:
        return "has a plan for everything"
    reasons = ", ".join(f"{reason} ({count})" for reason, count in sorted(counts.items()))
    return f"without a plan: {reasons}"


def _remark(channel: Any) -> str:
    return "" if channel["declared"] else " (not in the code)"


def _sessions(anchor: Any) -> str:
    dead = f" + {anchor['sessions_dead']} dead" if anchor["sessions_dead"] else ""
    return f"{anchor['sessions_alive']}{dead}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} s"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterable[str]:
    if not rows:
        yield f"no {head[0]}s"
        return
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
