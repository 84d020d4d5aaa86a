"""Map whatever went wrong to what a client is told (schema/PROTOCOL.md, Errors).

Every GraphQL error leaves with ``extensions.code`` and ``extensions.status``. What is not meant
for clients is masked by an id, under which the log has the rest.
"""

from __future__ import annotations

import logging
import uuid
from typing import Any

from django.core.exceptions import PermissionDenied
from graphql import GraphQLError
from rest_framework.exceptions import APIException
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from rxgraph.counters import ERRORS
from rxgraph.errors import RequestError
from rxgraph.log_fields import about
from rxgraph.serve.unavailable import is_logged, is_passing

logger = logging.getLogger("rxgraph.errors")

_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    409: "CONFLICT",
    429: "RATE_LIMITED",
}
_REQUEST_ERRORS = (MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError)
_UNAVAILABLE = "The live state is not available at the moment; try again"
_RETRY_SECONDS = 5


def to_graphql_error(error: Exception) -> GraphQLError:
    """Return *error* as a client sees it; what is that already stays as it is."""
    if not isinstance(error, GraphQLError):
        error = GraphQLError(str(error), original_error=error)
    if (error.extensions or {}).get("code"):
        return error
    cause = cause_of(error)
    if isinstance(cause, GraphQLError):
        if (cause.extensions or {}).get("code"):
            return _with(error, cause.message, cause.extensions or {})
        if not _is_about_output(error):
            return _with(error, error.message, _extensions("BAD_REQUEST", 400))
        return _masked(error, cause)
    if isinstance(cause, RequestError):
        extensions = {**_extensions(cause.code, cause.status), **cause.details}
        return _with(error, str(cause), extensions)
    if isinstance(cause, _REQUEST_ERRORS):
        message = error.message or "No GraphQL query found in the request"
        return _with(error, message, _extensions("BAD_REQUEST", 400))
    if isinstance(cause, PermissionDenied):
        return _with(error, "You may not do this", _extensions("FORBIDDEN", 403))
    if isinstance(cause, APIException) and cause.status_code in _CODES:
        code = _CODES[cause.status_code]
        return _with(error, str(cause.detail), _extensions(code, cause.status_code))
    if is_passing(cause):
        if not is_logged(cause):
            logger.warning("%s: %s", _UNAVAILABLE, cause)
        extensions = {**_extensions("UNAVAILABLE", 503), "retryAfter": _RETRY_SECONDS}
        return _with(error, _UNAVAILABLE, extensions)
    return _masked(error, cause)


def formatted(error: Exception) -> dict[str, Any]:
    """Return *error* as the JSON object that a client receives."""
    return dict(to_graphql_error(error).formatted)


def cause_of(error: Exception) -> Exception:
    """Return what *error* was raised for; itself where that is nothing else."""
    cause = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _is_about_output(error: GraphQLError) -> bool:
    """True where a value could not be written, rather than an argument read."""
    return error.path is not None and all(node.kind == "field" for node in error.nodes or ())


def _masked(error: GraphQLError, cause: Exception) -> GraphQLError:
    id_ = uuid.uuid4().hex[:12]
    fields = about(error_id=id_)
    logger.error("Internal error %s at %s", id_, error.path, exc_info=cause, extra=fields)
    return _with(error, f"Internal error {id_}", {**_extensions("INTERNAL", 500), "id": id_})


def _extensions(code: str, status: int) -> dict[str, Any]:
    return {"code": code, "status": status}


def _with(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    ERRORS.add(str(extensions.get("code", "")))
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        original_error=error.original_error,
        extensions={"status": 400, **extensions},
    )
