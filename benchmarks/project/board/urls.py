"""One page: what the server has used and asked for so far."""

from __future__ import annotations

from django.urls import path

from benchmarks.project.board.usage import report

urlpatterns = [path("usage", report)]
