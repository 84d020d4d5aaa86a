"""What balancers are told by a real server whose store, channel layer or database goes away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from rxgraph.serve.health import KEPT_SECONDS
from tests.conftest import service
from tests.integration.cluster import cluster
from tests.integration.link import Link, link_to
from tests.integration.servers import Server

PATIENCE_SECONDS = 20.0


@dataclass
class Scene:
    """A server, and its links to what it needs."""

    server: Server
    links: dict[str, Link]

    def ready(self) -> tuple[int, dict[str, Any]]:
        """Ask whether it is ready."""
        response = httpx.get(f"{self.server.url}/readyz", timeout=10)
        return response.status_code, response.json()

    def until(self, status: int) -> dict[str, Any]:
        """Ask until it answers with *status*; return what it says of its parts."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            found, body = self.ready()
            if found == status:
                checks: dict[str, Any] = body["checks"]
                return checks
            assert time.monotonic() < deadline, (found, body, self.server.log)
            time.sleep(0.2)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder: Path = tmp_path_factory.mktemp("health")
    with (
        cluster(folder, rxgraph={"STORE_TIMEOUT_SECONDS": 1}) as here,
        link_to(here.store_url) as store,
        link_to(service("REDIS_URL")) as channel_layer,
        link_to(here.database_url) as database,
    ):
        links = {
            "store": store,
            "channel_layer": channel_layer,
            "database default": database,
        }
        [server] = here.serve(
            MONGO_URL=store.url, REDIS_URL=channel_layer.url, DATABASE_URL=database.url
        )
        yield Scene(server, links)


def test_a_server_with_all_it_needs_is_ready(scene: Scene) -> None:
    assert scene.until(200) == {
        **dict.fromkeys(scene.links, "ok"),
        "draining": "ok",
        "schema": "ok",
    }


@pytest.mark.parametrize("how", ["cut", "deafen"])
@pytest.mark.parametrize("part", ["store", "channel_layer", "database default"])
def test_what_is_away_is_named_and_nothing_else(scene: Scene, part: str, how: str) -> None:
    scene.until(200)
    getattr(scene.links[part], how)()
    try:
        began = time.monotonic()
        checks = scene.until(503)
        assert time.monotonic() - began < 10
        assert [name for name, found in checks.items() if found != "ok"] == [part]
        shown = str(checks)
        assert "127.0.0.1" not in shown
        assert "rxgraph_it" not in shown
        assert httpx.get(f"{scene.server.url}/healthz", timeout=1).status_code == 200
    finally:
        scene.links[part].mend()
    scene.until(200)


async def test_a_flood_of_probes_is_one_question_a_second(scene: Scene) -> None:
    await asyncio.to_thread(scene.until, 200)
    scene.links["database default"].deafen()
    await asyncio.sleep(KEPT_SECONDS)
    try:
        async with httpx.AsyncClient(timeout=15) as client:
            began = time.monotonic()
            url = f"{scene.server.url}/readyz"
            found = await asyncio.gather(*(client.get(url) for _ in range(100)))
            assert time.monotonic() - began < 8
            assert {response.status_code for response in found} == {503}
            assert (await client.get(f"{scene.server.url}/healthz")).status_code == 200
    finally:
        scene.links["database default"].mend()
    await asyncio.to_thread(scene.until, 200)
