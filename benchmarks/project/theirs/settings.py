"""Settings of the board with RxDjango."""

from __future__ import annotations

import os

from benchmarks.project.board.settings import *  # noqa: F403
from benchmarks.project.board.settings import BOARD, DJANGO_APPS

INSTALLED_APPS = [BOARD, "rxdjango", *DJANGO_APPS, "benchmarks.project.theirs"]
ASGI_APPLICATION = "benchmarks.project.theirs.asgi.application"
MONGO_URL = os.environ.get("BENCH_MONGO", "")
MONGO_STATE_DB = MONGO_URL.rpartition("/")[2]
REDIS_URL = os.environ.get("BENCH_STATE_REDIS", "")
