"""Whose credentials end is told so at once, in every process, though checks are far apart.

Ann has signed in on the left server and watches on the right one; what ends her credentials happens
on the left one, or in a process that serves nobody.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rxgraph.testing import SubscriptionClient, document_for
from tests.integration import board as board_module
from tests.integration.browsing import expect_end, sign_out, signed_in
from tests.integration.cluster import Cluster, cluster
from tests.integration.servers import Server, run_code

SETTINGS = {"REAUTH_SECONDS": 600}


@dataclass
class Scene:
    here: Cluster
    left: Server
    right: Server
    rows: dict[str, Any]
    sdl: str

    def client(self, server: Server, **shown: Any) -> SubscriptionClient:
        return SubscriptionClient(server.websocket_url, **shown)

    async def watch(self, client: SubscriptionClient) -> None:
        variables = {"projectId": self.rows["project"]}
        await client.subscribe(document_for(self.sdl, "project"), variables)
        await client.expect_snapshot()

    def run(self, code: str) -> None:
        run_code(self.here.environ, f"from django.contrib.auth.models import User\n{code}")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder: Path = tmp_path_factory.mktemp("sign_out")
    with cluster(folder, rxgraph=SETTINGS) as here:
        rows = json.loads(run_code(here.environ, board_module._FILL))
        sdl = run_code(here.environ, board_module._SDL)
        left, right = here.serve(2)
        yield Scene(here, left, right, rows, sdl)
        for server in (left, right):
            assert "Traceback" not in server.log


def cookie_of(browser: Any) -> dict[str, str]:
    return {"Cookie": f"sessionid={browser.cookies['sessionid']}"}


async def test_a_logout_ends_the_streams_of_that_session_and_of_no_other(scene: Scene) -> None:
    with signed_in(scene.left.url) as browser, signed_in(scene.left.url) as elsewhere:
        async with (
            scene.client(scene.right, headers=cookie_of(browser)) as client,
            scene.client(scene.left, headers=cookie_of(browser)) as idle,
            scene.client(scene.right, headers=cookie_of(elsewhere)) as other,
            scene.client(scene.right, token=scene.rows["people"]["ann"]["token"]) as by_token,
        ):
            for each in (client, other, by_token):
                await scene.watch(each)
            sign_out(browser)
            await expect_end(client)
            for each in (client, idle):  # nor does the connection open anything any more
                document = document_for(scene.sdl, "project")
                await each.subscribe(document, {"projectId": scene.rows["project"]})
                await each.expect_error("UNAUTHENTICATED")
            for each in (other, by_token):
                await each.subscription.expect_silence()


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        ("bob.auth_token.delete()", "UNAUTHENTICATED"),
        ("bob.is_active = False; bob.save()", "UNAUTHENTICATED"),
        ("bob.delete()", "UNAUTHENTICATED"),
    ],
)
async def test_a_token_ends_at_once(scene: Scene, code: str, refusal: str) -> None:
    scene.run(
        "from rest_framework.authtoken.models import Token\n"
        "from channels_app.models import Membership\n"
        "bob, _ = User.objects.get_or_create(username='bob', defaults={'is_active': True})\n"
        "User.objects.filter(pk=bob.pk).update(is_active=True)\n"
        "Token.objects.filter(user=bob).delete(); Token.objects.create(user=bob, key='b' * 40)\n"
        f"Membership.objects.get_or_create(project_id={scene.rows['project']}, user=bob)\n"
    )
    async with scene.client(scene.right, token="b" * 40) as client:
        await scene.watch(client)
        scene.run(f"bob = User.objects.get(username='bob'); {code}")
        await expect_end(client, refusal)


async def test_a_new_password_ends_the_sessions_of_the_old_one(scene: Scene) -> None:
    with signed_in(scene.left.url) as browser:
        async with scene.client(scene.right, headers=cookie_of(browser)) as client:
            await scene.watch(client)
            scene.run(
                "ann = User.objects.get(username='ann'); ann.set_password('other'); ann.save()\n"
            )
            await expect_end(client)
    scene.run("ann = User.objects.get(username='ann'); ann.set_password('secret'); ann.save()\n")
