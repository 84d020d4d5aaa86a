"""``manage.py rxgraph_sweep``: do what waits in the intent logs, where servers cannot or do not."""

from __future__ import annotations

import signal
import sys
import threading
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError

from rxgraph.errors import BackendError
from rxgraph.sync import intents, quarantine
from rxgraph.sync.engine import Engine, get_engine
from rxgraph.sync.sweeping import FAILED, SWEPT, backlog, counters
from rxgraph.sync.triggers.listening import Listeners


class Command(BaseCommand):
    """Sweeps once or until it is told to stop; ends with 1 when something could not be done."""

    help = (
        "Bring what waits in the intent logs to live state. Servers do so by themselves; this is "
        "for projects whose servers do not (RXGRAPH['SWEEP_SECONDS'] = 0), and for looking. Ends "
        "with 1 when a store or database did not answer or an intent could not be done."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what to sweep, for how long, and what to do besides."""
        parser.add_argument(
            "--database", metavar="ALIAS", action="append", help="only this one; may be repeated"
        )
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--once", action="store_true", help="sweep once and end (default)")
        how.add_argument("--watch", action="store_true", help="go on until SIGINT or SIGTERM")
        how.add_argument("--dry-run", action="store_true", help="only say what waits")
        parser.add_argument(
            "--requeue", action="store_true", help="put back what is in quarantine before"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Sweep, or say what there is."""
        engine = get_engine()
        aliases = _chosen(engine, options["database"])
        if options["dry_run"]:
            self._run(lambda: self._say_what_waits(aliases))
            return
        if engine.settings.is_memory:
            raise CommandError(
                "RXGRAPH['STORE'] is memory://, so live state is inside the server's process, "
                "which sweeps by itself"
            )
        if options["requeue"]:
            self._run(lambda: self._requeue(aliases))
        if options["watch"]:
            self._watch(engine, aliases)
            return
        try:
            self._run(lambda: self._sweep(engine, aliases))
        finally:
            _release(engine)

    def _run(self, work: Callable[[], bool | None]) -> None:
        try:
            is_well = work()
        except (BackendError, DatabaseError, InterfaceError) as error:
            raise CommandError(f"it stays in the log: {str(error).strip()}") from error
        if is_well is False:
            sys.exit(1)

    def _sweep(self, engine: Engine, aliases: list[str]) -> bool:
        is_well = True
        for using in aliases:
            left = engine.sweeper.seconds_left(using)
            if left is not None:
                self.stdout.write(f"{using}: swept by another process, for {left:.0f} s at least")
                continue
            before = Counter(counters.get(using))
            swept = engine.sweep(leased=True, aliases=[using])
            failed = counters.get(using, Counter())[FAILED] - before[FAILED]
            is_well &= not failed
            self.stdout.write(f"{using}: {_intents(swept)} swept{_waits(using)}")
            if failed:
                self.stdout.write(f"{using}: {_intents(failed)} could not be done; see the log")
        return is_well

    def _watch(self, engine: Engine, aliases: list[str]) -> None:
        is_over, is_woken = threading.Event(), threading.Event()

        def stop(number: int, frame: FrameType | None) -> None:
            is_over.set()
            is_woken.set()

        listeners = Listeners(is_woken.set)

        former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        problem = ""
        interval = engine.settings.sweep_interval_seconds or _SECONDS
        self.stdout.write(f"sweeping {', '.join(aliases)} every {interval:g} s")
        try:
            while not is_over.is_set():
                at_once = is_woken.is_set()
                is_woken.clear()
                try:
                    if swept := engine.sweep(leased=True, aliases=aliases, at_once=at_once):
                        self.stdout.write(f"{_intents(swept)} swept")
                    if problem:
                        self.stdout.write("it answers again")
                    problem = ""
                except BackendError as error:
                    if not problem:  # once per outage
                        self.stderr.write(f"waiting: {error}")
                    problem = str(error)
                listeners.keep(engine.listened_databases())
                is_woken.wait(interval)
        finally:
            listeners.close()
            for number, handler in former.items():
                signal.signal(number, handler)
            _release(engine)
        done = sum(found[SWEPT] for found in counters.values())
        self.stdout.write(f"ended; {_intents(done)} swept in all")

    def _say_what_waits(self, aliases: list[str]) -> None:
        for using in aliases:
            found = backlog(using)
            age = (
                ""
                if found.oldest_seconds is None
                else f", the oldest for {found.oldest_seconds:.0f} s"
            )
            self.stdout.write(
                f"{using}: {_intents(found.pending)} wait{age}; {found.quarantined} in quarantine"
            )
            rows = Counter(row.model for row in intents.rows(using, _MOST_SHOWN))
            for model, count in sorted(rows.items()):
                self.stdout.write(f"  {model or 'marks'}: {count} rows")

    def _requeue(self, aliases: list[str]) -> None:
        for using in aliases:
            self.stdout.write(f"{using}: {_intents(quarantine.requeue(using))} put back")


_MOST_SHOWN = 10_000
_SECONDS = 2.0


def _chosen(engine: Engine, names: list[str] | None) -> list[str]:
    known = engine.swept_databases()
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise CommandError(
            f"{', '.join(unknown)}: no database that is swept; these are: {', '.join(known) or '-'}"
        )
    return sorted(set(names)) if names else known


def _release(engine: Engine) -> None:
    try:
        engine.sweeper.release()
    except BackendError:
        return  # the lease runs out


def _waits(using: str) -> str:
    found = backlog(using)
    aside = f", {found.quarantined} in quarantine" if found.quarantined else ""
    return f"; {found.pending} wait{aside}"


def _intents(count: int) -> str:
    return f"{count} intent{'' if count == 1 else 's'}"
