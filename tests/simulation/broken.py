"""Deliberate bugs: each breaks one rule of the real code, and the simulation must notice."""

from __future__ import annotations

from collections.abc import Callable

BUGS: dict[str, Callable[[], None]] = {}


def install(name: str) -> None:
    """Break a rule in this process, for good."""
    BUGS[name]()
