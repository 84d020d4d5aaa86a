"""What clients may write, as frozen values: the contract between compiling and serving mutations.

A *write spec* is one declared operation on one layer of one channel. A *write request* is what a
client asks of it: field names of the serializer to JSON-ready input values, nothing looked up yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rxgraph.compile import naming
from rxgraph.compile.state_tree import Layer, Relation
from rxgraph.declare.operations import Operation
from rxgraph.types import JSON, TypeName


@dataclass(frozen=True)
class InputField:
    """How a client sets one field of a serializer.

    ``type`` is the Python annotation Strawberry compiles; an ``enum.Enum`` class means: the
    request holds the raw choice value. ``nullable`` and ``required`` are what DRF says;
    ``required`` counts for CREATE only, a SAVE needs nothing. ``relations`` are the fields of the
    layer that show what it sets. ``defaults`` holds the constant that the server fills in, as the
    layer shows it, where there is one.
    """

    name: str  # serializer field name, the key in WriteRequest.data
    graphql_name: str
    type: Any
    nullable: bool
    required: bool
    description: str | None = None
    relations: tuple[str, ...] = ()
    defaults: tuple[JSON, ...] = ()


@dataclass(frozen=True)
class ParentRelation:
    """One place where a new instance can be created: a relation of a parent layer.

    ``key`` is the field of the channel's ``@oneOf`` parent input, by its GraphQL name. ``shown_by``
    are the fields of the parent that render this place: ``relation``'s own, and its like.
    """

    key: str
    parent: TypeName
    relation: Relation
    shown_by: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class WriteSpec:
    """One operation that ``Meta.writable`` declares; compared and hashed by identity.

    ``fields`` are the serializer fields a client may set: declared, not read-only, not the primary
    key, not nested, not the ``user_key``, no file. For CREATE the columns that every parent sets
    are left out as well. ``parents`` is empty but for CREATE; a CREATE of the root layer has none
    and needs none. ``inputs`` types the ``fields``, in the same order.
    """

    operation: Operation
    layer: Layer
    is_root: bool
    field_name: str  # GraphQL: projectSaveTask
    fields: tuple[str, ...] = ()
    parents: tuple[ParentRelation, ...] = ()
    inputs: tuple[InputField, ...] = ()

    @property
    def batch_key(self) -> str:
        """Key of this operation in a batch: ``saveTask``."""
        return naming.write_key(self.operation.value, self.layer.typename)

    @property
    def makes_root(self) -> bool:
        """True for CREATE of the root layer: there is no context yet, hence no parent."""
        return self.is_root and self.operation is Operation.CREATE


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
