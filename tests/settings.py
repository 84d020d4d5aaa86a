"""Settings of the core suite: SQLite in a file, the memory store, no services."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

SECRET_KEY = "tests-only"
DEBUG = False
USE_TZ = True
TIME_ZONE = "UTC"
ALLOWED_HOSTS = ["*"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "tests.urls"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "channels",
    "rxgraph",
    "channels_app",
    "tests.torture",
    "tests.cache.shapes",
    "tests.sync.captured",
    "tests.sync.marked",
    "tests.sync.writing.app",
]
MIDDLEWARE: list[str] = []

_folder = Path(tempfile.mkdtemp(prefix="rxgraph-tests-"))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
_sqlite: dict[str, Any] = {
    "ENGINE": "django.db.backends.sqlite3",
    "OPTIONS": {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
    },
}
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **_sqlite,
        "NAME": _folder / "default.sqlite3",
        "TEST": {"NAME": _folder / "test-default.sqlite3"},
    },
    "other": {
        **_sqlite,
        "NAME": _folder / "other.sqlite3",
        "TEST": {"NAME": _folder / "test-other.sqlite3"},
    },
}
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}
#: ``RXGRAPH_PLANS=0`` runs the whole suite without plans.
PLANS = os.environ.get("RXGRAPH_PLANS", "1") != "0"
#: One user does the work of a crowd here, and tests of rates set their own.
NO_RATES = {
    "OPERATIONS_PER_SECOND": None,
    "NEW_DOCUMENTS_PER_SECOND": None,
    "MUTATIONS_PER_SECOND": None,
}
RXGRAPH: dict[str, Any] = {"STORE": "memory://", "PLANS": PLANS, **NO_RATES}
BOARD_PRESENCE = True
