"""How deep and how wide a document is, fragments followed.

Documents in, numbers out, before anything is validated. Fragments are measured once each, however
often and however nested they are used, so that measuring takes no longer than parsing took.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from rxgraph.errors import BadRequest, TooLarge
from rxgraph.settings import RxGraphSettings


@dataclass(frozen=True, slots=True)
class Measures:
    """``depth``: levels of fields, of the deepest operation. ``aliases``: of all of them."""

    depth: int
    aliases: int


_NOTHING = Measures(0, 0)


def measure(document: DocumentNode) -> Measures:
    """Return the measures of *document*; fragments that use themselves count once.

    Introspection (``__schema``, ``__type``) counts as one level: it is off, or for developers.

    Raises:
        BadRequest: its fragments are nested too deeply.
    """
    ruler = _Ruler(document)
    try:
        found = [
            ruler.selections(definition.selection_set)
            for definition in document.definitions
            if isinstance(definition, OperationDefinitionNode)
        ]
    except RecursionError:
        raise BadRequest("The document's fragments are nested too deeply") from None
    return Measures(
        max((item.depth for item in found), default=0), sum(item.aliases for item in found)
    )


def require_small(text: str, settings: RxGraphSettings) -> None:
    """Return if *text* is not too long to be parsed.

    Raises:
        TooLarge: it is.
    """
    allowed = settings.document_bytes
    if allowed is not None and is_longer(text, allowed):
        raise TooLarge("Bytes of the document", _size(text), allowed)


def is_longer(text: str, most: int) -> bool:
    """True when *text* has more than *most* bytes in UTF-8."""
    return len(text) > most or (len(text) * 4 > most and _size(text) > most)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def require_simple(document: DocumentNode, settings: RxGraphSettings) -> None:
    """Return if *document* is as deep and has as many aliases as it may.

    Raises:
        BadRequest: it is deeper, or has more.
    """
    found = measure(document)
    for what, number, allowed in (
        ("Levels of the document", found.depth, settings.operation_depth),
        ("Aliases in the document", found.aliases, settings.operation_aliases),
    ):
        if allowed is not None and number > allowed:
            raise TooLarge(what, number, allowed)


class _Ruler:
    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            definition.name.value: definition.selection_set
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._measured: dict[str, Measures] = {}

    def selections(self, selections: SelectionSetNode) -> Measures:
        depth = aliases = 0
        for node in selections.selections:
            if isinstance(node, FieldNode):
                found = self._field(node)
            elif isinstance(node, InlineFragmentNode):
                found = self.selections(node.selection_set)
            else:
                assert isinstance(node, FragmentSpreadNode)
                found = self._fragment(node.name.value)
            depth = max(depth, found.depth)
            aliases += found.aliases
        return Measures(depth, aliases)

    def _field(self, node: FieldNode) -> Measures:
        below = _NOTHING
        if node.selection_set is not None and not node.name.value.startswith("__"):
            below = self.selections(node.selection_set)
        return Measures(1 + below.depth, below.aliases + (node.alias is not None))

    def _fragment(self, name: str) -> Measures:
        found = self._measured.get(name)
        if found is None and name in self._fragments:
            self._measured[name] = _NOTHING  # while it is measured: it may use itself
            found = self._measured[name] = self.selections(self._fragments[name])
        return found or _NOTHING
