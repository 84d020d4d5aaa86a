"""Read rows again for one anchor because somebody asked, and tell them whole.

State follows the database: a row that exists is told, one that does not is removed. Whoever asks
has gone on meanwhile, so nothing is raised here; what goes wrong is logged.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import connections

from rxgraph.cache.rows.snapshot import alias_of
from rxgraph.errors import BackendError
from rxgraph.log_fields import about
from rxgraph.sync import flush as flushing
from rxgraph.sync.signals import Signal
from rxgraph.types import RowKey

if TYPE_CHECKING:
    from rxgraph.sync.engine import Engine

logger = logging.getLogger("rxgraph.sync")


def retell(engine: Engine, signal: Signal) -> None:
    """Tell the rows that *signal* names to everybody who shows its anchor."""
    rows = frozenset(RowKey(*row) for row in signal.body["rows"])
    try:
        if signal.body["operation"] == "delete":
            _report_survivors(signal, rows)
        engine.run(flushing.retell(engine.writer, signal.key, rows))
    except BackendError as error:
        what, fields = "a broadcast of %s to %s is lost: %s", about(signal.key)
        logger.error(what, _named(rows), signal.key, error, extra=fields)
    except Exception:
        what, fields = "a broadcast of %s to %s failed", about(signal.key)
        logger.exception(what, _named(rows), signal.key, extra=fields)


def retell_on_thread(engine: Engine, signal: Signal) -> None:
    """Do so on a thread that has no database connections to keep."""
    try:
        retell(engine, signal)
    finally:
        connections.close_all()


def _report_survivors(signal: Signal, rows: frozenset[RowKey]) -> None:
    for row in rows:
        model: Any = apps.get_model(row.model)
        if model._base_manager.using(alias_of(model)).filter(pk=row.pk).exists():
            logger.warning(
                "%s.broadcast_instance said delete, but %s %s exists, so it stays",
                signal.key.channel,
                *row,
            )


def _named(rows: frozenset[RowKey]) -> str:
    return ", ".join(f"{model} {pk}" for model, pk in sorted(rows))
