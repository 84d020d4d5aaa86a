"""The documents that a project trusts: found by id, and told from all others by what they mean.

``RXGRAPH["DOCUMENTS"] = "trusted"`` serves nothing else; ``"open"`` serves everything, and those
by their ids as well. Ids come as GraphQL over HTTP names them (``documentId``, Appendix A) or as
Apollo does (``extensions.persistedQuery.sha256Hash``).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from graphql import DocumentNode, GraphQLError, parse

from rxgraph.compile.documents.persisted import ids_of, normal_text, read_list
from rxgraph.errors import DocumentNotFound
from rxgraph.settings import RxGraphSettings, get_settings

_PREFIX = "sha256:"


class Trusted:
    """Some documents, by id and by what they mean."""

    def __init__(self, documents: Mapping[str, str]) -> None:
        self._texts: dict[str, str] = {}
        self._meanings: set[str] = set()
        for id_, text in documents.items():
            document = parse(text)
            for name in (*ids_of(text, document), id_.removeprefix(_PREFIX)):
                self._texts.setdefault(name, text)
            self._meanings.add(normal_text(document))
        self._exact = set(self._texts.values())

    @classmethod
    def of(cls, settings: RxGraphSettings) -> Trusted:
        """Return the documents that *settings* name; they are read once.

        Raises:
            ImproperlyConfigured: one of the lists is not there, or is none.
        """
        return _load(settings.document_paths, settings.documents == "trusted")

    def find(self, id_: str) -> str | None:
        """Return the document with this id, with or without ``sha256:`` before it."""
        return self._texts.get(id_.removeprefix(_PREFIX))

    def has_text(self, text: str) -> bool:
        """True for the very text of one of them."""
        return text in self._exact

    def means(self, document: DocumentNode) -> bool:
        """True where *document* is one of them, however it is written."""
        return normal_text(document) in self._meanings

    def __len__(self) -> int:
        return len(self._meanings)


@lru_cache(maxsize=8)
def _load(paths: tuple[Path, ...], must_exist: bool) -> Trusted:
    found: dict[str, str] = {}
    for path in paths:
        try:
            found |= read_list(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            if must_exist:
                raise ImproperlyConfigured(
                    f"RXGRAPH['DOCUMENTS'] is 'trusted' and {path} does not exist; write it with"
                    " manage.py makefrontend, or name your lists in RXGRAPH['DOCUMENT_LISTS']"
                ) from None
        except (ValueError, KeyError, TypeError, GraphQLError) as error:
            raise ImproperlyConfigured(f"{path} is no list of documents: {error}") from error
    return Trusted(found)


def named_text(parameters: Mapping[str, Any]) -> str | None:
    """Return the document of a request that names it by id; None: it names none, or has a text.

    *parameters*: the body of an HTTP request, or the payload of ``subscribe``.

    Raises:
        DocumentNotFound: nobody knows this id.
    """
    if parameters.get("query"):
        return None
    id_ = _id_in(parameters)
    if id_ is None:
        return None
    text = Trusted.of(get_settings()).find(id_)
    if text is None:
        raise DocumentNotFound("PersistedQueryNotFound")
    return text


def names_document(parameters: Mapping[str, Any]) -> bool:
    """True where a request has the id of a document."""
    return _id_in(parameters) is not None


def _id_in(parameters: Mapping[str, Any]) -> str | None:
    id_ = parameters.get("documentId")
    if id_ is None:
        extensions = parameters.get("extensions")
        persisted = extensions.get("persistedQuery") if isinstance(extensions, Mapping) else None
        id_ = persisted.get("sha256Hash") if isinstance(persisted, Mapping) else None
    return id_ if isinstance(id_, str) and id_ else None
