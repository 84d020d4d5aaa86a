"""Wires the stages together when Django starts."""

from __future__ import annotations

from django.apps import AppConfig


class RxGraphConfig(AppConfig):
    """Discovers the channels of all installed apps, then captures changes to what they track."""

    name = "rxgraph"
    label = "rxgraph"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import every app's ``channels`` module, register the checks, start capturing."""
        from rxgraph.declare import checks, outlet, registry
        from rxgraph.sync import broadcasting, capture, deployment, engine, signing_out

        registry.discover()
        checks.register()
        deployment.register()
        capture.install()
        capture.on_commit(engine.flush)
        outlet.install(broadcasting)
        signing_out.install()
