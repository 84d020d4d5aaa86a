"""Wires the stages together when Django starts."""

from __future__ import annotations

from importlib.util import find_spec

from django.apps import AppConfig


class RxGraphConfig(AppConfig):
    """Discovers the channels of all installed apps, then captures changes to what they track."""

    name = "rxgraph"
    label = "rxgraph"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import every app's ``channels`` module, register the checks, start capturing."""
        from rxgraph import tracing
        from rxgraph.declare import checks, outlet, registry
        from rxgraph.settings import get_settings
        from rxgraph.sync import broadcasting, capture, deployment, engine, signing_out
        from rxgraph.sync import checks as sync_checks
        from rxgraph.sync.triggers import wiring

        tracing.install(is_on=get_settings().tracing and find_spec("opentelemetry") is not None)
        registry.discover()
        checks.register()
        deployment.register()
        capture.install()
        capture.on_commit(engine.flush, engine.wants_triggered)
        sync_checks.register()
        wiring.connect(self)
        outlet.install(broadcasting)
        signing_out.install()
