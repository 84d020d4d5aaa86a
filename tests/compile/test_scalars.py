"""Scalars pass text through and refuse what they cannot read."""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import Any

import pytest
from graphql import GraphQLError

from rxgraph.compile.scalars import SCALAR_MAP, BigInt, Cursor

UUID = "7d444840-9dc0-11d1-b245-5ffdce74fad2"


def scalar(type_: Any) -> Any:
    return SCALAR_MAP[type_]


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (
            datetime.datetime,
            "2026-01-31T12:00:00Z",
            datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC),
        ),
        (datetime.date, "2026-01-31", datetime.date(2026, 1, 31)),
        (datetime.time, "12:30:00", datetime.time(12, 30)),
        (datetime.timedelta, "1 02:30:00", datetime.timedelta(days=1, hours=2, minutes=30)),
        (decimal.Decimal, "12.50", decimal.Decimal("12.50")),
        (uuid.UUID, UUID, uuid.UUID(UUID)),
        (BigInt, "-9223372036854775808", -(2**63)),
        (Cursor, "abc", "abc"),
    ],
)
def test_text_is_passed_through_and_read_and_values_are_written(
    type_: Any, text: str, value: Any
) -> None:
    assert scalar(type_).serialize(text) == text
    assert scalar(type_).serialize(value) == text
    assert scalar(type_).parse_value(text) == value


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (datetime.datetime, "yesterday"),
        (datetime.datetime, 5),
        (datetime.datetime, "2026-13-01T00:00:00Z"),
        (datetime.date, "2026-02-30"),
        (datetime.time, "25:00"),
        (datetime.timedelta, "long"),
        (decimal.Decimal, "ten"),
        (decimal.Decimal, "NaN"),
        (decimal.Decimal, 1.5),
        (uuid.UUID, "7d44"),
        (uuid.UUID, None),
        (BigInt, "9223372036854775808"),
        (BigInt, "1.0"),
        (BigInt, True),
        (BigInt, "1" * 5000),
        (Cursor, 5),
    ],
)
def test_what_cannot_be_read_is_a_bad_request(type_: Any, value: Any) -> None:
    with pytest.raises(GraphQLError) as caught:
        scalar(type_).parse_value(value)
    assert caught.value.extensions == {"code": "BAD_REQUEST", "status": 400}


def test_a_big_int_may_be_written_as_a_number() -> None:
    assert scalar(BigInt).parse_value(5) == 5
