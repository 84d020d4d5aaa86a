"""System checks for production: what is open, too small, or known to fail there.

``manage.py check --deploy`` runs all of them, ``manage.py check`` those marked with a star.

====  ============================================================================
W010  ``DEBUG`` is on
W011  several processes, each with a memory store of its own
W012  no channel layer that reaches other processes
W013  the channel layer that is built on lists
W014  a channel layer whose blocking reads run into redis-py's timeout
W015  a channel layer that would not notice a dead connection
W016  introspection and the page for people are open
W017  a limit is turned off
W018  pages of any origin may connect
W019  SQLite
W020  a database without the intent log
W021  a database that could not be asked for it
W022  ``OUTBOX`` is off
W023* a path for operators that the project serves itself
W024* a token for metrics that is short
E031* ``TRACING`` without opentelemetry-api
E032* ``METRICS_TOKEN`` without prometheus-client
====  ============================================================================

W001, the memory store, is found by ``rxgraph.declare.checks`` while ``DEBUG`` is off.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from django.conf import settings as django_settings
from django.core import checks
from django.db import DatabaseError, InterfaceError, connections, router

from rxgraph.compile.channel import compiled_channels
from rxgraph.declare.checks import TAG, messages
from rxgraph.declare.own_paths import is_own
from rxgraph.declare.problems import Problem
from rxgraph.errors import DeclarationError
from rxgraph.settings import RxGraphSettings, get_settings
from rxgraph.sync import intents

#: Settings that turn a limit off with None or 0.
LIMITS = (
    "document_bytes",
    "document_tokens",
    "operation_depth",
    "operation_aliases",
    "operation_cost",
    "message_bytes",
    "operations_per_connection",
    "connections_per_user",
    "connections_per_address",
    "operations_per_second",
    "new_documents_per_second",
    "mutations_per_second",
    "list_anchors",
    "snapshot_instances",
    "snapshot_bytes",
    "init_timeout_seconds",
    "idle_timeout_seconds",
    "ping_seconds",
    "queue_bytes",
    "queue_events",
    "mutation_bytes",
    "mutation_operations",
)

_LISTS = "channels_redis.core.RedisChannelLayer"
_PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"
_IN_MEMORY = "channels.layers.InMemoryChannelLayer"
_BLOCKING_SECONDS = 5  # that the layer of lists waits in Redis for a message
_SHORT_TOKEN = 16


def register() -> None:
    """Register the checks with Django; harmless when done twice."""
    checks.register(check_operations, TAG)
    checks.register(check_deployment, TAG, deploy=True)


def check_operations(app_configs: object = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Return what is wrong with what operators use."""
    return messages([*_paths(get_settings()), *_extras(get_settings())])


def check_deployment(app_configs: object = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Return what had better be otherwise in production."""
    settings = get_settings()
    return messages(
        [
            *_debugging(settings),
            *_memory(settings),
            *_layer(settings),
            *_openness(settings),
            *_limits(settings),
            *_databases(settings),
        ]
    )


def _setting(name: str) -> str:
    return f'RXGRAPH["{name.upper()}"]'


# -- what operators use


def _paths(settings: RxGraphSettings) -> Iterator[Problem]:
    served = {"health_path": settings.health_path, "ready_path": settings.ready_path}
    if settings.metrics_token:
        served["metrics_path"] = settings.metrics_path
    for name, path in served.items():
        if path is not None and is_own(path):
            yield Problem(
                "W023",
                _setting(name),
                f"is {path}, which the URLconf serves already: RxGraph does not answer there",
                "set it to another path, or to None if the page is meant to answer",
            )


def _extras(settings: RxGraphSettings) -> Iterator[Problem]:
    token = settings.metrics_token
    if token is not None and len(token) < _SHORT_TOKEN:
        yield Problem(
            "W024",
            _setting("metrics_token"),
            f"has {len(token)} characters, which can be guessed",
            "write secrets.token_urlsafe(32) into the environment, and take it from there",
        )
    if token and find_spec("prometheus_client") is None:
        yield Problem(
            "E032",
            _setting("metrics_token"),
            "is set, and prometheus-client is not installed",
            'pip install "rxgraph[metrics]"',
        )
    if settings.tracing and find_spec("opentelemetry") is None:
        yield Problem(
            "E031",
            _setting("tracing"),
            "is on, and opentelemetry-api is not installed",
            'pip install "rxgraph[tracing]"',
        )


# -- what is not for production


def _debugging(settings: RxGraphSettings) -> Iterator[Problem]:
    if django_settings.DEBUG:
        yield Problem(
            "W010",
            "DEBUG",
            "is on: it opens introspection, shows tracebacks, and keeps every SQL statement",
            "turn it off",
        )


def _memory(settings: RxGraphSettings) -> Iterator[Problem]:
    if not settings.is_memory:
        return
    if django_settings.DEBUG:  # otherwise the check of declarations says so
        yield Problem(
            "W001",
            _setting("store"),
            "is memory://: it serves one process only",
            'set it to "mongodb://host/database" in production',
        )
    workers = os.environ.get("WEB_CONCURRENCY", "")
    if workers.isdecimal() and int(workers) > 1:
        yield Problem(
            "W011",
            "WEB_CONCURRENCY",
            f"is {workers}: each of these processes has a memory of its own, so that clients of"
            " one never see what another writes",
            'set it to 1, or RXGRAPH["STORE"] to "mongodb://host/database"',
        )


def _openness(settings: RxGraphSettings) -> Iterator[Problem]:
    if django_settings.DEBUG if settings.explore is None else settings.explore:
        yield Problem(
            "W016",
            _setting("explore"),
            "lets everybody read the schema, and serves GraphiQL",
            "set it to False",
        )
    if "*" in settings.allowed_origins:
        yield Problem(
            "W018",
            _setting("allowed_origins"),
            'holds "*": pages of any site may connect',
            "name the origins of your front ends",
        )


def _limits(settings: RxGraphSettings) -> Iterator[Problem]:
    for name in LIMITS:
        if not getattr(settings, name, 1):
            yield Problem(
                "W017",
                _setting(name),
                f"is {getattr(settings, name)!r}: that limit is off",
                "leave it out, for its default, or set what your clients need",
            )


# -- the channel layer


def _layer(settings: RxGraphSettings) -> Iterator[Problem]:
    if settings.is_memory:
        return
    layers: Mapping[str, Any] = getattr(django_settings, "CHANNEL_LAYERS", {})
    layer = layers.get("default", {})
    backend = layer.get("BACKEND")
    if backend in (None, _IN_MEMORY):
        yield Problem(
            "W012",
            'CHANNEL_LAYERS["default"]',
            f"is {backend or 'missing'}: other processes hear of changes only by polling",
            f"use {_PUBSUB}",
        )
    if backend == _LISTS:
        yield Problem(
            "W013",
            'CHANNEL_LAYERS["default"]',
            f"is {_LISTS}, which is several times slower, and drops what exceeds its capacity",
            f"use {_PUBSUB}",
        )
    for host in _hosts(layer) if backend in (_LISTS, _PUBSUB) else ():
        yield from _connection(backend, host)


def _hosts(layer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    hosts = layer.get("CONFIG", {}).get("hosts") or [{}]
    return [host if isinstance(host, Mapping) else {} for host in hosts]


def _connection(backend: str, host: Mapping[str, Any]) -> Iterator[Problem]:
    """Look at how one Redis is connected to.

    redis-py 8.0.0 made ``socket_timeout`` 5 seconds, which is as long as the layer of lists waits
    (django/channels_redis#422, redis/redis-py#4091). A subscriber that is idle sends nothing, so
    without keepalive or health checks it never learns that its connection is gone
    (redis/redis-py#1427, redis/redis-py#3092).
    """
    timeout = host.get("socket_timeout", _default("socket_timeout"))
    if backend == _LISTS and timeout is not None and timeout <= _BLOCKING_SECONDS:
        yield Problem(
            "W014",
            'CHANNEL_LAYERS["default"]',
            f"reads for {_BLOCKING_SECONDS} seconds at a time, and redis-py {_version('redis')}"
            f" gives up after {timeout:g}: every quiet moment looks like an outage",
            'write hosts as {"address": "redis://…", "socket_timeout": 15}, or use ' + _PUBSUB,
        )
    is_kept = host.get("socket_keepalive", _default("socket_keepalive"))
    if not is_kept and not host.get("health_check_interval"):
        yield Problem(
            "W015",
            'CHANNEL_LAYERS["default"]',
            f"would not notice a connection that died silently (redis-py {_version('redis')})",
            'write hosts as {"address": "redis://…", "health_check_interval": 30}',
        )


def _default(name: str) -> Any:
    """Return what the installed redis-py takes where a host does not say."""
    try:
        from redis.asyncio import connection
    except ImportError:
        return None
    for kind in (connection.Connection, connection.AbstractConnection):
        found = inspect.signature(kind.__init__).parameters.get(name)
        if found is not None:
            return found.default
    return None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"


# -- databases


def _databases(settings: RxGraphSettings) -> Iterator[Problem]:
    if not settings.outbox:
        yield Problem(
            "W022",
            _setting("outbox"),
            "is False: a change whose process dies after its commit is never shown",
            "leave it on; docs/performance.md has its price",
        )
    for alias in _aliases():
        connection = connections[alias]
        if connection.vendor == "sqlite":
            yield Problem(
                "W019",
                f'DATABASES["{alias}"]',
                "is SQLite: one writer at a time, and no other machine",
                "use PostgreSQL",
            )
        if settings.outbox:
            yield from _intent_log(alias)


def _intent_log(alias: str) -> Iterator[Problem]:
    try:
        is_there = intents.is_there(connections[alias])
    except (DatabaseError, InterfaceError) as error:
        yield Problem(
            "W021",
            f'DATABASES["{alias}"]',
            f"could not be asked for the intent log: {type(error).__name__}",
            "run the check where the database can be reached",
        )
        return
    if not is_there:
        yield Problem(
            "W020",
            f'DATABASES["{alias}"]',
            "has no intent log, so that changes can be lost",
            f"manage.py migrate rxgraph --database {alias}, and let your router allow it",
        )


def _aliases() -> list[str]:
    try:
        compiled = compiled_channels()
    except DeclarationError:
        return []  # the check of declarations says why
    models = {model for item in compiled for model in item.tree.tracked_models}
    return sorted({router.db_for_write(model) for model in models})
