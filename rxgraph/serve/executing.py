"""Execute operations as graphql-core does, with less work where fields are plain.

A field of a *plain* source (``is_plain``) has no arguments, no resolver and nothing to wait for:
its value, its object or its list of objects is at hand. Those are read and coerced here, whole
trees of them. Whatever is anything else, or goes wrong, is left to graphql-core from its beginning,
so that results and errors are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import (
    GraphQLObjectType,
    Undefined,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from rxgraph.serve.planning import PLANNED, planned


class _Value(NamedTuple):
    """A field with a scalar or an enum."""

    attribute: str
    coerce: Callable[[Any], Any]
    is_nullable: bool


class _Child(NamedTuple):
    """A field with an object, or a list of objects that are all there."""

    attribute: str
    type: GraphQLObjectType
    is_list: bool
    is_nullable: bool


@dataclass(frozen=True, slots=True)
class _Plain:
    """The plain fields of an object type, by their GraphQL names."""

    values: Mapping[str, _Value]
    children: Mapping[str, _Child]


_KEY = "rxgraph-plain"  # where a type keeps them


class Executor(StrawberryGraphQLCoreExecutionContext):
    """Starts all mutations of an operation: its scope lets them write one after another.

    graphql-core finishes the result of one before it starts the next. But a result shows one
    moment, and that is when all of them are written.
    """

    def execute_fields_serially(self, *args: Any) -> Any:
        """Execute the root fields of a mutation."""
        context = self.context_value
        has_scope = isinstance(context, Mapping) and "scope" in context
        return (self.execute_fields if has_scope else super().execute_fields_serially)(*args)

    def build_per_event_executor(self, payload: Any) -> Any:
        """Return an executor of one event, with a memory of its own.

        graphql-core lets all events of a subscription share the memo of collected fields, whose
        keys are new with every event: it would grow for as long as the subscription lives.
        """
        executor = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}
        return executor

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_details_list: Any,
        info: Any,
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Complete an object; that of a root field by its plan, where its text is asked for."""
        if path.prev is None and position_context is None and type(result) in PLANNED:
            text = planned(self, str(path.key), return_type, field_details_list, result)
            if text is not None:
                return text
        return super().complete_object_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        """Execute the fields of one object."""
        if position_context is not None or not _is_plain(source_value):
            return super().execute_fields(
                parent_type, source_value, path, grouped_field_set, position_context
            )
        plain = _plain_fields(parent_type)
        results: dict[str, Any] = {}
        waiting: list[str] = []
        for response_name, details in grouped_field_set.items():
            found = self._read(parent_type, plain, source_value, details)
            if found is Undefined:
                field_path = Path(path, response_name, parent_type.name)
                found = self.execute_field(
                    parent_type, source_value, details, field_path, position_context
                )
                if found is Undefined:
                    continue
                if self.is_awaitable(found):
                    waiting.append(response_name)
            results[response_name] = found
        return _all_of(results, waiting) if waiting else results

    def _read(
        self, parent_type: GraphQLObjectType, plain: _Plain, source: Any, details: Any
    ) -> Any:
        """Return a field as it goes out; Undefined: there is something about it."""
        name = details[0].node.name.value
        try:
            if name in plain.values:
                return _coerced(source, plain.values[name])
            if name in plain.children:
                return self._read_child(source, plain.children[name], details)
        except Exception:  # noqa: BLE001 - comes again, where it is told
            return Undefined
        return parent_type.name if name == "__typename" else Undefined

    def _read_child(self, source: Any, child: _Child, details: Any) -> Any:
        raw = source.resolve(child.attribute)
        if raw is None:
            return None if child.is_nullable else Undefined
        collected = self.collect_subfields(child.type, details)
        if collected.new_defer_usages:
            return Undefined
        fields, plain = collected.grouped_field_set, _plain_fields(child.type)
        if not child.is_list:
            return self._read_object(child.type, plain, raw, fields)
        found = []
        for item in raw:
            read = self._read_object(child.type, plain, item, fields)
            if read is Undefined:
                return Undefined
            found.append(read)
        return found

    def _read_object(
        self, type_: GraphQLObjectType, plain: _Plain, source: Any, fields: Any
    ) -> Any:
        if not _is_plain(source):
            return Undefined
        results = {}
        for response_name, details in fields.items():
            found = results[response_name] = self._read(type_, plain, source, details)
            if found is Undefined:
                return Undefined
        return results


async def _all_of(results: dict[str, Any], waiting: list[str]) -> dict[str, Any]:
    for name in waiting:
        results[name] = await results[name]
    return results


def _is_plain(source: Any) -> bool:
    return getattr(type(source), "is_plain", False) is True


def _coerced(source: Any, value: _Value) -> Any:
    raw = source.resolve(value.attribute)
    if raw is None:
        return None if value.is_nullable else Undefined
    found = Undefined if isinstance(raw, Exception) else value.coerce(raw)
    return Undefined if found is None else found


def _plain_fields(parent_type: GraphQLObjectType) -> _Plain:
    found: _Plain | None = parent_type.extensions.get(_KEY)
    if found is None:
        both = list(_described(parent_type))
        found = parent_type.extensions[_KEY] = _Plain(
            {name: item for name, item in both if isinstance(item, _Value)},
            {name: item for name, item in both if isinstance(item, _Child)},
        )
    return found


def _described(parent_type: GraphQLObjectType) -> Iterator[tuple[str, _Value | _Child]]:
    for name, field in parent_type.fields.items():
        definition: Any = field.extensions.get("strawberry-definition")
        if definition is None or not definition.is_basic_field or field.args:
            continue
        attribute = definition.python_name
        type_, is_nullable = _unwrapped(field.type)
        if is_leaf_type(type_):
            yield name, _Value(attribute, type_.coerce_output_value, is_nullable)
        elif is_object_type(type_):
            yield name, _Child(attribute, type_, is_list=False, is_nullable=is_nullable)
        elif is_list_type(type_):
            item, may_be_null = _unwrapped(type_.of_type)
            if is_object_type(item) and not may_be_null:
                yield name, _Child(attribute, item, is_list=True, is_nullable=is_nullable)


def _unwrapped(type_: Any) -> tuple[Any, bool]:
    """Return a type without its "non-null", and whether null is allowed."""
    return (type_.of_type, False) if is_non_null_type(type_) else (type_, True)
