"""Settings that run the capture tests on PostgreSQL with its triggers as the ones who see."""

from __future__ import annotations

from tests.sync.captured.postgres import *  # noqa: F403
from tests.sync.captured.postgres import INSTALLED_APPS, RXGRAPH

INSTALLED_APPS = [*INSTALLED_APPS, "pgtrigger"]
RXGRAPH = {**RXGRAPH, "CAPTURE": "triggers"}
