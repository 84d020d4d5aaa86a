"""Shops with items, and one root model of every other shape."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models


class Row(models.Model):
    """Says to mypy what the plugin only knows of the project's own apps."""

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        abstract = True


class Shop(Row):
    """A plain anchor."""

    name = models.CharField(max_length=40)
    changed_at = models.DateTimeField(auto_now=True)


class OpenShop(Shop):
    """A proxy of it."""

    class Meta:
        proxy = True


class Item(Row):
    """A layer below."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="items")
    name = models.CharField(max_length=40)

    class Meta:
        ordering = ("pk",)


class Place(Row):
    """A parent table."""

    name = models.CharField(max_length=40)


class Cafe(Place):
    """An anchor in multi-table inheritance."""

    seats = models.IntegerField(default=2)


class Crate(Row):
    """An anchor that other anchors show, too."""

    name = models.CharField(max_length=40)
    outer = models.ForeignKey("self", models.CASCADE, null=True, related_name="inner")

    class Meta:
        ordering = ("pk",)


class Ticket(Row):
    """An anchor whose keys do not come from the database."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    title = models.CharField(max_length=40)
