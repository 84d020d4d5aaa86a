"""The channels of the shops; registered by the tests that need them, not discovered."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from rxgraph.channels import ContextChannel
from rxgraph.declare import registry
from tests.sync.marked.models import Cafe, Crate, Item, OpenShop, Place, Shop, Ticket


class ItemSerializer(serializers.ModelSerializer[Item]):
    class Meta:
        model = Item
        fields = ("id", "name")


class ShopSerializer(serializers.ModelSerializer[Shop]):
    items = ItemSerializer(many=True, read_only=True)

    class Meta:
        model = Shop
        fields = "__all__"


class OpenShopSerializer(serializers.ModelSerializer[OpenShop]):
    class Meta:
        model = OpenShop
        fields = ("id", "name")


class PlaceSerializer(serializers.ModelSerializer[Place]):
    class Meta:
        model = Place
        fields = ("id", "name")


class CafeSerializer(serializers.ModelSerializer[Cafe]):
    class Meta:
        model = Cafe
        fields = ("id", "name", "seats")


class InnerCrateSerializer(serializers.ModelSerializer[Crate]):
    class Meta:
        model = Crate
        fields = ("id", "name")


class CrateSerializer(serializers.ModelSerializer[Crate]):
    inner = InnerCrateSerializer(many=True, read_only=True)

    class Meta:
        model = Crate
        fields = ("id", "name", "inner")


class TicketSerializer(serializers.ModelSerializer[Ticket]):
    class Meta:
        model = Ticket
        fields = ("id", "title")


with registry.isolated():

    class ShopChannel(ContextChannel):
        class Meta:
            state = ShopSerializer()
            optimize_anchors = True

    class ShopNameChannel(ContextChannel):
        """A second one on the same model, with a column of its own."""

        class Meta:
            state = OpenShopSerializer()
            optimize_anchors = True

    class PlaceChannel(ContextChannel):
        class Meta:
            state = PlaceSerializer()
            optimize_anchors = True

    class CafeChannel(ContextChannel):
        class Meta:
            state = CafeSerializer()
            optimize_anchors = True

    class CrateChannel(ContextChannel):
        class Meta:
            state = CrateSerializer()
            optimize_anchors = True

    class TicketChannel(ContextChannel):
        class Meta:
            state = TicketSerializer()
            optimize_anchors = True

    class ShopListChannel(ContextChannel):
        """The shops of somebody; one forest with a mark on each root."""

        class Meta:
            state = ShopSerializer(many=True)
            optimize_anchors = True

        def list_instances(self) -> Any:
            return Shop.objects.all()

    class PlainShopChannel(ContextChannel):
        """The same state without the column."""

        class Meta:
            state = ShopSerializer()


CHANNELS: tuple[type[ContextChannel], ...] = (
    ShopChannel,
    ShopNameChannel,
    PlaceChannel,
    CafeChannel,
    CrateChannel,
    TicketChannel,
    ShopListChannel,
)
