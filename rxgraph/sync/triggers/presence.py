"""Which databases write their intents themselves, and which of those are the transaction's own.

Where triggers are missing the ORM goes on capturing, and the log says so: doing an intent twice
costs time, one that nobody wrote costs the truth.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from uuid import UUID

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_migrate

from rxgraph.settings import get_settings
from rxgraph.sync import intents
from rxgraph.sync.triggers import sql
from rxgraph.types import RowKey

logger = logging.getLogger("rxgraph.sync")

TRIGGERS = "triggers"

_RETRY_SECONDS = 60.0
#: Alias → whether its triggers are there, and until when that holds (``time.monotonic``).
_looked_at: dict[str, tuple[bool, float]] = {}


def has_triggers(using: str) -> bool:
    """Return whether triggers of the database *using* write the intents of whatever changes."""
    settings = get_settings()
    if settings.capture != TRIGGERS or not settings.outbox:
        return False
    known, until = _looked_at.get(using, (False, 0.0))
    if time.monotonic() >= until:
        known = _look(using)
        _looked_at[using] = known, float("inf") if known else time.monotonic() + _RETRY_SECONDS
    return known


def own(connection: BaseDatabaseWrapper) -> list[tuple[UUID, frozenset[RowKey]]]:
    """Return the intents that triggers wrote in the current transaction, and claim them.

    Claimed means that the caller does them: nobody is notified at the commit.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql.OWN_INTENTS)
        return [(id_, intents.rows_in(text)) for id_, text, _ in cursor.fetchall()]


def look_again(**kwargs: object) -> None:
    """Forget which databases have their triggers; connected to ``post_migrate``."""
    _looked_at.clear()


post_migrate.connect(look_again, dispatch_uid="rxgraph.triggers")


def _look(using: str) -> bool:
    connection = connections[using]
    if connection.vendor != "postgresql":
        return False
    from rxgraph.sync.triggers import installing

    with suppress(ImportError):
        lacking = installing.missing(using)
        if not lacking and intents.is_there(connection):
            return True
        logger.error(
            "The database %r lacks triggers on %s, so only changes by the ORM are seen: run "
            "`manage.py migrate --database %s` (or `manage.py pgtrigger install`)",
            using,
            ", ".join(lacking) or "everything",
            using,
        )
    return False
