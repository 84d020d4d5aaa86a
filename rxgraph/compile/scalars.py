"""Scalars whose output is the text DRF rendered, and whose input is checked.

Documents hold JSON-ready values, so a value that is text already passes through unchanged; Python
objects (from defaults, actions and resolvers of the project) are written the way DRF writes them.
"""

from __future__ import annotations

import datetime
import decimal
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NewType

import strawberry
from django.utils.dateparse import parse_date, parse_datetime, parse_duration, parse_time
from django.utils.duration import duration_string
from graphql import GraphQLError
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

BigInt = NewType("BigInt", int)
Cursor = NewType("Cursor", str)
Duration = datetime.timedelta

_INTEGER = re.compile(r"-?[0-9]{1,19}\Z")


def _write(to_text: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: value if isinstance(value, str) else to_text(value)


def _iso(value: Any) -> str:
    text: str = value.isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def _read(name: str, parse: Callable[[str], Any], example: str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        try:
            parsed = parse(value) if isinstance(value, str) else None
        except (ValueError, ArithmeticError):
            parsed = None
        if parsed is None:
            raise GraphQLError(
                f"{value!r} is not a {name}; write it like {example}",
                extensions={"code": "BAD_REQUEST", "status": 400},
            )
        return parsed

    return read


def _decimal(text: str) -> decimal.Decimal | None:
    value = decimal.Decimal(text)
    return value if value.is_finite() else None


def _big_int(value: Any) -> int:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _INTEGER.match(text) or not -(2**63) <= int(text) < 2**63:
        raise GraphQLError(
            f'{value!r} is not a BigInt; write a 64-bit integer as text: "9007199254740993"',
            extensions={"code": "BAD_REQUEST", "status": 400},
        )
    return int(text)


def _cursor(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError(
            f"{value!r} is not a Cursor; hand back the text that an event carried",
            extensions={"code": "BAD_REQUEST", "status": 400},
        )
    return value


def _scalar(
    name: str, description: str, write: Callable[[Any], Any], read: Callable[[Any], Any]
) -> ScalarDefinition:
    return strawberry.scalar(name=name, description=description, serialize=write, parse_value=read)


SCALAR_MAP: Mapping[object, ScalarDefinition] = {
    BigInt: _scalar("BigInt", "A 64-bit integer as text.", str, _big_int),
    Cursor: _scalar(
        "Cursor", "Opaque position in a stream; hand it back as `after` to resume.", str, _cursor
    ),
    datetime.datetime: _scalar(
        "DateTime",
        "Date and time as ISO 8601 text.",
        _write(_iso),
        _read("DateTime", parse_datetime, '"2026-01-31T12:00:00Z"'),
    ),
    datetime.date: _scalar(
        "Date",
        "Date as ISO 8601 text.",
        _write(_iso),
        _read("Date", parse_date, '"2026-01-31"'),
    ),
    datetime.time: _scalar(
        "Time",
        "Time of day as ISO 8601 text.",
        _write(_iso),
        _read("Time", parse_time, '"12:30:00"'),
    ),
    datetime.timedelta: _scalar(
        "Duration",
        "Duration as text: `[days ]hours:minutes:seconds`.",
        _write(duration_string),
        _read("Duration", parse_duration, '"1 02:30:00"'),
    ),
    decimal.Decimal: _scalar(
        "Decimal", "Decimal number as text.", _write(str), _read("Decimal", _decimal, '"12.50"')
    ),
    uuid.UUID: _scalar(
        "UUID",
        "UUID as text.",
        _write(str),
        _read("UUID", uuid.UUID, '"7d444840-9dc0-11d1-b245-5ffdce74fad2"'),
    ),
}
"""Python type of a value → its scalar, for ``StrawberryConfig(scalar_map=...)``."""

__all__ = ["JSON", "SCALAR_MAP", "BigInt", "Cursor", "Duration"]
