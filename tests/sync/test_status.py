"""``rxgraph_status``: what is live, what waits, and what does not answer."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections

from channels_app.channels import ProjectChannel
from channels_app.models import Project, Task
from rxgraph.cache.anchor import Anchor
from rxgraph.cache.phases import Phase
from rxgraph.cache.steps import SwapAnchor
from rxgraph.cache.turns import join_anchor
from rxgraph.sync import capture
from rxgraph.sync.engine import Engine, get_engine
from rxgraph.sync.engine import reset as reset_engine
from rxgraph.types import AnchorKey, RowKey
from tests.conftest import forget_database, service
from tests.sync.board import anchor, seed

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "other"])


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.integration)])
def engine(request: pytest.FixtureRequest, settings: Any) -> Iterator[Engine]:
    conf = dict(settings.RXGRAPH)
    if request.param == "mongo":
        url = service("MONGO_URL").rpartition("/")[0]
        conf["STORE"] = f"{url}/rxgraph_status_{os.getpid()}_{uuid4().hex[:6]}"
    settings.RXGRAPH = conf
    found = get_engine()
    found.is_serving = True
    seed()
    yield found
    reset_engine()
    if request.param == "mongo":
        forget_database(conf["STORE"])


@pytest.fixture
def _left_intents() -> Iterator[None]:
    """Let commits leave their intents, as a process that was killed does."""
    former = capture.on_commit(None)
    yield
    capture.on_commit(former)


def status(*arguments: str, fails: bool = False) -> str:
    out = io.StringIO()
    if fails:
        with pytest.raises(SystemExit, match=r"^1$"):
            call_command("rxgraph_status", *arguments, stdout=out)
    else:
        call_command("rxgraph_status", *arguments, stdout=out)
    return out.getvalue()


def as_json(*arguments: str, fails: bool = False) -> Any:
    return json.loads(status("--json", *arguments, fails=fails))


def test_json_has_stable_keys_and_every_fact(engine: Engine) -> None:
    key, other = (anchor(project) for project in Project.objects.order_by("pk"))
    engine.heat(key)
    engine.heat(other)
    engine.store.beat("alive", time.time() + 60)
    engine.run(join_anchor(key, "alive"))
    engine.run(join_anchor(key, "killed"))
    Task.objects.filter(project_id=key.anchor_id).first().save()  # type: ignore[union-attr]
    found = as_json()
    assert list(found) == ["time", "store", "channels", "anchors", "servers", "intents"]
    kind = "memory" if engine.settings.is_memory else "mongodb"
    assert found["store"] == {"kind": kind, "answers": True, "visible": True, "error": None}

    channel = next(item for item in found["channels"] if item["name"] == ProjectChannel.name)
    assert channel["field"] == "project"
    assert channel["type"] == "ProjectChannel"
    assert channel["layers"][0] == "Project"
    assert channel["cache_ttl"] == 7 * 24 * 3600
    assert channel["phases"] == {"COLD": 0, "HEATING": 0, "HOT": 2, "COOLING": 0}
    assert (channel["declared"], channel["list"]) == (True, False)

    first = next(item for item in found["anchors"] if item["id"] == key.anchor_id)
    assert first == {
        "channel": ProjectChannel.name,
        "id": key.anchor_id,
        "phase": "HOT",
        "generation": first["generation"],
        "seq": 2,
        "done": 2,
        "done_age": first["done_age"],
        "pending": 0,
        "taken": 0,
        "sessions_alive": 1,
        "sessions_dead": 1,
        "idle_age": None,
        "lease_left": None,
    }
    assert 0 <= first["done_age"] < 60
    second = next(item for item in found["anchors"] if item["id"] == other.anchor_id)
    assert 0 <= second["idle_age"] < 60
    assert {item["database"] for item in found["intents"]} >= {"default"}
    assert all(item["answers"] and item["waiting"] == 0 for item in found["intents"])


def test_servers_say_what_they_served_without_a_plan(engine: Engine) -> None:
    engine.store.beat("one", time.time() + 60, {"fallbacks": {}})
    engine.store.beat("two", time.time() + 60, {"fallbacks": {"@defer": 2}})
    engine.store.beat("gone", time.time() - 60, {"fallbacks": {"@defer": 9}})
    assert as_json()["servers"] == [
        {"session": "one", "fallbacks": {}},
        {"session": "two", "fallbacks": {"@defer": 2}},
    ]
    text = status()
    assert "server    one, has a plan for everything" in text
    assert "server    two, without a plan: @defer (2)" in text


@pytest.mark.usefixtures("_left_intents")
def test_intents_that_wait_are_counted_with_the_age_of_the_oldest(engine: Engine) -> None:
    task = Task.objects.all()[0]
    for _ in range(3):
        task.save()
    time.sleep(0.05)
    [default] = [item for item in as_json()["intents"] if item["database"] == "default"]
    assert default["waiting"] >= 3
    assert default["oldest_age"] >= 0.05
    assert f"{default['waiting']} intents wait, the oldest for" in status()


def test_the_text_is_aligned_and_names_what_is_not_in_the_code(engine: Engine) -> None:
    key, _ = (anchor(project) for project in Project.objects.order_by("pk"))
    engine.heat(key)
    gone = AnchorKey("retired.channels.OldChannel", "4")
    pending = frozenset({RowKey("a.b", "1")})
    record = Anchor(phase=Phase.HOT, generation=1, seq=2, done=1, pending=pending, idle_since=1.0)
    engine.run(SwapAnchor(gone, record).__iter__())
    lines = status().splitlines()
    [head] = [line for line in lines if line.startswith("anchor ")]
    rows = [line for line in lines if line.startswith(("ProjectChannel ", "OldChannel "))]
    assert len(rows) == 2
    for line in rows:
        assert line[head.index("phase") :].startswith("HOT ")
        assert line[head.index("done/seq") - 1] == " "
    assert any(line.split()[:6] == ["OldChannel", "4", "HOT", "1/2", "1", "0"] for line in rows)
    assert any("retired.channels.OldChannel (not in the code)" in line for line in lines)


def test_one_channel_alone_by_name_or_field(engine: Engine) -> None:
    for name in ("project", ProjectChannel.name):
        found = as_json("--channel", name)
        assert [item["name"] for item in found["channels"]] == [ProjectChannel.name]
    with pytest.raises(CommandError, match="no channel 'nope'"):
        status("--channel", "nope")


@pytest.mark.usefixtures("_left_intents")
def test_beside_a_server_with_the_memory_store_it_says_what_it_cannot_see() -> None:
    seed()
    found = as_json()
    assert found["store"]["visible"] is False
    assert found["anchors"] == []
    assert any(item["waiting"] for item in found["intents"])
    text = status()
    assert "this process\n          cannot see" in text
    assert "ProjectChannel" in text
    assert "intents wait" in text


def test_a_store_that_does_not_answer_is_said_and_ends_with_1(settings: Any) -> None:
    pytest.importorskip("pymongo")
    settings.RXGRAPH = {"STORE": "mongodb://127.0.0.1:9/x", "STORE_TIMEOUT_SECONDS": 0.2}
    try:
        found = as_json(fails=True)
        assert found["store"]["answers"] is False
        assert "127.0.0.1:9" in found["store"]["error"]
        assert "store     mongodb, DOES NOT ANSWER" in status("--channel", "project", fails=True)
    finally:
        reset_engine()


def test_a_database_that_does_not_answer_is_said_and_ends_with_1(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("connection refused")

    connections["default"].close()
    monkeypatch.setattr(connections["default"], "connect", refuse)
    found = as_json(fails=True)
    [default] = [item for item in found["intents"] if item["database"] == "default"]
    assert (default["answers"], default["error"]) == (False, "connection refused")
    assert "database  default, DOES NOT ANSWER: connection refused" in status(fails=True)
    monkeypatch.undo()
