"""Generated functions that turn documents into rows, dicts that are JSON as they stand, and text.

A row is made for the values that are usual in a type; ``unusual`` makes all others, as slowly and
as carefully as graphql-core does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from graphql import GraphQLOutputType

from rxgraph.serve.plans.leaves import completed, dumps, shortcut
from rxgraph.serve.plans.refusals import Unplanned
from rxgraph.types import JSON, Document, InstanceKey

#: Control characters are escaped inside of JSON strings, so this stands nowhere else.
_HOLE = "\x00"
_HOLE_MARK = orjson.Fragment(_HOLE)

Visible = Collection[Any]
Shown = tuple[tuple[str, str | None], ...]
Children = Sequence[tuple[str, str]]
Row = dict[str, Any]
Unusual = Callable[[Document, Visible], tuple[str, "Children | None"]]


@dataclass(frozen=True)
class Constant:
    """A field that is the same in every instance: ``__typename``."""

    name: str
    value: str


@dataclass(frozen=True)
class Value:
    """A field with a value of the document; ``attribute`` is None for the key of the instance."""

    name: str
    attribute: str | None
    type: GraphQLOutputType


@dataclass(frozen=True)
class Identities:
    """Children of which nothing is shown but who they are: ``tasks { __typename id }``.

    ``shown`` are response names, with what is constant; None stands for the id. The texts of such
    children stand in their parent's: who sees the parent sees them, if they exist.
    """

    name: str
    attribute: str
    target: str
    many: bool
    nullable: bool
    shown: Shown


@dataclass(frozen=True)
class Hole:
    """A field that viewers may see differently: a mark stands for it."""

    name: str


RowField = Constant | Value | Identities | Hole


class WriteRows(Protocol):
    """Adds the text of each document, or its pieces between holes, and keeps them.

    They are kept with the children they show; unless some are missing, so that the text is good
    for now only.
    """

    def __call__(
        self,
        documents: Iterable[Document],
        visible: Visible,
        has_all: Callable[[Children], bool],
        kept: MutableMapping[InstanceKey, Any],
        add: Callable[[Any], None],
    ) -> None:
        """Add them; raises Unplanned."""


def compile_rows(fields: Sequence[RowField], public: Collection[str] | None = None) -> WriteRows:
    """Return what writes rows with *fields*.

    *public* are the layers whose instances everybody sees who sees a parent; None: all.
    """
    names: dict[str, Any] = {
        "HOLE": _HOLE_MARK,
        "PUBLIC": public,
        "dumps": orjson.dumps,
        "unusual": _unusual(fields, public),
    }
    body = _Body(names)
    shown = [f"{field.name!r}: {body.shown(number, field)}" for number, field in enumerate(fields)]
    links = "document.links"
    if not any(isinstance(field, Identities) for field in fields):
        links = "()"
    elif public is not None:
        links = "tuple([key for key in document.links if key[0] in PUBLIC])"
    tests = ["(not links or has_all(links))", *body.tests]
    has_holes = any(isinstance(field, Hole) for field in fields)
    lines = [
        "def write(documents, visible, has_all, kept, add):",
        "    for document in documents:",
        "        data, links = document.data, " + links,
        "        try:",
        *(f"            {line}" for line in body.lines),
        f"            if {' and '.join(tests)}:",
        f"                text = dumps({{{', '.join(shown)}}}).decode()",
        "            else:",
        "                text, links = unusual(document, visible)",
        "        except (KeyError, TypeError):",
        "            text, links = unusual(document, visible)",
        *([f"        text = text.split({_HOLE!r})"] if has_holes else []),
        "        add(text)",
        "        if links is not None:",
        "            kept[document.key] = document, text, links",
    ]
    exec(compile("\n".join(lines), "<rxgraph plan>", "exec"), names)  # noqa: S102 - written above
    made: WriteRows = names["write"]
    return made


class _Body:
    """The lines before a row, and the tests that its values have to pass."""

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names
        self.lines: list[str] = []
        self.tests: list[str] = []

    def shown(self, number: int, field: RowField) -> str:
        """Return the text of what *field* shows."""
        if isinstance(field, Constant):
            return repr(field.value)
        if isinstance(field, Hole):
            return "HOLE"
        name, constant = f"v{number}", f"c{number}"
        if isinstance(field, Identities):
            return self._identities(name, constant, field)
        where = "document.key[1]" if field.attribute is None else f"data[{field.attribute!r}]"
        self.lines.append(f"{name} = {where}")
        short = shortcut(field.type)
        if short is None:
            self._names[constant] = completed(field.type)
            return f"{constant}({name})"
        self._names[constant] = short.constant
        if short.test:
            self.tests.append(short.test.format(v=name, c=constant))
        return short.shown.format(v=name, c=constant)

    def _identities(self, name: str, constant: str, field: Identities) -> str:
        """Return the same of a relation, of which all children are visible."""
        self.lines.append(f"{name} = data[{field.attribute!r}]")
        if field.many:
            self._names[constant] = _listing(field.shown)
            self.tests.append(f"type({name}) is list")
            return f"{constant}({name}) if {name} else {name}"
        if not field.nullable:
            self.tests.append(f"{name} is not None")
        shown = ", ".join(
            f"{key!r}: {name if text is None else repr(text)}" for key, text in field.shown
        )
        return f"None if {name} is None else {{{shown}}}"


def _listing(shown: Shown) -> Callable[[list[str]], object]:
    """Return what shows the identities *ids*: text at once, where nothing has to be escaped."""
    if sum(text is None for _, text in shown) != 1:
        return lambda ids: [_identity(shown, id_) for id_ in ids]
    first, last = dumps(_identity(shown, _HOLE)).split(dumps(_HOLE))
    first, last = f'{first}"', f'"{last}'
    between = f"{last},{first}"

    def listed(ids: list[str]) -> object:
        together = "".join(ids)
        if together.isalnum() or together.replace("-", "").isalnum():
            return orjson.Fragment(f"[{first}{between.join(ids)}{last}]")
        return [_identity(shown, id_) for id_ in ids]

    return listed


def _identity(shown: Shown, id_: str) -> Row:
    return {name: id_ if text is None else text for name, text in shown}


def _unusual(fields: Sequence[RowField], public: Collection[str] | None) -> Unusual:
    """Return what makes the row of any document; it raises Unplanned for errors."""
    complete = [
        (field, completed(field.type) if isinstance(field, Value) else None) for field in fields
    ]

    def unusual(document: Document, visible: Visible) -> tuple[str, Children | None]:
        row: Row = {}
        is_complete = True
        for field, finish in complete:
            if isinstance(field, Constant):
                row[field.name] = field.value
            elif isinstance(field, Hole):
                row[field.name] = _HOLE_MARK
            elif isinstance(field, Value):
                assert finish is not None
                key = field.attribute
                row[field.name] = finish(document.key.id if key is None else document.data.get(key))
            else:
                row[field.name], has_all = _identified(field, document, visible)
                is_complete = is_complete and has_all
        links = [key for key in document.links if public is None or key.typename in public]
        is_complete = is_complete and all(key in visible for key in links)
        return dumps(row), links if is_complete else None

    return unusual


def _identified(field: Identities, document: Document, visible: Visible) -> tuple[JSON, bool]:
    """Return what a relation shows, and whether that is everything."""
    raw = document.data.get(field.attribute)
    ids = list(raw or ()) if field.many else [] if raw is None else [raw]
    found = [_identity(field.shown, id_) for id_ in ids if (field.target, id_) in visible]
    if not field.many and not found and not field.nullable:
        raise Unplanned("null in non-null")
    return (found if field.many else found[0] if found else None), len(found) == len(ids)
