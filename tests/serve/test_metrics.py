"""What this process says to Prometheus, and that counting is right."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from channels_app.channels import ProjectChannel
from channels_app.models import Project
from rxgraph import counters
from rxgraph.asgi import with_graphql
from rxgraph.errors import NotFound
from rxgraph.metrics import RxGraphCollector
from rxgraph.serve import runtime
from rxgraph.serve.errors import to_graphql_error
from rxgraph.serve.metrics import _histogram
from tests.serve.live import in_database, staged

TOKEN = "a token of thirty-two characters"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
async def _quiet(settings: Any) -> AsyncIterator[None]:
    settings.BOARD_PRESENCE = False
    yield
    await runtime.current().close()


def numbers() -> dict[str, float]:
    """Return the metrics as they stand; labels stand in the keys as ``name{value}``."""
    registry = CollectorRegistry()
    registry.register(RxGraphCollector())
    found = {}
    for family in registry.collect():
        for sample in family.samples:
            labels = ",".join(sample.labels.values())
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


async def scrape(accept: str = "", authorization: str = f"Bearer {TOKEN}") -> tuple[int, bytes]:
    """Ask for ``/metrics``."""
    headers = [(b"accept", accept.encode()), (b"authorization", authorization.encode())]
    scope = {"type": "http", "method": "GET", "path": "/metrics", "headers": headers}

    async def elsewhere(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    communicator = ApplicationCommunicator(with_graphql(elsewhere), scope)
    await communicator.send_input({"type": "http.request", "body": b""})
    start = await communicator.receive_output(10)
    return start["status"], (await communicator.receive_output(10))["body"]


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (f"Bearer {TOKEN}s", 401),
        (f"Token {TOKEN}", 401),
        ("Bearer ", 401),
        ("Bearer é", 401),
        ("", 401),
    ],
)
async def test_metrics_are_for_who_has_the_token(
    settings: Any, authorization: str, status: int
) -> None:
    settings.RXGRAPH = {**settings.RXGRAPH, "METRICS_TOKEN": TOKEN}
    assert (await scrape(authorization=authorization))[0] == status


async def test_without_a_token_there_are_none() -> None:
    assert (await scrape(authorization="Bearer "))[0] == 404


@pytest.mark.parametrize(
    ("accept", "read"),
    [("", read_text), ("application/openmetrics-text; version=1.0.0", read_openmetrics)],
)
async def test_a_scrape_is_what_prometheus_reads(settings: Any, accept: str, read: Any) -> None:
    settings.RXGRAPH = {**settings.RXGRAPH, "METRICS_TOKEN": TOKEN}
    _, body = await scrape(accept)
    names = {family.name for family in read(body.decode())}
    assert {"rxgraph_subscribers", "rxgraph_commit_to_socket_seconds", "python_info"} <= names


async def test_what_subscribers_are_told_is_counted() -> None:
    user = await in_database(make_user)()
    project = await in_database(make_project)(user)
    variables = {"projectId": project.pk}
    async with staged(ProjectChannel) as stage:
        await stage.runtime.ready()
        await in_database(stage.runtime.engine.sweep)(at_once=True)
        before = numbers()
        watching = [await stage.subscribe(ProjectChannel, user, variables) for _ in range(3)]
        for live in watching:
            await live.event()
        committed_at = time.time()
        await in_database(rename)(project, "Ship")
        for live in watching:
            assert (await live.event())["kind"] == "DELTA"
            await live.is_silent()
        most = time.time() - committed_at
        now = numbers()
        grown = {name: now[name] - before.get(name, 0) for name in now}
        assert now["rxgraph_subscribers{channels_app.channels.ProjectChannel}"] == 3
        assert now["rxgraph_replicas"] == 1
        assert now["rxgraph_replica_bytes"] > 0
        assert grown["rxgraph_events_total{SNAPSHOT}"] == 3
        assert grown["rxgraph_events_total{DELTA}"] == 3
        assert grown["rxgraph_operations_total{subscription}"] == 3
        assert grown["rxgraph_commit_to_socket_seconds_count"] == 3
        assert 0 < grown["rxgraph_commit_to_socket_seconds_sum"] <= 3 * most
        assert grown["rxgraph_heating_seconds_count"] == 1
        assert grown["rxgraph_batches_total"] >= 1
        assert grown["rxgraph_wakeups_total{applied}"] == 1
        await ProjectChannel.clear_cache(project.pk)
        for live in watching:
            assert [(await live.event())["kind"] for _ in range(2)] == ["RESET", "SNAPSHOT"]
        assert (
            numbers()["rxgraph_resets_total{CACHE_CLEARED}"]
            - before["rxgraph_resets_total{CACHE_CLEARED}"]
            == 3
        )
    assert numbers()["rxgraph_replicas"] == 0


async def test_what_store_and_database_hold_is_looked_up_and_not_at_every_scrape() -> None:
    user = await in_database(make_user)()
    project = await in_database(make_project)(user)
    async with staged(ProjectChannel) as stage:
        live = await stage.subscribe(ProjectChannel, user, {"projectId": project.pk})
        await live.event()
        await in_database(stage.runtime.engine.sweep)(at_once=True)
        assert "rxgraph_intents_pending{default}" not in numbers()
        await stage.runtime._look()
        now = numbers()
        assert now["rxgraph_anchors{channels_app.channels.ProjectChannel,HOT}"] == 1
        assert now["rxgraph_intents_pending{default}"] == 0
        found = stage.runtime.found
        await stage.runtime._look()
        assert stage.runtime.found is found


async def test_errors_are_counted_by_code() -> None:
    before = counters.ERRORS.values["NOT_FOUND"]
    to_graphql_error(NotFound("There is none"))
    assert counters.ERRORS.values["NOT_FOUND"] == before + 1


@given(st.lists(st.floats(0, 100), max_size=50))
def test_a_spread_is_what_prometheus_makes_of_the_same_numbers(seconds: list[float]) -> None:
    bounds = (0.01, 0.5, 1, 30)
    spread = counters.Spread("ours", "", bounds)
    theirs = Histogram("theirs", "", registry=CollectorRegistry(), buckets=bounds)
    for number in seconds:
        spread.observe(number)
        theirs.observe(number)
    [ours], [stock] = [_histogram(spread)], theirs.collect()
    read = [
        {
            (sample.name.partition("_")[2], sample.labels.get("le")): pytest.approx(sample.value)
            for sample in family.samples
            if not sample.name.endswith("created")
        }
        for family in (ours, stock)
    ]
    assert read[0] == read[1]


def make_user() -> Any:
    """Return somebody."""
    return User.objects.create(username="ann")


def make_project(user: Any) -> Any:
    """Return a project of *user*."""
    return Project.objects.create(name="Live", owner=user)


def rename(project: Any, name: str) -> None:
    """Save another name."""
    project.name = name
    project.save()
