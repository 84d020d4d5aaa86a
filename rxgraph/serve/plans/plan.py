"""A plan: what one selection of a root field compiles to."""

from __future__ import annotations

from collections.abc import Sequence

from rxgraph.serve.plans.objects import Gap, Part, compile_texts, joined
from rxgraph.serve.plans.refusals import Unplanned
from rxgraph.serve.plans.stock import Origin

Hole = tuple[str, Part]
"""An attribute of EventSource that is the viewer's own, and what writes it."""


class Plan:
    """Writes the sources of one root field as JSON text.

    It holds nothing of the subscription it was made for, and is shared by all that select the same.
    ``holes`` are attributes of EventSource that differ between viewers who see the same, in the
    order of the selection. Every method raises :class:`Unplanned` where the data is irregular.
    """

    def __init__(self, response_name: str, parts: Sequence[Part | Hole], origin: Origin) -> None:
        """Take the *parts* of the text; a hole comes with its name."""
        self.response_name, self.origin = response_name, origin
        between: list[list[Part]] = [[]]
        holes: list[Hole] = []
        for part in parts:
            if isinstance(part, str | Gap):
                between[-1].append(part)
            else:
                holes.append(part)
                between.append([])
        self.holes = tuple(name for name, _ in holes)
        self._parts = compile_texts([joined(some) for some in between])
        self._own = compile_texts([[part] for _, part in holes])

    def parts(self, source: object) -> tuple[str, ...]:
        """Return the texts around the holes, one more than those."""
        try:
            return self._parts(source)
        except Unplanned:
            raise
        except Exception as error:  # whatever it was, graphql-core says it in its own words
            raise Unplanned("a value of no known shape") from error

    def own(self, source: object) -> tuple[str, ...]:
        """Return the texts in the holes: the session, runtime, and own writes of a viewer."""
        try:
            return self._own(source)
        except Unplanned:
            raise
        except Exception as error:
            raise Unplanned("a value of no known shape") from error

    def text(self, source: object) -> str:
        """Return the whole text."""
        first, *others = self.parts(source)
        if not others:
            return first
        pairs = zip(self.own(source), others, strict=True)
        return "".join((first, *(text for pair in pairs for text in pair)))
