"""One model for every way in which a write can reach a table."""

from __future__ import annotations

import uuid
from typing import ClassVar, Self

from django.db import models


class Row(models.Model):
    """Says to mypy what the plugin only knows of the project's own apps."""

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        abstract = True


class Owner(Row):
    name = models.CharField(max_length=50)
    code = models.CharField(max_length=10, unique=True, null=True)


class Label(Row):
    name = models.CharField(max_length=50, unique=True)


class Board(Row):
    name = models.CharField(max_length=50)


class Card(Row):
    board = models.ForeignKey(Board, on_delete=models.CASCADE, related_name="cards")
    owner = models.ForeignKey(Owner, on_delete=models.SET_NULL, null=True)
    reviewer = models.ForeignKey(
        Owner, on_delete=models.SET_DEFAULT, null=True, default=None, related_name="reviews"
    )
    title = models.CharField(max_length=50)
    votes = models.IntegerField(default=0)
    labels: models.ManyToManyField[Label, models.Model] = models.ManyToManyField(
        Label, related_name="cards"
    )
    related: models.ManyToManyField[Card, models.Model] = models.ManyToManyField("self")

    class Meta:
        ordering = ["title"]


class CardProxy(Card):
    class Meta:
        proxy = True


class Remark(Row):
    """Nothing points at it and it has no signal receivers: deleted fast."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    card = models.ForeignKey(Card, on_delete=models.CASCADE, related_name="remarks")
    text = models.CharField(max_length=50)


class Seal(Row):
    """Protects its card."""

    card = models.ForeignKey(Card, on_delete=models.PROTECT)


class Team(Row):
    name = models.CharField(max_length=50)
    members: models.ManyToManyField[Owner, Membership] = models.ManyToManyField(
        Owner, through="Membership", related_name="teams"
    )


class Membership(Row):
    team = models.ForeignKey(Team, on_delete=models.CASCADE)
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE)
    role = models.CharField(max_length=20, default="member")

    class Meta:
        unique_together = [("team", "owner")]


class Badge(Row):
    """A through row whose column does not hold a primary key."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE)
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, to_field="code")


class Folder(Row):
    name = models.CharField(max_length=50)


class Paper(Row):
    """Deleted with its folder, by the database where Django can say so."""

    folder = models.ForeignKey(
        Folder, on_delete=getattr(models, "DB_CASCADE", models.CASCADE), related_name="papers"
    )
    draft_of = models.ForeignKey(
        "self", on_delete=getattr(models, "DB_CASCADE", models.CASCADE), null=True
    )


class Clip(Row):
    """Loses its paper, by the database where Django can say so."""

    paper = models.ForeignKey(
        Paper, on_delete=getattr(models, "DB_SET_NULL", models.SET_NULL), null=True
    )


class Place(Row):
    name = models.CharField(max_length=50)


class Rated(Row):
    rated_id = models.AutoField(primary_key=True)
    stars = models.IntegerField(default=0)


class Cafe(Place, Rated):
    """Shares its key with Place, and has a Rated besides."""

    beans = models.CharField(max_length=50)


class Untracked(Row):
    text = models.CharField(max_length=50)
    labels: models.ManyToManyField[Label, models.Model] = models.ManyToManyField(Label)
