"""Register the triggers when Django starts, and install them after ``migrate``."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from rxgraph.settings import get_settings
from rxgraph.sync import tracking
from rxgraph.sync.triggers import installing, presence

logger = logging.getLogger("rxgraph.sync")


def connect(app: AppConfig) -> None:
    """Wire everything for the settings at hand; *app* is RxGraph's."""
    if is_wanted():
        installing.register()
    post_migrate.connect(_after_migrate, sender=app, dispatch_uid="rxgraph.triggers.install")


def is_wanted() -> bool:
    """True where triggers capture; without django-pgtrigger they cannot, as a check tells."""
    return get_settings().capture == presence.TRIGGERS and find_spec("pgtrigger") is not None


def _after_migrate(using: str, **kwargs: Any) -> None:
    if not is_wanted():
        installing.drop(using)
        return
    tracking.refresh()
    installing.register()
    if changed := installing.install(using):
        logger.info("%d triggers were installed or dropped in %r", changed, using)
    presence.look_again()
