"""System checks of what capture stands on: settings at every start, tables and triggers on demand.

====  ============================================================================
E034  ``CAPTURE`` is no way to capture
E035  ``CAPTURE`` is ``"triggers"`` and django-pgtrigger is not installed
E036  a key that triggers cannot name
W032  a database of tracked models whose triggers are missing or out of date
W033  ``CAPTURE`` is ``"triggers"`` and a database is not PostgreSQL
====  ============================================================================

Those that ask a database run with ``manage.py check --database ALIAS`` and with ``migrate``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.core import checks
from django.db import DatabaseError, InterfaceError, connections, router

from rxgraph.models import Intent
from rxgraph.settings import get_settings
from rxgraph.sync import databases as known_databases
from rxgraph.sync.triggers import installing, presence, sql

_WAYS = ("orm", presence.TRIGGERS)


def register() -> None:
    """Register the checks with Django; harmless when done twice."""
    checks.register(check_capture, "rxgraph")
    checks.register(check_databases, checks.Tags.database)


def check_capture(app_configs: object = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Return what is wrong with ``RXGRAPH["CAPTURE"]``, without asking a database."""
    settings = get_settings()
    if settings.capture not in _WAYS:
        return [
            checks.Error(
                f'RXGRAPH["CAPTURE"] is {settings.capture!r}',
                hint='write "orm" or "triggers"',
                id="rxgraph.E034",
            )
        ]
    if settings.capture != presence.TRIGGERS:
        return []
    if find_spec("pgtrigger") is None or not apps.is_installed("pgtrigger"):
        return [
            checks.Error(
                'RXGRAPH["CAPTURE"] is "triggers" without django-pgtrigger',
                hint="pip install 'rxgraph[triggers]' and add \"pgtrigger\" to INSTALLED_APPS",
                id="rxgraph.E035",
            )
        ]
    return [*_unnameable(), *_other_databases()]


def check_databases(
    app_configs: object = None, databases: Iterable[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Return which of *databases* lack the log, or their triggers."""
    tracked = {router.db_for_write(model) for model, _ in installing.tracked_models()}
    found: list[checks.CheckMessage] = []
    for using in sorted(tracked & set(databases or ())):
        try:
            found += _of_database(using)
        except (DatabaseError, InterfaceError):
            continue  # Django's own check tells that it does not answer
    return found


def _of_database(using: str) -> Iterator[checks.CheckMessage]:
    connection = connections[using]
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    if Intent._meta.db_table not in tables:  # which rxgraph.W020 tells
        return
    is_mine = connection.vendor == "postgresql" and not known_databases.is_mirror(using)
    if get_settings().capture != presence.TRIGGERS or not is_mine:
        return
    if lacking := installing.missing(using):
        yield checks.Warning(
            f"The database {using!r} lacks triggers, or has old ones, on {', '.join(lacking)}",
            hint=f"run `manage.py migrate --database {using}`; until then only the ORM is captured",
            id="rxgraph.W032",
        )


def _unnameable() -> Iterator[checks.CheckMessage]:
    named: dict[str, Any] = {}
    for model, tracked in installing.tracked_models():
        named[tracked.label] = model._meta.pk
        for end in (*tracked.ends, *tracked.bases):
            named[end.target._meta.label_lower] = end.target._meta.pk
        for heir in tracked.heirs:
            named[heir.label] = heir.model._meta.pk
    for label, key in sorted(named.items(), key=lambda item: item[0]):
        if not sql.is_nameable(key):
            yield checks.Error(
                f"The primary key of {label} is a {type(sql.final(key)).__name__}, whose text in "
                "the database is not the one that Django gives it",
                hint='make it an integer, UUID, text, date or decimal, or set CAPTURE to "orm"',
                id="rxgraph.E036",
            )


def _other_databases() -> Iterator[checks.CheckMessage]:
    aliases = {router.db_for_write(model) for model, _ in installing.tracked_models()}
    for using in sorted(aliases):
        if connections[using].vendor != "postgresql":
            yield checks.Warning(
                f'RXGRAPH["CAPTURE"] is "triggers" and the database {using!r} is no PostgreSQL',
                hint="its changes are captured by the ORM; raw SQL needs notify_changed",
                id="rxgraph.W033",
            )
