"""Watch a live channel from a terminal: the snapshot, then every delta, over a real socket.

``manage.py rxgraph_watch project --project-id 1 --token …``; the arguments of the channel are
options of the command. Colours are used on terminals only (``--no-color`` for none).
"""

from __future__ import annotations

import asyncio
import contextlib
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import websockets
from django.core.management.base import BaseCommand, CommandError, CommandParser

from rxgraph.compile.channel import CompiledChannel, served_channels
from rxgraph.testing import SubscriptionClient, document_for
from rxgraph.testing.client import Completed, ConnectionClosed, OperationFailed

_LONGEST_VALUE = 60
_ROWS_OF_A_LAYER = 5
_LONGEST_PAUSE_SECONDS = 10.0


class Command(BaseCommand):
    """Print what a subscriber of a channel is told."""

    help = "Watch a live channel: prints the snapshot, then every delta."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the channel and the options of the connection."""
        fields = [item.names.field for item in served_channels()]
        parser.add_argument("channel", choices=fields, metavar="channel", help=", ".join(fields))
        parser.add_argument("--url", default="ws://127.0.0.1:8000/graphql", help="of the server")
        parser.add_argument("--token", help="a DRF token to sign in with")
        parser.add_argument("--after", help="a cursor to resume from")
        parser.add_argument("--all", action="store_true", help="print snapshots in full")
        parser.add_argument("--events", type=int, help="stop after this many events")
        for item in served_channels():
            _add_channel_arguments(parser, item)

    def handle(self, *args: Any, **options: Any) -> None:
        """Subscribe, print, and come back when the connection is lost."""
        item = next(c for c in served_channels() if c.names.field == options["channel"])
        variables = _variables(item, options)
        if options["after"]:
            variables["after"] = options["after"]
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(self._watch(item, variables, options))

    async def _watch(
        self, item: CompiledChannel, variables: dict[str, Any], options: Mapping[str, Any]
    ) -> None:
        self._left, self._is_full = options["events"], options["all"]
        pause = 0.5
        while True:
            try:
                async with SubscriptionClient(options["url"], token=options["token"]) as client:
                    pause = 0.5
                    await self._follow(client, document_for(item), variables)
                    return
            except OperationFailed as error:
                raise CommandError(f"{error.code or 'error'}: {error}") from None
            except ConnectionClosed as error:
                if error.code == 4401:
                    raise CommandError("the token is not accepted; pass --token") from None
                self._say(self.style.WARNING(f"connection {error}; trying again"))
            except (OSError, TimeoutError, websockets.InvalidHandshake) as error:
                self._say(self.style.WARNING(f"no server at {options['url']}: {error}"))
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _follow(
        self, client: SubscriptionClient, document: str, variables: dict[str, Any]
    ) -> None:
        operation = await client.subscribe(document, variables)
        while True:
            try:
                event = await operation.next_event(timeout=3600 * 24)
            except Completed:
                self._say("the stream has ended")
                return
            variables["after"] = event["cursor"]
            self._print(event)
            if self._left is not None:
                self._left -= 1
                if self._left <= 0:
                    return

    # -- printing

    def _print(self, event: Mapping[str, Any]) -> None:
        kind = event["kind"]
        head = f"{datetime.now().astimezone():%H:%M:%S} {kind}"
        if event.get("resetReason"):
            head += f" ({event['resetReason']})"
        self._say(self.style.MIGRATE_HEADING(head))
        changed = {name: rows for name, rows in event["changed"].items() if rows}
        if kind == "SNAPSHOT":
            counts = ", ".join(f"{len(rows)} {name}" for name, rows in changed.items())
            self._say(f"  {counts or 'nothing'}")
        limit = None if self._is_full or kind != "SNAPSHOT" else _ROWS_OF_A_LAYER
        for name, rows in changed.items():
            for row in rows[:limit]:
                self._say("  " + self.style.SUCCESS("~ ") + _line(row))
            if limit is not None and len(rows) > limit:
                self._say(f"    … and {len(rows) - limit} more {name} (--all prints them)")
        for gone in event["removed"]:
            name = f"{gone['typename']} {gone['nodeId']}"
            self._say("  " + self.style.ERROR("- ") + f"{name} {gone['reason'].lower()}")
        for note in event["notifications"]:
            self._say(f"  ! {note['data']}")
        if kind == "MESSAGE" and not event["notifications"]:
            values = (f"{name}={value!r}" for name, value in event.get("runtime", {}).items())
            self._say("  = " + " ".join(values))
        if event.get("channel") and not event["channel"].get("state"):
            self._say("  the state is empty now")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _add_channel_arguments(parser: ArgumentParser, item: CompiledChannel) -> None:
    for argument in item.arguments:
        option = f"--{argument.name.replace('_', '-')}"
        with contextlib.suppress(Exception):  # another channel has an argument of that name
            parser.add_argument(
                option,
                dest=f"argument_{argument.name}",
                default=SUPPRESS,
                help=f"{argument.graphql_name} of {item.names.field}",
            )


def _variables(item: CompiledChannel, options: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    missing: list[str] = []
    for argument in item.arguments:
        value = options.get(f"argument_{argument.name}")
        if value is not None:
            found[argument.graphql_name] = _cast(argument.base, value)
        elif not argument.has_default and not argument.nullable:
            missing.append(f"--{argument.name.replace('_', '-')}")
    if missing:
        raise CommandError(f"{item.names.field} needs {', '.join(missing)}")
    return found


def _cast(kind: object, value: str) -> Any:
    try:
        if kind is int:
            return int(value)
        if kind is float:
            return float(value)
    except ValueError:
        raise CommandError(f"{value!r} is not a number") from None
    if kind is bool:
        return value.lower() in ("1", "true", "yes", "on")
    return value


def _line(row: Mapping[str, Any]) -> str:
    """Return one instance on one line: its type and id, then its fields."""
    parts = [f"{name}={_short(value)}" for name, value in row.items() if name not in _HEAD]
    return f"{row['__typename']} {row['id']}  {'  '.join(parts)}"


_HEAD = ("__typename", "id")


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_short(item) for item in value[:8])}{'…' * (len(value) > 8)}]"
    if isinstance(value, dict):
        return str(value.get("id", value))
    text = str(value) if not isinstance(value, str) else repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
