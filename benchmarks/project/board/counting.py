"""How many statements and store commands this process has sent, and where its time went."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from channels_redis.pubsub import RedisPubSubLoopLayer
from django.db.backends.signals import connection_created
from pymongo import monitoring

#: Statements of the database, shortened and without values.
statements: Counter[str] = Counter()
#: Commands of MongoDB by name.
commands: Counter[str] = Counter()
#: Channel-layer groups joined.
groups: Counter[str] = Counter()
#: Hooks of list channels that say who sees what, by name.
checks: Counter[str] = Counter()
#: Seconds by what was waited for: "sql", "mongo", and what a side adds.
seconds: defaultdict[str, float] = defaultdict(float)

_MOST_CHARACTERS = 100


def start() -> None:
    """Count on every connection that is opened from now on."""
    connection_created.connect(_created, dispatch_uid="benchmarks")
    monitoring.register(_Commands())
    _count_groups()


def _count_groups() -> None:
    join = RedisPubSubLoopLayer.group_add

    async def joined(self: Any, group: str, channel: str) -> None:
        groups["groups"] += 1
        await join(self, group, channel)

    RedisPubSubLoopLayer.group_add = joined


def shorten(sql: str) -> str:
    """Return *sql* as a key of ``statements``: selected columns, numbers and lists left out."""
    sql = re.sub(r"SELECT .*? FROM", "SELECT … FROM", sql, flags=re.DOTALL)
    sql = re.sub(r"\b\d+\b|%s(, %s)+", "…", sql)
    return " ".join(sql.split())[:_MOST_CHARACTERS]


def _created(connection: Any, **kwargs: Any) -> None:
    if _count not in connection.execute_wrappers:
        connection.execute_wrappers.append(_count)


def _count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    statements[sql if sql in statements else shorten(sql)] += 1
    before = time.perf_counter()
    try:
        return execute(sql, params, many, context)
    finally:
        seconds["sql"] += time.perf_counter() - before


class _Commands(monitoring.CommandListener):
    def started(self, event: monitoring.CommandStartedEvent) -> None:
        commands[event.command_name] += 1

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        seconds["mongo"] += event.duration_micros / 1e6

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass
