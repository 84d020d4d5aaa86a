"""Text of any length as parts that signals can carry, and back.

Law: whatever order the parts come in, the last of them completes the text. What stays incomplete,
because a signal was lost, is forgotten after a while.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rxgraph.types import JSON

PART_LETTERS = 60_000
"""Of four bytes at most, or two as escapes: a part is below the 256 KiB of a signal."""

KEEP_SECONDS = 60.0


def parts_of(id_: str, text: str) -> Iterator[JSON]:
    """Yield the parts of *text*, each fit to be the body of a signal."""
    starts = range(0, len(text) or 1, PART_LETTERS)
    for place, start in enumerate(starts):
        piece = text[start : start + PART_LETTERS]
        yield {"id": id_, "part": place, "of": len(starts), "text": piece}


@dataclass
class _Parcel:
    since: float
    parts: dict[int, str] = field(default_factory=dict)


class Parcels:
    """Parts that wait for the others."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: OrderedDict[str, _Parcel] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, part: Any) -> str | None:
        """Return the whole text when *part* completes it, else None."""
        now = self._clock()
        while self._waiting and next(iter(self._waiting.values())).since < now - KEEP_SECONDS:
            self._waiting.popitem(last=False)
        if part["of"] == 1:
            return str(part["text"])
        parcel = self._waiting.setdefault(part["id"], _Parcel(now))
        parcel.parts[part["part"]] = part["text"]
        if len(parcel.parts) < part["of"]:
            return None
        del self._waiting[part["id"]]
        return "".join(parcel.parts[place] for place in range(part["of"]))
