"""What an action answers, as JSON that is the same here and in another process.

``{"value": …}``, or ``{"error": {"message": …, "extensions": …}}`` as a client will see it: what is
masked is logged where the action ran. Validators' messages come along in ``extensions.messages``,
each with ``field``, ``message`` and ``code`` as the messages of writes have them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404
from graphql import GraphQLError
from rest_framework.exceptions import ValidationError

from rxgraph.compile import naming
from rxgraph.errors import BadRequest, NotFound, RequestError
from rxgraph.serve.errors import to_graphql_error
from rxgraph.sync.writing.messages import of_detail
from rxgraph.types import JSON

Answer = dict[str, JSON]


class OutOfTime(RequestError):
    """Nobody knows whether it was done."""

    code = "INTERNAL"
    status = 504


def answered(value: JSON) -> Answer:
    """Return the answer of an action that has run."""
    return {"value": value}


def failed(cause: Exception, field: str) -> Answer:
    """Return what the caller of the action *field* is told about *cause*; log what he is not."""
    told = _told(cause)
    text = told.message if isinstance(told, GraphQLError) else str(told)
    error = GraphQLError(text, path=[field], original_error=told)
    found = to_graphql_error(error)
    return {"error": {"message": found.message, "extensions": dict(found.extensions or {})}}


def value_of(answer: Answer) -> JSON:
    """Return the value of an answer.

    Raises:
        GraphQLError: the action failed.
    """
    error = answer.get("error")
    if error is not None:
        raise GraphQLError(error["message"], extensions=error["extensions"])
    return answer["value"]


def _told(cause: Exception) -> Exception:
    """Return *cause* as one of the errors that are meant for clients, where it is one."""
    if isinstance(cause, DjangoValidationError):
        return _invalid(list(_of_django(cause)))
    if isinstance(cause, ValidationError):
        found = of_detail(cause.detail).messages
        return _invalid(
            [{"field": item.field, "message": item.message, "code": item.code} for item in found]
        )
    if isinstance(cause, ObjectDoesNotExist):
        return NotFound(f"{type(cause).__qualname__.partition('.')[0]} does not exist")
    if isinstance(cause, Http404):
        return NotFound(str(cause) or "It does not exist")
    if isinstance(cause, GraphQLError) and not (cause.extensions or {}).get("code"):
        return BadRequest(cause.message)
    return cause


def _invalid(messages: list[Mapping[str, Any]]) -> GraphQLError:
    text = "; ".join(
        f"{item['field']}: {item['message']}" if item["field"] else str(item["message"])
        for item in messages
    )
    extensions = {"code": "BAD_REQUEST", "status": 400, "messages": messages}
    return GraphQLError(text or "It is not valid", extensions=extensions)


def _of_django(cause: DjangoValidationError) -> Iterator[Mapping[str, Any]]:
    named = cause.error_dict if hasattr(cause, "error_dict") else {None: cause.error_list}
    for name, errors in named.items():
        field = None if name in (None, NON_FIELD_ERRORS) else naming.camel_case(str(name))
        for error in errors:
            code = str(error.code or "invalid").upper()
            for text in error.messages:
                yield {"field": field, "message": str(text), "code": code}
