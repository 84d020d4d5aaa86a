"""Text goes in parts and comes back whole, in whatever order they come."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from rxgraph.serve import parcels
from rxgraph.serve.messages import encode_text
from rxgraph.serve.parcels import KEEP_SECONDS, PART_LETTERS, Parcels, parts_of
from rxgraph.sync.signals import Signal, encode_signal
from rxgraph.types import process_key


@given(st.lists(st.text(max_size=40), max_size=4), st.randoms(use_true_random=False))
def test_parts_of_several_texts_come_back_in_any_order(
    texts: list[str], chance: random.Random
) -> None:
    kept = parcels.PART_LETTERS
    parcels.PART_LETTERS = 7
    try:
        parts = [part for number, text in enumerate(texts) for part in parts_of(str(number), text)]
        chance.shuffle(parts)
        box, found = Parcels(), {}
        for part in parts:
            whole = box.take(part)
            if whole is not None:
                assert part["id"] not in found
                found[part["id"]] = whole
        assert found == {str(number): text for number, text in enumerate(texts)}
        assert len(box) == 0
    finally:
        parcels.PART_LETTERS = kept


def test_the_largest_part_fits_a_signal() -> None:
    for letter in ("\U0001f600", '"', "\\"):
        text = encode_text(letter * PART_LETTERS)
        for part in parts_of("x" * 32, text):
            assert encode_signal(Signal(process_key("x" * 32), "rxgraph.action.answer", part))


def test_what_stays_incomplete_is_forgotten() -> None:
    now = [0.0]
    box = Parcels(clock=lambda: now[0])
    assert box.take({"id": "a", "part": 0, "of": 2, "text": "lost"}) is None
    assert len(box) == 1
    now[0] = KEEP_SECONDS + 1
    assert box.take({"id": "b", "part": 0, "of": 1, "text": "whole"}) == "whole"
    assert len(box) == 0
