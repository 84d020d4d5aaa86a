"""What clients may write, as frozen values: the contract between compiling and serving mutations.

A *write spec* is one declared operation on one layer of one channel. A *write request* is what a
client asks of it: field names of the serializer to JSON-ready input values, nothing looked up yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rxgraph.compile.state_tree import Layer, Relation
from rxgraph.declare.operations import Operation
from rxgraph.types import TypeName


@dataclass(frozen=True)
class ParentRelation:
    """One place where a new instance can be created: a relation of a parent layer.

    ``key`` is the field of the channel's ``@oneOf`` parent input, by its GraphQL name.
    """

    key: str
    parent: TypeName
    relation: Relation


@dataclass(frozen=True, eq=False)
class WriteSpec:
    """One operation that ``Meta.writable`` declares; compared and hashed by identity.

    ``fields`` are the serializer fields a client may set: declared, not read-only, not the primary
    key, not nested, not the ``user_key``. ``parents`` is empty but for CREATE; a CREATE of the
    root layer has none and needs none.
    """

    operation: Operation
    layer: Layer
    is_root: bool
    field_name: str  # GraphQL: projectSaveTask
    fields: tuple[str, ...] = ()
    parents: tuple[ParentRelation, ...] = ()


@dataclass(frozen=True)
class WriteRequest:
    """What one client asks for.

    ``data`` maps serializer field names to input values (enums as raw choice values, scalars as
    their JSON form or the Python value that their scalar parses to); what is not in it was not
    set, ``None`` in it is null. ``expected_version`` is a cursor: the write is refused when the
    instance was changed after that position.
    """

    spec: WriteSpec
    id: str | None = None  # SAVE, DELETE
    parent: ParentRelation | None = None  # CREATE below the root
    parent_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    expected_version: str | None = None
