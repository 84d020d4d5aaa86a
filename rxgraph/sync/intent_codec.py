"""What one intent names, as text: ``{"shop.item": [7, [10, 99999], "x-1"]}``, and back.

Keys by model: a number is that number as text, a pair is the whole range of numbers from its first
to its last, everything else is itself. Exact, never more than was named; an update of 100,000 rows
takes some 30 bytes where their keys follow each other. Triggers of PostgreSQL write the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

import orjson

from rxgraph.types import RowKey

MOST_ROWS = 10_000_000
"""More than any intent names: a text that says so is broken, and would fill the memory."""

_LONGEST_NUMBER = 18  # digits that fit a 64-bit integer whatever they are
_SHORTEST_RANGE = 3
_REMEMBERED_CHARS = 200


def encode(rows: Iterable[RowKey]) -> str:
    """Return the text that names exactly *rows*."""
    numbers: dict[str, set[int]] = {}
    named: dict[str, list[Any]] = {}
    for model, pk in rows:
        items = named.setdefault(model, [])
        if _is_number(pk):
            numbers.setdefault(model, set()).add(int(pk))
        else:
            items.append(pk)
    for model, found in numbers.items():
        named[model].extend(_ranges(sorted(found)))
    return orjson.dumps(named).decode()


def decode(text: str) -> frozenset[RowKey]:
    """Return the rows that *text* names.

    Raises:
        ValueError: it is not what ``encode`` writes.
    """
    return _remembered(text) if len(text) <= _REMEMBERED_CHARS else _decode(text)


def _decode(text: str) -> frozenset[RowKey]:
    named = orjson.loads(text)
    if isinstance(named, list):  # as written before ranges: [["model", "key"], ...]
        return frozenset(map(_pair, named))
    if not isinstance(named, dict):
        raise ValueError(f"an intent is an object of keys by model, not {text[:80]!r}")
    rows: set[RowKey] = set()
    for model, items in named.items():
        if not isinstance(items, list):
            raise ValueError(f"the keys of {model!r} are a list, not {str(items)[:80]!r}")
        keys = list(map(_keys, items))
        if len(rows) + sum(map(len, keys)) > MOST_ROWS:
            raise ValueError(f"an intent names {MOST_ROWS:,} rows at most")
        for found in keys:
            rows.update([RowKey(model, str(pk)) for pk in found])
    return frozenset(rows)


_remembered = lru_cache(maxsize=4096)(_decode)


def _is_number(pk: str) -> bool:
    return (
        pk.isdecimal()
        and pk.isascii()
        and len(pk) <= _LONGEST_NUMBER
        and (pk[0] != "0" or len(pk) == 1)
    )


def _ranges(numbers: list[int]) -> Iterator[int | list[int]]:
    for _, run in groupby(enumerate(numbers), lambda item: item[1] - item[0]):
        found = [number for _, number in run]
        if len(found) < _SHORTEST_RANGE:
            yield from found
        else:
            yield [found[0], found[-1]]


def _keys(item: Any) -> Sequence[object]:
    if isinstance(item, str) or type(item) is int:
        return (item,)
    match item:
        case [int(first), int(last)] if 0 <= last - first < MOST_ROWS:
            return range(first, last + 1)
    raise ValueError(f"a key is a text, a number or a range of numbers, not {str(item)[:80]!r}")


def _pair(item: Any) -> RowKey:
    match item:
        case [str(model), str(pk)]:
            return RowKey(model, pk)
    raise ValueError(f"a row is a pair of texts, not {str(item)[:80]!r}")
