"""Who is behind a connection: a DRF token, a Django session, or a hook of the project.

``RXGRAPH["AUTHENTICATE"]`` names ``async def authenticate(credentials)``, which answers a user,
``(user, until)`` where the credentials end by themselves (Unix seconds), or None; it replaces the
other two. Whatever is found can be asked again, because access can end.

No credentials appear in a log: ``repr`` shows names only, and error reports leave values out.
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
from django.core.exceptions import PermissionDenied
from django.utils.crypto import constant_time_compare
from django.utils.module_loading import import_string
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import APIException

from rxgraph.declare.hooks import call_hook
from rxgraph.errors import Unauthenticated
from rxgraph.settings import get_settings
from rxgraph.sync.signing_out import session_mark


@dataclass(frozen=True, repr=False)
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
        name = self._authorization_param()
        if name is not None:
            token = _key_in(_text(self.params[name], name), "token")
            if token is None:
                raise Unauthenticated(f'connection_init: write {{"{name}": "Token <key>"}}')
            return token
        return self.authorization("Token")

    def authorization(self, scheme: str) -> str | None:
        """Return the key in ``Authorization: <scheme> <key>``, in the header or the payload.

        ``authorization("Bearer")`` is a JWT. None: there is none, or one of another scheme.
        """
        name = self._authorization_param()
        shown = self.headers.get("authorization", "") if name is None else self.params[name]
        return _key_in(shown, scheme.lower()) if isinstance(shown, str) else None

    @property
    def session_key(self) -> str | None:
        """The key of the Django session; None when none was shown."""
        return self.cookies.get(django_settings.SESSION_COOKIE_NAME) or None

    def _authorization_param(self) -> str | None:
        return next((name for name in self.params if name.lower() == "authorization"), None)

    def __repr__(self) -> str:
        shown = {"headers": self.headers, "cookies": self.cookies, "params": self.params}
        names = (f"{kind}: {', '.join(values)}" for kind, values in shown.items() if values)
        return f"<Credentials {'; '.join(names)}>"


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise Unauthenticated(f"connection_init: {name} is not a text")
    return value


@sensitive_variables()
def _key_in(header: str, scheme: str) -> str | None:
    """Return the key in ``<scheme> <key>``; another scheme is not ours, a proxy's for instance."""
    shown, _, key = header.strip().partition(" ")
    return key.strip() if shown.lower() == scheme and key.strip() else None


@dataclass(frozen=True, slots=True)
class Verified:
    """Who somebody is, and until when his credentials say so (Unix seconds; None: no end)."""

    user: Any
    until: float | None = None


async def authenticate(credentials: Credentials) -> Any:
    """Return the user whose *credentials* these are; an ``AnonymousUser`` for none.

    Raises:
        Unauthenticated: they are wrong, or their user is inactive.
    """
    return (await verify(credentials)).user


@sensitive_variables()
async def verify(credentials: Credentials) -> Verified:
    """Return whose *credentials* these are, and how long they are good.

    Raises:
        Unauthenticated: they are wrong, or their user is inactive.
    """
    until: float | None = None
    path = get_settings().authenticate
    if path is not None:
        user = await _ask_hook(path, credentials)
        if isinstance(user, tuple):
            user, until = user
    elif (token := credentials.token) is not None:
        user = await database_sync_to_async(_token_user)(token)
    else:
        key = credentials.session_key
        user = await database_sync_to_async(_session_user)(key) if key else None
    if user is None:
        return Verified(AnonymousUser())
    if not user.is_active and user.is_authenticated:
        raise Unauthenticated("This user is not active")
    if until is not None and until <= time.time():
        raise Unauthenticated("These credentials have expired")
    return Verified(user, until)


async def _ask_hook(path: str, credentials: Credentials) -> Any:
    try:
        return await call_hook(import_string(path), credentials)
    except APIException as error:
        if error.status_code not in (401, 403):
            raise
        raise Unauthenticated(_detail(error)) from None
    except PermissionDenied as error:
        raise Unauthenticated(str(error) or "These credentials are refused") from None


def _detail(error: APIException) -> str:
    detail: Any = error.detail
    if isinstance(detail, Mapping):
        detail = detail.get("detail", "These credentials are refused")
    return str(detail)


@sensitive_variables()
def _token_user(key: str) -> Any:
    if not apps.is_installed("rest_framework.authtoken"):
        raise Unauthenticated("Tokens are not accepted here")
    from rest_framework.authentication import TokenAuthentication
    from rest_framework.exceptions import AuthenticationFailed

    try:
        return TokenAuthentication().authenticate_credentials(key)[0]
    except AuthenticationFailed as error:
        raise Unauthenticated(_detail(error)) from None


@sensitive_variables()
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
        "_ends_at",
        "_is_ended",
        "_lock",
        "session",
        "user",
    )

    def __init__(
        self,
        user: Any,
        credentials: Credentials,
        *,
        until: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin; *until* is when the credentials end by themselves, in Unix seconds."""
        self.user, self._credentials, self._clock = user, credentials, clock
        self._checked_at = clock()
        self._ends_at = self._end(until)
        self._is_ended = False
        self._lock = asyncio.Lock()
        #: What stands for the session that may be behind it; None: there is none.
        key = credentials.session_key
        self.session: str | None = session_mark(key) if key else None

    def _end(self, until: float | None) -> float | None:
        return None if until is None else self._clock() + until - time.time()

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the credentials end by themselves; None: they do not."""
        return None if self._ends_at is None else self._ends_at - self._clock()

    @property
    def is_of_session(self) -> bool:
        """True when it is the session that says who this is, and nothing else."""
        if self.session is None or get_settings().authenticate is not None:
            return False
        try:
            return self._credentials.token is None
        except Unauthenticated:
            return False

    def end(self) -> None:
        """Let nothing of it count any more: its session was signed out of."""
        self._is_ended = True

    async def recheck(self, max_age_seconds: float) -> Any:
        """Return the user as the credentials name it now; asked once for all who ask at a time.

        Raises:
            Unauthenticated: they are no longer good, or name somebody else.
        """
        async with self._lock:
            begun, left = self._clock(), self.seconds_left
            is_over = left is not None and left <= 0
            if is_over or begun - self._checked_at >= max_age_seconds:
                found = await verify(self._credentials)
                user = found.user
                if not user.is_authenticated or user.pk != self.user.pk:
                    raise Unauthenticated("You were signed out")
                self.user, self._checked_at = user, begun
                self._ends_at = self._end(found.until)
            if self._is_ended:
                raise Unauthenticated("You were signed out")
        return self.user


async def identify(credentials: Credentials) -> Identity:
    """Return who shows *credentials*.

    Raises:
        Unauthenticated: they are wrong.
    """
    found = await verify(credentials)
    return Identity(found.user, credentials, until=found.until)


@sensitive_variables()
def parse_cookies(header: str) -> dict[str, str]:
    """Return the cookies of a ``Cookie`` header; what is malformed is left out."""
    found: dict[str, str] = {}
    for part in header.split(";"):
        try:
            found.update({name: morsel.value for name, morsel in SimpleCookie(part).items()})
        except CookieError:
            continue
    return found
