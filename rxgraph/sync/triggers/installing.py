"""Bring the triggers into databases: register them with django-pgtrigger, install, look, drop.

They stand in pgtrigger's registry, so that ``manage.py pgtrigger ls``, ``install`` and ``prune``
know them, and not in the ``Meta.triggers`` of their models: those may be other people's, and no
app gets a migration. ``migrate`` installs what is missing or out of date, and drops what nothing
tracks any more.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from django.apps import apps
from django.db import connections, models, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from rxgraph.models import Intent
from rxgraph.sync import databases, tracking
from rxgraph.sync.tracking import Tracking
from rxgraph.sync.triggers import sql
from rxgraph.sync.triggers.sql import Verb

logger = logging.getLogger("rxgraph.sync")

Model = type[models.Model]

PREFIX = "rxgraph_"
_NOTIFY = "rxgraph_notify"


def tracked_models(current: Tracking | None = None) -> Iterator[tuple[Model, tracking.Tracked]]:
    """Yield the models whose tables get triggers, with what their rows touch."""
    for label, tracked in (current or tracking.current()).models.items():
        model: Model = apps.get_model(label)
        if tracked.labels or tracked.ends or tracked.bases or tracked.heirs:
            yield model, tracked


def register(current: Tracking | None = None) -> None:
    """Put the triggers of everything tracked into pgtrigger's registry, and of nothing else."""
    registry = _pgtrigger().registry
    unregister()
    for model, trigger in _triggers(current):
        options: Any = model._meta
        kept = options.__dict__.get("triggers")
        declared = options.original_attrs.get("triggers")
        registry.set(trigger.get_uri(model), model=model, trigger=trigger)
        _restore(options.__dict__, kept)
        _restore(options.original_attrs, declared)


def unregister() -> None:
    """Take ours out of pgtrigger's registry."""
    known = _pgtrigger().registry._registry.data
    ours = [uri for uri in known if _is_ours(uri.rpartition(":")[2])]
    for uri in ours:
        del known[uri]


def install(using: str) -> int:
    """Install what is missing or out of date, drop what is not wanted; answer how many those are.

    Nothing is done where the database is not PostgreSQL, or only mirrors another one.
    """
    connection = connections[using]
    if connection.vendor != "postgresql" or databases.is_mirror(using):
        return 0
    there, wanted = _installed(connection), {}
    for model, trigger in _wanted(using):
        wanted[_table(model), trigger.get_pgid(model)] = model, trigger
    changed = 0
    with transaction.atomic(using=using):
        for place, (model, trigger) in wanted.items():
            if there.get(place) != trigger.compile(model).hash:
                trigger.install(model, database=using)
                changed += 1
        changed += _drop(connection, set(there) - set(wanted))
    return changed


def drop(using: str) -> int:
    """Drop all of ours; answer how many those were. Needs no pgtrigger."""
    connection = connections[using]
    if connection.vendor != "postgresql" or databases.is_mirror(using):
        return 0
    return _drop(connection, set(_installed(connection)))


def missing(using: str) -> list[str]:
    """Return the tables of *using* whose triggers are missing, disabled or out of date, sorted."""
    there = _installed(connections[using])
    return sorted(
        {
            _table(model)
            for model, trigger in _wanted(using)
            if there.get((_table(model), trigger.get_pgid(model))) != trigger.compile(model).hash
        }
    )


def _wanted(using: str) -> Iterator[tuple[Model, Any]]:
    """Yield model and trigger of everything that is registered and has a table in *using*."""
    connection = connections[using]
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        tables = {name for (name,) in cursor.fetchall()}
    if Intent._meta.db_table not in tables:
        return
    for model, trigger in _pgtrigger().registry.registered():
        is_there = _is_ours(trigger.name) and _table(model) in tables
        if is_there and router.allow_migrate_model(using, model):
            yield model, trigger


def _triggers(current: Tracking | None) -> Iterator[tuple[Model, Any]]:
    from rxgraph.sync.triggers.definitions import Capture

    pgtrigger = _pgtrigger()
    operations = {
        Verb.INSERT: pgtrigger.Insert,
        Verb.UPDATE: pgtrigger.Update,
        Verb.DELETE: pgtrigger.Delete,
        Verb.TRUNCATE: pgtrigger.Truncate,
    }
    for model, tracked in tracked_models(current):
        for verb, operation in operations.items():
            tables = {
                name: table
                for name, table in (("old", sql.OLD), ("new", sql.NEW))
                if table in sql.SOURCES[verb]
            }
            yield (
                model,
                Capture(
                    name=f"{PREFIX}{verb}",
                    level=pgtrigger.Statement,
                    when=pgtrigger.After if tables else pgtrigger.Before,
                    operation=operation,
                    referencing=pgtrigger.Referencing(**tables) if tables else None,
                    declare=sql.DECLARE,
                    func=sql.body(model, tracked, verb),
                ),
            )
    yield (
        Intent,
        Capture(
            name=_NOTIFY,
            level=pgtrigger.Row,
            when=pgtrigger.After,
            operation=pgtrigger.Insert,
            timing=pgtrigger.Deferred,
            condition=pgtrigger.Condition(sql.NOTIFY_CONDITION),
            func=sql.NOTIFY_BODY,
        ),
    )


_TABLES = """
SELECT c.relname FROM pg_class AS c
WHERE c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid)
"""
_INSTALLED = """
SELECT c.relname, t.tgname, obj_description(t.oid, 'pg_trigger'), t.tgenabled
FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE t.tgname LIKE 'pgtrigger\\_rxgraph\\_%' AND NOT t.tgisinternal AND t.tgparentid = 0
  AND pg_table_is_visible(c.oid)
"""


def _installed(connection: BaseDatabaseWrapper) -> dict[tuple[str, str], str | None]:
    """Return (table, trigger) → hash of what is installed; None: it is disabled."""
    with connection.cursor() as cursor:
        cursor.execute(_INSTALLED)
        return {
            (table, name): hash_ if str(enabled) in ("O", "A", "b'O'", "b'A'") else None
            for table, name, hash_, enabled in cursor.fetchall()
        }


def _drop(connection: BaseDatabaseWrapper, places: set[tuple[str, str]]) -> int:
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        for table, name in sorted(places):
            cursor.execute(f"DROP TRIGGER IF EXISTS {quote(name)} ON {quote(table)}")
            cursor.execute(f"DROP FUNCTION IF EXISTS {quote(name)}()")
    return len(places)


def _pgtrigger() -> Any:
    """Return django-pgtrigger, which is needed where triggers capture, and nowhere else."""
    return import_module("pgtrigger")


def _table(model: Model) -> str:
    return str(model._meta.db_table).strip('"')


def _is_ours(name: str) -> bool:
    return name in {_NOTIFY, *(f"{PREFIX}{verb}" for verb in Verb)}


def _restore(attributes: dict[str, Any], kept: Any) -> None:
    if kept is None:
        attributes.pop("triggers", None)
    else:
        attributes["triggers"] = kept
