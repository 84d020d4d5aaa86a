"""``manage.py export_sdl``: print the GraphQL schema of all channels, write it, or compare it."""

from __future__ import annotations

import difflib
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rxgraph.compile.service import sdl
from rxgraph.errors import DeclarationError


class Command(BaseCommand):
    """Prints SDL; ``--check`` ends with 1 and a diff when the file is not what it should be."""

    help = "Print the GraphQL schema (SDL) of all declared channels."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare ``--output`` and ``--check``, of which one may be given."""
        group = parser.add_mutually_exclusive_group()
        group.add_argument("--output", type=Path, metavar="FILE", help="write it to FILE")
        group.add_argument("--check", type=Path, metavar="FILE", help="fail if FILE differs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print, write or compare."""
        try:
            text = sdl()
        except DeclarationError as error:
            raise CommandError(str(error)) from error
        output: Path | None = options["output"]
        check: Path | None = options["check"]
        if output is not None:
            output.write_text(text, encoding="utf-8")
            self.stdout.write(f"wrote {output}")
        elif check is not None:
            self._compare(check, text)
        else:
            self.stdout.write(text, ending="")

    def _compare(self, path: Path, text: str) -> None:
        committed = path.read_text(encoding="utf-8") if path.exists() else ""
        if committed == text:
            self.stdout.write(f"{path} is up to date")
            return
        self.stdout.writelines(
            difflib.unified_diff(
                committed.splitlines(keepends=True),
                text.splitlines(keepends=True),
                fromfile=str(path),
                tofile="declared channels",
            )
        )
        self.stderr.write(f"{path} has drifted: run manage.py export_sdl --output {path}")
        sys.exit(1)
