"""Where triggers capture, the databases get those of what a test tracks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.db.models.signals import post_migrate

from rxgraph.sync import capture, tracking
from rxgraph.sync.tracking import Tracking
from rxgraph.sync.triggers import installing, presence
from tests.sync.captured.recording import ALL, Recorder

IS_TRIGGERED = settings.RXGRAPH.get("CAPTURE") == presence.TRIGGERS and not getattr(
    settings, "KEEPS_INSTALLED_TRIGGERS", False
)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Install them once; what ``migrate`` would install instead is for the channels."""
    if not IS_TRIGGERED:
        return
    post_migrate.receivers = [
        item for item in post_migrate.receivers if "rxgraph.triggers.install" not in str(item[0])
    ]
    post_migrate.sender_receivers_cache.clear()
    with django_db_blocker.unblock():
        _install(ALL)


@pytest.fixture
def commits() -> Iterator[Recorder]:
    """What is captured of changes to the models of ``captured``, commit by commit."""
    recorder = Recorder()
    former = capture.on_commit(recorder.receive)
    with tracking.use(ALL):
        yield recorder
    capture.on_commit(former)


@pytest.fixture(autouse=True)
def _triggers_follow_what_is_tracked(monkeypatch: pytest.MonkeyPatch) -> None:
    if not IS_TRIGGERED:
        return
    original = tracking.use

    @contextmanager
    def use(current: Tracking) -> Iterator[Tracking]:
        with original(current):
            if current is ALL:
                yield current
                return
            _install(current)
            try:
                yield current
            finally:
                _install(ALL)

    monkeypatch.setattr(tracking, "use", use)


def _install(current: Tracking) -> None:
    installing.register(current)
    for using in connections:
        installing.install(using)
    presence.look_again()
