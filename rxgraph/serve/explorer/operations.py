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
    DocumentNode,
    FragmentDefinitionNode,
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

from rxgraph.compile.naming import upper_first
from rxgraph.serve.explorer.examples import example
from rxgraph.testing.documents import document_for, query_for


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
    root = schema.subscription_type
    fields = {} if root is None else root.fields
    names = [name for name, field in fields.items() if _is_channel(field)]
    mutations = {} if schema.mutation_type is None else schema.mutation_type.fields
    return [
        _channel(
            schema, name, fields[name], [item for item in mutations if _owner(item, names) == name]
        )
        for name in names
    ]


def _is_channel(field: GraphQLField) -> bool:
    event = get_named_type(field.type)
    return isinstance(event, GraphQLObjectType) and {"changed", "channel"} <= set(event.fields)


def _description(field: GraphQLField) -> str:
    """Return what the developer says of a channel, in the docstring of its class."""
    event = get_named_type(field.type)
    assert isinstance(event, GraphQLObjectType)
    return get_named_type(event.fields["channel"].type).description or ""


def _owner(mutation: str, channels: Iterable[str]) -> str | None:
    """Return the channel whose mutation this is: the longest name that it begins with."""
    owners = [name for name in channels if mutation.startswith(name)]
    return max(owners, key=len, default=None)


def _channel(
    schema: GraphQLSchema, name: str, field: GraphQLField, mutations: list[str]
) -> ReadyChannel:
    read, live = parse(query_for(schema, name)), parse(document_for(schema, name))
    keep = {key for key in field.args if key != "after"}
    fields = {} if schema.mutation_type is None else schema.mutation_type.fields
    fragments = {
        node.name.value: node
        for node in live.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    writes = [_mutation(key, fields[key], fragments) for key in mutations]
    filled = [
        _fill(document, fields[key], keep) for key, document in zip(mutations, writes, strict=True)
    ]
    description = _description(field)
    return ReadyChannel(
        name=name,
        description=description,
        document=_comment(description) + print_ast(_merge([read, live, *filled])) + "\n",
        variables=_variables(field, keep),
        operations=[
            _operation(read, field, description),
            _operation(live, field, "Watch it: the whole state first, then every change."),
            *(
                _operation(document, fields[key], fields[key].description or "")
                for key, document in zip(mutations, writes, strict=True)
            ),
        ],
    )


def _mutation(
    name: str, field: GraphQLField, fragments: Mapping[str, FragmentDefinitionNode]
) -> DocumentNode:
    """Return the document of a mutation: its instance with its own fields, and the messages."""
    payload = get_named_type(field.type)
    selected, used = [], []
    for key, item in payload.fields.items() if isinstance(payload, GraphQLObjectType) else ():
        target = get_named_type(item.type)
        if is_leaf_type(target):
            selected.append(key)
        elif f"{target.name}Fields" in fragments:
            used.append(fragments[f"{target.name}Fields"])
            selected.append(f"{key} {{ ...{target.name}Fields }}")
        elif key == "messages":
            selected.append("messages { kind field message code }")
    variables = ", ".join(f"${key}: {item.type}" for key, item in field.args.items())
    arguments = ", ".join(f"{key}: ${key}" for key in field.args)
    selection = f"{{ {' '.join(selected)} }}" if selected else ""
    head = f"mutation {upper_first(name)}" + (f"({variables})" if variables else "")
    call = f"{name}({arguments})" if arguments else name
    return _merge([parse(f"{head} {{ {call} {selection} }}"), DocumentNode(definitions=(*used,))])


def _operation(document: DocumentNode, field: GraphQLField, description: str) -> ReadyOperation:
    definition = _operation_of(document)
    required = {key for key, item in field.args.items() if is_required_argument(item)}
    return ReadyOperation(
        name=definition.name.value if definition.name else "",
        kind=definition.operation.value,
        description=description,
        document=print_ast(document) + "\n",
        variables=_variables(field, required),
    )


def _operation_of(document: DocumentNode) -> OperationDefinitionNode:
    first = document.definitions[0]
    assert isinstance(first, OperationDefinitionNode)
    return first


def _variables(field: GraphQLField, names: Iterable[str]) -> str:
    """Return examples of the arguments *names* as JSON, for people to edit."""
    wanted = set(names)
    values = {
        key: value_from_ast_untyped(example(item.type))
        for key, item in field.args.items()
        if key in wanted
    }
    return json.dumps(values, indent=2, ensure_ascii=False)


def _comment(description: str) -> str:
    lines = [*description.splitlines(), "", "Ctrl-Enter runs the operation that the cursor is in."]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines) + "\n"


def _merge(documents: Iterable[DocumentNode]) -> DocumentNode:
    """Return one document: operations first, then each fragment once."""
    operations, fragments = [], {}
    for document in documents:
        for node in document.definitions:
            if isinstance(node, FragmentDefinitionNode):
                fragments.setdefault(node.name.value, node)
            else:
                operations.append(node)
    return DocumentNode(definitions=(*operations, *fragments.values()))


def _fill(document: DocumentNode, field: GraphQLField, keep: set[str]) -> DocumentNode:
    """Return *document* with examples in place of its variables, except those of the channel.

    Variables that may be left out are left out, with the arguments they fill.
    """
    examples = {
        key: example(item.type) for key, item in field.args.items() if is_required_argument(item)
    }
    return cast("DocumentNode", visit(document, _Filling(examples, keep)))


class _Filling(Visitor):
    def __init__(self, examples: Mapping[str, ValueNode], keep: set[str]) -> None:
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
