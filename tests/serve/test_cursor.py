"""Cursors: what comes back is what went out, and everything else is named."""

from __future__ import annotations

import base64
import itertools
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxgraph.errors import BadRequest
from rxgraph.serve.cursor import (
    NO_MEMBERS,
    VOID,
    Cursor,
    decode,
    encode,
    members_mark,
    store_mark,
    viewer_mark,
)
from rxgraph.types import AnchorKey

numbers = st.integers(0, 2**63)
times = st.floats(0, 4e9)
keys = st.builds(AnchorKey, st.text(min_size=1), st.text(min_size=1, max_size=200))
cursors = st.builds(
    Cursor,
    numbers,
    numbers,
    st.binary(min_size=4, max_size=4),
    st.binary(min_size=8, max_size=8),
    st.binary(min_size=8, max_size=8),
    times,
    times,
)

KEY = AnchorKey("app.ProjectChannel", "1")
SOME = encode(KEY, Cursor(1, 2, bytes(4), bytes(8), bytes(8), 3.0, 4.0))


@given(keys, cursors)
def test_a_cursor_comes_back_as_it_was(key, cursor):
    text = encode(key, cursor)
    assert text.isascii()
    assert "=" not in text
    assert decode(text, key) == cursor


@given(keys, keys, cursors)
def test_a_cursor_of_another_anchor_is_refused(key, other, cursor):
    if key != other:
        with pytest.raises(BadRequest, match="after: this cursor belongs to another"):
            decode(encode(key, cursor), other)


@given(st.one_of(st.text(), st.binary().map(lambda raw: raw.hex())))
def test_garbage_is_refused_by_name(text):
    with pytest.raises(BadRequest, match="after: this is not a cursor"):
        decode(text, KEY)


@given(st.integers(0, len(SOME) - 1), st.sampled_from("AbZ09-_*"))
def test_a_cursor_with_a_wrong_letter_is_refused(position, letter):
    text = SOME[:position] + letter + SOME[position + 1 :]
    if text != SOME:
        with pytest.raises(BadRequest):
            decode(text, KEY)


def test_a_cursor_of_another_release_is_read_as_one_that_cannot_be_resumed(monkeypatch):
    monkeypatch.setattr("rxgraph.serve.cursor._VERSION", 4)
    newer = encode(KEY, Cursor(1, 2, bytes(4), bytes(8), bytes(8), 3.0, 4.0))
    monkeypatch.undo()
    assert decode(newer, KEY).generation == VOID


def test_a_cursor_tells_nothing_to_who_has_not_the_key():
    texts = [
        encode(KEY, Cursor(generation, position, b"stor", b"viewer 1", b"members!", 3.0, at))
        for generation in (1, 2)
        for position in range(200)
        for at in (4.0, 5.0)
    ]
    raw = [base64.urlsafe_b64decode(text + "==") for text in texts]
    for item in raw:
        assert b"viewer" not in item
        assert b"stor" not in item
    # What is behind the version looks random: neighbours differ in about half of all bits.
    bodies = [int.from_bytes(item[5:]) for item in raw]
    size = 8 * len(raw[0][5:])
    distances = [(a ^ b).bit_count() / size for a, b in itertools.pairwise(bodies)]
    assert 0.48 < sum(distances) / len(distances) < 0.52


def test_a_cursor_of_another_key_is_read_as_one_that_cannot_be_resumed(settings):
    cursor = Cursor(1, 2, bytes(4), bytes(8), bytes(8), 3.0, 4.0)
    settings.SECRET_KEY = "an older one"
    older = encode(KEY, cursor)
    settings.SECRET_KEY = "a newer one"
    assert decode(older, KEY).generation == VOID
    settings.SECRET_KEY_FALLBACKS = ["an older one"]
    assert decode(older, KEY) == cursor


def test_a_forged_cursor_is_read_as_one_that_cannot_be_resumed():
    raw = bytearray(base64.urlsafe_b64decode(SOME + "=" * (-len(SOME) % 4)))
    for place in range(5, len(raw)):
        forged = bytearray(raw)
        forged[place] ^= 1
        forged[:4] = zlib.crc32(bytes(forged[4:])).to_bytes(4)
        text = base64.urlsafe_b64encode(bytes(forged)).rstrip(b"=").decode()
        assert decode(text, KEY).generation == VOID


def test_the_argument_that_carries_a_cursor_is_named():
    with pytest.raises(BadRequest, match="expectedVersion: this is not a cursor"):
        decode("?", KEY, "expectedVersion")


def test_stores_and_viewers_are_told_apart():
    assert store_mark("mongodb://a/x", is_memory=False) != store_mark(
        "mongodb://b/x", is_memory=False
    )
    assert viewer_mark("1") != viewer_mark("2")
    assert viewer_mark(None) == bytes(8)


@given(st.sets(st.text(min_size=1).filter(lambda id_: "\0" not in id_), max_size=5), st.data())
def test_members_are_told_apart_whatever_their_order(ids, data):
    mark = members_mark(ids)
    assert members_mark(data.draw(st.permutations(sorted(ids)))) == mark
    assert len(mark) == 8
    assert mark != NO_MEMBERS
    for id_ in ids:
        assert members_mark(ids - {id_}) != mark
