"""Compile the selection of a root field to a plan."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any, NamedTuple

from graphql import (
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    print_ast,
)

from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.state_tree import Layer, Relation
from rxgraph.serve.plans.changes import Changes
from rxgraph.serve.plans.instances import Below, InstanceSelection
from rxgraph.serve.plans.leaves import completed, dumps, is_text, written
from rxgraph.serve.plans.objects import (
    Gap,
    Part,
    Read,
    State,
    Write,
    constant,
    instance,
    leaf,
    members,
    or_null,
    other_query,
    own_query,
    record,
    records,
    template,
)
from rxgraph.serve.plans.plan import Hole, Plan
from rxgraph.serve.plans.refusals import NoPlan
from rxgraph.serve.plans.rows import Constant, Identities, RowField, Value
from rxgraph.serve.plans.stock import Origin

TYPENAME = "__typename"
HOLES = ("session", "runtime", "client_mutation_ids")
"""What is a viewer's own in events that are the same else."""

Selections = MutableMapping[object, InstanceSelection]
"""What is selected of instances → its selection: the same one for all documents of a schema."""


class Field(NamedTuple):
    """One response name in a selection."""

    name: str
    attribute: str  # of the source; or "__typename"
    type: Any  # of the field; the object itself, of which ``__typename`` is the name
    details: Any

    @property
    def object(self) -> GraphQLObjectType:
        """The object type behind lists and non-null.

        Raises:
            NoPlan: there is none.
        """
        found = get_named_type(self.type)
        if not isinstance(found, GraphQLObjectType):
            raise NoPlan("an abstract type")
        return found

    @property
    def typename(self) -> str:
        """The text of ``__typename``."""
        return f'"{self.type.name}"'

    @property
    def is_leaf(self) -> bool:
        """True for scalars, enums and lists of them."""
        return is_leaf_type(get_named_type(self.type))

    @property
    def is_nullable(self) -> bool:
        """True where null is allowed."""
        return not is_non_null_type(self.type)


class Compiler:
    """Compiles one operation, whose fields *executor* collects."""

    def __init__(self, executor: Any, compiled: CompiledChannel, selections: Selections) -> None:
        self._executor, self._compiled, self._selections = executor, compiled, selections
        self._reading = ".{}"  # how an attribute of the source is read
        layers = compiled.tree.layers
        self._public = frozenset(name for name, layer in layers.items() if layer.user_key is None)

    def channel(self, name: str, type_: GraphQLObjectType, details: Any) -> Plan:
        """Return the plan of a query."""
        return Plan(name, self._channel_parts(type_, details), Origin(self._executor))

    def event(self, name: str, type_: GraphQLObjectType, details: Any) -> Plan:
        """Return the plan of a subscription."""
        fields: list[tuple[str, Part | Hole]] = []
        for field in self._fields(type_, details, own=("query",)):
            write = self._event_field(field, details)
            if field.attribute in HOLES and not isinstance(write, str):
                fields.append((field.name, (field.attribute, write)))
            else:
                fields.append((field.name, write))
        return Plan(name, members(fields), Origin(self._executor))

    def payload(self, name: str, type_: GraphQLObjectType, details: Any) -> Plan:
        """Return the plan of a mutation that writes."""
        self._reading = ".resolve('{}')"
        fields = [
            (field.name, self._payload_field(field)) for field in self._fields(type_, details)
        ]
        return Plan(name, members(fields), Origin(self._executor))

    def _of(self, field: Field, write: Write) -> Gap:
        return Gap(write, self._reading.format(field.attribute))

    # -- events, payloads, channels

    def _event_field(self, field: Field, details: Any) -> Part:
        match field.attribute:
            case "query":
                return self._of(field, or_null(self._query(field, details), field.is_nullable))
            case "channel":
                write = template(self._channel_parts(field.object, field.details))
                return self._of(field, or_null(write, field.is_nullable))
            case "changed":
                return self._changes(field)
            case _:
                return self._simple(field)

    def _payload_field(self, field: Field) -> Part:
        match field.attribute:
            case "node":
                selection = self._selection(field.object, field.details)
                return self._of(field, or_null(instance(selection), field.is_nullable))
            case "parents" | "changed":
                return self._changes(field)
            case _:
                return self._simple(field)

    def _query(self, field: Field, details: Any) -> Write:
        """Return what writes the ``query`` of an event of the subscription *details*.

        It is the event's own channel where it is asked for by the same arguments, word for word.
        """
        wanted = _arguments(details)
        wanted.pop("after", None)
        own = self._compiled.names.field
        fields: list[tuple[str, Part]] = []
        for inner in self._fields(field.object, field.details, own=(own,), others=True):
            if inner.attribute == TYPENAME:
                fields.append((inner.name, inner.typename))
            elif inner.attribute != own or _arguments(inner.details) != wanted:
                return other_query
            else:
                parts = self._channel_parts(inner.object, inner.details)
                fields.append((inner.name, Gap(template(parts))))
        return own_query(own, members(fields))

    def _channel_parts(self, type_: GraphQLObjectType, details: Any) -> list[Part]:
        fields: list[tuple[str, Part]] = []
        for field in self._fields(type_, details):
            if field.attribute == "state":
                selection = self._selection(field.object, field.details)
                fields.append((field.name, Gap(State(self._compiled.tree.many, selection))))
            else:
                fields.append((field.name, self._simple(field)))
        return members(fields)

    def _changes(self, field: Field) -> Part:
        typenames = {name: typename for typename, name in self._compiled.changes.items()}
        lists: list[tuple[str, str, InstanceSelection | None]] = []
        for inner in self._fields(field.object, field.details):
            if inner.attribute == TYPENAME:
                lists.append((inner.name, inner.type.name, None))
            else:
                selection = self._selection(inner.object, inner.details)
                lists.append((inner.name, typenames[inner.attribute], selection))
        return self._of(field, or_null(Changes(lists), field.is_nullable))

    # -- objects of leaves

    def _simple(self, field: Field) -> Part:
        """Return what writes a leaf, an object of leaves, or a list of these."""
        if field.attribute == TYPENAME:
            return field.typename
        if field.is_leaf:
            return self._of(field, written(field.type))
        read = self._record(field)
        type_ = field.type if field.is_nullable else field.type.of_type
        if is_list_type(type_):
            if not is_non_null_type(type_.of_type) or is_list_type(type_.of_type.of_type):
                raise NoPlan("a list of another kind")
            return self._of(field, or_null(records(read), field.is_nullable))
        one = or_null(lambda source: dumps(read(source)), field.is_nullable)
        return self._of(field, one)

    def _record(self, field: Field) -> Read:
        fields: list[tuple[str, Read]] = []
        for inner in self._fields(field.object, field.details):
            if inner.attribute == TYPENAME:
                fields.append((inner.name, constant(inner.type.name)))
            else:
                fields.append((inner.name, leaf(inner.attribute, completed(inner.type))))
        return record(fields)

    # -- instances

    def _selection(self, type_: GraphQLObjectType, details: Any) -> InstanceSelection:
        layer = self._compiled.tree.layers[type_.name]
        fields = tuple(self._instance_field(layer, f) for f in self._fields(type_, details))
        key = (layer.typename, fields)
        found = self._selections.get(key)
        if found is None:
            is_public = self._public.issuperset(relation.target for relation in layer.relations)
            public = None if is_public else self._public
            found = self._selections[key] = InstanceSelection(fields, public)
        return found

    def _instance_field(self, layer: Layer, field: Field) -> RowField | Below:
        name = field.name
        if field.attribute == TYPENAME:
            return Constant(name, field.type.name)
        if field.attribute == "id":
            return Value(name, None, field.type)
        for relation in layer.relations:
            if relation.name == field.attribute:
                return self._relation(relation, field)
        if field.is_leaf and any(value.name == field.attribute for value in layer.values):
            return Value(name, field.attribute, field.type)
        raise NoPlan("a field of the project")

    def _relation(self, relation: Relation, field: Field) -> Identities | Below:
        target, type_ = self._compiled.tree.layers[relation.target], field.object
        is_public = target.user_key is None
        inner = list(self._fields(type_, field.details))
        if is_public and all(f.attribute == TYPENAME or _is_identity(f) for f in inner):
            shown = tuple((f.name, type_.name if f.attribute == TYPENAME else None) for f in inner)
            return Identities(
                field.name, relation.name, relation.target, relation.many, field.is_nullable, shown
            )
        return Below(
            field.name,
            relation.name,
            relation.target,
            relation.many,
            field.is_nullable,
            self._selection(type_, field.details),
        )

    # -- the fields of a selection

    def _fields(
        self,
        type_: GraphQLObjectType,
        details: Any,
        own: Sequence[str] = (),
        *,
        others: bool = False,
    ) -> Iterator[Field]:
        """Yield what is selected of *type_*.

        Of fields that take arguments or have a resolver those in *own* only, unless *others* may
        be there, too; such a one has its GraphQL name for an attribute.
        """
        if type_.is_type_of:
            raise NoPlan("a type of the project")
        collected = self._executor.collect_subfields(type_, details)
        if collected.new_defer_usages:
            raise NoPlan("@defer")
        for name, found in collected.grouped_field_set.items():
            first = found[0]
            if first.fragment_variable_values is not None or first.defer_usage is not None:
                raise NoPlan("variables of fragments")
            graphql_name = first.node.name.value
            if graphql_name == TYPENAME:
                yield Field(name, TYPENAME, type_, found)
                continue
            field = type_.fields.get(graphql_name)
            if field is None:
                raise NoPlan("introspection")
            definition: Any = field.extensions.get("strawberry-definition")
            if definition is not None and definition.is_basic_field and not field.args:
                yield Field(name, definition.python_name, field.type, found)
            elif others or graphql_name in own:
                yield Field(name, graphql_name, field.type, found)
            else:
                raise NoPlan("a resolver of the project")


def _is_identity(field: Field) -> bool:
    return field.attribute == "id" and is_text(field.type)


def _arguments(details: Any) -> dict[str, str]:
    """Return the arguments of a field as they are written."""
    return {item.name.value: print_ast(item.value) for item in details[0].node.arguments or ()}
