"""The app's label says what it is about."""

from __future__ import annotations

from django.apps import AppConfig


class WorkshopConfig(AppConfig):
    """Installed by ``tests.settings`` only."""

    name = "tests.sync.writing.app"
    label = "workshop"
    default_auto_field = "django.db.models.BigAutoField"
