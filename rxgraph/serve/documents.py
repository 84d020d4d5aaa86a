"""The documents of one schema: each is parsed, measured and validated once, whoever sends it.

What is kept is bounded by tokens, not by documents: nobody can fill the memory with large ones.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from rxgraph.errors import DocumentNotTrusted
from rxgraph.serve.limits.cost import Bill, Biller
from rxgraph.serve.limits.measures import require_simple, require_small
from rxgraph.serve.trusted import Trusted
from rxgraph.settings import RxGraphSettings

_KEPT_TOKENS = 100_000  # about 50 MB of parsed documents
_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)


class Known:
    """One document that was parsed and is within the limits."""

    __slots__ = ("_biller", "bills", "document", "errors", "tokens")

    def __init__(self, document: DocumentNode) -> None:
        self.document = document
        self.tokens = document.token_count or 1
        #: What validation said: with introspection, or without.
        self.errors: dict[bool, list[GraphQLError]] = {}
        #: Operation and response name → what the field selects.
        self.bills: dict[tuple[str | None, str], Bill] = {}
        self._biller: Biller | None = None

    def validate(self, schema: Any, *, may_explore: bool) -> list[GraphQLError]:
        """Return what is wrong with it; suggestions are for those who may explore."""
        found = self.errors.get(may_explore)
        if found is None:
            rules = _RULES if may_explore else (*_RULES, NoSchemaIntrospectionCustomRule)
            found = validate(schema, self.document, rules, hide_suggestions=not may_explore)
            self.errors[may_explore] = found
        return found

    def bill(self, info: Any) -> Bill:
        """Return the bill of the root field that *info*, of graphql-core, is about."""
        name = info.operation.name.value if info.operation.name else None
        key = name, str(info.path.key)
        bill = self.bills.get(key)
        if bill is None:
            if self._biller is None:
                self._biller = Biller(info.schema, _fragments(self.document))
            bill = self.bills[key] = self._biller.field(info.parent_type, info.field_nodes)
        return bill


class Documents:
    """The documents of one schema that were used last."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._tokens = 0
        self._settings: RxGraphSettings | None = None

    def get(self, text: str, settings: RxGraphSettings | None = None) -> Known | None:
        """Return the document *text*, where it is known, and within the limits of *settings*."""
        if settings is not None and settings is not self._settings:
            self._settings = settings
            self._known.clear()
            self._tokens = 0
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
        return known

    def keep(self, text: str, known: Known) -> None:
        """Keep a document that was read; others that were not used for long may go."""
        old = self._known.pop(text, None)  # somebody else may have read it meanwhile
        self._tokens += known.tokens - (old.tokens if old is not None else 0)
        self._known[text] = known
        while self._tokens > _KEPT_TOKENS and len(self._known) > 1:
            _, old = self._known.popitem(last=False)
            self._tokens -= old.tokens

    def __len__(self) -> int:
        return len(self._known)


def read(text: str, settings: RxGraphSettings) -> Known:
    """Parse *text*, wherever there is time for it; limits do not hold for trusted documents.

    Raises:
        GraphQLError: it is no document, or has too many tokens.
        TooLarge: it is too long, too deep or has too many aliases.
        DocumentNotTrusted: only trusted documents are served, and this is none.
    """
    return Known(_parse(text, settings))


def _parse(text: str, settings: RxGraphSettings) -> DocumentNode:
    if settings.documents != "trusted":
        require_small(text, settings)
        document = parse(text, max_tokens=settings.document_tokens)
        require_simple(document, settings)
        return document
    listed = Trusted.of(settings)
    if listed.has_text(text):
        return parse(text)
    require_small(text, settings)
    document = parse(text, max_tokens=settings.document_tokens)
    if not listed.means(document):
        raise DocumentNotTrusted(
            "This server answers documents that it knows beforehand, and this is none of them"
        )
    return document


def documents_of(schema: Any) -> Documents:
    """Return the documents of a Strawberry schema."""
    found = vars(schema).setdefault("rxgraph_documents", None)
    if found is None:
        found = vars(schema)["rxgraph_documents"] = Documents()
    assert isinstance(found, Documents)
    return found


def _fragments(document: DocumentNode) -> Mapping[str, FragmentDefinitionNode]:
    return {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
