"""Intents written by PostgreSQL itself, for ``RXGRAPH["CAPTURE"] = "triggers"``."""

from __future__ import annotations
