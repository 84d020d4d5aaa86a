"""An app of models, serializers and channels with every case the compiler must understand."""

from __future__ import annotations

from django.apps import AppConfig


class TortureConfig(AppConfig):
    """Installed by ``tests.settings`` only."""

    name = "tests.torture"
    label = "torture"
    default_auto_field = "django.db.models.BigAutoField"
