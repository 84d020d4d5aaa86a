"""The tables RxGraph adds to a database: the intent log, what could not be done, and mutations."""

from __future__ import annotations

import os
import time
from uuid import UUID

from django.db import models
from django.utils import timezone


def new_intent_id() -> UUID:
    """Return a UUID that sorts by time to a quarter of a microsecond.

    Version 7 of RFC 9562 (§5.7), with 12 bits of the millisecond's fraction (§6.2, method 3).
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = nanoseconds * 4096 // 1_000_000
    noise = int.from_bytes(os.urandom(8), "big") >> 2
    return UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62 | noise)


class Intent(models.Model):
    """Rows that one transaction may have changed, until live state has followed.

    Written in that very transaction, deleted once every context that holds the rows has them.
    """

    id = models.UUIDField(primary_key=True, default=new_intent_id, editable=False)
    rows = models.TextField(help_text='JSON, keys by model: {"app.model": [7, [10, 99], "text"]}.')
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        app_label = "rxgraph"
        db_table = "rxgraph_intent"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.id)


class Quarantined(models.Model):
    """An intent that could not be done for ``RXGRAPH["INTENT_RETRY_SECONDS"]``.

    Kept for ``RXGRAPH["QUARANTINE_SECONDS"]``; ``rxgraph_sweep --requeue`` puts it back.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    rows = models.TextField(help_text="As the intent had it.")
    problem = models.TextField(help_text="Why it could not be done.")
    created_at = models.DateTimeField(help_text="When the intent was written.")
    quarantined_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        app_label = "rxgraph"
        db_table = "rxgraph_quarantine"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.id}: {self.problem}"


class Mutation(models.Model):
    """What a user's mutation did, so that a repeat is answered instead of done again.

    Written in the transaction of the write itself; kept for ``RXGRAPH["MUTATION_WINDOW"]``.
    """

    user = models.CharField(max_length=255, help_text="Primary key of the user as text.")
    client_mutation_id = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of what was asked for.")
    outcome = models.TextField(help_text="JSON: what was written.")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        app_label = "rxgraph"
        db_table = "rxgraph_mutation"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["user", "client_mutation_id"], name="rxgraph_mutation_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.client_mutation_id}"
