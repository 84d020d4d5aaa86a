"""Settings that both sides share; the addresses come from ``benchmarks.ground``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from channels_app import environment

SECRET_KEY = "benchmarks-only"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "benchmarks.project.board.urls"
MIDDLEWARE: list[str] = []

BOARD = "benchmarks.project.board"  # first: it counts what the others ask of their services
DJANGO_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "rest_framework",
    "rest_framework.authtoken",
    "channels",
]

_database = os.environ.get("BENCH_DATABASE", ":memory:")
DATABASES: dict[str, dict[str, Any]] = {
    "default": environment.postgres_database(_database, conn_max_age_seconds=600)
    if "://" in _database
    else environment.sqlite_database(Path(_database)),
}
DATABASES["default"]["CONN_HEALTH_CHECKS"] = False

CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [os.environ.get("BENCH_REDIS", "")],
            "prefix": os.environ.get("BENCH_PREFIX", ""),
        },
    },
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
