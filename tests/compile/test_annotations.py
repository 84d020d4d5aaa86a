"""Annotations of properties and methods become types."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, NewType, Optional, TypedDict

import pytest
import strawberry

from rxgraph.compile.annotations import UNKNOWN, returned, typed
from rxgraph.compile.scalars import JSON, BigInt

UserId = NewType("UserId", str)


class Shape(TypedDict):
    a: int


class Level(enum.IntEnum):
    LOW = 1


class Plain(enum.Enum):
    A = "a"


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, (int, False)),
        (bool, (bool, False)),
        (Optional[str], (str, True)),  # noqa: UP045
        (datetime.datetime | None, (datetime.datetime, True)),
        (datetime.date, (datetime.date, False)),
        (list[int], (list[int], False)),
        (list[int | None], (list[Optional[int]], False)),  # noqa: UP045
        (Iterable[str], (list[str], False)),
        (tuple[int, ...] | None, (list[int], True)),
        (list, (list[Optional[JSON]], False)),  # noqa: UP045
        (dict[str, int], (JSON, False)),
        (Mapping[str, int], (JSON, False)),
        (Shape, (JSON, False)),
        (Annotated[int, "a"], (int, False)),
        (Literal["a", "b"], (str, False)),
        (Literal["a", None], (str, True)),
        (Literal[1, "a"], (JSON, False)),
        (UserId, (str, False)),
        (strawberry.ID, (strawberry.ID, False)),
        (BigInt, (BigInt, False)),
        (list[BigInt] | None, (list[BigInt], True)),
        (Level, (int, False)),
        (Plain, (str, False)),
        (int | str, (JSON, False)),
        (int | str | None, (JSON, True)),
        (Any, (JSON, True)),
        (object, (JSON, True)),
        (type(None), (JSON, True)),
    ],
)
def test_typed(annotation: Any, expected: tuple[Any, bool]) -> None:
    assert typed(annotation) == expected


def test_a_function_that_says_nothing_returns_json() -> None:
    def unreadable() -> Nowhere:  # type: ignore[name-defined]  # noqa: F821
        return None

    assert returned(lambda: 1) == returned(None) == returned(unreadable) == UNKNOWN
