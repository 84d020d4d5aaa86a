"""Every system check for production, by its id."""

# ruff: noqa: N802  # tests are named after the ids

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
from django.core import checks
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import path

from rxgraph.settings import RxGraphSettings
from rxgraph.sync import deployment, intents

PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"
LISTS = "channels_redis.core.RedisChannelLayer"
SOUND = {"STORE": "mongodb://store.example/live"}

Found = Callable[..., list[str]]


@pytest.fixture
def found(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Found:
    """Run the checks on a sound project, changed as the test says; return their ids."""
    monkeypatch.setattr(intents, "is_there", lambda connection: True)
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    settings.DEBUG = False
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": PUBSUB, "CONFIG": {"hosts": ["redis://x"]}}}

    def run(**rxgraph: Any) -> list[str]:
        settings.RXGRAPH = {**SOUND, **rxgraph}
        messages = [*deployment.check_operations(), *deployment.check_deployment()]
        assert all(message.hint for message in messages)
        ids = [str(message.id).removeprefix("rxgraph.") for message in messages]
        return [id_ for id_ in ids if id_ != "W019"]  # the tests' own database

    return run


def use_layer(settings: Any, backend: str, *hosts: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend, "CONFIG": {"hosts": list(hosts)}}}


def test_a_sound_project_has_no_problem(found: Found) -> None:
    assert found() == []


def test_they_run_with_manage_py_check_deploy(settings: Any, transactional_db: None) -> None:
    settings.RXGRAPH = {"OUTBOX": False}
    plain = {message.id for message in checks.run_checks(tags=["rxgraph"])}
    deploy = {
        message.id
        for message in checks.run_checks(tags=["rxgraph"], include_deployment_checks=True)
    }
    assert "rxgraph.W022" in deploy - plain


def test_rxgraph_W010(found: Found, settings: Any) -> None:
    settings.DEBUG = True
    assert found(EXPLORE=False) == ["W010"]


def test_rxgraph_W001(found: Found, settings: Any) -> None:
    assert found(STORE="memory://") == []  # the check of declarations says so
    settings.DEBUG = True
    assert found(STORE="memory://", EXPLORE=False) == ["W010", "W001"]


def test_rxgraph_W011(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    assert found() == []
    assert found(STORE="memory://") == ["W011"]
    monkeypatch.setenv("WEB_CONCURRENCY", "1")
    assert found(STORE="memory://") == []


@pytest.mark.parametrize(
    "layers", [{}, {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}]
)
def test_rxgraph_W012(found: Found, settings: Any, layers: Any) -> None:
    settings.CHANNEL_LAYERS = layers
    assert found() == ["W012"]
    assert found(STORE="memory://") == []


def test_rxgraph_W013(found: Found, settings: Any) -> None:
    use_layer(settings, LISTS, {"address": "redis://x", "socket_timeout": 15})
    assert found() == ["W013"]


@pytest.mark.parametrize(
    "host", ["redis://x", ("x", 6379), {"address": "redis://x", "socket_timeout": 5}]
)
def test_rxgraph_W014(found: Found, settings: Any, host: Any) -> None:
    use_layer(settings, LISTS, host)
    assert found() == ["W013", "W014"]
    use_layer(settings, PUBSUB, host)
    assert found() == []
    use_layer(settings, LISTS, {"address": "redis://x", "socket_timeout": None})
    assert found() == ["W013"]


def test_rxgraph_W014_is_about_the_redis_py_that_is_installed(
    found: Found, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment, "_default", {"socket_keepalive": True}.get)  # as before 8.0.0
    use_layer(settings, LISTS, "redis://x")
    assert found() == ["W013"]


def test_rxgraph_W015(found: Found, settings: Any) -> None:
    use_layer(settings, PUBSUB, {"address": "redis://x", "socket_keepalive": False})
    assert found() == ["W015"]
    mended = {"address": "redis://x", "socket_keepalive": False, "health_check_interval": 30}
    use_layer(settings, PUBSUB, mended)
    assert found() == []


def test_rxgraph_W016(found: Found, settings: Any) -> None:
    assert found(EXPLORE=True) == ["W016"]
    settings.DEBUG = True
    assert found() == ["W010", "W016"]


def test_every_number_that_may_be_none_is_a_limit() -> None:
    numbers = {f.name for f in fields(RxGraphSettings) if f.type in ("int | None", "float | None")}
    assert numbers - {"sweep_seconds"} <= set(deployment.LIMITS)
    assert set(deployment.LIMITS) <= {f.name for f in fields(RxGraphSettings)}


@pytest.mark.parametrize("name", deployment.LIMITS)
def test_rxgraph_W017(found: Found, name: str) -> None:
    assert found(**{name.upper(): 0}) == ["W017"]


def test_rxgraph_W018(found: Found) -> None:
    assert found(ALLOWED_ORIGINS=["https://shop.example"]) == []
    assert found(ALLOWED_ORIGINS=["*"]) == ["W018"]


def test_rxgraph_W019(found: Found) -> None:
    found()
    ids = [message.id for message in deployment.check_deployment()]
    assert ids == ["rxgraph.W019"]


def test_rxgraph_W020(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intents, "is_there", lambda connection: False)
    assert found() == ["W020"]


def test_rxgraph_W021(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(connection: object) -> bool:
        raise OperationalError('password of "root" is "secret"')

    monkeypatch.setattr(intents, "is_there", fail)
    assert found() == ["W021"]
    assert "secret" not in str(deployment.check_deployment())


def test_rxgraph_W022(found: Found) -> None:
    assert found(OUTBOX=False) == ["W022"]


def page(request: HttpRequest) -> HttpResponse:
    """Stand for a page of the project."""
    return HttpResponse()


class Urls:
    """A URLconf that serves one of the paths."""

    urlpatterns = [path("metrics", page), path("readyz", page)]


def test_rxgraph_W023(found: Found, settings: Any) -> None:
    settings.ROOT_URLCONF = Urls
    assert found() == ["W023"]
    assert found(READY_PATH="/-/ready") == []
    assert found(METRICS_TOKEN="t" * 32) == ["W023", "W023"]


def test_rxgraph_W024(found: Found) -> None:
    assert found(METRICS_TOKEN="t" * 32) == []
    assert found(METRICS_TOKEN="short") == ["W024"]


def test_rxgraph_E031(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(TRACING=True) == []
    monkeypatch.setattr(deployment, "find_spec", lambda name: None)
    assert found(TRACING=True) == ["E031"]


def test_rxgraph_E032(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment, "find_spec", lambda name: None)
    assert found(METRICS_TOKEN="t" * 32) == ["E032"]
