"""The example that opens the README is a complete application, and does what the README says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from rxgraph.testing import SubscriptionClient
from tests.integration.servers import free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()

SETTINGS = """
INSTALLED_APPS += ["rest_framework", "rest_framework.authtoken", "channels", "rxgraph", "shop"]
"""

PEOPLE = """
from django.contrib.auth.models import User
from rest_framework.authtoken.models import Token
from shop.models import Line, Order
for name in ("staff", "guest"):
    user = User.objects.create_user(name, is_staff=name == "staff")
    print(Token.objects.create(user=user).key)
order = Order.objects.create(customer="Ada")
Line.objects.create(order=order, product="Tea")
"""


def blocks(language: str) -> list[str]:
    """Return the code blocks of the README in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def files() -> dict[str, str]:
    """Return path → content of the blocks that begin with the path of a file."""
    found = {}
    for block in blocks("python"):
        if heading := re.match(r"# ([\w/]+\.py)\n", block):
            found[heading[1]] = block
    return found


@dataclass(frozen=True)
class Site:
    """The project of the README, made as a reader makes it."""

    folder: Path
    port: int

    @property
    def environ(self) -> dict[str, str]:
        """Nothing of this repository but the library."""
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "TMPDIR")}
        return {**kept, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "mysite.settings"}

    def manage(self, *arguments: str) -> str:
        """Run a command; return what it prints."""
        done = subprocess.run(  # noqa: S603
            [sys.executable, "manage.py", *arguments],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def shell(self, code: str) -> str:
        """Run *code* in another process."""
        return self.manage("shell", "--verbosity", "0", "--command", code)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The project, migrated and served."""
    site = Site(tmp_path_factory.mktemp("site"), free_port())
    for command in (("startproject", "mysite", "."), ("startapp", "shop")):
        subprocess.run(  # noqa: S603
            [sys.executable, "-m", "django", *command],
            cwd=site.folder,
            env={**site.environ, "DJANGO_SETTINGS_MODULE": ""},
            check=True,
            timeout=60,
        )
    for path, content in files().items():
        (site.folder / path).write_text(content)
    with (site.folder / "mysite" / "settings.py").open("a") as settings:
        settings.write(SETTINGS)
    assert "no issues" in site.manage("check")
    site.manage("makemigrations", "shop")
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


def _wait(site: Site, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{site.port}/admin/login/", timeout=5).raise_for_status()
            return
        except httpx.TransportError:
            log = (site.folder / "server.log").read_text()
            assert process.poll() is None, log
            assert time.monotonic() < deadline, log
            time.sleep(0.05)


def test_the_readme_names_the_files_of_its_example() -> None:
    assert {"shop/models.py", "shop/serializers.py", "shop/channels.py", "mysite/asgi.py"} <= set(
        files()
    )
    assert any(block.startswith("subscription") for block in blocks("graphql"))


async def test_the_example_is_live(site: Site) -> None:
    staff, guest = site.shell(PEOPLE).split()
    url = f"ws://127.0.0.1:{site.port}/graphql"
    document = next(block for block in blocks("graphql") if block.startswith("subscription"))
    async with SubscriptionClient(url, token=guest, timeout=20) as client:
        refused = await client.subscribe(document, {"orderId": 1})
        await refused.expect_error("FORBIDDEN")
    async with SubscriptionClient(url, token=staff, timeout=20) as client:
        order = await client.subscribe(_with_typenames(document), {"orderId": 1})
        await order.expect_snapshot()
        assert order.state == {
            "id": "1",
            "customer": "Ada",
            "paid": False,
            "lines": [{"id": "1", "product": "Tea", "quantity": 1}],
        }
        site.shell(
            "from django.db import transaction\n"
            "from shop.models import Line, Order\n"
            "with transaction.atomic():\n"
            "    order = Order.objects.get(); order.paid = True; order.save()\n"
            "    order.lines.create(product='Cake', quantity=2)\n"
        )
        delta = await order.expect_delta()
        assert [row["paid"] for row in delta["changed"]["orders"]] == [True]
        assert [line["product"] for line in delta["changed"]["lines"]] == ["Cake"]
        cursor = order.cursor

        site.shell("from shop.models import Line\nLine.objects.get(product='Tea').delete()")
        delta = await order.expect_delta()
        assert delta["removed"] == [{"typename": "Line", "nodeId": "1", "reason": "DELETED"}]
        assert [line["product"] for line in order.state["lines"]] == ["Cake"]

        query = "{ order(orderId: 1) { state { customer paid lines { product } } } }"
        state = (await client.query(query))["order"]["state"]
        assert state == {"customer": "Ada", "paid": True, "lines": [{"product": "Cake"}]}

    resuming = document.replace("orderId: $orderId", "orderId: $orderId, after: $after")
    resuming = resuming.replace("($orderId: Int!)", "($orderId: Int!, $after: Cursor)")
    async with SubscriptionClient(url, token=staff, timeout=20) as client:
        again = await client.subscribe(resuming, {"orderId": 1, "after": cursor})
        missed = (await again.next_result())["data"]["order"]
        assert missed["kind"] == "DELTA"
        assert [gone["nodeId"] for gone in missed["removed"]] == ["1"]


def _with_typenames(document: str) -> str:
    """Return the document as clients with a normalised cache send it."""
    return re.sub(r"\{ (?=id)", "{ __typename ", document)
