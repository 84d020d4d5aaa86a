"""``docs/cache.md``: its application is made as a reader makes it, and lives as the page says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rxgraph.testing import SubscriptionClient
from tests.integration.servers import free_port
from tests.test_readme import Site, _wait

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parent.parent / "docs" / "cache.md").read_text()
MARK = "_rx_warehouse_channels_shelfchannel"

SETTINGS = """
INSTALLED_APPS += ["rest_framework", "rest_framework.authtoken", "channels", "rxgraph", "warehouse"]
"""

ASGI = """
from django.core.asgi import get_asgi_application
django = get_asgi_application()
from rxgraph.asgi import with_graphql
application = with_graphql(django)
"""

ROWS = """
from django.contrib.auth.models import User
from rest_framework.authtoken.models import Token
from warehouse.models import Box, Shelf
shelf, other = Shelf.objects.create(label="A"), Shelf.objects.create(label="B")
Box.objects.create(shelf=shelf, content="nails")
print(Token.objects.create(user=User.objects.create_user("ann")).key)
"""

MARKS = "from warehouse.models import Shelf; print([s.{} for s in Shelf.objects.order_by('pk')])"

LIVE = """subscription ($id: ID!) { shelf(id: $id) {
  kind cursor resetReason removed { typename nodeId reason } channel { id state { __typename id } }
  changed { shelfs { __typename id label boxes { __typename id } }
            boxes { __typename id content } } } }"""


def files() -> dict[str, str]:
    """Return path → content of the page's files."""
    found = re.findall(r"^```python\n(# ([\w/]+\.py)\n.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return {path: content for content, path in found}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The project before it has ``optimize_anchors``, migrated, with two rows."""
    site = Site(tmp_path_factory.mktemp("site"), free_port())
    for command in (("startproject", "mysite", "."), ("startapp", "warehouse")):
        subprocess.run(  # noqa: S603
            [sys.executable, "-m", "django", *command],
            cwd=site.folder,
            env={**site.environ, "DJANGO_SETTINGS_MODULE": ""},
            check=True,
            timeout=60,
        )
    for path, content in files().items():
        (site.folder / path).write_text(content.replace("        optimize_anchors = True\n", ""))
    (site.folder / "mysite" / "asgi.py").write_text(ASGI)
    with (site.folder / "mysite" / "settings.py").open("a") as settings:
        settings.write(SETTINGS)
    site.manage("makemigrations", "warehouse")
    site.manage("migrate", "--verbosity", "0")
    assert "No changes detected" in site.manage("makemigrations", "--check")
    (site.folder / "token").write_text(site.shell(ROWS).strip())
    return site


@pytest.fixture(scope="module")
def told(site: Site) -> str:
    """What ``makemigrations`` says when the option is there."""
    (site.folder / "warehouse" / "channels.py").write_text(files()["warehouse/channels.py"])
    return site.manage("makemigrations", "warehouse")


@pytest.fixture(scope="module")
def served(site: Site, told: str) -> Iterator[Site]:
    """The project with the option, migrated and served."""
    site.manage("migrate", "--verbosity", "0")
    log = (site.folder / "server.log").open("wb")
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "uvicorn", "mysite.asgi:application", "--port", str(site.port)],
        cwd=site.folder,
        env=site.environ,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    log.close()
    try:
        _wait(site, process)
        yield site
    finally:
        process.terminate()
        process.wait(20)
    assert "Traceback" not in (site.folder / "server.log").read_text()


def test_makemigrations_finds_the_column(site: Site, told: str) -> None:
    assert f"+ Add field {MARK} to shelf" in told
    [migration] = (site.folder / "warehouse" / "migrations").glob("0002*.py")
    assert "rxgraph.fields.AnchorMark()" in migration.read_text()
    site.manage("migrate", "--verbosity", "0")
    assert "No changes detected" in site.manage("makemigrations", "--check")
    assert "no issues" in site.manage("check")
    assert site.shell(MARKS.format(MARK)).strip() == "[False, False]"


async def test_the_mark_follows_the_life_of_the_cache_under_a_real_server(served: Site) -> None:
    site = served
    token = (site.folder / "token").read_text()
    url = f"ws://127.0.0.1:{site.port}/graphql"
    async with SubscriptionClient(url, token=token, timeout=30) as client:
        shelf = await client.subscribe(LIVE, {"id": "1"})
        await shelf.expect_snapshot()
        assert shelf.state["boxes"] == [{"id": "1", "content": "nails"}]
        assert MARK not in json.dumps(shelf.events)
        assert site.shell(MARKS.format(MARK)).strip() == "[True, False]"
        # Of another process, which has loaded the row before: the mark stays.
        site.shell(
            "from warehouse.models import Box, Shelf\n"
            "shelf, other = Shelf.objects.order_by('pk')\n"
            f"shelf.{MARK} = False\n"
            "shelf.label = 'A1'; shelf.save()\n"
        )
        delta = await shelf.expect_delta()
        assert delta["changed"]["shelfs"][0]["label"] == "A1"
        assert site.shell(MARKS.format(MARK)).strip() == "[True, False]"
        site.shell("from warehouse.models import Box; Box.objects.update(content='screws')")
        await shelf.expect_delta()
        assert shelf.state["boxes"] == [{"id": "1", "content": "screws"}]
        # Left to the server, since this is another process.
        site.shell(
            "from asgiref.sync import async_to_sync\n"
            "from warehouse.channels import ShelfChannel\n"
            "assert async_to_sync(ShelfChannel.clear_cache)(1) is False\n"
        )
        await shelf.expect_reset("CACHE_CLEARED")
        await shelf.expect_snapshot()


def test_the_commands_beside_a_server_with_the_memory_store(served: Site) -> None:
    told = served.manage("rxgraph_status")
    assert "cannot see" in told
    assert "3600 s" in told
    status = json.loads(served.manage("rxgraph_status", "--json"))
    assert status["channels"][0]["cache_ttl"] == 3600
    assert status["channels"][0]["optimize_anchors"] is True
    assert "inside the server's process" in served.manage("expire_rxgraph_cache", "--dry-run")


def test_every_key_of_the_status_is_on_the_page(site: Site) -> None:
    status = json.loads(site.manage("rxgraph_status", "--json"))
    keys = {*status, *status["store"], *status["channels"][0], *status["intents"][0]}
    missing = sorted(key for key in keys if f"`{key}`" not in PAGE)
    assert not missing
