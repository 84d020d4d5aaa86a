"""``manage.py makefrontend``: the GraphQL files of all channels, and TypeScript from them."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from rxgraph.management.frontend.maker import Maker
from rxgraph.management.frontend.places import places


class Command(BaseCommand):
    """Writes ``schema.graphql`` and ``operations/``, then runs GraphQL Code Generator."""

    help = "Write the GraphQL schema and documents of all channels, and generate TypeScript."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare ``--dry-run``, ``--quiet`` and ``--force``."""
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="write nothing; print a diff, and end with 1 when something would change",
        )
        parser.add_argument("--quiet", action="store_true", help="print errors only")
        parser.add_argument(
            "--force", action="store_true", help="write over files that it did not write itself"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the files, or show what would change."""
        maker = Maker(places(), (lambda line: None) if options["quiet"] else self.stdout.write)
        if not options["dry_run"]:
            maker.make(force=options["force"])
        elif maker.would_change():
            sys.exit(1)
