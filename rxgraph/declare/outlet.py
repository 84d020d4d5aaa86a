"""What the class methods of a channel need from the stages behind it.

Those put themselves in here when Django starts; declaring knows nothing of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from rxgraph.types import JSON

if TYPE_CHECKING:
    from rxgraph.declare.channel import ContextChannel


class Outlet(Protocol):
    """What can be told to live contexts from anywhere."""

    def notify(
        self, channel: type[ContextChannel], anchor_id: Any, data: JSON, user_id: Any
    ) -> None:
        """Send *data* to the live contexts that show an anchor."""

    def retell(
        self, channel: type[ContextChannel], anchor_id: Any, instance: Any, operation: str
    ) -> None:
        """Read *instance* again for an anchor, and tell it whole."""

    def revoke(self, channel: type[ContextChannel], user_id: Any, anchor_id: Any) -> None:
        """Ask again whether a user may watch."""


_outlet: Outlet | None = None


def install(outlet: Outlet) -> None:
    """Let *outlet* tell from now on."""
    global _outlet
    _outlet = outlet


def outlet() -> Outlet:
    """Return who tells.

    Raises:
        RuntimeError: Django has not started.
    """
    if _outlet is None:
        raise RuntimeError(
            "Nothing can be told before Django has started: add rxgraph to INSTALLED_APPS"
            " and call django.setup() first"
        )
    return _outlet
