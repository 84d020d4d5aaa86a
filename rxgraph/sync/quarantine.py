"""Where intents go that nobody could do: out of the way, in sight, and back on request.

A table beside the log in the same database. What is in it is shown by ``rxgraph_status``, and
leaves it by ``manage.py rxgraph_sweep --requeue``, or after ``RXGRAPH["QUARANTINE_SECONDS"]`` with
a word in the log.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from django.db import connections, transaction
from django.utils import timezone

from rxgraph.models import Intent, Quarantined, new_intent_id

logger = logging.getLogger("rxgraph.sync")


def put_away(using: str, id_: UUID, problem: str) -> bool:
    """Put an intent away that nobody can do; False where there is no table to put it into."""
    if not _is_there(using):
        return False
    with transaction.atomic(using=using):
        intents = Intent._default_manager.using(using).filter(pk=id_)
        for intent in intents:
            Quarantined._default_manager.using(using).update_or_create(
                id=intent.id,
                defaults={
                    "rows": intent.rows,
                    "problem": problem,
                    "created_at": intent.created_at,
                    "quarantined_at": timezone.now(),
                },
            )
        intents.delete()
    return True


def requeue(using: str) -> int:
    """Put what is in quarantine back into the log, to be tried again; answer how many."""
    if not _is_there(using):
        return 0
    with transaction.atomic(using=using):
        kept = list(Quarantined._default_manager.using(using).order_by("id"))
        again = [Intent(id=new_intent_id(), rows=item.rows) for item in kept]
        Intent._default_manager.using(using).bulk_create(again)
        Quarantined._default_manager.using(using).filter(id__in=[i.id for i in kept]).delete()
    return len(kept)


def forget(using: str, older_than_seconds: float) -> int:
    """Delete what has been in quarantine for that long, saying so; answer how many those are."""
    if not _is_there(using):
        return 0
    latest = timezone.now() - timedelta(seconds=older_than_seconds)
    old = Quarantined._default_manager.using(using).filter(quarantined_at__lte=latest)
    for item in old.order_by("id"):
        logger.warning("an intent leaves its quarantine on %r: %s; %.200s", using, item, item.rows)
    count, _ = old.delete()
    return count


def count(using: str) -> int:
    """Return how many there are."""
    return Quarantined._default_manager.using(using).count() if _is_there(using) else 0


def _is_there(using: str) -> bool:
    connection = connections[using]
    with connection.cursor() as cursor:
        return Quarantined._meta.db_table in connection.introspection.table_names(cursor)
