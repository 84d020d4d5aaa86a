"""The life of an anchor's cache as a table that can be printed.

COLD: nothing is cached. HEATING: one holder of the lease fills a new generation. HOT: clients are
served, changes are merged in. COOLING: the documents of the generation are being dropped.
"""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Where an anchor's cache is in its life."""

    COLD = "COLD"
    HEATING = "HEATING"
    HOT = "HOT"
    COOLING = "COOLING"


class Event(StrEnum):
    """What can happen to it."""

    OPENED = "OPENED"  # a viewer came to a cold anchor
    FILLED = "FILLED"  # the heater finished
    ABANDONED = "ABANDONED"  # the heater found nothing, failed, or let its lease run out
    CLEARED = "CLEARED"  # clear_cache, expiry, or another shape of the state
    DROPPED = "DROPPED"  # the documents of the generation are gone


TRANSITIONS: dict[tuple[Phase, Event], Phase] = {
    (Phase.COLD, Event.OPENED): Phase.HEATING,
    (Phase.HEATING, Event.FILLED): Phase.HOT,
    (Phase.HEATING, Event.ABANDONED): Phase.COLD,
    (Phase.HOT, Event.CLEARED): Phase.COOLING,
    (Phase.COOLING, Event.DROPPED): Phase.COLD,
}


def follow(phase: Phase, event: Event) -> Phase:
    """Return the phase after *event*.

    Raises:
        ValueError: the table has no such transition.
    """
    try:
        return TRANSITIONS[phase, event]
    except KeyError:
        raise ValueError(f"an anchor that is {phase} cannot be {event}") from None


def table() -> str:
    """Return the transitions as aligned text, one a line."""
    rows = [f"{old:<8} --{event}--> {new}" for (old, event), new in TRANSITIONS.items()]
    return "\n".join(rows)
