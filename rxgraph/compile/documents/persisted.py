"""Lists of operations that a front end sends: made from documents, and read again in three forms.

A list is written as Apollo's clients and routers read it (``apollo-persisted-query-manifest``);
``{"id": "text"}`` as GraphQL Code Generator and Relay write it is read, too. An operation stands
there with the fragments it uses, which is how clients send it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from graphql import (
    REMOVE,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    NameNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

FORMAT: Final = "apollo-persisted-query-manifest"


def operations_in(documents: Iterable[DocumentNode]) -> list[DocumentNode]:
    """Return each operation of *documents* with the fragments it uses, whichever file has them."""
    definitions = [item for document in documents for item in document.definitions]
    fragments = {
        item.name.value: item for item in definitions if isinstance(item, FragmentDefinitionNode)
    }
    return [
        DocumentNode(definitions=(item, *_used(item, fragments)))
        for item in definitions
        if isinstance(item, OperationDefinitionNode)
    ]


def normal_text(document: DocumentNode) -> str:
    """Return *document* as text that is the same for all who mean the same.

    Layout, comments, the order of definitions and every ``__typename`` fall away: clients add
    that where they like, and it tells nothing that is not in the schema.
    """
    plain = visit(document, _NoTypenames())
    return "\n\n".join(sorted(map(print_ast, plain.definitions)))


def ids_of(text: str, document: DocumentNode) -> Iterator[str]:
    """Yield what clients may call a document: SHA-256 of its text as it stands or is printed.

    Apollo Client and urql print it with ``__typename`` in every selection below the operation.
    """
    texts = {text, print_ast(document), print_ast(visit(document, _Typenames()))}
    yield from map(sha256, sorted(texts))


def sha256(text: str) -> str:
    """Return the SHA-256 of *text* in UTF-8, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def write_list(documents: Iterable[DocumentNode]) -> str:
    """Return the list of all operations in *documents*, sorted by their names."""
    found = []
    for document in operations_in(documents):
        operation: Any = document.definitions[0]
        body = print_ast(document)
        found.append(
            {
                "id": sha256(body),
                "name": operation.name.value if operation.name else "",
                "type": operation.operation.value,
                "body": body,
            }
        )
    found.sort(key=lambda item: (item["name"], item["id"]))
    whole = {"format": FORMAT, "version": 1, "operations": found}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def read_list(text: str) -> dict[str, str]:
    """Return id → document of a list.

    Raises:
        ValueError: it is no list of either form.
    """
    found = json.loads(text)
    if isinstance(found, Mapping) and "format" in found:
        if found["format"] != FORMAT or found.get("version") != 1:
            raise ValueError(f"its format is {found['format']!r} {found.get('version')!r}")
        found = {item["id"]: item["body"] for item in found["operations"]}
    if not isinstance(found, Mapping) or not all(isinstance(item, str) for item in found.values()):
        raise ValueError('it is neither {"id": "text"} nor a manifest of Apollo')
    for document in found.values():
        parse(document)
    return dict(found)


def _used(
    operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> list[FragmentDefinitionNode]:
    """Return the fragments that an operation leads to, each after those it uses itself.

    That is the order in which GraphQL Code Generator puts them into a document, and so that of the
    text that Apollo Client hashes.
    """
    found: dict[str, FragmentDefinitionNode] = {}
    begun: set[str] = set()

    def follow(node: Node) -> None:
        spreads = _Spreads()
        visit(node, spreads)
        for name in spreads.names:
            if name in fragments and name not in begun:
                begun.add(name)
                follow(fragments[name])
                found[name] = fragments[name]

    follow(operation)
    return list(found.values())


class _Spreads(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self.names.append(node.name.value)


class _NoTypenames(Visitor):
    def enter_field(self, node: FieldNode, *_: Any) -> Any:
        is_plain = node.alias is None and not node.directives
        return REMOVE if is_plain and node.name.value == "__typename" else None


class _Typenames(Visitor):
    def leave_selection_set(
        self, node: SelectionSetNode, _key: Any, parent: Any, *_: Any
    ) -> SelectionSetNode | None:
        if isinstance(parent, OperationDefinitionNode):
            return None
        for one in node.selections:
            if isinstance(one, FieldNode) and one.name.value.startswith("__"):
                return None
        name = FieldNode(name=NameNode(value="__typename"), arguments=(), directives=())
        return SelectionSetNode(selections=(*node.selections, name))
