"""Clearing a cache while it is being filled."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.contrib.auth.models import User

from channels_app.models import Project
from rxgraph.cache.memory import MemoryStore
from rxgraph.cache.phases import Phase
from rxgraph.cache.steps import LoadAnchor, WriteDocuments
from rxgraph.sync.engine import get_engine
from rxgraph.sync.heating import Warmth
from tests.sync import board

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_being_filled_is_cleared_when_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = get_engine()
    key = board.anchor(Project.objects.create(name="Garden", owner=User.objects.create_user("ann")))
    writing, may_go_on = Event(), Event()
    perform = MemoryStore.perform

    def slowly(self: MemoryStore, step: Any) -> Any:
        if isinstance(step, WriteDocuments):
            writing.set()
            assert may_go_on.wait(5)
        return perform(self, step)

    def let_go() -> None:
        writing.wait(5)
        time.sleep(0.1)
        may_go_on.set()

    monkeypatch.setattr(MemoryStore, "perform", slowly)
    with ThreadPoolExecutor() as pool:
        clearing = pool.submit(lambda: writing.wait(5) and engine.clear(key))
        pool.submit(let_go)
        assert engine.heat(key) is Warmth.HOT
        assert clearing.result(5) is True
    assert engine.store.perform(LoadAnchor(key)).phase is Phase.COLD
