"""Send a message to every live context of every channel, such as before a deploy.

``manage.py rxgraph_broadcast "Back in five minutes" --kind maintenance``
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from rxgraph.sync.broadcasting import announce
from rxgraph.sync.engine import get_engine

KINDS = ("system", "maintenance")


class Command(BaseCommand):
    """Tell everybody."""

    help = "Send a message to every live context of every channel."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the text and its kind."""
        parser.add_argument("message", help="what clients are told")
        parser.add_argument("--kind", choices=KINDS, default="system", help="what it is about")

    def handle(self, *args: Any, **options: Any) -> None:
        """Send it, and wait until it has left this process.

        Raises:
            CommandError: it is too much, or the channel layer does not answer.
        """
        try:
            announce(options["message"], options["kind"])
        except ValueError as error:
            raise CommandError(str(error)) from None
        if not get_engine().bus.close():
            raise CommandError("It was not sent: the channel layer does not answer")
        self.stdout.write(f"Sent to every live context: {options['message']}")
