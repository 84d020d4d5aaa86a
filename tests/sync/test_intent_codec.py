"""What an intent names survives being written and read, whatever the keys are like."""

from __future__ import annotations

import json
import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxgraph.sync.intent_codec import decode, encode
from rxgraph.types import RowKey

MODELS = st.sampled_from(["shop.item", "shop.order", ""])
KEYS = st.one_of(
    st.integers(-5, 60).map(str),
    st.integers(0, 10**25).map(str),
    st.sampled_from(["", "0", "00", "007", "-0", "+1", "1.0", "٣", "²", " 1", "1e3", "x", "[1,2]"]),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.uuids().map(str),
)
ROWS = st.frozensets(st.builds(RowKey, MODELS, KEYS), max_size=60)


@given(ROWS)
def test_what_is_written_is_read(rows):
    assert decode(encode(rows)) == rows


@given(ROWS)
def test_no_key_is_written_twice(rows):
    named = json.loads(encode(rows))
    assert set(named) == {row.model for row in rows}
    for items in named.values():
        assert len({str(item) for item in items}) == len(items)


def test_keys_that_follow_each_other_are_a_range():
    rows = {RowKey("a.b", str(number)) for number in (1, 2, 3, 4, 9, 11, 12, 20, 21, 22)}
    assert encode(rows) == '{"a.b":[[1,4],9,11,12,[20,22]]}'


@pytest.mark.slow
def test_bulk_changes_are_small():
    """Bytes of 100,000 rows: a range, scattered numbers, UUIDs; without ranges 2.7 to 5.8 MB."""
    numbers = random.Random(1).sample(range(10**7), 100_000)
    sizes = [
        len(encode({RowKey("captured.label", key) for key in keys}))
        for keys in (
            map(str, range(100_000)),
            map(str, numbers),
            (str(uuid.UUID(int=number)) for number in numbers),
        )
    ]
    assert sizes[0] < 100
    assert sizes[1] < 900_000
    assert sizes[2] < 4_000_000


def test_what_was_written_before_ranges_is_read():
    assert decode('[["a.b","1"],["a.c","x"]]') == {RowKey("a.b", "1"), RowKey("a.c", "x")}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "5",
        '"a.b"',
        "null",
        "[5]",
        '[["a.b"]]',
        '[["a.b", 5]]',
        '{"a.b": "5"}',
        '{"a.b": [null]}',
        '{"a.b": [true]}',
        '{"a.b": [1.5]}',
        '{"a.b": [[1]]}',
        '{"a.b": [[2, 1]]}',
        '{"a.b": [[1, "2"]]}',
        '{"a.b": [[0, 99999999999]]}',
        '{"a.b": [[0, 9000000], [10000000, 19000000]]}',
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"\S"):
        decode(text)
