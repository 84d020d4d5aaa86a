"""Objects that are no instances as JSON text: the pieces of an event, a channel, a payload."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from rxgraph.compile.graphql_types import resolve_attribute
from rxgraph.delta import View
from rxgraph.serve.plans.instances import InstanceSelection, Sight
from rxgraph.serve.plans.leaves import dumps
from rxgraph.serve.plans.refusals import Unplanned
from rxgraph.serve.plans.texts import Selection
from rxgraph.serve.sources import ChannelSource, InstanceSource, QuerySource
from rxgraph.types import JSON

Write = Callable[[Any], str]
"""The text of what a source is, or of a value."""

Read = Callable[[Any], JSON]
"""The JSON of a source or a value."""


P = TypeVar("P")


class Gap(NamedTuple):
    """Where in a text *write* puts something: what it makes of the source, or a part of that.

    ``reading`` is Python text that follows the name of the source: ``.kind``.
    """

    write: Write
    reading: str = ""


Part = str | Gap


def compile_texts(texts: Sequence[Sequence[Part]]) -> Callable[[Any], tuple[str, ...]]:
    """Return a generated function of a source that fills the gaps of *texts*."""
    names: dict[str, Any] = {}
    shown: list[str] = []
    for parts in texts:
        pieces: list[str] = []
        for part in parts:
            name = f"x{len(names)}"
            if isinstance(part, str):
                names[name] = part
                pieces.append(f"{{{name}}}")
            else:
                names[name] = part.write
                pieces.append(f"{{{name}(source{part.reading})}}")
        shown.append(f'f"{"".join(pieces)}",')
    lines = ["def write(source):", f"    return {' '.join(shown) or '()'}"]
    exec(compile("\n".join(lines), "<rxgraph plan>", "exec"), names)  # noqa: S102 - written above
    made: Callable[[Any], tuple[str, ...]] = names["write"]
    return made


def template(parts: Sequence[Part]) -> Write:
    """Return what writes one text."""
    write = compile_texts([joined(parts)])
    return lambda source: write(source)[0]


def joined(parts: Iterable[Part]) -> list[Part]:
    """Return *parts* with texts that follow each other as one."""
    found: list[Part] = []
    for part in parts:
        if found and isinstance(part, str) and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return found


def members(fields: Sequence[tuple[str, P]]) -> list[str | P]:
    """Return the parts of an object: response names, each with its text or what writes it."""
    parts: list[str | P] = ["{"]
    for number, (name, write) in enumerate(fields):
        parts += [f'{"," if number else ""}"{name}":', write]
    return [*parts, "}"]


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


def own_query(field: str, parts: Sequence[Part]) -> Write:
    """Return what writes the ``query`` of an event, which reads the event's own channel."""
    channel = template(parts)

    def write(source: QuerySource) -> str:
        if source.compiled.names.field != field:
            raise Unplanned("another query in an event")
        return channel(source.channel)

    return write


def other_query(source: object) -> str:
    """Refuse a ``query`` that does not read the channel by the arguments of the subscription."""
    raise Unplanned("another query in an event")
