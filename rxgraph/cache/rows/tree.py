"""Read the whole state below one root, with one query per layer.

Layers are read from the root down, since the keys of the parents say which rows belong to it;
then documents are made part by part, so that whoever writes them can begin before all are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from rxgraph.cache.rows.bare import BareLayer, Rows, bare_layer
from rxgraph.cache.rows.keys import parse_pk
from rxgraph.cache.rows.plan import AnyModel, LayerPlan, Link, by_attname, pk_field
from rxgraph.cache.rows.reading import (
    Instances,
    Pairs,
    Values,
    column,
    computed,
    join,
    load,
    note,
    render,
    select,
    sort_pairs,
)
from rxgraph.cache.rows.rendering import Report, is_hidden, pinned
from rxgraph.cache.rows.snapshot import alias_of
from rxgraph.compile.state_tree import RelationKind
from rxgraph.types import Document, TypeName

DOCUMENTS_AT_ONCE = 1000
"""As many are rendered before the caller goes on."""

Joins = dict[Link, list[tuple[Any, Any]]]


@dataclass(frozen=True, eq=False, slots=True)
class _Loaded:
    """Rows of a layer whose fields must be asked: model instances, in the order of lists."""

    instances: Instances

    def column(self, attname: str) -> set[Any]:
        """Return the values of a column, None apart."""
        return column(self.instances.values(), attname)


Table = _Loaded | Rows


def read_tree(
    layers: Mapping[TypeName, LayerPlan], anchor_id: str, version: int, report: Report
) -> Iterator[list[Document]]:
    """Yield the documents below one root in parts, parents first; nothing: no such root."""
    tables: dict[TypeName, Table] = {}
    joins: Joins = {}
    for typename, plan in layers.items():
        bare = bare_layer(plan, layers)
        if tables:
            listed, named = _wanted(plan, tables, joins)
            tables[typename] = _read(plan, bare, listed, named, in_order=bool(listed))
            continue
        pk = parse_pk(plan.model, anchor_id, alias_of(plan.model))
        if pk is None:
            return
        root = load(plan, {}, {pk_field(plan.model).attname: {pk}})
        if not root:
            return
        tables[typename] = _Loaded(root) if bare is None else _as_rows(bare, root)
    _tie(layers, tables, joins)
    for typename, plan in layers.items():
        yield from _documents(plan, tables, joins, version, report)
        del tables[typename]  # nobody below looks up


def _wanted(
    plan: LayerPlan, tables: Mapping[TypeName, Table], joins: Joins
) -> tuple[Values, Values]:
    """Return which rows the layers above lead to: through lists, and by name."""
    listed: Values = {}
    named: Values = {}
    for link in plan.incoming:
        parents = tables[link.parent.typename]
        if link.kind is RelationKind.MANY_TO_MANY:
            joins[link] = join(link, parents.column(link.parent_attname))
            found = {child for _, child in joins[link]}
            listed.setdefault(link.child_attname, set()).update(found)
        elif link.kind is RelationKind.PROPERTY:
            assert isinstance(parents, _Loaded)
            found = {pk for parent in parents.instances.values() for pk in computed(link, parent)}
            named.setdefault(pk_field(plan.model).attname, set()).update(found)
        else:
            wanted = named if link.shows_all else listed
            values = parents.column(link.parent_attname)
            wanted.setdefault(link.child_attname, set()).update(values)
    return listed, named


def _read(
    plan: LayerPlan, bare: BareLayer | None, listed: Values, named: Values, *, in_order: bool
) -> Table:
    if bare is None:
        return _Loaded(load(plan, listed, named, in_order=in_order))
    both = {name: listed.get(name, set()) | named.get(name, set()) for name in {**listed, **named}}
    query = select(plan, plan.model._default_manager, both, alias_of(plan.model), in_order)
    return Rows(bare, list(query.values_list(*bare.attnames)))


def _as_rows(bare: BareLayer, found: Instances) -> Rows:
    return Rows(
        bare, [tuple(getattr(item, name) for name in bare.attnames) for item in found.values()]
    )


# -- relations


def _tie(
    layers: Mapping[TypeName, LayerPlan], tables: Mapping[TypeName, Table], joins: Joins
) -> None:
    """Let instances know the ids of their relations, and each other."""
    for plan in layers.values():
        for link in plan.incoming:
            above, below = tables[link.parent.typename], tables[link.child.typename]
            if isinstance(above, Rows):
                continue  # gets them when it is rendered
            note(link, above.instances, _pairs(link, below, joins))
            is_seen = layers[link.parent.typename].is_custom or plan.is_custom
            if is_seen and isinstance(below, _Loaded):
                _remember(link, above.instances, below.instances)


def _pairs(link: Link, children: Table, joins: Joins) -> Pairs | None:
    """Return the pairs of a link among what was read; None: the parent's column says it all."""
    if link.kind is RelationKind.PROPERTY or link.is_column:
        return None
    attname = link.child_attname
    if isinstance(children, Rows):
        found: Pairs = children.pairs(attname)
    else:
        shown = (c for c in children.instances.values() if link.shows_all or not is_hidden(c))
        found = ((getattr(child, attname), child.pk) for child in shown)
    return sort_pairs(joins[link], dict(found)) if link in joins else found


def _ids(link: Link, children: Table, joins: Joins) -> dict[Any, Any]:
    """Return, by value of the parent's column, the ids of the children, or of the one child."""
    found: dict[Any, Any] = {}
    pairs = _pairs(link, children, joins) or ()
    if link.relation.many:
        for value, pk in pairs:
            found.setdefault(value, []).append(str(pk))
    else:
        for value, pk in pairs:
            found.setdefault(value, str(pk))
    return found


def _remember(link: Link, parents: Instances, children: Instances) -> None:
    """Let foreign keys that code of the project follows find the instances that are here."""
    if link.kind is RelationKind.FORWARD:
        if link.names_child_pk:
            _follow(parents.values(), link.parent.model, link.parent_attname, children)
    elif link.kind is RelationKind.REVERSE and link.names_parent_pk:
        _follow(children.values(), link.child.model, link.child_attname, parents)


def _follow(instances: Iterable[Any], model: AnyModel, attname: str, targets: Instances) -> None:
    field = by_attname(model, attname)
    for instance in instances:
        target = targets.get(getattr(instance, attname))
        if target is not None and not field.is_cached(instance):
            field.set_cached_value(instance, target)


# -- documents


def _documents(
    plan: LayerPlan,
    tables: Mapping[TypeName, Table],
    joins: Joins,
    version: int,
    report: Report,
) -> Iterator[list[Document]]:
    table = tables[plan.layer.typename]
    if isinstance(table, Rows):
        ids = [_ids(link, tables[link.child.typename], joins) for link in plan.outgoing]
        rows = iter(table.values)
        while part := list(islice(rows, DOCUMENTS_AT_ONCE)):
            documents: list[Document] = []
            with pinned():
                table.layer.render(part, version, ids, documents.append, report)
            yield documents
        return
    found = [
        Document(row.key, version, row.data, row.links, row.owner)
        for row in render(plan, list(table.instances.values()), report)
    ]
    for start in range(0, len(found), DOCUMENTS_AT_ONCE):
        yield found[start : start + DOCUMENTS_AT_ONCE]
