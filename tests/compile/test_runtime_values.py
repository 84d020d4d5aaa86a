"""Values of runtime state are taken as they are declared, and written as documents have them."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NewType, NotRequired, Optional, TypedDict

import pytest
from django.utils.translation import gettext_lazy

from rxgraph.compile.runtime_values import runtime_value
from rxgraph.compile.scalars import SCALAR_MAP, BigInt
from rxgraph.declare import registry
from rxgraph.declare.channel import ContextChannel
from tests.serve.shop import AlbumSerializer

ID = uuid.UUID("7d444840-9dc0-11d1-b245-5ffdce74fad2")
BERLIN = datetime.timezone(datetime.timedelta(hours=2))
NOON = datetime.datetime(2026, 1, 31, 12, 0, tzinfo=BERLIN)
PersonId = NewType("PersonId", int)


class Mood(enum.Enum):
    HAPPY = "happy"
    COUNTED = 3


class Level(enum.IntEnum):
    LOW = 1


class Colour(enum.StrEnum):
    RED = "red"


class Person(TypedDict):
    name: str
    seen: datetime.datetime
    score: NotRequired[decimal.Decimal | None]


with registry.isolated():

    class RadioChannel(ContextChannel):
        class Meta:
            state = AlbumSerializer()

        class RuntimeState(TypedDict):
            whole: int
            number: float
            text: str
            flag: bool
            maybe: Optional[int]  # noqa: UP045
            price: decimal.Decimal
            moment: datetime.datetime
            day: datetime.date
            clock: datetime.time
            length: datetime.timedelta
            key: uuid.UUID
            mood: Mood
            level: Level
            colour: Colour
            word: Literal["a", "b", None]
            either: int | str
            ids: list[int]
            size: BigInt
            sizes: list[BigInt | None]
            sized: dict[str, BigInt]
            names: Sequence[str | None]
            pair: tuple[int, ...]
            tags: set[str]
            person: Person
            people: list[Person] | None
            counts: Mapping[str, int]
            loose: dict  # type: ignore[type-arg]
            anything: Any
            noted: Annotated[PersonId, "noted"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("whole", 7, 7),
        ("number", 7, 7.0),
        ("number", 0.5, 0.5),
        ("text", "x", "x"),
        ("flag", True, True),
        ("maybe", None, None),
        ("maybe", 3, 3),
        ("price", decimal.Decimal("12.50"), "12.50"),
        ("moment", NOON, "2026-01-31T10:00:00Z"),
        ("moment", NOON.replace(tzinfo=None), "2026-01-31T12:00:00"),
        ("day", NOON.date(), "2026-01-31"),
        ("clock", datetime.time(12, 30), "12:30:00"),
        ("length", datetime.timedelta(days=1, hours=2), "1 02:00:00"),
        ("key", ID, str(ID)),
        ("mood", Mood.HAPPY, "happy"),
        ("mood", Mood.COUNTED, "COUNTED"),
        ("level", Level.LOW, 1),
        ("colour", Colour.RED, "red"),
        ("word", "b", "b"),
        ("word", None, None),
        ("either", 2**40, 2**40),
        ("either", "x", "x"),
        ("ids", [1, 2], [1, 2]),
        ("ids", (1, 2), [1, 2]),
        ("size", 2**62, str(2**62)),
        ("sizes", [-1, None], ["-1", None]),
        ("sized", {"a": 2**62}, {"a": 2**62}),
        ("names", ["a", None], ["a", None]),
        ("pair", (1, 2), [1, 2]),
        ("tags", {"a"}, ["a"]),
        (
            "person",
            {"name": "Ann", "seen": NOON, "score": decimal.Decimal("1.0")},
            {"name": "Ann", "seen": "2026-01-31T10:00:00Z", "score": "1.0"},
        ),
        ("people", None, None),
        (
            "people",
            [{"name": "Ann", "seen": NOON}],
            [{"name": "Ann", "seen": "2026-01-31T10:00:00Z"}],
        ),
        ("counts", {"a": 2**40}, {"a": 2**40}),
        ("loose", {1: [NOON.date()]}, {"1": ["2026-01-31"]}),
        ("anything", None, None),
        ("anything", {"a": {1}}, {"a": [1]}),
        ("anything", gettext_lazy("Yes"), "Yes"),
        ("noted", PersonId(4), 4),
    ],
)
def test_a_value_is_written_as_documents_have_it(name: str, value: Any, expected: Any) -> None:
    found = runtime_value(RadioChannel, name, value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("whole", "7", "is declared int, and found '7' (str)"),
        ("whole", True, "is declared int, and found True (bool)"),
        ("whole", None, "is declared int, and found None"),
        ("whole", 2**31, "found 2147483648, which is beyond the 32 bits of int; BigInt has 64"),
        ("ids", [2**31], "beyond the 32 bits of int"),
        (
            "size",
            2**63,
            "is declared BigInt, and found 9223372036854775808, which is beyond",
        ),
        ("size", "7", "is declared BigInt, and found '7' (str)"),
        ("size", True, "found True (bool)"),
        ("number", "0.5", "is declared float, and found '0.5'"),
        ("number", float("nan"), "JSON does not have"),
        ("number", True, "found True (bool)"),
        ("text", 7, "is declared str, and found 7 (int)"),
        ("flag", 1, "is declared bool, and found 1"),
        ("maybe", "x", "found 'x' (str)"),
        ("price", 1.5, "is declared Decimal, and found 1.5"),
        ("price", decimal.Decimal("NaN"), "JSON does not have"),
        ("moment", "2026-01-31T12:00:00Z", "is declared datetime"),
        ("day", NOON, "is declared date, and found datetime.datetime"),
        ("mood", "happy", "is declared Mood, and found 'happy'"),
        ("level", 1, "is declared Level, and found 1"),
        ("word", "c", "is declared Literal['a', 'b', None], and found 'c'"),
        ("either", 1.5, "is declared int | str, and found 1.5"),
        ("ids", "12", "is declared list[int], and found '12'"),
        ("ids", ["1"], "found '1' (str)"),
        ("ids", [None], "found None"),
        ("tags", "abc", "found 'abc'"),
        ("person", {"name": "Ann"}, "'seen' is missing"),
        ("person", {"name": "Ann", "seen": NOON, "age": 3}, "'age' is unknown"),
        ("person", {"name": 3, "seen": NOON}, "'name' in it is not: found 3"),
        ("person", "Ann", "is declared Person, and found 'Ann'"),
        ("counts", {"a": "x"}, "'a' in it is not: found 'x'"),
        ("counts", ["a"], "found ['a']"),
        ("loose", {1: 1, "1": 2}, "several keys are one"),
        ("anything", object(), "not JSON serializable: object"),
    ],
)
def test_what_does_not_fit_names_channel_name_value_and_declaration(
    name: str, value: Any, found: str
) -> None:
    with pytest.raises(TypeError) as raised:
        runtime_value(RadioChannel, name, value)
    message = str(raised.value)
    assert f"RadioChannel.RuntimeState.{name} is declared" in message
    assert found in message
    assert message.endswith("set a value of that type, or declare another one")


def test_scalars_leave_what_is_written_as_it_is() -> None:
    for kind, name, value in [
        (decimal.Decimal, "price", decimal.Decimal("1.50")),
        (datetime.datetime, "moment", NOON),
        (datetime.date, "day", NOON.date()),
        (datetime.time, "clock", datetime.time(1)),
        (datetime.timedelta, "length", datetime.timedelta(1)),
        (uuid.UUID, "key", ID),
    ]:
        written = runtime_value(RadioChannel, name, value)
        serialize = SCALAR_MAP[kind].serialize
        assert serialize is not None
        assert serialize(written) == written
