"""Which channel a command is about: ``--channel`` takes a registered name or a field."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.management.base import CommandError

from rxgraph.declare import registry


def channel_named(text: str | None, others: Iterable[str] = ()) -> str | None:
    """Return the registered name that *text* means; None: all channels.

    *others* are names that no declared channel has, but the store knows.

    Raises:
        CommandError: there is no such channel.
    """
    if text is None:
        return None
    names = {channel.name for channel in registry.channels()} | set(others)
    if text in names:
        return text
    by_field = [channel.name for channel in registry.channels() if channel.field_name == text]
    if len(by_field) == 1:
        return by_field[0]
    raise CommandError(f"there is no channel {text!r}; known: {', '.join(sorted(names)) or 'none'}")
