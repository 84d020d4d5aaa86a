"""Read the rows of a write and keep others from changing them until it is done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connections, models

from rxgraph.cache.rows.prepared import row_by_key
from rxgraph.sync.rows import hold

__all__ = ["hold", "lock"]


def lock(
    model: type[models.Model], pk: Any, using: str, *, is_doomed: bool = False
) -> models.Model | None:
    """Return the row *pk* as it is now, locked to the end of the transaction; None: it is gone.

    A row that is not *is_doomed* is locked as an UPDATE does (``FOR NO KEY UPDATE``): rows that
    refer to it may still be inserted by others. SQLite has its one write lock (see ``hold``).
    """
    features = connections[using].features
    if not features.has_select_for_update:
        return row_by_key(model._base_manager, pk, using)
    tables = ("self", *_ancestors(model)) if features.has_select_for_update_of else ()
    no_key = not is_doomed and features.has_select_for_no_key_update
    return row_by_key(
        model._base_manager,
        pk,
        using,
        lambda rows: rows.select_for_update(of=tables, no_key=no_key),
        f"lock {no_key}",
    )


def _ancestors(model: type[models.Model], path: str = "") -> Iterator[str]:
    for parent, link in model._meta.concrete_model._meta.parents.items():  # type: ignore[union-attr]
        if link is not None:
            yield f"{path}{link.name}"
            yield from _ancestors(parent, f"{path}{link.name}__")
