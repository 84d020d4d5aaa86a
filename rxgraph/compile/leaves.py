"""The scalars that actions can take and answer: how each is written as JSON, and read back.

Texts are those of ``rxgraph.compile.scalars``. Writing is strict: what a method answers must be of
the type that it declares, so that a client never gets what the schema does not promise.
"""

from __future__ import annotations

import datetime
import decimal
import math
import uuid
from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from typing import Any, Optional

import strawberry
from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime, parse_duration, parse_time
from django.utils.duration import duration_string
from django.utils.functional import Promise

from rxgraph.compile import scalars
from rxgraph.compile.scalars import BigInt
from rxgraph.compile.shapes import Anything, Leaf, Misfit, below, kind_of
from rxgraph.types import JSON

INT_BITS, BIG_BITS = 31, 63
_DEEPEST = 100


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Misfit(f"is {kind_of(value)}, not a bool")
    return value


def _int(value: Any) -> int:
    if not _is_int(value):
        raise Misfit(f"is {kind_of(value)}, not an int")
    if not -(1 << INT_BITS) <= value < 1 << INT_BITS:
        raise Misfit("is beyond the 32 bits of Int; annotate it as rxgraph.actions.BigInt")
    return int(value)


def _big(value: Any) -> str:
    if not _is_int(value):
        raise Misfit(f"is {kind_of(value)}, not an int")
    if not -(1 << BIG_BITS) <= value < 1 << BIG_BITS:
        raise Misfit("is beyond 64 bits")
    return str(int(value))


def _float(value: Any) -> float:
    if not _is_int(value) and not isinstance(value, float):
        raise Misfit(f"is {kind_of(value)}, not a float")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Misfit("is not finite")
    return number


def _str(value: Any) -> str:
    if isinstance(value, Promise):
        value = str(value)
    if not isinstance(value, str) or isinstance(value, Enum):
        raise Misfit(f"is {kind_of(value)}, not a str")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise Misfit("holds half of a surrogate pair")
    return str.__str__(value)


def _id(value: Any) -> str:
    if _is_int(value) or isinstance(value, uuid.UUID):
        return str(value)
    return _str(value)


def _parse_decimal(text: str) -> decimal.Decimal | None:
    value = decimal.Decimal(text)
    return value if value.is_finite() else None


def _decimal(value: Any) -> str:
    if not isinstance(value, decimal.Decimal) and not _is_int(value):
        raise Misfit(f"is {kind_of(value)}, not a Decimal")
    if not decimal.Decimal(value).is_finite():
        raise Misfit("is not finite")
    return str(value)


def _datetime(value: Any) -> str:
    if not isinstance(value, datetime.datetime):
        raise Misfit(f"is {kind_of(value)}, not a datetime")
    return _iso(value)


def _date(value: Any) -> str:
    if not isinstance(value, datetime.date) or isinstance(value, datetime.datetime):
        raise Misfit(f"is {kind_of(value)}, not a date")
    return value.isoformat()


def _time(value: Any) -> str:
    if not isinstance(value, datetime.time):
        raise Misfit(f"is {kind_of(value)}, not a time")
    if value.tzinfo is not None:
        raise Misfit("is a time of a time zone, which Time cannot say")
    return value.isoformat()


def _duration(value: Any) -> str:
    if not isinstance(value, datetime.timedelta):
        raise Misfit(f"is {kind_of(value)}, not a timedelta")
    return duration_string(value)


def _uuid(value: Any) -> str:
    if not isinstance(value, uuid.UUID):
        raise Misfit(f"is {kind_of(value)}, not a UUID")
    return str(value)


def _iso(value: datetime.datetime) -> str:
    text = value.isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def _read(name: str, parse: Callable[[str], Any]) -> Callable[[JSON], Any]:
    def read(data: JSON) -> Any:
        try:
            value = parse(data) if isinstance(data, str) else None
        except (ValueError, ArithmeticError):
            value = None
        if value is None:
            raise Misfit(f"is {kind_of(data)}, not a {name}" if data is None else f"is no {name}")
        return value

    return read


def _read_big(data: JSON) -> int:
    value: int = _read("BigInt", int)(str(data) if _is_int(data) else data)
    _big(value)
    return value


class Moment(Leaf):
    """A datetime; what a client says without an offset is in the time zone of the project."""

    def wire(self, given: Any) -> JSON:
        """Return it as JSON, aware where the project's are."""
        if settings.USE_TZ and timezone.is_naive(given):
            given = timezone.make_aware(given, timezone.get_default_timezone())
        return self.write(given)


LEAVES: Mapping[Any, Leaf] = {
    bool: Leaf(bool, _bool, _bool),
    int: Leaf(int, _int, _int),
    float: Leaf(float, _float, _float),
    str: Leaf(str, _str, _str),
    strawberry.ID: Leaf(strawberry.ID, _id, _id),
    BigInt: Leaf(BigInt, _big, _read_big),
    decimal.Decimal: Leaf(decimal.Decimal, _decimal, _read("Decimal", _parse_decimal)),
    datetime.datetime: Moment(datetime.datetime, _datetime, _read("DateTime", parse_datetime)),
    datetime.date: Leaf(datetime.date, _date, _read("Date", parse_date)),
    datetime.time: Leaf(datetime.time, _time, _read("Time", parse_time)),
    datetime.timedelta: Leaf(datetime.timedelta, _duration, _read("Duration", parse_duration)),
    uuid.UUID: Leaf(uuid.UUID, _uuid, _read("UUID", uuid.UUID)),
}
"""Type hint → the scalar."""


def json_of(value: Any) -> JSON:
    """Return *value* as JSON has it; what JSON has no form for is text, as DRF writes it.

    Raises:
        Misfit: something in it has no form at all.
    """
    return _json(value, _DEEPEST)


def _json(value: Any, depth: int) -> JSON:
    if value is None or isinstance(value, bool):
        return value
    if depth == 0:
        raise Misfit(f"is nested more than {_DEEPEST} deep")
    if isinstance(value, Enum):
        return _json(value.value, depth - 1)
    if isinstance(value, str | Promise):
        return _str(value)
    if isinstance(value, int):
        if not -(1 << BIG_BITS) <= value < 1 << BIG_BITS:
            raise Misfit("is beyond 64 bits")
        return int(value)
    if isinstance(value, float):
        return _float(value)
    under = partial(_json, depth=depth - 1)
    if isinstance(value, Mapping):
        return {_key(key): below(key, under, item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [below(place, under, item) for place, item in enumerate(value)]
    for kind, write in _TEXTS:
        if isinstance(value, kind):
            return write(value)
    raise Misfit(f"is {kind_of(value)}, which JSON cannot say")


_TEXTS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (datetime.datetime, _iso),
    (datetime.date, _date),
    (datetime.time, datetime.time.isoformat),
    (datetime.timedelta, _duration),
    (decimal.Decimal, str),
    (uuid.UUID, str),
)


def _key(key: object) -> str:
    if not isinstance(key, str | int | uuid.UUID) or isinstance(key, bool):
        raise Misfit(f"has the key {key!r}, which is no text")
    return str(key.value if isinstance(key, Enum) else key)


ANYTHING = Anything(Optional[scalars.JSON], json_of)  # noqa: UP045


def _done(value: Any) -> bool:
    if value is not None:
        raise Misfit(f"is {kind_of(value)}, not None")
    return True


DONE = Leaf(bool, _done, lambda data: None)
"""What a method that answers nothing answers: true."""
