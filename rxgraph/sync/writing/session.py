"""One write under way: who writes where, and which row each request is about.

``target`` finds the row in what the user sees of the cache, ``held`` finds it again in the
database, locked, and asks SQL whether it still belongs to the context.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import models

from rxgraph.cache.rows.keys import normal_id, parse_pk
from rxgraph.cache.rows.plan import plan_of
from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.state_tree import Layer, RelationKind, StateTree
from rxgraph.compile.writing import WriteRequest
from rxgraph.declare.channel import ContextChannel
from rxgraph.declare.operations import Operation
from rxgraph.delta.visibility import View
from rxgraph.sync.writing.locking import lock
from rxgraph.sync.writing.membership import Membership, parents_shown
from rxgraph.sync.writing.messages import view_keys
from rxgraph.sync.writing.outcome import Outcome, Written, error, not_found
from rxgraph.types import ROOT_WANTED, InstanceKey, RowKey, root_row

Row = Any  # a model instance


@dataclass(frozen=True)
class Target:
    """The row that one request is about: the instance, or for CREATE its parent."""

    layer: Layer
    key: InstanceKey
    pk: Any
    is_doomed: bool = False


@dataclass(frozen=True, eq=False)
class Session:
    """What all requests of one write share."""

    context: ContextChannel
    compiled: CompiledChannel
    anchor_id: str | None
    view: View | None
    using: str

    @property
    def tree(self) -> StateTree:
        """The state tree of the channel."""
        return self.compiled.tree

    @cached_property
    def user_id(self) -> str:
        """Primary key of the writer as text."""
        return str(self.context.user.pk)

    @cached_property
    def membership(self) -> Membership | None:
        """What the database says the context holds; None: there is no context yet."""
        if self.view is None or self.anchor_id is None:
            return None
        return Membership(self.tree, self.anchor_id, self.user_id, self.view)

    def target(self, request: WriteRequest) -> Target | None:
        """Return the row that *request* is about; None: it makes a new root.

        Raises:
            Refused: no such instance is part of what the user sees.
        """
        spec = request.spec
        if spec.makes_root:
            return None
        layer, id_ = spec.layer, request.id
        if spec.operation is Operation.CREATE:
            assert request.parent is not None
            layer, id_ = self.tree.layers[request.parent.parent], request.parent_id
        if not isinstance(id_, str):
            raise error("BAD_REQUEST", f"{id_!r:.80} is not the id of a {layer.typename}")
        normal = normal_id(layer.model, id_)
        if normal is None or self.view is None:
            raise not_found(layer)
        key = InstanceKey(layer.typename, normal)
        document = self.view.document(key)
        pk = parse_pk(layer.model, normal, self.using)
        if document is None or not document.is_live or pk is None:
            raise not_found(layer)
        return Target(layer, key, pk, is_doomed=spec.operation is Operation.DELETE)

    def held(self, target: Target) -> Row:
        """Return the row of *target* as it is now, locked and still part of the context.

        Raises:
            Refused: it is gone, or has left.
        """
        row = lock(target.layer.model, target.pk, self.using, is_doomed=target.is_doomed)
        if row is None or self.membership is None:
            raise not_found(target.layer)
        if not self.membership.keeps(target.layer, row):
            raise not_found(target.layer)
        return row

    def inside(self, instances: Iterable[models.Model]) -> set[models.Model]:
        """Return those of *instances* that the context holds, by cache and by database."""
        if self.view is None or self.membership is None:
            return set()
        wanted: dict[str, dict[Any, models.Model]] = {}
        for instance in instances:
            for key in view_keys(self.tree, instance):
                if self.view.document(key) is not None:
                    wanted.setdefault(key.typename, {})[instance.pk] = instance
        found: set[models.Model] = set()
        for typename, by_pk in wanted.items():
            pks = self.membership.holds(self.tree.layers[typename], list(by_pk))
            found |= {instance for pk, instance in by_pk.items() if pk in pks}
        return found

    def rows(self, outcome: Outcome) -> Iterator[RowKey]:
        """Return the rows of the anchor, of what was written, and of what lists that."""
        keys = [key for written in outcome.results for key in (written.key, *written.parents)]
        yield from self.made_roots(outcome.results)
        if self.view is not None:
            keys += self.view.roots[:1]
        for key in dict.fromkeys(keys):
            yield RowKey(self.tree.layers[key.typename].model_label, key.id)

    def made_roots(self, results: Iterable[Written]) -> Iterator[RowKey]:
        """Return what brings the roots that were made into the cache of a list channel.

        It holds nothing of them yet, and would not hear of the write.
        """
        for written in results:
            is_made = written.operation is Operation.CREATE
            if self.tree.many and is_made and written.typename == self.tree.root.typename:
                yield root_row(ROOT_WANTED, self.compiled.name, written.id)

    # -- parents, for those who show what was written

    def parents(self, layer: Layer, key: InstanceKey, *rows: Row) -> tuple[InstanceKey, ...]:
        """Return the visible instances that list *key*, or whose key one of *rows* holds."""
        return tuple(dict.fromkeys(self._parents(layer, key, rows)))

    def _parents(
        self, layer: Layer, key: InstanceKey, rows: tuple[Row, ...]
    ) -> Iterator[InstanceKey]:
        if self.view is None:
            return
        for link in plan_of(self.tree)[layer.typename].incoming:
            if link.kind is RelationKind.REVERSE and link.names_parent_pk:
                for row in rows:
                    parent = InstanceKey(
                        link.parent.typename, str(getattr(row, link.child_attname))
                    )
                    if self.view.document(parent) is not None:
                        yield parent
            else:
                for document in parents_shown(self.view, key, link):
                    yield document.key
