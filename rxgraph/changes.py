"""Tell RxGraph what it cannot see: ``notify_changed`` after raw SQL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models, router

from rxgraph.sync import tracking
from rxgraph.sync.rows import Values, name_rows, read
from rxgraph.sync.touches import touch


def notify_changed(
    changed: models.QuerySet[Any] | models.Model | Iterable[models.Model],
    *,
    using: str | None = None,
) -> None:
    """Treat *changed*, a queryset, an instance or several, as if the ORM had just saved it.

    For writes that go past the ORM: raw SQL, ``COPY``, triggers, cascades of the database. Call it
    in the transaction of the write, and for rows that vanish or move also before it. *using* is
    the database written to; by default that of the queryset or instance.
    """
    if isinstance(changed, models.QuerySet):
        tracked = tracking.find(changed.model)
        if tracked is not None:
            alias = using or getattr(changed, "_db", None) or router.db_for_write(changed.model)
            rows = changed.using(alias).values_list("pk", *tracked.attnames)
            touch(alias, name_rows(tracked, changed.model, alias, rows))
        return
    groups: dict[tuple[str, type[models.Model]], list[models.Model]] = {}
    for instance in [changed] if isinstance(changed, models.Model) else changed:
        model = type(instance)
        alias = using or instance._state.db or router.db_for_write(model, instance=instance)
        groups.setdefault((alias, model), []).append(instance)
    for (alias, model), instances in groups.items():
        tracked = tracking.find(model)
        if tracked is None:
            continue
        found: list[Values] = [
            (instance.pk, *(getattr(instance, name) for name in tracked.attnames))
            for instance in instances
        ]
        if tracked.attnames:
            found += read(tracked, model, alias, [instance.pk for instance in instances])
        touch(alias, name_rows(tracked, model, alias, found))
