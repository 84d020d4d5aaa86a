"""Write the full documents of a channel, so that nobody writes them by hand.

From a compiled channel, a schema or its SDL; text out. The subscription selects every field of
every layer in ``changed``, which is what the promises of schema/PROTOCOL.md ask for, and a mutation
every field of its payload.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

import strawberry
from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

if TYPE_CHECKING:  # a client with the SDL alone needs no Django
    from rxgraph.compile.channel import CompiledChannel

Source: TypeAlias = "CompiledChannel | strawberry.Schema | GraphQLSchema | str"


def document_for(source: Source, field: str | None = None) -> str:
    """Return the subscription document of a channel, with everything that it can tell.

    *source*: a compiled channel, a schema, or SDL. *field*: name of the subscription field
    (``"project"``); not needed where there is only one.

    Variables are the arguments of the field, ``after`` included.
    """
    shape = _Shape(source, field)
    given = [name for name in shape.arguments if name != "after"]
    selection = _lines(shape.event_lines(given), 2)
    return (
        f"subscription {shape.operation}Live{shape.variables(shape.arguments)} {{\n"
        f"  {shape.field}{_call(shape.arguments)} {{\n{selection}\n  }}\n}}\n"
        + shape.fragments("Row")
    )


def query_for(source: Source, field: str | None = None) -> str:
    """Return the query document of a channel: the whole nested state, read once."""
    shape = _Shape(source, field)
    given = [name for name in shape.arguments if name != "after"]
    return (
        f"query {shape.operation}{shape.variables(given)} {{\n"
        f"  {shape.field}{_call(given)} {{\n"
        f"    __typename id cursor state {{ ...{shape.root}Tree }}\n  }}\n}}\n"
        + shape.fragments("Tree")
    )


def mutation_for(source: Source, field: str) -> str:
    """Return the document of one mutation, with everything that it can answer.

    *source*: a compiled channel, a schema, or SDL. *field*: ``"projectSaveTask"``. Instances come
    with all their own fields, relations as ids: what a normalised cache needs.

    Variables are the arguments of the field; those that are not given are left out of the request.
    """
    schema, _ = _schema(source, None)
    root = schema.mutation_type
    fields = {} if root is None else root.fields
    if field not in fields:
        raise ValueError(
            f"{field} is none of the mutations {', '.join(fields) or '(there are none)'}"
        )
    definition = fields[field]
    variables = _variables(definition, definition.args)
    head = f"mutation {field[:1].upper() + field[1:]}{variables} {{\n"
    call = f"  {field}{_call(definition.args)}"
    if is_leaf_type(_named(definition)):
        return f"{head}{call}\n}}\n"
    payload = _object(definition)
    if "messages" not in payload.fields:  # not of a write: what an action answers
        selection = _lines(_whole(payload), 2)
        return f"{head}{call} {{\n{selection}\n  }}\n}}\n"
    layers = _layers_of(payload)
    selection = _lines(_payload_lines(payload, layers), 2)
    fragments = "".join(_fragments(layer, "Row", layers) for layer in layers.values())
    return f"{head}{call} {{\n{selection}\n  }}\n}}\n{fragments}"


def _whole(answer: GraphQLObjectType) -> Iterator[str]:
    """Yield everything in an answer; answers never contain themselves."""
    for name, item in answer.fields.items():
        if is_leaf_type(_named(item)):
            yield name
        else:
            yield f"{name} {{"
            yield from (f"  {line}" for line in _whole(_object(item)))
            yield "}"


def _layers_of(payload: GraphQLObjectType) -> dict[str, GraphQLObjectType]:
    """Return the layers that a payload can tell of: ``parents`` or ``changed`` has them all."""
    found: dict[str, GraphQLObjectType] = {}
    for name in ("parents", "changed"):
        if name in payload.fields:
            lists = _object(payload.fields[name]).fields.values()
            found |= {_object(item).name: _object(item) for item in lists}
    return found


def _payload_lines(
    payload: GraphQLObjectType, layers: Mapping[str, GraphQLObjectType]
) -> Iterator[str]:
    leaves = [name for name, item in payload.fields.items() if is_leaf_type(_named(item))]
    yield " ".join(["__typename", *leaves])
    for name, item in payload.fields.items():
        target = _named(item)
        if target.name in layers:
            yield f"{name} {{ ...{target.name}Row }}"
        elif name in ("parents", "changed"):
            yield f"{name} {{"
            for key, one in _object(item).fields.items():
                yield f"  {key} {{ ...{_object(one).name}Row }}"
            yield "}"
        elif isinstance(target, GraphQLObjectType):
            inner = [key for key, one in target.fields.items() if is_leaf_type(_named(one))]
            yield f"{name} {{ {' '.join(inner)} }}"


class _Shape:
    """What a document needs to know of one channel."""

    def __init__(self, source: Source, field: str | None) -> None:
        schema, field = _schema(source, field)
        root = schema.subscription_type
        if root is None or not root.fields:
            raise ValueError("The schema has no subscription")
        if field is None:
            if len(root.fields) > 1:
                raise ValueError(f"Name one of {', '.join(root.fields)}")
            field = next(iter(root.fields))
        if field not in root.fields:
            raise ValueError(f"{field} is none of {', '.join(root.fields)}")
        self.field = field
        self.operation = field[:1].upper() + field[1:]
        self._definition = root.fields[field]
        self.arguments = list(self._definition.args)
        self.event = _object(self._definition)
        changes = _object(self.event.fields["changed"])
        self.lists = {name: _object(item).name for name, item in changes.fields.items()}
        self.layers = {_object(item).name: _object(item) for item in changes.fields.values()}
        self.root = _object(_object(self.event.fields["channel"]).fields["state"]).name

    def variables(self, names: Iterable[str]) -> str:
        return _variables(self._definition, names)

    def event_lines(self, given: list[str]) -> Iterator[str]:
        yield "__typename kind cursor session resetReason clientMutationIds"
        if "runtime" in self.event.fields:
            names = " ".join(_object(self.event.fields["runtime"]).fields)
            yield f"runtime {{ {names} }}"
        yield f"query {{ {self.field}{_call(given)} {{ __typename id }} }}"
        yield "channel { __typename id cursor state { __typename id } }"
        yield "changed {"
        for name, typename in self.lists.items():
            yield f"  {name} {{ ...{typename}Row }}"
        yield "}"
        yield "removed { typename nodeId reason }"
        yield "notifications { data }"

    def fragments(self, kind: str) -> str:
        """Return the fragments of all layers: their fields, and relations as *kind* has them."""
        return "".join(_fragments(layer, kind, self.layers) for layer in self.layers.values())


def _fragments(layer: GraphQLObjectType, kind: str, layers: Mapping[str, GraphQLObjectType]) -> str:
    name = layer.name
    leaves = [key for key, item in layer.fields.items() if is_leaf_type(_named(item))]
    lines = [f"...{name}Fields"]
    for key, item in layer.fields.items():
        target = _named(item)
        if target.name in layers:
            inner = "__typename id" if kind == "Row" else f"...{target.name}{kind}"
            lines.append(f"{key} {{ {inner} }}")
    return (
        f"\nfragment {name}Fields on {name} {{ {' '.join(['__typename', *leaves])} }}\n"
        f"fragment {name}{kind} on {name} {{\n{_lines(lines, 1)}\n}}\n"
    )


def _schema(source: Source, field: str | None) -> tuple[GraphQLSchema, str | None]:
    if isinstance(source, str):
        return build_schema(source), field
    if isinstance(source, GraphQLSchema):
        return source, field
    if isinstance(source, strawberry.Schema):
        return source._schema, field
    from rxgraph.serve.schema import make_schema

    return make_schema([source])._schema, field or source.names.field


def _named(field: GraphQLField) -> GraphQLNamedType:
    return get_named_type(field.type)


def _object(field: GraphQLField) -> GraphQLObjectType:
    found = _named(field)
    assert isinstance(found, GraphQLObjectType)
    return found


def _variables(definition: GraphQLField, names: Iterable[str]) -> str:
    """Return the declarations of *names*; what has a default may be left out as well."""
    wanted = []
    for name in names:
        argument = definition.args[name]
        text = str(argument.type)
        wanted.append(f"${name}: {text if is_required_argument(argument) else text.rstrip('!')}")
    return f"({', '.join(wanted)})" if wanted else ""


def _call(names: Iterable[str]) -> str:
    given = ", ".join(f"{name}: ${name}" for name in names)
    return f"({given})" if given else ""


def _lines(lines: Iterable[str], depth: int) -> str:
    return "\n".join("  " * depth + line for line in lines)
