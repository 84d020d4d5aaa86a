"""The one table RxGraph adds to a database: the intent log."""

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
    rows = models.TextField(help_text='JSON: [["app.model", "primary key"], ...].')
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        app_label = "rxgraph"
        db_table = "rxgraph_intent"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.id)
