"""The front page: what there is to open, and a subscription to paste."""

from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from channels_app.models import Project


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    user = request.user
    assert isinstance(user, User | AnonymousUser)
    projects = Project.objects.visible_to(user).select_related("owner")[:20]
    return render(request, "channels_app/index.html", {"projects": projects})
