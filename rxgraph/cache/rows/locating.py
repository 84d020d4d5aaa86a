"""Which instances of a state a changed row may alter, itself and others.

Others are parents that its own columns name, and *dependents*: layers that show a value of the
row, parents that reach it through ``@related_property``, and the parents of a many-to-many row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rxgraph.cache.rows.anchor_marks import may_be_cached
from rxgraph.cache.rows.families import family
from rxgraph.cache.rows.keys import among, parse_pk
from rxgraph.cache.rows.plan import AnyModel, Link, by_attname, pk_field, plan_of
from rxgraph.cache.rows.reading import parents_by_value
from rxgraph.cache.rows.snapshot import alias_of
from rxgraph.compile.state_tree import RelationKind, StateTree, label_of
from rxgraph.types import ROOT_WANTED, InstanceKey, RowKey, roots_named

Columns = Mapping[RowKey, Mapping[str, str | None]]
Keys = set[InstanceKey]


def locate(
    trees: Mapping[str, StateTree], rows: frozenset[RowKey], columns: Columns, using: str
) -> dict[str, frozenset[InstanceKey]]:
    """Return per channel the instances to look for in caches because *rows* changed.

    *columns* are foreign keys of rows as the writer knows them: attname to text. What it does not
    tell is read from *using*, one SELECT per model; nothing is read for what no channel tracks.
    """
    lookup = _Lookup(using, rows, columns)
    found: dict[str, frozenset[InstanceKey]] = {}
    for channel, tree in trees.items():
        ids = roots_named(ROOT_WANTED, channel, rows) if tree.many else ()
        if tree.anchor_mark and not ids and not may_be_cached(tree, lookup.ids):
            continue
        keys = lookup.own(tree) | lookup.parents(tree) | lookup.dependents(tree)
        keys |= {InstanceKey(tree.root.typename, id_) for id_ in ids}
        if keys:
            found[channel] = frozenset(keys)
    return found


def dependents(tree: StateTree, rows: frozenset[RowKey]) -> frozenset[InstanceKey]:
    """Return the instances whose rendering depends on *rows* without being them."""
    return frozenset(_Lookup(None, rows, {}).dependents(tree))


class _Lookup:
    """Answers for several trees, each question to the database asked once."""

    def __init__(self, using: str | None, rows: Iterable[RowKey], columns: Columns) -> None:
        self._using = using  # None: where each model is written
        self.columns = columns
        self.ids: dict[str, list[str]] = {}
        for row in rows:
            self.ids.setdefault(row.model, []).append(row.pk)
        self._paths: dict[tuple[AnyModel, str, str, str], list[tuple[Any, Any]]] = {}
        self._columns: dict[tuple[AnyModel, str], dict[str, Any]] = {}
        self._wanted: dict[AnyModel, set[str]] = {}

    def own(self, tree: StateTree) -> Keys:
        """Return the rows as instances, those of models that inherit from each other too."""
        return {
            InstanceKey(layer.typename, id_)
            for layer in tree.layers.values()
            for label in family(layer.model)
            for id_ in self.ids.get(label, ())
        }

    def parents(self, tree: StateTree) -> Keys:
        """Return the parents that the rows' foreign keys name."""
        links = [link for plan in plan_of(tree).values() for link in plan.named_parents]
        self._announce((link.child.model, link.child_attname) for link in links)
        found: Keys = set()
        for link in links:
            ids = self._ids_of(link.child.model)
            if ids:
                values = self._column(link.child.model, link.child_attname)
                found |= self._named(link, [values[id_] for id_ in ids if id_ in values])
        return found

    def dependents(self, tree: StateTree) -> Keys:
        """Return the instances that show the rows without being them."""
        found: Keys = set()
        for plan in plan_of(tree).values():
            layer = plan.layer
            for dependency in plan.dependencies:
                if self._ids_of(dependency.model):
                    pairs = self._path(layer.model, dependency.path, "pk", dependency.model)
                    found |= {InstanceKey(layer.typename, str(pk)) for _, pk in pairs}
            for link in plan.incoming:
                if link.kind is RelationKind.PROPERTY and link.relation.query_path:
                    if self._ids_of(layer.model):
                        path = f"{link.relation.query_path}__pk"
                        pairs = self._path(layer.model, "pk", path, layer.model)
                        found |= {
                            InstanceKey(link.parent.typename, str(pk))
                            for _, pk in pairs
                            if pk is not None
                        }
                elif link.relation.through is not None:
                    found |= self._through(link, link.relation.through)
        found -= self.own(tree)
        return found

    def _through(self, link: Link, through: AnyModel) -> Keys:
        ids = self._ids_of(through)
        if not ids or not link.relation.through_parent:
            return set()
        values = self._column(through, link.relation.through_parent)
        return self._named(link, [values[id_] for id_ in ids if id_ in values])

    def _named(self, link: Link, values: Iterable[Any]) -> Keys:
        present = {value for value in values if value is not None}
        if link.names_parent_pk:
            ids: Iterable[str] = (str(value) for value in present)
        else:
            to_python = by_attname(link.parent.model, link.parent_attname).to_python
            wanted = {to_python(value) for value in present}
            ids = parents_by_value(link, wanted, self._using).values()
        return {InstanceKey(link.parent.typename, id_) for id_ in ids}

    def _alias(self, model: AnyModel) -> str:
        return self._using or alias_of(model)

    def _ids_of(self, model: AnyModel) -> list[str]:
        return [id_ for label in family(model) for id_ in self.ids.get(label, ())]

    def _pks(self, model: AnyModel, ids: Iterable[str]) -> list[Any]:
        pks = (parse_pk(model, id_, self._alias(model)) for id_ in ids)
        return [pk for pk in pks if pk is not None]

    # -- columns of the rows themselves

    def _announce(self, wanted: Iterable[tuple[AnyModel, str]]) -> None:
        for model, attname in wanted:
            self._wanted.setdefault(model, set()).add(attname)

    def _column(self, model: AnyModel, attname: str) -> dict[str, Any]:
        """Return id → value of a column, from the writer's hints or one SELECT."""
        known = self._columns.get((model, attname))
        if known is not None:
            return known
        wanted = sorted(self._wanted.get(model, set()) | {attname})
        hints: dict[str, Mapping[str, str | None]] = {}
        for label in family(model):
            for id_ in self.ids.get(label, ()):
                hint = self.columns.get(RowKey(label, id_), {})
                if all(name in hint for name in wanted):
                    hints[id_] = hint
        unknown = self._pks(model, (id_ for id_ in self._ids_of(model) if id_ not in hints))
        answers = {name: {id_: hint[name] for id_, hint in hints.items()} for name in wanted}
        if unknown:
            alias = self._alias(model)
            query = model._base_manager.using(alias).order_by()
            rows = query.filter(pk__in=among(pk_field(model), unknown, alias))
            for pk, *values in rows.values_list("pk", *wanted):
                for name, value in zip(wanted, values, strict=True):
                    answers[name][str(pk)] = value
        for name, answer in answers.items():
            self._columns[model, name] = answer
        return self._columns[model, attname]

    # -- rows reached by a lookup path

    def _path(self, model: AnyModel, path: str, wanted: str, of: AnyModel) -> list[tuple[Any, Any]]:
        """Return (pk, *wanted*) of the rows of *model* for which *path* is one of the rows."""
        question = (model, path, wanted, label_of(of))
        if question not in self._paths:
            pks = self._pks(of, self._ids_of(of))
            alias = self._alias(model)
            query = model._base_manager.using(alias).order_by()
            rows = query.filter(**{f"{path}__in": among(pk_field(of), pks, alias)})
            self._paths[question] = list(rows.values_list("pk", wanted).distinct()) if pks else []
        return self._paths[question]
