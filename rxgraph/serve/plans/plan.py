"""A plan: what one selection of a root field compiles to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from rxgraph.serve.plans.objects import Template, Write
from rxgraph.serve.plans.refusals import Unplanned
from rxgraph.serve.plans.stock import Origin

T = TypeVar("T")

Hole = tuple[str, Write]
"""An attribute of EventSource, and what writes it from the event."""


class Plan:
    """Writes the sources of one root field as JSON text.

    It holds nothing of the subscription it was made for, and is shared by all that select the same.
    ``holes`` are attributes of EventSource that differ between viewers who see the same, in the
    order of the selection. Every method raises :class:`Unplanned` where the data is irregular.
    """

    def __init__(
        self, response_name: str, parts: Sequence[str | Write | Hole], origin: Origin
    ) -> None:
        """Take the *parts* of the text; a hole comes with its name."""
        self.response_name, self.origin = response_name, origin
        between: list[list[str | Write]] = [[]]
        holes: list[Hole] = []
        for part in parts:
            if isinstance(part, tuple):
                holes.append(part)
                between.append([])
            else:
                between[-1].append(part)
        self.holes = tuple(name for name, _ in holes)
        self._between = tuple(Template(some) for some in between)
        self._own = tuple(write for _, write in holes)

    def parts(self, source: object) -> tuple[str, ...]:
        """Return the texts around the holes, one more than those."""
        return _guarded(lambda: tuple([write(source) for write in self._between]))

    def own(self, source: object) -> tuple[str, ...]:
        """Return the texts in the holes: the session, runtime, and own writes of a viewer."""
        return _guarded(lambda: tuple([write(source) for write in self._own]))

    def text(self, source: object) -> str:
        """Return the whole text."""
        first, *others = self.parts(source)
        pairs = zip(self.own(source), others, strict=True)
        return "".join((first, *(text for pair in pairs for text in pair)))


def _guarded(make: Callable[[], T]) -> T:
    try:
        return make()
    except Unplanned:
        raise
    except Exception as error:  # whatever it was, graphql-core says it in its own words
        raise Unplanned("a value of no known shape") from error
