"""Values of actions between Python and JSON: the law, and what does not fit."""

from __future__ import annotations

import datetime
import enum
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TypedDict

import pytest
import strawberry
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from rxgraph.actions import BigInt
from rxgraph.compile.actions import ActionSpec
from rxgraph.compile.channel import compile_channel
from rxgraph.compile.hints import input_shape, output_shape
from rxgraph.compile.leaves import DONE
from rxgraph.compile.shapes import Misfit
from rxgraph.errors import BadRequest
from tests.compile.acting import Filter, Format, GenreChannel, Level, Mood, Report, Span, Track

_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_OFFSETS = st.integers(-23 * 60, 23 * 60).map(
    lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))
)
_INTS = st.integers(-(2**31), 2**31 - 1)
_BIG = st.integers(-(2**63), 2**63 - 1)
_DECIMALS = st.decimals(allow_nan=False, allow_infinity=False)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    st.none() | st.booleans() | _BIG | _FLOATS | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
_SPANS = st.fixed_dictionaries(
    {"first_day": st.dates()}, optional={"last_day": st.none() | st.dates()}
)
_FILTERS = st.builds(
    Filter,
    text=_TEXT,
    moods=st.lists(st.sampled_from(Mood), max_size=3),
    spans=st.lists(st.lists(_SPANS, max_size=2), max_size=2),
    at_most=_INTS,
    price=st.none() | _DECIMALS,
    level=st.sampled_from(Level),
)
_LEAVES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (bool, st.booleans()),
    (int, _INTS),
    (float, _FLOATS),
    (str, _TEXT),
    (strawberry.ID, _TEXT),
    (BigInt, _BIG),
    (Decimal, _DECIMALS),
    (datetime.datetime, st.datetimes(timezones=st.none() | _OFFSETS)),
    (datetime.date, st.dates()),
    (datetime.time, st.times()),
    (datetime.timedelta, st.timedeltas()),
    (uuid.UUID, st.uuids()),
    (Mood, st.sampled_from(Mood)),
    (Format, st.sampled_from(Format)),
    (Track.Rating, st.sampled_from(Track.Rating)),
    (Literal["a", "b"], st.sampled_from(["a", "b"])),
    (Literal[1, 2], st.sampled_from([1, 2])),
]


def _grown(pair: tuple[Any, st.SearchStrategy[Any]]) -> list[tuple[Any, st.SearchStrategy[Any]]]:
    values = pair[1]
    hint: Any = pair[0]  # a value to mypy, a type to what is tested
    return [
        (hint | None, st.none() | values),
        (list[hint], st.lists(values, max_size=3)),
        (list[list[hint | None]], st.lists(st.lists(st.none() | values, max_size=2), max_size=2)),
        (tuple[hint, ...], st.lists(values, max_size=3).map(tuple)),
        (Sequence[hint], st.lists(values, max_size=3)),
        (dict[str, hint], st.dictionaries(_TEXT, values, max_size=3)),
        (Mapping[str, list[hint]], st.dictionaries(_TEXT, st.lists(values, max_size=2))),
    ]


_COMPOSED = [
    (set[str], st.sets(_TEXT)),
    (frozenset[Mood], st.frozensets(st.sampled_from(Mood))),
    (Set[uuid.UUID], st.sets(st.uuids())),
    (Any, _JSON),
    (dict, st.dictionaries(_TEXT, _JSON, max_size=3)),
    (list, st.lists(_JSON, max_size=3)),
    (Span, _SPANS),
    (Filter, _FILTERS),
    (list[Filter], st.lists(_FILTERS, max_size=2)),
]
_ALL = [*_LEAVES, *(item for pair in _LEAVES for item in _grown(pair)), *_COMPOSED]


@given(st.data())
def test_what_is_encoded_decodes_to_itself_and_is_json(data: st.DataObject) -> None:
    """The law, for arguments and for results; JSON text lies between."""
    hint, values = data.draw(st.sampled_from(_ALL), label="hint")
    value = data.draw(values, label="value")
    for shape in (input_shape(hint), output_shape(hint)):
        sent = shape.encode(value)
        again = json.loads(json.dumps(sent, allow_nan=False))
        assert again == sent
        found = shape.decode(again)
        assert found == value
        assert type(found) is type(value)


@given(_FILTERS)
def test_an_action_s_arguments_cross_as_they_are(wanted: Filter) -> None:
    (spec,) = (spec for spec in compile_channel(GenreChannel).actions if spec.method == "search")
    shapes = {item.name: item.shape for item in spec.parameters}
    sent = {"wanted": shapes["wanted"].encode(wanted), "tags": ["b", "a"], "pages": [[1, None]]}
    assert spec.decode(sent) == {"wanted": wanted, "tags": {"a", "b"}, "pages": ([1, None],)}


def test_a_class_that_computes_a_field_computes_it_again() -> None:
    shape = output_shape(Report)
    report = Report(strawberry.ID("5"), {"CALM": 2}, {"first_day": datetime.date(2026, 1, 1)})
    sent = shape.encode(report)
    assert sent["summary"] == "0 spans"
    assert shape.decode(sent) == report


class Later(TypedDict, total=False):
    at: datetime.datetime


class Deep(Later):
    mood: Mood
    words: list[str]


@dataclass
class Text:
    body: str


class Colour(enum.StrEnum):
    RED = "red"


class TestWhatDoesNotFit:
    @pytest.mark.parametrize(
        ("hint", "value", "told"),
        [
            (bool, 1, "it is an int, not a bool"),
            (int, True, "it is a bool, not an int"),
            (int, 2**31, "it is beyond the 32 bits of Int; annotate it as rxgraph.actions.BigInt"),
            (BigInt, 2**63, "it is beyond 64 bits"),
            (float, "1", "it is a str, not a float"),
            (float, float("nan"), "it is not finite"),
            (float, 10**400, "it is not finite"),
            (str, 5, "it is an int, not a str"),
            (str, None, "it is null, not a str"),
            (str, "\ud800", "it holds half of a surrogate pair"),
            (str, Colour.RED, "it is a Colour, not a str"),
            (Decimal, 1.5, "it is a float, not a Decimal"),
            (Decimal, Decimal("NaN"), "it is not finite"),
            (datetime.datetime, datetime.date(2026, 1, 1), "it is a date, not a datetime"),
            (datetime.date, datetime.datetime(2026, 1, 1), "it is a datetime, not a date"),  # noqa: DTZ001
            (
                datetime.time,
                datetime.time(1, tzinfo=datetime.UTC),
                "it is a time of a time zone, which Time cannot say",
            ),
            (datetime.timedelta, 5, "it is an int, not a timedelta"),
            (uuid.UUID, "x", "it is a str, not a UUID"),
            (Mood, "calm", "it is no Mood"),
            (Format, "vinyl", "it is no Format"),
            (Literal["a", "b"], "c", "it is none of 'a', 'b'"),
            (list[int], "12", "it is a str, not a list"),
            (list[int], [1, "2"], "it.1 is a str, not an int"),
            (set[int], [1], "it is a list, not a set"),
            (dict[str, int], {"a": [1]}, "it.a is a list, not an int"),
            (dict[str, int], {1: 1}, "it has the key 1, which is no text"),
            (dict, [], "it is a list, not a dict"),
            (Any, {"a": [object()]}, "it.a.0 is an object, which JSON cannot say"),
            (Any, 2**64, "it is beyond 64 bits"),
            (Any, {None: 1}, "it has the key None, which is no text"),
            (Span, {}, "it has no first_day, which Span requires"),
            (Span, {"first_day": 5}, "it.first_day is an int, not a date"),
            (
                Span,
                {"first_day": datetime.date(2026, 1, 1), "x": 1},
                "it has x, which Span has not",
            ),
            (Text, {"body": "x"}, "it is a dict, not a Text"),
            (Text, Text(5), "it.body is an int, not a str"),  # type: ignore[arg-type]
            (Span, 7, "it is an int, not a Span"),
        ],
    )
    def test_answers(self, hint, value, told):
        with pytest.raises(Misfit) as caught:
            output_shape(hint).encode(value)
        assert caught.value.told("it") == told

    @pytest.mark.parametrize(
        ("hint", "data", "told"),
        [
            (int, "5", "it is a str, not an int"),
            (BigInt, "5.5", "it is no BigInt"),
            (BigInt, str(2**63), "it is beyond 64 bits"),
            (Decimal, "NaN", "it is no Decimal"),
            (Decimal, "much", "it is no Decimal"),
            (datetime.date, "2026-02-30", "it is no Date"),
            (datetime.datetime, None, "it is null, not a DateTime"),
            (uuid.UUID, "x", "it is no UUID"),
            (Mood, "calm", "it is a str, not one of CALM, LOUD"),
            (list[int], {}, "it is a dict, not a list"),
            (dict[str, Mood], {"a": "x"}, "it.a is a str, not one of CALM, LOUD"),
            (dict[str, Mood], 5, "it is an int, not an object"),
            (dict[str, Span], {"a": {}}, "it.a has no firstDay, which is required"),
            (
                dict[str, Span],
                {"a": {"firstDay": "2026-01-01", "first_day": 1}},
                "it.a has first_day, which Span has not",
            ),
            (dict[str, Filter], {"a": 1}, "it.a is an int, not an object"),
        ],
    )
    def test_arguments(self, hint, data, told):
        with pytest.raises(Misfit) as caught:
            input_shape(hint).decode(data)
        assert caught.value.told("it") == told

    def test_arguments_that_do_not_fit_are_the_client_s_fault(self):
        spec = next(spec for spec in compile_channel(GenreChannel).actions if spec.parameters)
        with pytest.raises(BadRequest, match="genreDefaults: day is no Date"):
            spec.decode({"day": "soon"})

    def test_json_nested_too_deep(self):
        deep: Any = 1
        for _ in range(200):
            deep = [deep]
        with pytest.raises(Misfit, match="more than 100 deep"):
            input_shape(Any).wire(deep)


class TestWhatFitsAsWell:
    @pytest.mark.parametrize(
        ("hint", "value", "data"),
        [
            (float, 3, 3.0),
            (int, Level.HIGH, 2),
            (str, gettext_lazy("Yes"), "Yes"),
            (strawberry.ID, 7, "7"),
            (strawberry.ID, uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
            (Decimal, 3, "3"),
            (Format, "7-inch", "VALUE_7_INCH"),
            (Track.Rating, 2, "VERY_GOOD"),
            (list[int], (1, 2), [1, 2]),
            (Iterable[int], {3}, [3]),
            (Deep, {"mood": Mood.CALM, "words": []}, {"mood": "CALM", "words": []}),
            (
                Any,
                {
                    "at": datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC),
                    "on": datetime.date(2026, 1, 31),
                    "after": datetime.timedelta(1),
                    "price": Decimal("1.50"),
                    "mood": Mood.CALM,
                    "list": (1, gettext_lazy("Yes")),
                    5: None,
                },
                {
                    "at": "2026-01-31T12:00:00Z",
                    "on": "2026-01-31",
                    "after": "1 00:00:00",
                    "price": "1.50",
                    "mood": "calm",
                    "list": [1, "Yes"],
                    "5": None,
                },
            ),
        ],
    )
    def test_answers(self, hint, value, data):
        assert output_shape(hint).encode(value) == data

    def test_nothing(self):
        assert DONE.encode(None) is True
        with pytest.raises(Misfit, match="not None"):
            DONE.encode(5)

    def test_keys_that_a_parent_or_a_qualifier_makes_optional(self):
        shape = input_shape(Deep)
        assert shape.decode({"mood": "LOUD", "words": ["x"]}) == {
            "mood": Mood.LOUD,
            "words": ["x"],
        }
        with pytest.raises(Misfit, match="no mood"):
            shape.decode({"words": []})


def test_specs_are_compared_by_identity() -> None:
    spec = ActionSpec("a", "b", (), DONE)
    assert spec != ActionSpec("a", "b", (), DONE)
