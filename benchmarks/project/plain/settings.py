"""Settings of the board with Strawberry alone."""

from __future__ import annotations

from benchmarks.project.board.settings import *  # noqa: F403
from benchmarks.project.board.settings import BOARD, DJANGO_APPS

INSTALLED_APPS = [BOARD, *DJANGO_APPS, "strawberry_django", "benchmarks.project.plain"]
ASGI_APPLICATION = "benchmarks.project.plain.asgi.application"
