"""JSON between clients and servers."""

from __future__ import annotations

import json
from json import JSONDecodeError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxgraph.serve.messages import decode, encode_text

JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(JSONS)
def test_what_goes_out_comes_back(data: Any) -> None:
    whole = json.loads(json.dumps(data).encode(errors="replace"))
    assert decode(json.dumps(data)) == whole or "\\ud" in json.dumps(data)


def nested(depth: int, opening: str, closing: str) -> str:
    return opening * depth + "1" + closing * depth


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_what_is_too_deep_to_be_told_is_refused(opening: str, closing: str) -> None:
    levels = 2 if len(opening) > 5 else 1
    deepest = decode(nested(240 // levels, opening, closing))
    encode_text({"type": "pong", "payload": {"data": {"field": deepest}}})
    for depth in (250, 500, 2000, 100_000):
        with pytest.raises(JSONDecodeError):
            decode(nested(depth // levels, opening, closing))


def test_many_lists_side_by_side_are_not_deep() -> None:
    assert decode("[" + ",".join(["[]"] * 5000) + "]") == [[]] * 5000
