"""What a channel instance needs from the stage that serves it."""

from __future__ import annotations

from typing import Any, Protocol

from rxgraph.types import JSON


class LiveContext(Protocol):
    """The live subscription behind a channel instance."""

    async def send(self, data: JSON) -> None:
        """Send *data* to this subscriber as a MESSAGE event."""

    @property
    def anchor_ids(self) -> tuple[str, ...]:
        """The ids of the roots that this context shows."""

    async def add_instance(self, instance_id: Any, at_beginning: bool) -> None:
        """Add a root to a list; an event of its own."""

    async def remove_instance(self, instance_id: Any) -> None:
        """Remove a root from a list; an event of its own."""

    async def clear(self) -> None:
        """Remove every root of a list; one event."""

    async def set_runtime_var(self, name: str, value: object) -> None:
        """Tell this subscriber a value of ``RuntimeState``.

        Raises:
            TypeError: it does not fit the declared type.
        """

    async def group_add(self, group: str) -> None:
        """Get the events of *group* for the ``@consumer`` methods."""
