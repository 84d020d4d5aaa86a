"""The workshop, with its channels known to the engine and to capture for the time of a test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import pytest

from rxgraph.declare import registry
from rxgraph.sync import tracking
from tests.sync.writing.app import declared
from tests.sync.writing.workshop import Workshop


@pytest.fixture(autouse=True)
def _declared() -> Iterator[None]:
    fresh = declared.Hooks()
    for item in fields(fresh):
        setattr(declared.hooks, item.name, getattr(fresh, item.name))
    with registry.isolated():
        for channel in declared.CHANNELS:
            registry.register(channel)
        tracking.refresh()
        yield
    tracking.refresh()


@pytest.fixture
def workshop(transactional_db: None) -> Workshop:
    """Two benches, seen by ann."""
    return Workshop()
