"""What HTTP and WebSocket share: headers, origins, the context that resolvers see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from strawberry.http.websocket_origin import (
    is_same_origin,
    normalize_allowed_origins,
    normalize_origin,
)

from rxgraph.serve.auth import Credentials, parse_cookies
from rxgraph.settings import get_settings

Headers = Mapping[str, str]


class RequestHeaders(Mapping[str, str]):
    """The headers of an ASGI scope, names in lower case; of a name that repeats, the last.

    They are decoded when they are asked for: an idle connection keeps nothing but the scope.
    """

    __slots__ = ("_raw",)

    def __init__(self, raw: Sequence[tuple[bytes, bytes]]) -> None:
        self._raw = raw

    def __getitem__(self, name: str) -> str:
        wanted = name.encode("latin-1")
        for key, value in reversed(self._raw):
            if key.lower() == wanted:
                return value.decode("latin-1")
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(key.decode("latin-1").lower() for key, _ in self._raw))

    def __len__(self) -> int:
        return len({key.lower() for key, _ in self._raw})


def headers_of(scope: Mapping[str, Any]) -> Headers:
    """Return the headers of an ASGI scope, names in lower case."""
    return RequestHeaders(scope["headers"])


def is_allowed_origin(headers: Headers) -> bool:
    """True unless a browser says that a page of a foreign origin is behind this.

    Who sends no ``Origin`` is no browser, and has no cookies that a page could abuse.
    """
    origin = headers.get("origin")
    if origin is None or is_same_origin(origin, headers.get("host")):
        return True
    allowed = allowed_origins()
    return "*" in allowed or normalize_origin(origin) in allowed


def allowed_origins() -> frozenset[str]:
    """Return the setting ``ALLOWED_ORIGINS`` as browsers write origins."""
    return normalize_allowed_origins(get_settings().allowed_origins)


def credentials_of(headers: Headers, params: Mapping[str, Any] | None = None) -> Credentials:
    """Return what the client showed."""
    return Credentials(headers, parse_cookies(headers.get("cookie", "")), params or {})
