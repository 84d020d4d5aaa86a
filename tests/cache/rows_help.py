"""Read a tree through the steps, and what DRF says it must look like."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, cast

import strawberry
from django.utils import timezone
from rest_framework.renderers import JSONRenderer

from rxgraph.cache.rows import Database, Snapshot
from rxgraph.cache.steps import (
    CloseSnapshot,
    OpenSnapshot,
    Performer,
    ReadDependents,
    ReadExisting,
    ReadMore,
    ReadRows,
    ReadTree,
    Row,
)
from rxgraph.compile.scalars import BigInt
from rxgraph.compile.state_tree import Layer, StateTree, ValueField
from rxgraph.types import Document, InstanceKey, RowKey


class Reader:
    """Reads one state, each time in a snapshot of its own unless one is open."""

    def __init__(self, tree: StateTree) -> None:
        self.state = tree
        self.database = Database(lambda: {"test": tree})
        self.perform = Performer(self.database.handlers)
        self._open: Snapshot | None = None

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        if self._open is not None:
            yield self._open
            return
        self._open = self.perform(OpenSnapshot("test"))
        try:
            yield self._open
        finally:
            snapshot, self._open = self._open, None
            self.perform(CloseSnapshot(snapshot))

    def tree(self, anchor_id: object) -> list[Document]:
        found: list[Document] = []
        with self.snapshot() as snapshot:
            tree = self.perform(ReadTree(snapshot, str(anchor_id), 1))
            while part := self.perform(ReadMore(snapshot, tree)):
                found += part
        return found

    def rows(self, *keys: InstanceKey) -> dict[InstanceKey, Row]:
        with self.snapshot() as snapshot:
            return cast("dict[InstanceKey, Row]", self.perform(ReadRows(snapshot, frozenset(keys))))

    def row(self, typename: str, id_: object) -> Row:
        key = InstanceKey(typename, str(id_))
        return self.rows(key)[key]

    def existing(self, *keys: InstanceKey) -> frozenset[InstanceKey]:
        with self.snapshot() as snapshot:
            return cast(
                "frozenset[InstanceKey]", self.perform(ReadExisting(snapshot, frozenset(keys)))
            )

    def dependents(self, *rows: RowKey) -> frozenset[InstanceKey]:
        with self.snapshot() as snapshot:
            return cast(
                "frozenset[InstanceKey]", self.perform(ReadDependents(snapshot, frozenset(rows)))
            )


def documents(rows: Iterable[Row]) -> dict[InstanceKey, Document]:
    """Return what the cache would hold of *rows*."""
    return {row.key: Document(row.key, 1, row.data, row.links, row.owner) for row in rows}


def nested(tree: StateTree, rows: Sequence[Document]) -> Any:
    """Put flat rows together again, from the first one down."""
    by_key = {row.key: row for row in rows}
    assert len(by_key) == len(rows), "a row was rendered twice"

    def fill(layer: Layer, id_: str) -> Any:
        data = dict(by_key[InstanceKey(layer.typename, id_)].data)
        assert data["id"] == id_
        if "id" not in layer.serializer.fields:
            del data["id"]
        for relation in layer.relations:
            target, ids = tree.layers[relation.target], data[relation.name]
            if relation.many:
                data[relation.name] = [fill(target, child) for child in ids]
            elif ids is not None:
                data[relation.name] = fill(target, ids)
        return data

    return fill(tree.root, rows[0].key.id)


def rendered(tree: StateTree, instance: Any) -> Any:
    """What DRF's nested serializer gives, ids and big integers as text."""
    with timezone.override("UTC"):
        data = type(tree.root.serializer)(instance).data
        found = json.loads(JSONRenderer().render(data), parse_float=Decimal)

    def retype(layer: Layer, data: dict[str, Any]) -> dict[str, Any]:
        for value in layer.values:
            data[value.name] = _as_text(value, data.get(value.name))
        for relation in layer.relations:
            below = data[relation.name]
            for child in below if relation.many else [below] if below else []:
                retype(tree.layers[relation.target], child)
        return data

    return retype(tree.root, found)


def _as_text(field: ValueField, value: Any) -> Any:
    if isinstance(value, list):
        return [_as_text(field, item) for item in value]
    if value is not None and field.type in (strawberry.ID, list[strawberry.ID], BigInt):
        return str(value)
    if field.type is Decimal and isinstance(value, int | Decimal):
        return _Amount(value)
    return float(value) if isinstance(value, Decimal) else value


class _Amount(Decimal):
    """A number that DRF left to JSON; in documents it is text."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and Decimal(other).compare(self) == 0

    __hash__ = Decimal.__hash__
