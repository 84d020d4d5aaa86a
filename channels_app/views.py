"""The front page: the demo board; without it, what there is to open and a subscription to paste.

The board signs in by itself: on a developer's own machine, and nowhere else, the page is told the
tokens of the demo's people.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe
from rest_framework.authtoken.models import Token

from channels_app.demo import content, trouble
from channels_app.models import Project

BOARD = "channels_app/board/board.js"

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

View = Callable[..., HttpResponse]


def _is_local(request: HttpRequest) -> bool:
    """True on a developer's machine: ``DEBUG`` is on, and the request comes from there."""
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    return settings.DEBUG and address.is_loopback


def _local_only(view: View) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not _is_local(request):
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@require_safe
@ensure_csrf_cookie
def index(request: HttpRequest) -> HttpResponse:
    if _is_local(request) and finders.find(BOARD):
        page = render(request, "channels_app/board.html")
        page["Content-Security-Policy"] = _POLICY
        return page
    projects = Project.objects.visible_to(request.user).select_related("owner")[:20]
    return render(request, "channels_app/index.html", {"projects": projects})


@require_safe
@_local_only
def demo_session(request: HttpRequest) -> HttpResponse:
    """Answer the people of the demo with their tokens, the projects, and the server's mode."""
    usernames = [person.username for person in content.PEOPLE]
    users = User.objects.filter(username__in=usernames).order_by("pk")
    tokens = dict(Token.objects.filter(user__in=users).values_list("user_id", "key"))
    people = [
        {
            "id": str(user.pk),
            "username": user.username,
            "name": user.get_full_name(),
            "token": tokens[user.pk],
            "projects": [
                str(pk) for pk in Project.objects.visible_to(user).values_list("pk", flat=True)
            ],
        }
        for user in users
        if user.pk in tokens
    ]
    projects = [
        {"id": str(pk), "name": name} for pk, name in Project.objects.values_list("pk", "name")
    ]
    answer = JsonResponse(
        {"people": people, "projects": projects, "mode": trouble.get_mode().value}
    )
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@_local_only
def demo_server(request: HttpRequest) -> HttpResponse:
    """Make the server normal, slow, or one that refuses: ``{"mode": "slow"}``."""
    try:
        trouble.set_mode(trouble.Mode(json.loads(request.body)["mode"]))
    except (ValueError, KeyError, TypeError):
        modes = ", ".join(mode.value for mode in trouble.Mode)
        return HttpResponseBadRequest(f'Send {{"mode": …}} with one of {modes}')
    return JsonResponse({"mode": trouble.get_mode().value})
