"""Settings of the board with RxGraph."""

from __future__ import annotations

import os
from typing import Any

from benchmarks.project.board.settings import *  # noqa: F403
from benchmarks.project.board.settings import BOARD, DJANGO_APPS

INSTALLED_APPS = [BOARD, *DJANGO_APPS, "rxgraph", "benchmarks.project.ours"]
ASGI_APPLICATION = "benchmarks.project.ours.asgi.application"
RXGRAPH: dict[str, Any] = {
    "STORE": os.environ.get("BENCH_MONGO", "memory://"),
    "OUTBOX": os.environ.get("BENCH_OUTBOX", "on") == "on",
    "HAND_OVER": os.environ.get("BENCH_HAND_OVER", "on") == "on",
}
if os.environ.get("BENCH_LIMITS", "wide") == "wide":
    # One user at one address is a whole crowd here. The rates are counted all the same.
    RXGRAPH |= {
        "CONNECTIONS_PER_USER": None,
        "CONNECTIONS_PER_ADDRESS": None,
        "OPERATIONS_BURST": 10_000_000,
        "NEW_DOCUMENTS_BURST": 10_000_000,
        "MUTATIONS_BURST": 10_000_000,
    }
