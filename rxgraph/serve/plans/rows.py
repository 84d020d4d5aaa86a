"""Generated functions that turn documents into rows: dicts that are JSON as they stand.

A row is made for the values that are usual in a type; ``unusual`` makes all others, as slowly and
as carefully as graphql-core does. Rows of many instances are written at once, and cut apart again
where marks stand that JSON text cannot contain.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Protocol

import orjson
from graphql import GraphQLOutputType

from rxgraph.serve.plans.leaves import completed, dumps, shortcut
from rxgraph.serve.plans.refusals import Unplanned
from rxgraph.types import JSON, Document

#: Control characters are escaped inside of JSON strings, so these stand nowhere else.
_HOLE, _END = "\x00", "\x01"
_HOLE_MARK, _END_MARK = orjson.Fragment(_HOLE), orjson.Fragment(_END)

Visible = Collection[Any]
Children = tuple[tuple[str, str], ...]
Row = dict[str, Any]
Unusual = Callable[[Document, Visible], tuple[Row, "Children | None"]]


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
    shown: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True)
class Hole:
    """A field that viewers may see differently: a mark stands for it."""

    name: str


RowField = Constant | Value | Identities | Hole


class MakeRows(Protocol):
    """Adds the row of each document and a mark, and the children that it shows.

    The children are None where some are missing, so that the row is good for now only.
    """

    def __call__(
        self,
        documents: Iterable[Document],
        visible: Visible,
        add: Callable[[Any], None],
        show: Callable[[Children | None], None],
    ) -> None:
        """Add them."""


def compile_rows(fields: Sequence[RowField]) -> MakeRows:
    """Return what makes rows with *fields*."""
    names: dict[str, Any] = {
        "END": _END_MARK,
        "HOLE": _HOLE_MARK,
        "NONE": (),
        "unusual": _unusual(fields),
    }
    body = _Body(names)
    shown = [f"{field.name!r}: {body.shown(number, field)}" for number, field in enumerate(fields)]
    lines = [
        "def rows(documents, visible, add, show):",
        "    has = visible.__contains__",
        "    for document in documents:",
        "        data = document.data",
        "        children = NONE",
        "        try:",
        *(f"            {line}" for line in body.lines),
        f"            if {' and '.join(body.tests) or 'True'}:",
        f"                row = {{{', '.join(shown)}}}",
        "            else:",
        "                row, children = unusual(document, visible)",
        "        except (KeyError, TypeError):",
        "            row, children = unusual(document, visible)",
        "        add(row)",
        "        add(END)",
        "        show(children)",
    ]
    exec(compile("\n".join(lines), "<rxgraph plan>", "exec"), names)  # noqa: S102 - written above
    made: MakeRows = names["rows"]
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
        name = f"v{number}"
        if isinstance(field, Identities):
            return self._identities(name, field)
        where = "document.key[1]" if field.attribute is None else f"data[{field.attribute!r}]"
        self.lines.append(f"{name} = {where}")
        short = shortcut(field.type)
        if short is None:
            self._names[f"c{number}"] = completed(field.type)
            return f"c{number}({name})"
        self._names[f"c{number}"] = short.constant
        if short.test:
            self.tests.append(short.test.format(v=name, c=f"c{number}"))
        return short.shown.format(v=name, c=f"c{number}")

    def _identities(self, name: str, field: Identities) -> str:
        child = ", ".join(
            f"{key!r}: {'id_' if text is None else repr(text)}" for key, text in field.shown
        )
        if field.many:
            target = f"t{name}"
            self._names[target] = repeat(field.target)
            self._names["zip"], self._names["all"], self._names["map"] = zip, all, map
            self.lines += [
                f"{name} = data[{field.attribute!r}]",
                f"if {name}:",
                f"    keys = (*zip({target}, {name}),)",
                "    if all(map(has, keys)):",
                "        if children is not None: children += keys",
                "    else:",
                f"        {name} = [key[1] for key in keys if key in visible]; children = None",
                f"    {name} = [{{{child}}} for id_ in {name}]",
            ]
            self.tests.append(f"type({name}) is list")
            return name
        missing = f"{name} = children = None" if field.nullable else "raise KeyError"
        self.lines += [
            f"{name} = id_ = data[{field.attribute!r}]",
            f"if {name} is not None:",
            f"    keys = (({field.target!r}, id_),)",
            "    if keys[0] in visible:",
            "        if children is not None: children += keys",
            f"        {name} = {{{child}}}",
            f"    else: {missing}",
            *([] if field.nullable else ["else: raise KeyError"]),
        ]
        return name


def _unusual(fields: Sequence[RowField]) -> Unusual:
    """Return what makes the row of any document; it raises Unplanned for errors."""
    complete = [
        (field, completed(field.type) if isinstance(field, Value) else None) for field in fields
    ]

    def unusual(document: Document, visible: Visible) -> tuple[Row, Children | None]:
        row: Row = {}
        children: Children | None = ()
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
                row[field.name], keys = _identified(field, document, visible)
                children = None if keys is None or children is None else (*children, *keys)
        return row, children

    return unusual


def _identified(
    field: Identities, document: Document, visible: Visible
) -> tuple[JSON, Children | None]:
    raw = document.data.get(field.attribute)
    ids = (raw or ()) if field.many else () if raw is None else (raw,)
    keys = tuple((field.target, id_) for id_ in ids)
    seen = tuple(key for key in keys if key in visible)
    found = [{name: id_ if text is None else text for name, text in field.shown} for _, id_ in seen]
    if not field.many and not found and not field.nullable:
        raise Unplanned("null in non-null")
    return (found if field.many else found[0] if found else None), keys if seen == keys else None


def texts_of(rows: Sequence[Any]) -> list[str]:
    """Return the text of each row in *rows* (with their marks)."""
    return dumps(rows)[1 : -2 - len(_END)].split(f",{_END},") if rows else []


def cut(text: str) -> list[str]:
    """Return the pieces of *text* between its holes."""
    return text.split(_HOLE)
