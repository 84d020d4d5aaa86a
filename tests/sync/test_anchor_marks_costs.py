"""What a save costs with ``optimize_anchors`` and without: the table of ``docs/cache.md``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from rxgraph.cache.memory import MemoryStore
from rxgraph.channels import ContextChannel
from rxgraph.declare import registry
from rxgraph.sync import tracking
from rxgraph.sync.engine import Engine, get_engine
from rxgraph.sync.heating import Warmth
from rxgraph.types import AnchorKey
from tests.sync.marked.declared import PlainShopChannel, ShopChannel
from tests.sync.marked.models import Item, Shop

pytestmark = pytest.mark.django_db(transaction=True)

DOCS = Path(__file__).parent.parent.parent / "docs" / "cache.md"

Cost = tuple[int, int]  # SQL statements, steps of the store


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    seen: list[Any] = []
    perform = MemoryStore.perform

    def noting(self: MemoryStore, step: Any) -> Any:
        seen.append(step)
        return perform(self, step)

    monkeypatch.setattr(MemoryStore, "perform", noting)
    return seen


@pytest.fixture(params=[PlainShopChannel, ShopChannel], ids=["without", "with"])
def channel(request: pytest.FixtureRequest) -> Iterator[type[ContextChannel]]:
    with registry.isolated():
        registry.register(request.param)
        tracking.refresh()
        yield request.param
    tracking.refresh()


def measure(
    engine: Engine, steps: list[Any], channel: type[ContextChannel], what: str, who: str
) -> Cost:
    shop, other = Shop.objects.create(name="a"), Shop.objects.create(name="b")
    row: Any = shop if what == "the anchor" else Item.objects.create(shop=shop, name="i")
    live = {"nobody": [], "another": [other], "this": [shop]}[who]
    for anchor in live:
        assert engine.heat(AnchorKey(channel.name, str(anchor.pk))) is Warmth.HOT
    row.name = "changed"
    steps.clear()
    with CaptureQueriesContext(connection) as queries:
        row.save()
    return len(queries), len(steps)


def documented() -> dict[tuple[str, str], tuple[Cost, Cost]]:
    """Return what is saved and who is live → the cost without and with, as documented."""
    pattern = (
        r"^\| (the anchor|a row below) \| (nobody|another|this) "
        r"\| (\d+) \+ (\d+) \| (\d+) \+ (\d+) \|"
    )
    return {
        (found[1], found[2]): ((int(found[3]), int(found[4])), (int(found[5]), int(found[6])))
        for found in re.finditer(pattern, DOCS.read_text(), re.MULTILINE)
    }


CASES = [
    (what, who) for what in ("the anchor", "a row below") for who in ("nobody", "another", "this")
]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the statements of SQLite are counted")
@pytest.mark.parametrize(("what", "who"), CASES)
def test_a_save_costs_what_the_documentation_says(
    what: str, who: str, channel: Any, steps: list[Any]
) -> None:
    engine = get_engine()
    engine.is_serving = True
    found = measure(engine, steps, channel, what, who)
    assert found == documented()[what, who][channel is ShopChannel]
