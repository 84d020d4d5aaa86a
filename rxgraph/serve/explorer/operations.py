"""Ready operations: for each channel its query, its subscription and its mutations, to be run.

A channel's own document holds them all, with examples written into the mutations; each operation
is there by itself as well, with its variables. They are written for people: a mutation tells what
became of its instance, and not, as clients need it, of every list around it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypedDict, cast

from graphql import (
    DefinitionNode,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
    Visitor,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    parse,
    print_ast,
    value_from_ast_untyped,
    visit,
)
from graphql.utilities import get_default_value_ast

from rxgraph.compile.documents import (
    ChannelShape,
    Relations,
    fragments,
    query_text,
    read_channels,
    subscription_text,
)
from rxgraph.compile.naming import upper_first
from rxgraph.serve.explorer.examples import SESSION, example


class ReadyOperation(TypedDict):
    """One operation with its own document and variables (JSON text)."""

    name: str
    kind: str
    description: str
    document: str
    variables: str


class ReadyChannel(TypedDict):
    """One channel: a document with all operations, and each of them alone."""

    name: str
    description: str
    document: str
    variables: str
    operations: list[ReadyOperation]


def ready_channels(schema: GraphQLSchema) -> list[ReadyChannel]:
    """Return what the explorer offers for every channel of *schema*, in its order."""
    return [_channel(shape) for shape in read_channels(schema).values()]


def _channel(shape: ChannelShape) -> ReadyChannel:
    rows = list(fragments(shape.layers, [Relations.ROW]))
    trees = list(fragments(shape.layers, [Relations.TREE]))
    read = parse("\n".join([query_text(shape), *trees]))
    live = parse("\n".join([subscription_text(shape), *rows]))
    mutations = {key: item.definition for key, item in shape.writes.items()} | dict(shape.actions)
    known = {
        node.name.value: node
        for node in live.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    writes = {key: _mutation(key, item, known) for key, item in mutations.items()}
    filled = [_fill(node, mutations[key], shape.arguments) for key, node in writes.items()]
    description = _description(shape)
    return ReadyChannel(
        name=shape.field,
        description=description,
        document=_comment(description) + print_ast(_merge([read, live, *filled])) + "\n",
        variables=_variables(shape.definition, shape.arguments),
        operations=[
            _operation(read, shape.definition, "Read the whole state once."),
            _operation(live, shape.definition, "Watch it: the whole state, then every change."),
            *(
                _operation(node, mutations[key], mutations[key].description or "")
                for key, node in writes.items()
            ),
        ],
    )


def _description(shape: ChannelShape) -> str:
    """Return what the developer says of a channel, in the docstring of its class."""
    return get_named_type(shape.event.fields["channel"].type).description or ""


def _mutation(name: str, field: GraphQLField, known: Mapping[str, Any]) -> DocumentNode:
    """Return the document of a mutation: its instance with its own fields, and the messages."""
    payload = get_named_type(field.type)
    selected, used = [], []
    for key, item in payload.fields.items() if isinstance(payload, GraphQLObjectType) else ():
        target = get_named_type(item.type)
        fragment = f"{target.name}Fields"
        if is_leaf_type(target):
            selected.append(key)
        elif fragment in known:
            used.append(known[fragment])
            selected.append(f"{key} {{ ...{fragment} }}")
        elif key == "messages":
            selected.append("messages { kind field message code }")
    variables = ", ".join(f"${key}: {_declared(item)}" for key, item in field.args.items())
    arguments = ", ".join(f"{key}: ${key}" for key in field.args)
    selection = f"{{ {' '.join(selected)} }}" if selected else ""
    head = f"mutation {upper_first(name)}" + (f"({variables})" if variables else "")
    call = f"{name}({arguments})" if arguments else name
    return _merge([parse(f"{head} {{ {call} {selection} }}"), DocumentNode(definitions=(*used,))])


def _declared(argument: GraphQLArgument) -> str:
    default = get_default_value_ast(argument)
    return str(argument.type) if default is None else f"{argument.type} = {print_ast(default)}"


def _operation(document: DocumentNode, field: GraphQLField, description: str) -> ReadyOperation:
    definition = document.definitions[0]
    assert isinstance(definition, OperationDefinitionNode)
    required = [key for key, item in field.args.items() if is_required_argument(item)]
    return ReadyOperation(
        name=definition.name.value if definition.name else "",
        kind=definition.operation.value,
        description=description,
        document=print_ast(document) + "\n",
        variables=_variables(field, required),
    )


def _variables(field: GraphQLField, names: Iterable[str]) -> str:
    """Return examples of the arguments *names* as JSON, for people to edit."""
    values = {name: value_from_ast_untyped(_example(field, name)) for name in names}
    return json.dumps(values, indent=2, ensure_ascii=False)


def _example(field: GraphQLField, name: str) -> ValueNode:
    return SESSION if name == "session" else example(field.args[name].type)


def _comment(description: str) -> str:
    lines = [
        *description.splitlines(),
        "",
        "Ctrl-Enter runs the operation that the cursor is in.",
        "Headers, below, take a token; being signed in to this site does as well.",
    ]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines) + "\n"


def _merge(documents: Iterable[DocumentNode]) -> DocumentNode:
    """Return one document: operations first, then each fragment once."""
    operations: list[DefinitionNode] = []
    found: dict[str, FragmentDefinitionNode] = {}
    for document in documents:
        for node in document.definitions:
            if isinstance(node, FragmentDefinitionNode):
                found.setdefault(node.name.value, node)
            else:
                operations.append(node)
    return DocumentNode(definitions=(*operations, *found.values()))


def _fill(document: DocumentNode, field: GraphQLField, keep: Iterable[str]) -> DocumentNode:
    """Return *document* with examples in place of its variables, except those of the channel.

    Variables that may be left out are left out, with the arguments they fill.
    """
    required = [key for key, item in field.args.items() if is_required_argument(item)]
    examples = {key: _example(field, key) for key in required}
    return cast("DocumentNode", visit(document, _Filling(examples, frozenset(keep))))


class _Filling(Visitor):
    def __init__(self, examples: Mapping[str, ValueNode], keep: frozenset[str]) -> None:
        super().__init__()
        self._examples, self._keep = examples, keep

    def enter_variable_definition(self, node: Any, *args: Any) -> Any:
        return False if node.variable.name.value in self._keep else self.REMOVE

    def enter_argument(self, node: Any, *args: Any) -> Any:
        if not isinstance(node.value, VariableNode) or node.value.name.value in self._keep:
            return False
        return None if node.value.name.value in self._examples else self.REMOVE

    def enter_variable(self, node: Any, *args: Any) -> Any:
        return self._examples[node.name.value]
