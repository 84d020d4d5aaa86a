"""Which databases have an intent log that is swept.

Those that tracked models are written to, and every other one that the router lets have the log and
that has it: rows written ``.using()`` some other database leave their intents there. Not a database
that only mirrors another: ``TEST["MIRROR"]`` says so, or PostgreSQL does; nor one that another
alias leads to as well.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable, Iterable

from django.db import connections, models, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_migrate

from rxgraph.models import Intent

logger = logging.getLogger("rxgraph.sync")

_RETRY_SECONDS = 60.0
#: Alias → whether it is swept besides, and until when that holds (``time.monotonic``).
_looked_at: dict[str, tuple[bool, float]] = {}


def swept(tracked: Iterable[type[models.Model]]) -> list[str]:
    """Return the aliases to sweep, sorted: of *tracked* models, and of what else has a log."""
    main = sorted({router.db_for_write(model) for model in tracked})
    places = {_place(connections[alias]) for alias in main}
    found = list(main)
    for alias in connections:
        if alias not in main and _place(connections[alias]) not in places and _has_log(alias):
            places.add(_place(connections[alias]))
            found.append(alias)
    return sorted(found)


def is_mirror(alias: str) -> bool:
    """True for a database that only follows another one, and cannot be written."""
    connection = connections[alias]
    if connection.settings_dict.get("TEST", {}).get("MIRROR"):
        return True
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()")
        return bool(cursor.fetchone()[0])


def look_again(**kwargs: object) -> None:
    """Forget what was found out; connected to ``post_migrate``."""
    _looked_at.clear()


post_migrate.connect(look_again, dispatch_uid="rxgraph.databases")


def _has_log(alias: str) -> bool:
    known, until = _looked_at.get(alias, (False, 0.0))
    if time.monotonic() < until:
        return known
    found = False
    if router.allow_migrate_model(alias, Intent):
        connection = connections[alias]
        was_open = connection.connection is not None
        try:
            with connection.cursor() as cursor:
                tables = connection.introspection.table_names(cursor)
            found = Intent._meta.db_table in tables and not is_mirror(alias)
        except Exception as error:  # noqa: BLE001 - it must not keep the others from being swept
            logger.info("the database %r was not asked for an intent log: %s", alias, error)
        if not found and not was_open:
            connection.close()
    _looked_at[alias] = found, time.monotonic() + _RETRY_SECONDS
    return found


def _place(connection: BaseDatabaseWrapper) -> Hashable:
    settings = connection.settings_dict
    return tuple(str(settings.get(name) or "") for name in ("ENGINE", "HOST", "PORT", "NAME"))
