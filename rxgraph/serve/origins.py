"""Which page is behind a connection, and whether its cookies may count.

Browsers attach cookies to whatever a page sends, and say in ``Origin`` which page that was. So a
session counts only for pages of this host and of those that ``RXGRAPH["ALLOWED_ORIGINS"]`` names.
"""

from __future__ import annotations

import enum
import io
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from strawberry.http.websocket_origin import is_same_origin, normalize_origin

from rxgraph.settings import get_settings

_ANYBODY = "*"
_SECURE = {"wss": "https", "ws": "http"}


class Origin(enum.Enum):
    """What the page behind a connection is to this server."""

    UNKNOWN = "unknown"  # no browser: nobody says so
    OWN = "own"  # a page of this host, or one that ALLOWED_ORIGINS names
    OPEN = "open"  # let in by "*" alone: what it shows by itself counts, its cookies do not
    FOREIGN = "foreign"


#: What ``Sec-Fetch-Site`` says, which no page can write itself.
_SITES = {
    "same-origin": Origin.OWN,
    "same-site": Origin.FOREIGN,
    "cross-site": Origin.FOREIGN,
}


class Patterns:
    """``ALLOWED_ORIGINS``: exact origins, all below a host (``https://*.example.com``), or all."""

    def __init__(self, allowed: Iterable[str]) -> None:
        """Read *allowed*.

        Raises:
            ValueError: one of them is no origin.
        """
        self._exact: set[str] = set()
        self._below: set[tuple[str, str, int | None]] = set()
        self.allow_all = False
        for text in allowed:
            if text == _ANYBODY:
                self.allow_all = True
            elif "://*." in text and text.count("*") == 1:
                scheme, rest = _exact(text.replace("://*.", "://", 1)).split("://")
                parts = urlsplit(f"//{rest}")
                self._below.add((scheme, f".{parts.hostname}", parts.port))
            else:
                self._exact.add(_exact(text))

    def match(self, origin: str) -> bool:
        """True when *origin* is named, or lies below a host that is."""
        normal = normalize_origin(origin)
        if normal is None:
            return False
        if normal in self._exact:
            return True
        parts = urlsplit(normal)
        host = parts.hostname or ""
        return any(
            parts.scheme == scheme and parts.port == port and host.endswith(suffix)
            for scheme, suffix, port in self._below
        )


def _exact(text: str) -> str:
    origin = None if "*" in text else normalize_origin(text)
    if origin is None:
        raise ValueError(f"{text!r} is no origin")
    parts = urlsplit(text.strip())
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise ValueError(f"{text!r} is more than an origin")
    return origin


@lru_cache(maxsize=16)
def patterns(allowed: tuple[str, ...]) -> Patterns:
    """Return *allowed* read once."""
    return Patterns(allowed)


def explain(allowed: object) -> str | None:
    """Return what is wrong with ``ALLOWED_ORIGINS``; None: nothing."""
    if not isinstance(allowed, list | tuple | set | frozenset):
        return f"is {allowed!r}"
    for text in allowed:
        try:
            Patterns([text])
        except (ValueError, TypeError):
            return f"holds {text!r}, which is no origin"
    return None


def origin_of(scope: Mapping[str, Any]) -> Origin:
    """Return what the page behind an ASGI *scope* is to this server."""
    text = _header(scope, b"origin")
    if text is None:  # a browser names none where a page cannot read the answer, or is our own
        return _SITES.get(_header(scope, b"sec-fetch-site") or "", Origin.UNKNOWN)
    if _is_own(text, request_of(scope)):
        return Origin.OWN
    allowed = patterns(get_settings().allowed_origins)
    if allowed.match(text):
        return Origin.OWN
    return Origin.OPEN if allowed.allow_all else Origin.FOREIGN


def _header(scope: Mapping[str, Any], wanted: bytes) -> str | None:
    found = (value for name, value in scope["headers"] if name.lower() == wanted)
    return next((value.decode("latin-1") for value in found), None)


def _is_own(origin: str, request: ASGIRequest) -> bool:
    """True for a page of the host that *request* was sent to, as Django knows that host.

    ``X-Forwarded-Host`` counts where ``USE_X_FORWARDED_HOST`` says so; a host that is not in
    ``ALLOWED_HOSTS`` is nobody's. A page that came in the clear is no page of a secure server.
    """
    try:
        host = request.get_host()
    except DisallowedHost:
        return False
    scheme = urlsplit(origin).scheme.lower() if normalize_origin(origin) else ""
    if scheme != "https" and (scheme != "http" or request.is_secure()):
        return False
    return is_same_origin(origin, host)


def request_of(scope: Mapping[str, Any]) -> ASGIRequest:
    """Return *scope* as Django's request, without a body."""
    found = {"method": "GET", "query_string": b"", **scope}
    found["scheme"] = _SECURE.get(found.get("scheme", "http"), found.get("scheme", "http"))
    return ASGIRequest(found, io.BytesIO())
