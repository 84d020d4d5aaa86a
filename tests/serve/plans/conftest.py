"""Tests of plans have plans, also where the suite runs without."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _with_plans(settings: Any) -> None:
    settings.RXGRAPH = {**settings.RXGRAPH, "PLANS": True}
