"""A GraphQL request as HTTP carries it: JSON in a body, or the parameters of a URL.

GraphQL over HTTP, "Request". What is read here is well-formed; whether its document can be parsed
and is valid is another matter, with other answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Any
from urllib.parse import parse_qsl

from rxgraph.errors import BadRequest
from rxgraph.serve import media
from rxgraph.serve.messages import decode
from rxgraph.serve.refusals import UnsupportedMediaType
from rxgraph.serve.trusted import named_text

_BOM = b"\xef\xbb\xbf"
_MAX_PARAMETERS = 16


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """The parameters of one request."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None


def from_body(body: bytes, headers: Mapping[str, str]) -> GraphQLRequest:
    """Return the request in the body of a POST.

    Raises:
        UnsupportedMediaType: the headers name no JSON in UTF-8.
        BadRequest: it is no JSON, or not of the right shape.
    """
    kind = headers.get("content-type")
    if kind is None:
        raise UnsupportedMediaType(f"The request has no Content-Type; send {media.JSON}")
    found = media.parse(kind)
    if found.name != media.JSON:
        raise UnsupportedMediaType(f"Content-Type is {found.name}; send {media.JSON}")
    if not found.is_utf8:
        raise UnsupportedMediaType(f"The charset is {found.parameters['charset']}; send UTF-8")
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise UnsupportedMediaType(
            f"The body is encoded with {coding}; send it as it is", {"Accept-Encoding": "identity"}
        )
    return from_parameters(_json(body.removeprefix(_BOM), "The body"))


def from_url(query_string: bytes) -> GraphQLRequest:
    """Return the request in the query string of a GET.

    Raises:
        BadRequest: it is not of the right shape, or names something twice.
    """
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MAX_PARAMETERS,
        )
    except ValueError:
        raise BadRequest("The URL's parameters cannot be read") from None
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise BadRequest(f"The URL has {name[:40]} twice")
        found[name] = value
    for name in ("variables", "extensions"):
        if name in found:
            found[name] = _json(found[name], name) if found[name] else None
    return from_parameters({**found, "operationName": found.get("operationName") or None})


def from_parameters(found: Any) -> GraphQLRequest:
    """Return the request that *found* is.

    Raises:
        BadRequest: it is not of the right shape.
    """
    if isinstance(found, list):
        raise BadRequest("A list of operations is not served; send one operation in a request")
    if not isinstance(found, dict):
        raise BadRequest('The body is a JSON object: {"query": …, "variables": …}')
    query = named_text(found) or found.get("query")
    if query is None:
        raise BadRequest("The request has no query")
    if not isinstance(query, str):
        raise BadRequest("query is a text")
    for name in ("variables", "extensions"):
        if not isinstance(found.get(name), dict | None):
            raise BadRequest(f"{name} is an object, or null")
    operation_name = found.get("operationName")
    if not isinstance(operation_name, str | None):
        raise BadRequest("operationName is a text, or null")
    return GraphQLRequest(query, found.get("variables"), operation_name, found.get("extensions"))


def _json(data: str | bytes, what: str) -> Any:
    try:
        return decode(data)
    except JSONDecodeError as error:
        raise BadRequest(f"{what} is not JSON: {error.msg}") from None
