"""A save of one row takes one statement to be read, and only where that is enough."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from rxgraph.cache.reading import Reading, read_documents
from rxgraph.cache.rows.glance import Glance, IntentLog, glance
from rxgraph.cache.steps import Beyond
from rxgraph.declare import registry
from rxgraph.sync import intents, tracking
from rxgraph.sync.engine import Engine, get_engine, trees
from rxgraph.sync.heating import Warmth
from rxgraph.types import MARK, AnchorKey, InstanceKey, RowKey
from tests.sync.marked.declared import PlainShopChannel
from tests.sync.marked.models import Item, Shop

pytestmark = pytest.mark.django_db(transaction=True)

LOG = IntentLog(intents.select_two, intents.rows_in)


@pytest.fixture
def engine() -> Iterator[Engine]:
    with registry.isolated():
        registry.register(PlainShopChannel)
        tracking.refresh()
        opened = get_engine()
        opened.is_serving = True
        yield opened
    tracking.refresh()


@pytest.fixture
def item() -> Any:
    return Item.objects.create(shop=Shop.objects.create(name="shop"), name="nail")


def row_of(instance: Any) -> RowKey:
    return RowKey(instance._meta.label_lower, str(instance.pk))


def look(*rows: RowKey) -> Glance | None:
    name = PlainShopChannel.name
    return glance(name, trees()[name], frozenset(rows), LOG)


def report(key: InstanceKey, error: Exception) -> None:
    raise AssertionError(f"{key}: {error}")


def test_one_statement_sees_the_row_and_the_intent(engine: Engine, item: Any) -> None:
    row = row_of(item)
    intents.write(connection, [row, RowKey(MARK, "m")])
    with CaptureQueriesContext(connection) as queries:
        found = look(row, RowKey(MARK, "m"))
    assert len(queries) == 1
    assert found is not None
    assert found.intents == (frozenset([row, RowKey(MARK, "m")]),)
    [rendered] = found.rows(frozenset([found.key]), {}, report)
    assert rendered.data == {"id": str(item.pk), "name": "nail"}
    assert [parent.id for parent in rendered.parents] == [str(item.shop_id)]
    assert found.dependents(frozenset([row, RowKey(MARK, "m")])) == frozenset()


def test_a_row_that_is_gone_is_seen_to_be(engine: Engine, item: Any) -> None:
    row = row_of(item)
    Item.objects.filter(pk=item.pk).delete()
    found = look(row)
    assert found is not None
    assert found.intents == ()
    assert found.rows(frozenset([found.key]), {}, report) == []


def test_whatever_else_is_asked_for_is_beyond_it(engine: Engine, item: Any) -> None:
    found = look(row_of(item))
    assert found is not None
    with pytest.raises(Beyond):
        found.rows(frozenset([found.key, InstanceKey(found.key.typename, "99")]), {}, report)
    with pytest.raises(Beyond):
        found.dependents(frozenset([row_of(item), row_of(item.shop)]))
    shop = look(row_of(item.shop))
    assert shop is not None
    with pytest.raises(Beyond):
        shop.rows(frozenset([shop.key]), {}, report)  # its list would have to be read
    lists = {shop.key: {"items": [str(item.pk)]}}
    [rendered] = shop.rows(frozenset([shop.key]), lists, report)
    assert rendered.data["items"] == [str(item.pk)]


def test_where_it_is_not_that_simple_there_is_none(engine: Engine, item: Any) -> None:
    row = row_of(item)
    assert look(row, row_of(item.shop)) is None
    assert look(RowKey("no.model", "1")) is None
    assert look(RowKey(row.model, "no key")) is None
    with transaction.atomic():
        assert look(row) is None
    intents.write(connection, [row])
    assert look(row) is not None
    intents.write(connection, [row_of(item.shop)])
    assert look(row) is None, "of another transaction, whose rows are to be read along"


def shown(engine: Engine, key: AnchorKey) -> dict[str, Any]:
    reading = engine.run(read_documents(key))
    assert isinstance(reading, Reading)
    return {k.id: d.data["name"] for k, d in reading.documents.items() if d.is_live}


@pytest.mark.parametrize("others", [0, 1])
def test_a_save_is_brought_to_the_cache_either_way(
    engine: Engine, item: Any, others: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = AnchorKey(PlainShopChannel.name, str(item.shop_id))
    assert engine.heat(key) is Warmth.HOT
    for _ in range(others):  # left by somebody who was killed
        intents.write(connection, [row_of(item.shop)])
    for name in ("screw", "bolt", "nut"):
        item.name = name
        with CaptureQueriesContext(connection) as queries:
            item.save()
        assert shown(engine, key)[str(item.pk)] == name
        taken = [q["sql"] for q in queries if "LEFT JOIN" in q["sql"] and "one" in q["sql"]]
        assert len(taken) == 1
        began = [q["sql"] for q in queries if q["sql"].startswith("BEGIN")]
        assert len(began) == 1 + others or connection.vendor != "sqlite"
    item.delete()
    assert str(item.pk) not in shown(engine, key)
    assert not connections["default"].in_atomic_block
