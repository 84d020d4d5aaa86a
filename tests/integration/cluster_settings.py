"""Settings of the processes of a cluster: a Redis prefix of its own, and a log of its queries."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db.backends.signals import connection_created

from tests.integration.served_settings import *  # noqa: F403
from tests.integration.served_settings import CHANNEL_LAYERS

match os.environ.get("TEST_LAYER", ""):
    case "":
        pass
    case "memory":
        CHANNEL_LAYERS["default"] = {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    case prefix:
        CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] = prefix


def _log_query(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    with Path(os.environ["TEST_QUERY_LOG"]).open("a") as log:
        log.write(f"{os.getpid()} {' '.join(str(sql).split())}\n")
    return execute(sql, params, many, context)


def _watch_queries(connection: Any, **kwargs: Any) -> None:
    if _log_query not in connection.execute_wrappers:
        connection.execute_wrappers.append(_log_query)


if os.environ.get("TEST_QUERY_LOG"):
    connection_created.connect(_watch_queries)
