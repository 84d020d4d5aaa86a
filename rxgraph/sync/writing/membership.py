"""What a context holds according to the database alone.

Of a list channel: what its roots hold that ``list_instances`` answered just before the write.

The state tree is turned into subqueries from the root down, so that one query tells which rows
belong to an anchor for a user *now*, whatever the cache says. Computed relations cannot be a
subquery: for them the cache names parents, and the property itself is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models.manager import BaseManager
from rest_framework.fields import get_attribute

from rxgraph.cache.rows.keys import among, parse_pk
from rxgraph.cache.rows.plan import Link, by_attname, plan_of
from rxgraph.cache.rows.snapshot import alias_of
from rxgraph.compile.state_tree import Layer, RelationKind, StateTree
from rxgraph.delta.visibility import View
from rxgraph.types import Document, InstanceKey, TypeName

Query = models.QuerySet[Any]


class Membership:
    """Answers which rows belong to one anchor, as one user may see it, in this transaction."""

    def __init__(self, tree: StateTree, anchor_id: str, user_id: str, view: View) -> None:
        self._plans = plan_of(tree)
        self._root, self._user_id, self._view = tree.root, user_id, view
        alias = alias_of(tree.root.model)
        self._anchor_pk = None if tree.many else parse_pk(tree.root.model, anchor_id, alias)
        ids = [root.id for root in view.shown_roots] if tree.many else [anchor_id]
        parsed = (parse_pk(tree.root.model, id_, alias) for id_ in ids)
        self._root_pks = [pk for pk in parsed if pk is not None]
        self._tree = tree
        self._queries: dict[TypeName, Query | None] = {}

    def holds(self, layer: Layer, pks: Collection[Any]) -> set[Any]:
        """Return those of *pks* that are instances of *layer* in this context."""
        wanted = set(pks)
        found: set[Any] = set()
        rows = self._rows(layer)
        if rows is not None:
            chosen = among(layer.model._meta.pk, wanted, alias_of(layer.model))
            found = set(rows.filter(pk__in=chosen).values_list("pk", flat=True))
        if wanted - found and self._needs_properties(layer):
            found |= {pk for pk in wanted - found if self._is_computed(layer, pk)}
        return found

    def keeps(self, layer: Layer, row: models.Model) -> bool:
        """Return whether *row*, as this transaction has read it, is an instance of *layer* here."""
        return self._names_anchor(layer, row) or bool(self.holds(layer, [row.pk]))

    def _names_anchor(self, layer: Layer, row: Any) -> bool:
        """True for a row that says by itself that it is the anchor's, or the anchor.

        False where it takes a query to know: nothing but its own columns may decide here.
        """
        plan, root = self._plans[layer.typename], self._root
        if self._tree.many or self._anchor_pk is None or plan.hides_rows:
            return False
        if layer.user_key is not None:
            owner = getattr(row, by_attname(layer.model, layer.user_key).attname)
            if owner is None or str(owner) != self._user_id:
                return False
        if layer is root:
            return bool(row.pk == self._anchor_pk)
        if root.user_key is not None or self._plans[root.typename].hides_rows:
            return False
        return any(
            getattr(row, link.child_attname) == self._anchor_pk
            for link in plan.named_parents
            if link.parent is root
            and link.names_parent_pk
            and by_attname(layer.model, link.child_attname).db_constraint  # so there is a root
        )

    # -- by SQL alone

    def _rows(self, layer: Layer) -> Query | None:
        """Return the rows of *layer* that foreign keys lead to; None: no foreign keys do."""
        if layer.typename not in self._queries:
            self._queries[layer.typename] = self._build(layer)
        return self._queries[layer.typename]

    def _build(self, layer: Layer) -> Query | None:
        condition = models.Q()
        if layer is self._root:
            if not self._root_pks:
                return None
            condition = models.Q(pk=self._anchor_pk)
            if self._tree.many:
                chosen = among(layer.model._meta.pk, self._root_pks, alias_of(layer.model))
                condition = models.Q(pk__in=chosen)
        for link in self._plans[layer.typename].incoming:
            parents = None if link.kind is RelationKind.PROPERTY else self._rows(link.parent)
            if parents is not None:
                condition |= self._below(link, parents)
        return self._base(layer).filter(condition) if condition else None

    def _base(self, layer: Layer) -> Query:
        rows = layer.model._base_manager.using(alias_of(layer.model)).order_by()
        return rows.filter(**{layer.user_key: self._user_id}) if layer.user_key else rows

    def _below(self, link: Link, parents: Query) -> models.Q:
        alias = alias_of(link.child.model)
        if link.kind is RelationKind.MANY_TO_MANY:
            relation = link.relation
            assert relation.through is not None
            between = relation.through._base_manager.using(alias_of(relation.through)).order_by()
            values = _values(parents, link.parent_attname, between.db)
            rows = between.filter(**{f"{relation.through_parent}__in": values})
            values = _values(rows, str(relation.through_child), alias)
        else:
            values = _values(parents, link.parent_attname, alias)
        condition = models.Q(**{f"{link.child_attname}__in": values})
        if not link.shows_all and self._plans[link.child.typename].hides_rows:
            shown = link.child.model._default_manager.using(alias).order_by()
            condition &= models.Q(pk__in=shown.values("pk"))
        return condition

    # -- by the properties that the cache names

    def _needs_properties(self, layer: Layer) -> bool:
        return any(
            link.kind is RelationKind.PROPERTY or self._needs_properties(link.parent)
            for link in self._plans[layer.typename].incoming
        )

    def _is_computed(self, layer: Layer, pk: Any) -> bool:
        key = InstanceKey(layer.typename, str(pk))
        if not self._base(layer).filter(pk=pk).exists():
            return False
        for link in self._plans[layer.typename].incoming:
            for parent in parents_shown(self._view, key, link):
                parent_pk = parse_pk(link.parent.model, parent.key.id)
                if self._leads(link, parent_pk, pk) and self.holds(link.parent, [parent_pk]):
                    return True
        return False

    def _leads(self, link: Link, parent_pk: Any, pk: Any) -> bool:
        parents = self._base(link.parent).filter(pk=parent_pk)
        if link.kind is not RelationKind.PROPERTY:
            return self._base(link.child).filter(self._below(link, parents), pk=pk).exists()
        instance = parents.first()
        return instance is not None and pk in set(_computed(link, instance))


def parents_shown(view: View, key: InstanceKey, link: Link) -> Iterator[Document]:
    """Yield the parents that list *key* by *link* in what the viewer sees."""
    for parent, document in view.state.items():
        if parent.typename != link.parent.typename or key not in document.links:
            continue
        listed = document.data.get(link.name)
        named = key.id in listed if isinstance(listed, list) else key.id == listed
        if named and view.document(parent) is not None:
            yield document


def _values(rows: Query, attname: str, using: str) -> Any:
    """Return a column of *rows* for a query on *using*; a database cannot join another one."""
    if rows.db == using:
        return rows.values(attname)
    found = set(rows.values_list(attname, flat=True))
    found.discard(None)
    return among(by_attname(rows.model, attname), found, using)


def _computed(link: Link, parent: models.Model) -> Iterator[Any]:
    try:
        value = get_attribute(parent, str(link.relation.source).split("."))
    except ObjectDoesNotExist:
        return
    if isinstance(value, BaseManager):
        value = value.all()
    if not link.relation.many:
        value = () if value is None else (value,)
    yield from (child.pk for child in value or ())
