"""Counts what the processes of a benchmark ask of their services, from their start on."""

from __future__ import annotations

from django.apps import AppConfig


class BoardConfig(AppConfig):
    """The models of the board; every connection is counted."""

    name = "benchmarks.project.board"
    label = "board"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from benchmarks.project.board import counting

        counting.start()
