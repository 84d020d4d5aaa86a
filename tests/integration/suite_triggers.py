"""``suite_settings`` with the triggers of PostgreSQL as the ones who see what is written."""

from __future__ import annotations

from tests.integration.suite_settings import *  # noqa: F403
from tests.integration.suite_settings import INSTALLED_APPS, RXGRAPH

INSTALLED_APPS = [*INSTALLED_APPS, "pgtrigger"]
RXGRAPH = {**RXGRAPH, "CAPTURE": "triggers"}
#: What ``migrate`` installs is for the channels: it is what these suites are about.
KEEPS_INSTALLED_TRIGGERS = True
