"""Settings of the servers that tests start: the board, as the environment says."""

from __future__ import annotations

import json
import os
from pathlib import Path

from channels_app.settings import *  # noqa: F403
from channels_app.settings import DATABASES, RXGRAPH

DEBUG = os.environ.get("TEST_DEBUG") == "1"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [
    *INSTALLED_APPS,  # noqa: F405
    *os.environ.get("TEST_APPS", "").split(),
]

if path := os.environ.get("TEST_SQLITE"):
    DATABASES["default"]["NAME"] = Path(path)

# Who comes and goes would be events between those that the tests count.
BOARD_PRESENCE = os.environ.get("TEST_PRESENCE") == "1"

RXGRAPH["PLANS"] = os.environ.get("RXGRAPH_PLANS", "1") != "0"
# What nobody watches any more is gone soon, for tests that wait for that.
RXGRAPH["LINGER_SECONDS"] = 1
# One user does the work of a crowd; tests of limits set their own.
RXGRAPH.update(
    OPERATIONS_PER_SECOND=None,
    NEW_DOCUMENTS_PER_SECOND=None,
    MUTATIONS_PER_SECOND=None,
    CONNECTIONS_PER_USER=None,
)
RXGRAPH.update(json.loads(os.environ.get("TEST_RXGRAPH", "{}")))
