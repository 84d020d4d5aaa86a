"""A row that several anchors hold is read and rendered once for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework import serializers

from rxgraph.cache.reading import Reading, read_documents
from rxgraph.channels import ContextChannel
from rxgraph.declare import registry
from rxgraph.sync import tracking
from rxgraph.sync.engine import Engine, get_engine
from rxgraph.sync.heating import Warmth
from rxgraph.types import AnchorKey, InstanceKey
from tests.sync.marked.models import Item, Shop

pytestmark = pytest.mark.django_db(transaction=True)

rendered: list[str] = []


class LoudItemSerializer(serializers.ModelSerializer[Item]):
    """Says what it renders."""

    loud = serializers.SerializerMethodField()

    class Meta:
        model = Item
        fields = ("id", "name", "loud")

    def get_loud(self, item: Item) -> str:
        rendered.append(item.name)
        greeting = self.context.get("greeting", "")
        return f"{greeting}{item.name.upper()}"


class LoudShopSerializer(serializers.ModelSerializer[Shop]):
    items = LoudItemSerializer(many=True, read_only=True)

    class Meta:
        model = Shop
        fields = ("id", "name", "items")


with registry.isolated():

    class FirstChannel(ContextChannel):
        class Meta:
            state = LoudShopSerializer()

    class SecondChannel(ContextChannel):
        class Meta:
            state = LoudShopSerializer()

    class ThirdChannel(ContextChannel):
        class Meta:
            state = LoudShopSerializer()

    class ItemChannel(ContextChannel):
        """The same layer, without the parent that the rows of the others name."""

        class Meta:
            state = LoudItemSerializer()

    class GreetingChannel(ContextChannel):
        class Meta:
            state = LoudItemSerializer(context={"greeting": "hi "})


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with registry.isolated():
        for channel in request.param:
            registry.register(channel)
        tracking.refresh()
        opened = get_engine()
        opened.is_serving = True
        yield opened
    tracking.refresh()


def heat(engine: Engine, channel: Any, pk: int) -> AnchorKey:
    key = AnchorKey(channel.name, str(pk))
    assert engine.heat(key) is Warmth.HOT
    return key


def shown(engine: Engine, key: AnchorKey, instance: InstanceKey) -> Any:
    reading = engine.run(read_documents(key))
    assert isinstance(reading, Reading)
    return reading.documents[instance].data


def save(item: Item, name: str) -> int:
    """Save an item; answer how many statements that took."""
    item.name = name
    rendered.clear()
    with CaptureQueriesContext(connection) as queries:
        item.save()
    return len(queries)


def item_key(engine: Engine, channel: Any, item: Item) -> InstanceKey:
    tree = engine.writer.trees(channel.name)
    [layer] = [layer for layer in tree.layers.values() if layer.model is Item]
    return InstanceKey(layer.typename, str(item.pk))


@pytest.mark.parametrize("engine", [[FirstChannel, SecondChannel, ThirdChannel]], indirect=True)
def test_three_channels_of_one_serializer_cost_what_one_does(engine: Engine) -> None:
    shop = Shop.objects.create(name="shop")
    item = Item.objects.create(shop=shop, name="nail")
    keys = [heat(engine, FirstChannel, shop.pk)]
    alone = save(item, "screw")
    assert rendered == ["screw"]
    keys += [heat(engine, channel, shop.pk) for channel in (SecondChannel, ThirdChannel)]
    assert save(item, "bolt") == alone
    assert rendered == ["bolt"], "once for all three"
    for key in keys:
        assert shown(engine, key, item_key(engine, FirstChannel, item))["loud"] == "BOLT"


@pytest.mark.parametrize("engine", [[FirstChannel, ItemChannel]], indirect=True)
def test_layers_that_name_other_parents_have_rows_of_their_own(engine: Engine) -> None:
    shop, other = Shop.objects.create(name="one"), Shop.objects.create(name="two")
    item = Item.objects.create(shop=shop, name="nail")
    keys = [heat(engine, FirstChannel, pk) for pk in (shop.pk, other.pk)]
    alone = heat(engine, ItemChannel, item.pk)
    item.shop = other
    save(item, "moved")
    key = item_key(engine, FirstChannel, item)
    assert shown(engine, alone, item_key(engine, ItemChannel, item))["loud"] == "MOVED"
    assert shown(engine, keys[1], key)["loud"] == "MOVED"
    root = InstanceKey(engine.writer.trees(FirstChannel.name).root.typename, str(shop.pk))
    assert shown(engine, keys[0], root)["items"] == []


@pytest.mark.parametrize("engine", [[ItemChannel, GreetingChannel]], indirect=True)
def test_a_serializer_with_a_context_is_like_no_other(engine: Engine) -> None:
    item = Item.objects.create(shop=Shop.objects.create(name="shop"), name="nail")
    plain, greeted = (heat(engine, c, item.pk) for c in (ItemChannel, GreetingChannel))
    save(item, "bolt")
    key = item_key(engine, ItemChannel, item)
    assert shown(engine, plain, key)["loud"] == "BOLT"
    assert shown(engine, greeted, key)["loud"] == "hi BOLT"
    assert rendered == ["bolt", "bolt"]


@pytest.mark.parametrize("engine", [[ItemChannel]], indirect=True)
def test_a_row_that_is_gone_is_looked_for_once(engine: Engine) -> None:
    item = Item.objects.create(shop=Shop.objects.create(name="shop"), name="nail")
    key = heat(engine, ItemChannel, item.pk)
    instance = item_key(engine, ItemChannel, item)
    item.delete()
    reading = engine.run(read_documents(key))
    assert isinstance(reading, Reading)
    assert not reading.documents[instance].is_live
