"""Execute operations as graphql-core does, with less work where a field is a plain value.

Of an instance, most fields are values at hand: no arguments, no resolver, nothing to wait for. They
are read and coerced here. Whatever is anything else, or goes wrong, is left to graphql-core from
the beginning, so that results and errors are its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import GraphQLObjectType, Undefined, is_leaf_type, is_non_null_type
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from rxgraph.serve.sources import InstanceSource

_Values = Mapping[str, tuple[str, Any, bool]]
"""By GraphQL name: the attribute, what coerces its value, and whether it may be null."""

_KEY = "rxgraph-values"  # where a type keeps them


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

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        """Execute the fields of one object."""
        if type(source_value) is not InstanceSource or position_context is not None:
            return super().execute_fields(
                parent_type, source_value, path, grouped_field_set, position_context
            )
        values = _values(parent_type)
        results: dict[str, Any] = {}
        for response_name, details in grouped_field_set.items():
            name = details[0].node.name.value
            if name in values:
                found = _value(source_value, *values[name])
                if found is not Undefined:
                    results[response_name] = found
                    continue
            elif name == "__typename":
                results[response_name] = parent_type.name
                continue
            field_path = Path(path, response_name, parent_type.name)
            found = self.execute_field(
                parent_type, source_value, details, field_path, position_context
            )
            if found is not Undefined:
                results[response_name] = found
        return results


def _value(source: InstanceSource, attribute: str, coerce: Any, is_nullable: bool) -> Any:
    """Return a value as it goes out; Undefined: there is something about it."""
    try:
        raw = source.resolve(attribute)
        if raw is None:
            return None if is_nullable else Undefined
        found = Undefined if isinstance(raw, Exception) else coerce(raw)
    except Exception:  # noqa: BLE001 - comes again, where it is told
        return Undefined
    return Undefined if found is None else found


def _values(parent_type: GraphQLObjectType) -> _Values:
    found: _Values | None = parent_type.extensions.get(_KEY)
    if found is None:
        found = parent_type.extensions[_KEY] = dict(_plain_values(parent_type))
    return found


def _plain_values(parent_type: GraphQLObjectType) -> Iterator[tuple[str, tuple[str, Any, bool]]]:
    for name, field in parent_type.fields.items():
        definition: Any = field.extensions.get("strawberry-definition")
        is_basic = definition is not None and definition.is_basic_field and not field.args
        is_nullable = not is_non_null_type(field.type)
        type_: Any = field.type if is_nullable else field.type.of_type
        if is_basic and is_leaf_type(type_):
            yield name, (definition.python_name, type_.coerce_output_value, is_nullable)
