"""``uvicorn benchmarks.project.ours.asgi:application``."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.project.ours.settings")
_django = get_asgi_application()

from benchmarks.project.ours import timing  # noqa: E402 - the line above loads the channels
from rxgraph.asgi import with_graphql  # noqa: E402

timing.start()
application = with_graphql(_django, path="/graphql")
