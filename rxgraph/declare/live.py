"""What a channel instance needs from the stage that serves it."""

from __future__ import annotations

from typing import Protocol

from rxgraph.types import JSON


class LiveContext(Protocol):
    """The live subscription behind a channel instance."""

    async def send(self, data: JSON) -> None:
        """Send *data* to this subscriber as a MESSAGE event."""
