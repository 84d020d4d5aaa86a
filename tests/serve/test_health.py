"""``/healthz`` and ``/readyz`` through ``with_graphql``, in one process."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from asgiref.testing import ApplicationCommunicator
from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path

from rxgraph.asgi import with_graphql
from rxgraph.errors import DeclarationError
from rxgraph.serve import health, runtime

pytestmark = pytest.mark.django_db(transaction=True)


async def django(scope: Any, receive: Any, send: Any) -> None:
    """Stand for the rest of the project."""
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b'"the project\'s"'})


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await health.close()
    await runtime.current().close()


async def get(url: str, *, method: str = "GET", **options: Any) -> tuple[int, Any]:
    """Ask an application; return status and body."""
    scope = {"type": "http", "method": method, "path": url, "headers": [], "query_string": b""}
    communicator = ApplicationCommunicator(with_graphql(django, **options), scope)
    await communicator.send_input({"type": "http.request", "body": b""})
    start = await communicator.receive_output(10)
    body = await communicator.receive_output(10)
    await communicator.wait(1)
    return start["status"], orjson.loads(body["body"])


async def test_a_process_that_lives_says_so() -> None:
    assert await get("/healthz") == (200, {"status": "ok"})


async def test_a_process_that_can_serve_says_so() -> None:
    status, body = await get("/readyz")
    assert (status, body["status"]) == (200, "ok")
    assert set(body["checks"]) == {
        *("channel_layer", "database default", "draining", "schema", "store"),
    }


async def test_a_process_that_lets_its_clients_go_is_not_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runtime.current().sockets, "is_draining", True)
    status, body = await get("/readyz")
    assert status == 503
    assert body["checks"]["draining"] == "it lets its clients go"


async def test_an_answer_is_kept_for_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await get("/readyz"))[0] == 200
    monkeypatch.setattr(runtime.current().sockets, "is_draining", True)
    assert (await get("/readyz"))[0] == 200
    monkeypatch.setattr(health, "KEPT_SECONDS", 0)
    assert (await get("/readyz"))[0] == 503


async def test_a_schema_that_cannot_be_built_is_named_without_its_reason() -> None:
    def build() -> object:
        raise DeclarationError("shop.SecretChannel", "is wrong", "mend it")

    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await health.serve_ready(build, send)
    assert sent[0]["status"] == 503
    assert b"Secret" not in sent[1]["body"]


@pytest.mark.parametrize("name", ["HEALTH_PATH", "READY_PATH"])
async def test_paths_are_settings(settings: Any, name: str) -> None:
    settings.RXGRAPH = {**settings.RXGRAPH, name: "/-/probe"}
    assert (await get("/-/probe"))[0] == 200
    settings.RXGRAPH = {**settings.RXGRAPH, name: None}
    assert (await get("/-/probe"))[0] == 418
    assert (await get("/healthz" if name == "HEALTH_PATH" else "/readyz"))[0] == 418


async def test_only_reading_is_answered() -> None:
    assert (await get("/healthz", method="POST"))[0] == 418


def view(request: HttpRequest, *args: str) -> HttpResponse:
    """Stand for a page."""
    return HttpResponse()


def page(request: HttpRequest) -> HttpResponse:
    """Stand for the project's own answer to probes."""
    return HttpResponse()


class WithHealth:
    """A URLconf that answers probes by itself."""

    urlpatterns = [path("healthz/", page), re_path("^(.*)$", view)]


class WithEverything:
    """A URLconf with a page for whatever is asked, as front ends of one page have."""

    urlpatterns = [re_path("^(.*)$", view)]


@pytest.mark.parametrize(("urls", "status"), [(WithHealth, 418), (WithEverything, 200)])
async def test_a_page_of_the_project_is_not_hidden(settings: Any, urls: Any, status: int) -> None:
    settings.ROOT_URLCONF = urls
    assert (await get("/healthz"))[0] == status


async def test_a_question_that_fails_after_its_time_is_no_lost_exception(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(health, "ANSWER_SECONDS", 0.05)

    async def fail_late(self: health.Health) -> None:
        await asyncio.sleep(0.1)
        raise OSError("secret.example refused")

    monkeypatch.setattr(health.Health, "_ask_store", fail_late)
    status, body = await get("/readyz")
    assert (status, body["checks"]["store"]) == (503, "no answer within 0.05 seconds")
    await asyncio.sleep(0.2)
    gc.collect()
    assert [record for record in caplog.records if record.name == "asyncio"] == []
