"""Proof that a request with a session comes from a page that may send it.

Over HTTP a session counts for a page of this host (its ``Origin`` says so), or with the token of
Django's own CSRF protection: cookie and ``X-CSRFToken``, judged by its middleware.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from rxgraph.errors import Forbidden
from rxgraph.serve.origins import request_of


class _Check(CsrfViewMiddleware):
    """Django's check, which answers why a request is refused instead of a page."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


async def require_csrf(scope: Mapping[str, Any]) -> None:
    """Return if Django's CSRF protection lets the request of *scope* pass.

    Raises:
        Forbidden: it does not.
    """
    if django_settings.CSRF_USE_SESSIONS:
        reason = await database_sync_to_async(_check)(scope)
    else:
        reason = _check(scope)
    if reason is not None:
        raise Forbidden(
            f"A session needs proof that a page of this host sent the request ({reason});"
            " send the header X-CSRFToken with the cookie's value, or a token instead of a session"
        )


def _check(scope: Mapping[str, Any]) -> str | None:
    request: Any = request_of(scope)
    if django_settings.CSRF_USE_SESSIONS:
        engine = import_module(django_settings.SESSION_ENGINE)
        key = request.COOKIES.get(django_settings.SESSION_COOKIE_NAME)
        request.session = engine.SessionStore(key)
    check = _Check(lambda request: HttpResponse())
    check.process_request(request)
    reason: Any = check.process_view(request, _nothing, (), {})
    return None if reason is None else str(reason)


def _nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse()
