"""Stand-in until the plans are merged."""

from __future__ import annotations

from typing import Any, Protocol


class Plan(Protocol):
    """A root field's selection, compiled."""

    response_name: str
    holes: tuple[str, ...]

    def parts(self, source: Any) -> tuple[str, ...]: ...
    def own(self, source: Any) -> tuple[str, ...]: ...
    def text(self, source: Any) -> str: ...


class Unplanned(Exception):
    """The plan cannot express it."""
