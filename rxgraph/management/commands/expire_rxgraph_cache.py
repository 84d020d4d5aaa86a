"""``manage.py expire_rxgraph_cache``: cool the caches that nobody has looked at for their TTL."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rxgraph.errors import BackendError
from rxgraph.management.naming import channel_named
from rxgraph.sync import expiry
from rxgraph.sync.engine import Engine, get_engine

_VERBOSE = 2


class Command(BaseCommand):
    """Prints a count per channel; ``-v 2`` names the anchors. Safe at any time, twice at once too.

    Servers do this by themselves; the command is for those who want it now, or want to look first.
    """

    help = "Drop the caches of anchors that nobody has watched for their channel's cache_ttl."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare ``--dry-run`` and ``--channel``."""
        parser.add_argument("--dry-run", action="store_true", help="only say what would expire")
        parser.add_argument(
            "--channel", metavar="NAME", help="of this channel alone: its dotted name or its field"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Expire, or say what would expire."""
        engine = get_engine()
        if engine.settings.is_memory and not engine.is_serving:
            self.stdout.write(
                "RXGRAPH['STORE'] is memory://: live state is inside the server's process, which "
                "expires it by itself. There is nothing to do from here."
            )
            return
        try:
            self._expire(engine, options)
        except BackendError as error:
            raise CommandError(str(error)) from error

    def _expire(self, engine: Engine, options: dict[str, Any]) -> None:
        known = {key.channel for key, _ in engine.store.list_anchors()}
        channel = channel_named(options["channel"], known)
        if options["dry_run"]:
            found, verb = expiry.find(engine, channel), "would expire"
        else:
            found, verb = expiry.expire(engine, channel), "expired"
        counts = Counter(item.key.channel for item in found)
        for name, count in sorted(counts.items()):
            self.stdout.write(f"{name}: {count} {verb}")
            if options["verbosity"] >= _VERBOSE:
                for item in found:
                    if item.key.channel == name:
                        idle = f"{item.reason}, {item.idle_seconds:.0f} s"
                        self.stdout.write(f"  {item.key.anchor_id} ({idle})")
        if not found:
            self.stdout.write(f"nothing {verb.replace('expired', 'has expired')}")
