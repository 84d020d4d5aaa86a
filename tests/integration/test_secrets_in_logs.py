"""No credentials are written anywhere, whatever goes right or wrong.

A real server with every logger at DEBUG, whose errors are mailed with the variables of every frame.
"""

from __future__ import annotations

import contextlib
import json
import quopri
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from rxgraph.testing import OperationFailed, SubscriptionClient, document_for, query_for
from rxgraph.testing.subscription import ConnectionClosed
from tests.integration.browsing import post_form
from tests.integration.servers import Server, environment, manage, run_code, serving


def _secret() -> str:
    return secrets.token_hex(20)


@dataclass
class Scene:
    server: Server
    mails: Path
    sdl: str
    project: int
    token: str
    password: str
    secrets: dict[str, str] = field(default_factory=dict)

    def new(self, name: str) -> str:
        """Return one more secret that must not be written."""
        self.secrets[name] = _secret()
        return self.secrets[name]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("logged")
    mails = folder / "mails"
    environ = environment(
        database=folder / "db.sqlite3",
        environ={
            "DJANGO_SETTINGS_MODULE": "tests.integration.logged_settings",
            "TEST_MAILS": str(mails),
            "TEST_APPS": "tests.integration.logged",
        },
        rxgraph={"REAUTH_SECONDS": 0.2},
    )
    manage(environ, "migrate", "--verbosity", "0")
    token, password = _secret(), _secret()
    made = run_code(
        environ,
        "from django.contrib.auth.models import User\n"
        "from rest_framework.authtoken.models import Token\n"
        "from channels_app.models import Project\n"
        f"ann = User.objects.create_user('ann', password={password!r}, is_staff=True)\n"
        f"Token.objects.create(user=ann, key={token!r})\n"
        "print(Project.objects.create(name='Garden', owner=ann).pk)",
    )
    sdl = run_code(
        environ, "from rxgraph.serve.schema import get_schema; print(get_schema().as_str())"
    )
    with serving(environ, folder / "server.log") as server:
        found = Scene(server, mails, sdl, int(made), token, password)
        found.secrets.update(token=token, password=password)
        yield found


async def test_no_credentials_are_written(scene: Scene) -> None:
    cookie = _sign_in(scene)
    good: list[dict[str, Any]] = [
        {"token": scene.token},
        {"params": {"token": scene.token}},
        {"headers": {"Authorization": f"Token {scene.token}"}},
        {"headers": {"Cookie": f"sessionid={cookie}"}},
    ]
    bad: list[dict[str, Any]] = [
        {"token": scene.new("wrong token")},
        {"params": {"token": [scene.new("list")]}},
        {"params": {"Authorization": f"Basic {scene.new('basic')}"}},
        {"params": {"Authorization": {"key": scene.new("object")}}},
        {"headers": {"Cookie": f"sessionid={scene.new('wrong cookie')}"}},
        {"headers": {"Cookie": f"sessionid={cookie}", "Origin": "https://elsewhere.example"}},
    ]
    for shown in (*good, *bad):
        await _watch(scene, shown)
        await _ask(scene, shown)
    await _end(scene)
    written = scene.server.log + "".join(
        quopri.decodestring(mail.read_bytes()).decode(errors="replace")
        for mail in scene.mails.iterdir()
    )
    assert "this hook is broken" in written
    assert "Traceback" in written, "errors were to be seen"
    assert "in the URL" in written
    assert len(list(scene.mails.iterdir())) > 3
    found = {name: _around(written, value) for name, value in scene.secrets.items()}
    assert {name: text for name, text in found.items() if text} == {}


def _around(written: str, secret: str) -> str:
    place = written.find(secret)
    return "" if place < 0 else written[max(0, place - 300) : place + len(secret) + 20]


def _sign_in(scene: Scene) -> str:
    with httpx.Client(base_url=scene.server.url, timeout=30) as browser:
        browser.get("/admin/login/")
        wrong = {"username": "ann", "password": scene.new("wrong password")}
        assert post_form(browser, "/admin/login/", **wrong).status_code == 200
        right = {"username": "ann", "password": scene.password}
        assert post_form(browser, "/admin/login/", **right).status_code == 302
        scene.secrets["session"] = browser.cookies["sessionid"]
        scene.secrets["csrf"] = browser.cookies["csrftoken"]
        return str(browser.cookies["sessionid"])


async def _watch(scene: Scene, shown: dict[str, Any]) -> None:
    url = f"{scene.server.websocket_url}?token={scene.new(f'url {len(scene.secrets)}')}"
    client = SubscriptionClient(url, **shown)
    with contextlib.suppress(ConnectionClosed, websockets.InvalidStatus, OperationFailed):
        await client.open()
        for name in ("broken", "project"):
            document = document_for(scene.sdl, name)
            await client.subscribe(document, {"projectId": scene.project})
            with contextlib.suppress(OperationFailed):
                await client.next_event()
        await client.send('{"type": "nonsense"}')
        await client.wait_closed()


async def _ask(scene: Scene, shown: dict[str, Any]) -> None:
    headers = dict(shown.get("headers", {}))
    if "token" in shown:
        headers["Authorization"] = f"Token {shown['token']}"
    async with httpx.AsyncClient(headers=headers, timeout=30) as client:
        for name in ("broken", "project"):
            for proof in ({}, {"Origin": scene.server.url}):
                await client.post(
                    scene.server.graphql_url,
                    params={"access_token": scene.new(f"url {len(scene.secrets)}")},
                    json={
                        "query": query_for(scene.sdl, name),
                        "variables": {"projectId": scene.project},
                    },
                    headers={**headers, **proof},
                )
        await client.post(scene.server.graphql_url, content=json.dumps([1]), headers=headers)
        await client.post(scene.server.graphql_url, content=b"\xff", headers=headers)


async def _end(scene: Scene) -> None:
    """Take the token back while somebody watches."""
    async with SubscriptionClient(scene.server.websocket_url, token=scene.token) as client:
        document = document_for(scene.sdl, "project")
        await client.subscribe(document, {"projectId": scene.project})
        await client.expect_snapshot()
        run_code(
            scene.server.environ,
            "from rest_framework.authtoken.models import Token; Token.objects.all().delete()",
        )
        await client.expect_reset("PERMISSION_CHANGED")
        await client.next_event()
        await client.expect_error("UNAUTHENTICATED")
