"""Make the functions that render the rows of one layer, as Python source.

In: how each field of the layer comes. Out: a function without a loop over the fields and without a
call for the value of a standard field, which is what rendering costs otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rxgraph.cache.rows.cells import Cell, Column
from rxgraph.types import Document, InstanceKey

if TYPE_CHECKING:
    from rxgraph.cache.rows.plan import Link

Data = dict[str, Any]
Emit = Callable[[Document], None]
Refuse = Callable[[InstanceKey, Exception], None]
Ids = Mapping[Any, Any]
"""Of one relation: the value of the parent's column → ids of the children, or the one id."""

RenderRows = Callable[[Iterable[tuple[Any, ...]], int, Sequence[Ids], Emit, Refuse], None]
"""Rows, the version of their documents, the ids of each relation: emit documents, refuse rows."""

_make = tuple.__new__  # what a named tuple's own constructor ends in, at half the price


def data_function(
    title: str, fields: Sequence[tuple[str, Column | Cell | None]]
) -> Callable[[Any, Sequence[Cell]], Data]:
    """Return the function from an instance, and the cells of fields that have none, to its data."""
    source = _Source()
    read: dict[str, str] = {}
    values = []
    asked = 0
    for name, cell in fields:
        if isinstance(cell, Column):
            variable = read.setdefault(cell.attname, f"v{len(read)}")
            values.append(f"{name!r}: {source.value(cell, variable)}")
        elif cell is not None:
            values.append(f"{name!r}: {source.bind(cell)}(instance)")
        else:
            values.append(f"{name!r}: cells[{asked}](instance)")
            asked += 1
    source.lines = [
        "def data(instance, cells):",
        *(f"    {variable} = instance.{attname}" for attname, variable in read.items()),
        f"    return {{{', '.join(values)}}}",
    ]
    return source.compiled("data", title)  # type: ignore[no-any-return]


def rows_function(
    typename: str,
    fields: Sequence[tuple[str, Column | Link]],
    links: Sequence[Link],
    attnames: Sequence[str],
    owner: str | None,
) -> RenderRows:
    """Return the function that renders rows of the columns *attnames*, the primary key first.

    Among *fields*, a link stands for the ids of its relation, which are given in the order of
    *links*. *owner* is the column of the user whom a row is for.
    """
    source = _Source()
    variable = {attname: f"v{place}" for place, attname in enumerate(attnames)}
    known = {link: f"ids{place}" for place, link in enumerate(links)}
    before, values, children = [], [], []
    for name, field in fields:
        if isinstance(field, Column):
            values.append(f"{name!r}: {source.value(field, variable[field.attname])}")
            continue
        found, column = f"l{known[field]}", variable[field.parent_attname]
        values.append(f"{name!r}: {found}")
        if field.is_column:
            before.append(f"{found} = None if {column} is None else str({column})")
        elif field.relation.many:
            before.append(f"{found} = {known[field]}({column}) or []")
        else:
            before.append(f"{found} = {known[field]}({column})")
    for link in links:
        target, found = source.bind(link.relation.target), f"l{known[link]}"
        below = found if link.relation.many else f"(({found},) if {found} else ())"
        children.append(f"*[make(Key, ({target}, c)) for c in {below}]")
    names = {"make": _make, "Key": InstanceKey, "Document": Document, "typename": typename}
    source.lines = [
        f"def render(rows, version, ids, emit, refuse, {', '.join(f'{n}={n}' for n in names)}):",
        *(f"    {name} = ids[{place}].get" for place, name in enumerate(known.values())),
        f"    for {', '.join(variable.values())}, in rows:",
        f"        id_ = str({variable[attnames[0]]})",
        "        key = make(Key, (typename, id_))",
        "        try:",
        *(f"            {line}" for line in before),
        f"            data = {{{', '.join(values)}}}",
        "            if data.get('id') != id_:",
        "                data['id'] = id_",
        f"            links = ({', '.join(children)},)" if links else "            links = ()",
        f"            owner = {variable[owner] if owner else None}",
        "            owner = None if owner is None else str(owner)",
        "            emit(Document(key, version, data, links, owner))",
        "        except Exception as error:",
        "            refuse(key, error)",
    ]
    return source.compiled("render", typename, **names)  # type: ignore[no-any-return]


class _Source:
    """Lines of one function, and the objects that they name."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._names: dict[str, Any] = {}

    def bind(self, value: Any) -> str:
        """Return a name for *value* in the source."""
        name = f"g{len(self._names)}"
        self._names[name] = value
        return name

    def value(self, column: Column, variable: str) -> str:
        """Return the expression of a value whose column is in *variable*."""
        slow = f"{self.bind(column.slow)}({variable})"
        if column.fast is None:
            return slow
        bound = {name: self.bind(value) for name, value in column.fast.names.items()}
        when = column.fast.when.format(v=variable, **bound)
        then = column.fast.then.format(v=variable, **bound)
        return f"{then} if {when} else {slow}"

    def compiled(self, name: str, title: str, **names: Any) -> Any:
        """Return what the source defines as *name*."""
        scope = {**self._names, **names}
        # Of our own making: names of fields and columns go in as literals and identifiers.
        exec(compile("\n".join(self.lines), f"<rows of {title}>", "exec"), scope)  # noqa: S102
        return scope[name]
