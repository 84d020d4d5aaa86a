"""``uvicorn benchmarks.project.theirs.asgi:application``."""

from __future__ import annotations

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.project.theirs.settings")
_django = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 - Django is set up now
from django.urls import path  # noqa: E402

from benchmarks.project.theirs.channels import ProjectChannel  # noqa: E402

_routes: list[Any] = [path("ws/project/<int:project_id>/", ProjectChannel.as_asgi())]
if os.environ.get("BENCH_LISTS") == "on":
    from benchmarks.project.theirs.lists import FeedChannel, ShelfChannel

    _routes += [path("ws/shelf/", ShelfChannel.as_asgi()), path("ws/feed/", FeedChannel.as_asgi())]
application = ProtocolTypeRouter({"http": _django, "websocket": URLRouter(_routes)})
