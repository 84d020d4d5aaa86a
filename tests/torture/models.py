"""A record shop: every kind of column and relation that a state can stand on."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F

from rxgraph.decorators import related_property


class Row(models.Model):
    """Says to type checkers, which do not install this app, what Django adds."""

    objects: ClassVar[models.Manager[Any]]

    class Meta:
        abstract = True


class Country(Row):
    """Its primary key is text and not named id."""

    code = models.CharField(max_length=2, primary_key=True)
    name = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.name


class Studio(Row):
    """Its primary key is a UUID."""

    key = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80)
    country = models.ForeignKey(Country, models.SET_NULL, null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class Genre(Row):
    """Shared by albums and tracks."""

    name = models.CharField(max_length=40, unique=True)

    def __str__(self) -> str:
        return self.name


class Cover(Row):
    """The picture of one album."""

    picture = models.FileField(blank=True)
    width = models.PositiveSmallIntegerField(default=0)


class Album(Row):
    """The anchor."""

    class Format(models.TextChoices):
        VINYL = "vinyl", "Vinyl"
        COMPACT_DISC = "compact-disc", "Compact disc"
        SEVEN_INCH = "7-inch", "Seven inch"

    class Rating(models.IntegerChoices):
        POOR = 1, "Poor"
        GOOD = 2, "Good"
        GREAT = 3, "Great"

    title = models.CharField("Title", max_length=80, help_text="What is printed on the spine.")
    format = models.CharField(max_length=20, choices=Format.choices, default=Format.VINYL)
    condition = models.CharField(max_length=9, blank=True, choices=[("mint", "Mint"), ("ok", "OK")])
    rating = models.IntegerField(choices=Rating.choices, null=True, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="albums", null=True
    )
    studio = models.ForeignKey(Studio, models.SET_NULL, null=True, related_name="albums")
    cover = models.OneToOneField(Cover, models.SET_NULL, null=True, related_name="album")
    genres = models.ManyToManyField(Genre, blank=True, related_name="albums")
    sequel_of = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="sequels"
    )

    in_stock = models.BooleanField(default=True)
    is_live = models.BooleanField(null=True)
    copies = models.IntegerField(default=0)
    plays = models.BigIntegerField(default=0)
    streams = models.PositiveBigIntegerField(null=True)
    score = models.FloatField(default=0.0)
    price = models.DecimalField(max_digits=9, decimal_places=2, default=Decimal("0.00"))
    released = models.DateField(null=True)
    alarm = models.TimeField(null=True)
    bought_at = models.DateTimeField(null=True)
    length = models.DurationField(null=True)
    barcode = models.UUIDField(default=uuid.uuid4)
    extra = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)
    sleeve = models.FileField(blank=True)
    copies_twice = models.GeneratedField(
        expression=F("copies") * 2, output_field=models.IntegerField(), db_persist=True
    )

    def __str__(self) -> str:
        return self.title

    @property
    def shout(self) -> str:
        """The title, loud."""
        return self.title.upper()

    @property
    def untyped(self):
        return {"title": self.title}

    @related_property("tracks", "album")
    def long_tracks(self) -> list[Track]:
        """Tracks of more than five minutes."""
        return list(Track.objects.filter(album=self, seconds__gt=300))


class Contract(Row):
    """The other end of a one-to-one; its primary key is that relation."""

    album = models.OneToOneField(Album, models.CASCADE, primary_key=True, related_name="contract")
    text = models.TextField(blank=True)


class Track(Row):
    """One to many, with a related name and an order of its own."""

    album = models.ForeignKey(Album, models.CASCADE, related_name="tracks")
    title = models.CharField(max_length=80)
    position = models.PositiveIntegerField(default=0)
    seconds = models.IntegerField(default=180)
    genres = models.ManyToManyField(Genre, blank=True)  # no related name

    class Meta:
        ordering: ClassVar = ["position", "pk"]

    def __str__(self) -> str:
        return self.title


class Review(Row):
    """One to many without a related name: ``review_set``."""

    album = models.ForeignKey(Album, models.CASCADE)
    body = models.TextField()
    country = models.ForeignKey(Country, models.PROTECT, null=True)


class Artist(Row):
    """Many to many from the other side, through a model of its own."""

    name = models.CharField(max_length=80)
    albums = models.ManyToManyField(Album, through="Credit", related_name="artists")

    def __str__(self) -> str:
        return self.name


class Credit(Row):
    """Who played what on which album."""

    artist = models.ForeignKey(Artist, models.CASCADE)
    album = models.ForeignKey(Album, models.CASCADE, related_name="credits")
    role = models.CharField(max_length=40, default="voice")


class Memo(Row):
    """Private: only its owner may see it."""

    album = models.ForeignKey(Album, models.CASCADE, related_name="memos")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    body = models.TextField()


class Sticker(Row):
    """Points at a column that is not the primary key."""

    genre = models.ForeignKey(Genre, models.CASCADE, to_field="name", related_name="stickers")
    colour = models.CharField(max_length=20)


class Classic(Album):
    """A proxy."""

    class Meta:
        proxy = True
