"""Find the plan of a root field: compiled once for a schema, a document and what shapes it."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from typing import Any, Generic, TypeVar

from graphql import (
    GraphQLObjectType,
    OperationType,
    VariableNode,
    Visitor,
    visit,
)

from rxgraph.compile import naming
from rxgraph.compile.channel import CompiledChannel
from rxgraph.serve.plans.compiling import Compiler, Selections
from rxgraph.serve.plans.instances import InstanceSelection
from rxgraph.serve.plans.plan import Plan
from rxgraph.serve.plans.refusals import NoPlan

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_OPERATIONS = 512  # whose plans are kept, and what shapes them
_EXTENSION = "rxgraph-plans"  # where a schema keeps them


class LRU(Generic[K, V]):
    """The values that were used last."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Return the value of *key*, or None."""
        found = self._held.get(key)
        if found is not None:
            self._held.move_to_end(key)
        return found

    def put(self, key: K, value: V) -> V:
        """Keep *value*."""
        self._held[key] = value
        while len(self._held) > self._size:
            self._held.popitem(last=False)
        return value

    def __len__(self) -> int:
        return len(self._held)


class Plans:
    """The plans of one schema."""

    def __init__(self, compiled: Iterable[CompiledChannel]) -> None:
        self._channels: dict[tuple[OperationType, str], CompiledChannel] = {}
        for item in compiled:
            self._channels[OperationType.QUERY, item.names.field] = item
            self._channels[OperationType.SUBSCRIPTION, item.names.field] = item
            writes = [spec.field_name for spec in item.writes]
            for name in (*writes, naming.batch_field(item.names.field)):
                self._channels[OperationType.MUTATION, name] = item
        self._shapes: LRU[tuple[str, str | None], tuple[str, ...]] = LRU(_OPERATIONS)
        self._plans: LRU[Hashable, Plan | NoPlan] = LRU(_OPERATIONS)
        self._selections: Selections = weakref.WeakValueDictionary[object, InstanceSelection]()

    def find(self, executor: Any, name: str, type_: GraphQLObjectType, details: Any) -> Plan:
        """Return the plan of the root field with the response name *name*.

        Raises:
            NoPlan: there is none.
        """
        operation = executor.operation
        if operation.loc is None or operation.loc.source is None:
            raise NoPlan("a document without a source")
        if executor.middleware_manager and executor.middleware_manager.middlewares:
            raise NoPlan("an extension that resolves fields")
        document = operation.loc.source.body, operation.name and operation.name.value
        shape = self._shapes.get(document)
        if shape is None:
            shape = self._shapes.put(document, _shape(executor))
        values = executor.variable_values.coerced
        key = (document, name, *(values.get(variable) for variable in shape))
        found = self._plans.get(key)
        if found is None:
            try:
                found = self._compile(executor, name, type_, details)
            except NoPlan as reason:
                found = NoPlan(*reason.args)
            self._plans.put(key, found)
        if isinstance(found, NoPlan):
            raise NoPlan(*found.args)
        return found

    def _compile(self, executor: Any, name: str, type_: GraphQLObjectType, details: Any) -> Plan:
        kind = executor.operation.operation
        compiled = self._channels.get((kind, details[0].node.name.value))
        if compiled is None:
            raise NoPlan("a field of the project")
        compiler = Compiler(executor, compiled, self._selections)
        match kind:
            case OperationType.QUERY:
                return compiler.channel(name, type_, details)
            case OperationType.SUBSCRIPTION:
                return compiler.event(name, type_, details)
            case _:
                return compiler.payload(name, type_, details)


class _Conditions(Visitor):
    """Finds the variables by which fields are skipped or included."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_directive(self, node: Any, *_: Any) -> None:
        """Take the variables of one directive."""
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.found.add(argument.value.name.value)


def _shape(executor: Any) -> tuple[str, ...]:
    """Return the variables that decide what an operation selects, its fragments included."""
    conditions = _Conditions()
    for node in (executor.operation, *executor.fragment_definitions.values()):
        visit(node, conditions)
    return tuple(sorted(conditions.found))


def plans_of(schema: Any) -> Plans | None:
    """Return the plans of a GraphQL schema; None: it has none."""
    found = schema.extensions.get(_EXTENSION)
    return found if isinstance(found, Plans) else None


def give_plans(schema: Any, compiled: Iterable[CompiledChannel]) -> None:
    """Let operations on the channels *compiled* of a GraphQL schema be planned."""
    schema.extensions[_EXTENSION] = Plans(compiled)
