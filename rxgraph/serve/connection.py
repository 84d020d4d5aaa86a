"""What HTTP and WebSocket share: headers, what of them counts, the credentials in them."""

from __future__ import annotations

import logging
import socket
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings as django_settings

from rxgraph.errors import Forbidden
from rxgraph.serve.auth import Credentials, parse_cookies
from rxgraph.serve.csrf import require_csrf
from rxgraph.serve.origins import Origin, origin_of
from rxgraph.settings import get_settings

logger = logging.getLogger("rxgraph.auth")

Headers = Mapping[str, str]

#: Schemes of ``Authorization`` that browsers send by themselves, whichever page asks.
_AMBIENT = frozenset({"basic", "digest", "negotiate", "ntlm"})
#: Names of parameters by which people put credentials into URLs, where every log keeps them.
_SECRET_NAMES = frozenset(
    {
        *("token", "access_token", "auth_token", "authtoken", "id_token", "refresh_token", "jwt"),
        *("authorization", "auth", "bearer", "api_key", "apikey", "password", "session"),
    }
)


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

    def __repr__(self) -> str:
        return f"<RequestHeaders {', '.join(self)}>"  # names only: values may be secrets

    def without_cookies(self) -> RequestHeaders:
        """Return them without what a browser adds by itself."""
        return RequestHeaders([item for item in self._raw if item[0].lower() != b"cookie"])


class Concealed(dict[str, Any]):
    """A dictionary that may hold secrets: what is printed of it, in an error report, are names."""

    def __repr__(self) -> str:
        return f"<{', '.join(map(str, self))}>"


def headers_of(scope: Mapping[str, Any]) -> RequestHeaders:
    """Return the headers of an ASGI scope, names in lower case."""
    return RequestHeaders(scope["headers"])


def credentials_of(headers: Headers, params: Mapping[str, Any] | None = None) -> Credentials:
    """Return what the client showed."""
    return Credentials(headers, parse_cookies(headers.get("cookie", "")), params or {})


def handshake_headers(scope: Mapping[str, Any]) -> Headers | None:
    """Return the headers of a WebSocket handshake that count; None: the page may not connect."""
    _warn_of_secrets(scope)
    origin = origin_of(scope)
    if origin is Origin.FOREIGN:
        return None
    headers = headers_of(scope)
    return headers.without_cookies() if origin is Origin.OPEN else headers


async def request_credentials(scope: Mapping[str, Any]) -> Credentials:
    """Return the credentials of an HTTP request that count.

    Raises:
        Forbidden: a page of a foreign origin shows none of its own, or a session is shown without
            proof that a page of this host did so.
    """
    _warn_of_secrets(scope)
    origin, headers = origin_of(scope), headers_of(scope)
    if origin is Origin.FOREIGN and not _has_own(headers):
        raise Forbidden(
            f"Pages of {headers.get('origin', 'other sites')} may not use a session here;"
            " send a token, or add the origin to RXGRAPH['ALLOWED_ORIGINS']"
        )
    if origin in (Origin.FOREIGN, Origin.OPEN):
        headers = headers.without_cookies()
    credentials = credentials_of(headers)
    if origin is Origin.UNKNOWN and not _has_own(headers) and _has_session(credentials):
        await require_csrf(scope)
    return credentials


def _has_own(headers: Headers) -> bool:
    """True when a header carries credentials that no page can send without being asked first."""
    scheme = headers.get("authorization", "").strip().partition(" ")[0].lower()
    return bool(scheme) and scheme not in _AMBIENT


def _has_session(credentials: Credentials) -> bool:
    """True when a cookie may say who this is; a hook may look at any."""
    if get_settings().authenticate is not None:
        return bool(credentials.cookies)
    return django_settings.SESSION_COOKIE_NAME in credentials.cookies


_warned: set[str] = set()


def _warn_of_secrets(scope: Mapping[str, Any]) -> None:
    """Warn, once for each name, where a URL carries credentials; nobody looks at them."""
    query = scope.get("query_string") or b""
    if not query:
        return
    names = {name.lower() for name, _ in parse_qsl(query.decode("latin-1"), max_num_fields=None)}
    secret = {*_SECRET_NAMES, django_settings.SESSION_COOKIE_NAME.lower()}
    for name in sorted((names & secret) - _warned):
        _warned.add(name)
        logger.warning(
            "A client sent %r in the URL, where nobody looks at it: URLs are kept in logs."
            " Send credentials in the header Authorization or in connection_init; replace these",
            name,
        )


def cut(send: Callable[..., Any], *, forget: bool = False) -> bool:
    """End a connection without a word, and drop what waits to be sent; False: it cannot be done.

    *forget*: the kernel drops what it has to send as well, instead of trying for minutes.

    ASGI has no message for that. What uvicorn gives to an application as ``send`` belongs to an
    object that has the transport.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        return False
    if forget and (raw := transport.get_extra_info("socket")) is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    return True
