"""Who is behind a connection: a DRF token, a Django session, or a hook of the project.

``RXGRAPH["AUTHENTICATE"]`` names ``async def authenticate(credentials) -> User | None``; it
replaces the other two. Whatever is found can be asked again, because access can end.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any

from channels.db import database_sync_to_async
from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, load_backend
from django.contrib.auth.models import AnonymousUser
from django.utils.crypto import constant_time_compare
from django.utils.module_loading import import_string

from rxgraph.declare.hooks import call_hook
from rxgraph.errors import Unauthenticated
from rxgraph.settings import get_settings


@dataclass(frozen=True)
class Credentials:
    """What a client showed.

    ``headers`` are those of the request or handshake, names in lower case; ``params`` is the
    payload of ``connection_init``, empty over HTTP.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def token(self) -> str | None:
        """The DRF token; None when none was shown.

        Raises:
            Unauthenticated: ``connection_init`` carries something else in its place.
        """
        if "token" in self.params:
            return _text(self.params["token"], "token")
        name = next((name for name in self.params if name.lower() == "authorization"), None)
        if name is not None:
            token = _token_in(_text(self.params[name], name))
            if token is None:
                raise Unauthenticated(f'connection_init: write {{"{name}": "Token <key>"}}')
            return token
        return _token_in(self.headers.get("authorization", ""))


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise Unauthenticated(f"connection_init: {name} is not a text")
    return value


def _token_in(header: str) -> str | None:
    """Return the key in ``Token <key>``; other schemes are not ours (a proxy's, for instance)."""
    scheme, _, key = header.strip().partition(" ")
    return key.strip() if scheme.lower() == "token" and key.strip() else None


async def authenticate(credentials: Credentials) -> Any:
    """Return the user whose *credentials* these are; an ``AnonymousUser`` for none.

    Raises:
        Unauthenticated: they are wrong, or their user is inactive.
    """
    path = get_settings().authenticate
    if path is not None:
        user = await call_hook(import_string(path), credentials)
    elif (token := credentials.token) is not None:
        user = await database_sync_to_async(_token_user)(token)
    else:
        key = credentials.cookies.get(django_settings.SESSION_COOKIE_NAME)
        user = await database_sync_to_async(_session_user)(key) if key else None
    if user is None:
        return AnonymousUser()
    if not user.is_active and user.is_authenticated:
        raise Unauthenticated("This user is not active")
    return user


def _token_user(key: str) -> Any:
    if not apps.is_installed("rest_framework.authtoken"):
        raise Unauthenticated("Tokens are not accepted here")
    from rest_framework.authentication import TokenAuthentication
    from rest_framework.exceptions import AuthenticationFailed

    try:
        return TokenAuthentication().authenticate_credentials(key)[0]
    except AuthenticationFailed as error:
        raise Unauthenticated(str(error.detail)) from None


def _session_user(key: str) -> Any:
    """Return the user of the Django session *key*, or None; the session is only read."""
    session = import_module(django_settings.SESSION_ENGINE).SessionStore(key)
    try:
        user_id, path = session[SESSION_KEY], session[BACKEND_SESSION_KEY]
    except KeyError:
        return None
    if path not in django_settings.AUTHENTICATION_BACKENDS:
        return None
    user = load_backend(path).get_user(user_id)
    if user is None or not hasattr(user, "get_session_auth_hash"):
        return user
    shown = session.get(HASH_SESSION_KEY) or ""
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return user if any(constant_time_compare(shown, item) for item in hashes) else None


class Identity:
    """The user of a connection, who can be asked for again."""

    __slots__ = (
        "_checked_at",
        "_clock",
        "_credentials",
        "_lock",
        "user",
    )

    def __init__(
        self, user: Any, credentials: Credentials, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.user, self._credentials, self._clock = user, credentials, clock
        self._checked_at = clock()
        self._lock = asyncio.Lock()

    async def recheck(self, max_age_seconds: float) -> Any:
        """Return the user as the credentials name it now; asked once for all who ask at a time.

        Raises:
            Unauthenticated: they are no longer good, or name somebody else.
        """
        async with self._lock:
            begun = self._clock()
            if begun - self._checked_at >= max_age_seconds:
                user = await authenticate(self._credentials)
                if not user.is_authenticated or user.pk != self.user.pk:
                    raise Unauthenticated("You were signed out")
                self.user, self._checked_at = user, begun
        return self.user


async def identify(credentials: Credentials) -> Identity:
    """Return who shows *credentials*.

    Raises:
        Unauthenticated: they are wrong.
    """
    return Identity(await authenticate(credentials), credentials)


def parse_cookies(header: str) -> dict[str, str]:
    """Return the cookies of a ``Cookie`` header; what is malformed is left out."""
    found: dict[str, str] = {}
    for part in header.split(";"):
        try:
            found.update({name: morsel.value for name, morsel in SimpleCookie(part).items()})
        except CookieError:
            continue
    return found
