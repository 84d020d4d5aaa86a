"""Models for what only reading rows must get right."""

from __future__ import annotations

from django.apps import AppConfig


class ShapesConfig(AppConfig):
    """Installed by ``tests.settings`` only; has no migrations."""

    name = "tests.cache.shapes"
    label = "shapes"
    default_auto_field = "django.db.models.BigAutoField"
