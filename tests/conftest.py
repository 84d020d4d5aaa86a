"""What every test shares: markers by folder, a clean engine and store for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from rxgraph.cache import opening
from rxgraph.settings import get_settings
from rxgraph.sync import engine

# A busy machine is no failure: speed is measured by benchmarks.
settings.register_profile(
    "suite", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")

_FOLDERS = {
    "integration": pytest.mark.integration,
    "conformance": pytest.mark.integration,
    "fuzzing": pytest.mark.integration,
    "browser": pytest.mark.browser,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in a folder that needs services; where many run at once, begin with that.

    The longest files are among those: nobody should wait for one of them in the end.
    """
    for item in items:
        for folder, mark in _FOLDERS.items():
            if folder in Path(item.path).parts:
                item.add_marker(mark)
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: item.get_closest_marker("integration") is None)


@pytest.fixture(autouse=True)
def _fresh_engine() -> Iterator[None]:
    """Let no live state of one test be seen by the next."""
    yield
    engine.reset()
    opening.reset()
    if not get_settings().is_memory:
        forget_database(get_settings().store)


def forget_database(url: str) -> None:
    """Drop the MongoDB database that *url* names."""
    from pymongo import MongoClient

    with MongoClient[dict[str, object]](url) as client:
        client.drop_database(client.get_default_database().name)


def service(name: str) -> str:
    """Return the address of a service from the environment.

    Without one the test is skipped on a developer's machine, and fails where CI runs.
    """
    address = os.environ.get(name)
    if address:
        return address
    if os.environ.get("CI"):
        pytest.fail(f"{name} is not set: tests of services must run in CI")
    pytest.skip(f"{name} is not set: run `scripts/services up` and export what it prints")
