"""Settings that run the capture tests on the PostgreSQL of ``DATABASE_URL``."""

from __future__ import annotations

import os

from channels_app.environment import postgres_database
from tests.settings import *  # noqa: F403

_postgres = postgres_database(os.environ["DATABASE_URL"])
DATABASES = {
    alias: {**_postgres, "TEST": {"NAME": f"test_rxgraph_capture_{alias}_{os.getpid()}"}}
    for alias in ("default", "other")
}
