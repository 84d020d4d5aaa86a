"""What an HTTP endpoint refuses before it looks at a document, with the status of each."""

from __future__ import annotations

from collections.abc import Mapping

from rxgraph.errors import BadRequest


class Refusal(BadRequest):
    """A request that HTTP has a status for.

    Attributes:
        headers: what the answer says besides.
    """

    def __init__(self, message: str, headers: Mapping[str, str] | None = None) -> None:
        self.headers = dict(headers or {})
        super().__init__(message)


class MethodNotAllowed(Refusal):
    """Another method is meant."""

    status = 405


class NotAcceptable(Refusal):
    """The client accepts nothing that could carry the answer."""

    status = 406


class UnsupportedMediaType(Refusal):
    """The body is no JSON, or not in UTF-8, or compressed."""

    status = 415


class Restarting(Refusal):
    """The server is about to end, and begins nothing that lasts."""

    code = "UNAVAILABLE"
    status = 503
