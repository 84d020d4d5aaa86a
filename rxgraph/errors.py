"""Everything that can go wrong, by whose move it is.

RxGraphError
├── DeclarationError        the developer: a channel or serializer is declared wrongly
├── RequestError            the client: ``code`` and ``status`` travel in ``extensions``
│   ├── BadRequest          400
│   │   └── TooLarge        413
│   ├── Unauthenticated     401
│   ├── Forbidden           403
│   │   └── DocumentNotTrusted
│   ├── NotFound            404
│   │   └── DocumentNotFound
│   ├── Conflict            409
│   └── RateLimited         429
└── BackendError            a store, bus or database did not answer
    └── BackendAway         it is known to be away, which was logged when that began
"""

from __future__ import annotations

from typing import Any, ClassVar


class RxGraphError(Exception):
    """Root of every error this library raises on purpose."""


class DeclarationError(RxGraphError):
    """A channel or serializer is declared wrongly.

    Attributes:
        subject: dotted name of the thing that is wrong.
        found: what was found there.
        hint: what to write instead.
    """

    def __init__(self, subject: str, found: str, hint: str) -> None:
        self.subject, self.found, self.hint = subject, found, hint
        super().__init__(f"{subject} {found}; {hint}")


class RequestError(RxGraphError):
    """A client asked for something it cannot have; the message is safe to show to it."""

    code: ClassVar[str] = "BAD_REQUEST"
    status: ClassVar[int] = 400

    @property
    def details(self) -> dict[str, Any]:
        """What else travels in ``extensions``."""
        return {}


class BadRequest(RequestError):
    """The request itself is malformed: a wrong type, an unreadable cursor."""


class TooLarge(BadRequest):
    """What was sent or asked for is beyond a limit of size."""

    status = 413

    def __init__(self, what: str, found: float, allowed: float) -> None:
        self.what, self.found, self.allowed = what, found, allowed
        super().__init__(f"{what}: {found:,} found, {allowed:,} allowed")

    @property
    def details(self) -> dict[str, Any]:
        """Both numbers."""
        return {"found": self.found, "allowed": self.allowed}


class Unauthenticated(RequestError):
    """Nobody is signed in, or the credentials are wrong."""

    code = "UNAUTHENTICATED"
    status = 401


class Forbidden(RequestError):
    """The viewer is known and may not have this."""

    code = "FORBIDDEN"
    status = 403


class NotFound(RequestError):
    """There is no such instance."""

    code = "NOT_FOUND"
    status = 404


class DocumentNotFound(NotFound):
    """No document has this id. Clients that know Apollo's protocol send the text then."""

    code = "PERSISTED_QUERY_NOT_FOUND"


class DocumentNotTrusted(Forbidden):
    """Only trusted documents are served, and this is none."""

    code = "QUERY_NOT_IN_SAFELIST"


class Conflict(RequestError):
    """The state of the database forbids it."""

    code = "CONFLICT"
    status = 409


class RateLimited(RequestError):
    """Too much at once; try again later, *retry_after* seconds from now where that is known."""

    code = "RATE_LIMITED"
    status = 429

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)

    @property
    def details(self) -> dict[str, Any]:
        """``retryAfter``, in seconds."""
        return {} if self.retry_after is None else {"retryAfter": round(self.retry_after, 3)}


class BackendError(RxGraphError):
    """A store, bus or database did not answer."""


class BackendAway(BackendError):
    """It is known to be away: that was logged when it began, and need not be again."""
