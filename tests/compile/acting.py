"""A channel whose actions take and answer every type there is."""

from __future__ import annotations

import datetime
import enum
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, NotRequired, TypedDict

import strawberry
from django.db import models

from rxgraph.actions import BigInt, action
from rxgraph.channels import ContextChannel
from rxgraph.declare import registry
from tests.torture.serializers import GenreSerializer


class Mood(enum.Enum):
    """How it feels."""

    CALM = "calm"
    LOUD = 11


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Format(models.TextChoices):
    SEVEN = "7-inch", "Seven inch"
    CASSETTE = "cassette", "Cassette"


class Track:
    """Not a model: only what the choices are in."""

    class Rating(models.IntegerChoices):
        GOOD = 1, "Good"
        VERY_GOOD = 2, "Very good"


class Span(TypedDict):
    """Between two days."""

    first_day: datetime.date
    last_day: NotRequired[datetime.date | None]


@dataclass
class Filter:
    """What to look for."""

    text: str
    moods: list[Mood] = field(default_factory=list)
    spans: list[list[Span]] = field(default_factory=list)
    at_most: int = 10
    price: Decimal | None = None
    level: Level = Level.LOW


@dataclass(frozen=True)
class Report:
    """What was found."""

    task_id: strawberry.ID
    by_mood: Mapping[str, int]
    span: Span | None
    rest: list[Span] = field(default_factory=list)
    summary: str = field(init=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "summary", f"{len(self.rest)} spans")


with registry.isolated():

    class Mixin:
        """Brings an action along."""

        @action
        async def ping(self) -> None:
            """Do nothing."""

    class BaseChannel(ContextChannel):
        class Meta:
            abstract = True
            state = GenreSerializer()

        @action
        async def rename(self, title: str) -> bool:
            """Give it another name."""
            return bool(title)

        @action
        async def archive(self) -> bool:
            """Put it away."""
            return True

        @action
        async def restore(self) -> bool:
            """Get it back."""
            return True

    class GenreChannel(Mixin, BaseChannel):
        """A genre."""

        archive = None  # type: ignore[assignment]

        async def restore(self, at: datetime.datetime | None = None) -> int:  # type: ignore[override]
            """Get it back as it was."""
            return 1

        async def helper(self, value: object) -> None:
            """Is no action."""

        @action
        async def scalars(
            self,
            flag: bool,
            whole: int,
            broken: float,
            text: str,
            key: strawberry.ID,
            big: BigInt,
            exact: Decimal,
            moment: datetime.datetime,
            day: datetime.date,
            clock: datetime.time,
            span: datetime.timedelta,
            uid: uuid.UUID,
            mood: Mood,
            kind: Format,
            rating: Track.Rating,
            either: Literal["a", "b"],
        ) -> list[Any]:
            return [
                *(flag, whole, broken, text, key, big, exact, moment, day, clock, span, uid),
                *(mood, kind, rating, either),
            ]

        @action
        async def defaults(
            self,
            flag: bool = True,
            whole_number: int = 7,
            text: str = "x",
            exact: Decimal = Decimal("1.50"),
            day: datetime.date = datetime.date(2026, 1, 31),
            mood: Mood = Mood.LOUD,
            rating: Track.Rating = Track.Rating.VERY_GOOD,
            words: Sequence[str] = ("a", "b"),
            moods: frozenset[Mood] = frozenset(Mood),
            maybe: int | None = 3,
            nothing: str | None = None,
            implied: str = None,  # type: ignore[assignment]  # noqa: RUF013
            extra: dict[str, int] = {"a": 1},  # noqa: B006
            wanted: Filter = Filter("x"),  # noqa: B008
        ) -> dict[str, Any]:
            return {"wanted": wanted.text, "extra": extra, "words": list(words)}

        @action
        async def search(
            self, wanted: Filter, tags: set[str], pages: tuple[list[int | None], ...]
        ) -> Report | None:
            """Look for it."""
            return None

        @action
        async def mood_of(self, data: Any, more: dict[str, list[datetime.date]]) -> list[Mood]:
            return [Mood.CALM]

        @action
        async def untyped(self):
            return None
