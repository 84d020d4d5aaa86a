"""The columns belong to the models before anything else asks for them."""

from __future__ import annotations

from django.apps import AppConfig


class MarkedConfig(AppConfig):
    """Installed by ``tests.settings`` only."""

    name = "tests.sync.marked"
    label = "marked"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make the channel classes, which add the columns."""
        from tests.sync.marked import declared  # noqa: F401
