"""Objects that are no instances as JSON text: the pieces of an event, a channel, a payload."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from rxgraph.compile.graphql_types import resolve_attribute
from rxgraph.delta import View
from rxgraph.serve.plans.instances import InstanceSelection, Sight
from rxgraph.serve.plans.leaves import dumps
from rxgraph.serve.plans.refusals import Unplanned
from rxgraph.serve.plans.texts import Selection
from rxgraph.serve.sources import ChangesSource, ChannelSource, InstanceSource, QuerySource
from rxgraph.types import JSON

Write = Callable[[Any], str]
"""The text of what a source is, or of a value."""

Read = Callable[[Any], JSON]
"""The JSON of a source or a value."""


P = TypeVar("P")


class Template:
    """Text with gaps that are filled from a source."""

    __slots__ = ("_gaps", "_pieces")

    def __init__(self, parts: Sequence[str | Write]) -> None:
        pieces, gaps = [""], []
        for part in parts:
            if isinstance(part, str):
                pieces[-1] += part
            else:
                gaps.append(part)
                pieces.append("")
        self._pieces, self._gaps = tuple(pieces), tuple(gaps)

    def __call__(self, source: Any) -> str:
        """Return the text of *source*."""
        found = [self._pieces[0]]
        for gap, piece in zip(self._gaps, self._pieces[1:], strict=True):
            found += (gap(source), piece)
        return "".join(found)


def members(fields: Sequence[tuple[str, P]]) -> list[str | P]:
    """Return the parts of an object: response names, each with its text or what writes it."""
    parts: list[str | P] = ["{"]
    for number, (name, write) in enumerate(fields):
        parts += [f'{"," if number else ""}"{name}":', write]
    return [*parts, "}"]


def attribute(name: str, write: Write) -> Write:
    """Return what writes the attribute *name* of a source."""
    return lambda source: write(resolve_attribute(source, name))


def or_null(write: Write, nullable: bool) -> Write:
    """Return what writes a source, or null where there is none."""
    if nullable:
        return lambda source: "null" if source is None else write(source)

    def required(source: Any) -> str:
        if source is None:
            raise Unplanned("null in non-null")
        return write(source)

    return required


def constant(value: JSON) -> Read:
    """Return what reads *value*, whatever it is of."""
    return lambda source: value


def leaf(name: str, complete: Read) -> Read:
    """Return what reads the attribute *name* of a source, and completes it."""
    return lambda source: complete(resolve_attribute(source, name))


def record(fields: Sequence[tuple[str, Read]]) -> Read:
    """Return what reads an object of leaves."""
    return lambda source: {name: read(source) for name, read in fields}


def records(read: Read) -> Write:
    """Return what writes a list of such objects."""
    return lambda sources: dumps([read(source) for source in sources]) if sources else "[]"


def instance(selection: InstanceSelection) -> Write:
    """Return what writes one instance."""

    def write(source: InstanceSource) -> str:
        return selection.texts(Sight(source.view), [source.document])[0]

    return write


class Changes(Selection):
    """Writes lists of whole instances by layer."""

    def __init__(self, lists: Sequence[tuple[str, str, InstanceSelection | None]]) -> None:
        """Take response names with what is selected of a layer; without: a text."""
        super().__init__()
        self._lists = lists

    def __call__(self, source: ChangesSource) -> str:
        """Return the text of *source*."""
        sight = Sight(source.view)
        if not source.is_whole:
            return self._text(sight, source)
        known = sight.book.whole(self, source.view)
        if known is None:
            known = self._text(sight, source)
            sight.book.keep_whole(self, source.view, known)
        return known

    def _text(self, sight: Sight, source: ChangesSource) -> str:
        groups = source.by_type()
        parts = []
        for name, typename, selection in self._lists:
            if selection is None:
                parts.append(f'"{name}":"{typename}"')
            elif documents := groups.get(typename):
                parts.append(f'"{name}":[{",".join(selection.texts(sight, documents))}]')
            else:
                parts.append(f'"{name}":[]')
        return f"{{{','.join(parts)}}}"


class State(Selection):
    """Writes the state of a channel: its root, or its roots."""

    def __init__(self, many: bool, selection: InstanceSelection) -> None:
        super().__init__()
        self._many, self._selection = many, selection

    def __call__(self, source: ChannelSource) -> str:
        """Return the text of *source*."""
        if source.view is None:
            return "[]" if self._many else "null"
        sight = Sight(source.view)
        known = sight.book.whole(self, source.view)
        if known is None:
            known = self._text(sight, source.view)
            sight.book.keep_whole(self, source.view, known)
        return known

    def _text(self, sight: Sight, view: View) -> str:
        found = [document for root in view.roots if (document := view.document(root)) is not None]
        texts = self._selection.texts(sight, found)
        return f"[{','.join(texts)}]" if self._many else texts[0] if texts else "null"


def own_query(field: str, parts: Sequence[str | Write]) -> Write:
    """Return what writes the ``query`` of an event, which reads the event's own channel."""
    template = Template(parts)

    def write(source: QuerySource) -> str:
        if source.compiled.names.field != field:
            raise Unplanned("another query in an event")
        return template(source.channel)

    return write


def other_query(source: object) -> str:
    """Refuse a ``query`` that does not read the channel by the arguments of the subscription."""
    raise Unplanned("another query in an event")
