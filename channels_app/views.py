"""The front page: what there is to open, and a subscription to paste."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from channels_app.models import Project


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    projects = Project.objects.visible_to(request.user).select_related("owner")[:20]
    return render(request, "channels_app/index.html", {"projects": projects})
