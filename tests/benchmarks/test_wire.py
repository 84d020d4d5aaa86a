"""Whatever pieces the bytes of a server come in, a client reads the same messages."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import wire

ANSWER = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


def sent(opcode: int, payload: bytes, *, is_final: bool = True) -> bytes:
    """Return a frame as a server sends it: unmasked."""
    size = len(payload)
    head = bytes([(wire.FIN if is_final else 0) | opcode])
    if size < 126:
        head += bytes([size])
    elif size < 1 << 16:
        head += bytes([126]) + size.to_bytes(2, "big")
    else:
        head += bytes([127]) + size.to_bytes(8, "big")
    return head + payload


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(ends)]


messages = st.lists(
    st.tuples(
        st.sampled_from([wire.TEXT, wire.PING, wire.CLOSE]),
        st.sampled_from([0, 1, 125, 126, 300, 65_535, 65_536, 70_000]),
    ),
    max_size=5,
)


@given(messages, st.lists(st.integers(min_value=0), max_size=8))
def test_messages_are_whole_however_they_are_cut(
    wanted: list[tuple[int, int]], places: list[int]
) -> None:
    expected = [(opcode, bytes([n + 65]) * size) for n, (opcode, size) in enumerate(wanted)]
    data = ANSWER + b"".join(sent(opcode, payload) for opcode, payload in expected)
    reader, found = wire.Reader(), []
    for part in cut(data, places):
        if not reader.is_open:
            if reader.answer(part):
                found += reader.feed(b"")
            continue
        found += reader.feed(part)
    assert found == expected


def test_fragments_are_one_message_with_a_ping_between() -> None:
    reader = wire.Reader()
    reader.answer(ANSWER)
    parts = [
        sent(wire.TEXT, b"one ", is_final=False),
        sent(wire.PING, b"?"),
        sent(wire.CONTINUATION, b"two ", is_final=False),
        sent(wire.CONTINUATION, b"three"),
    ]
    found = [message for part in parts for message in reader.feed(part)]
    assert found == [(wire.PING, b"?"), (wire.TEXT, b"one two three")]


def test_a_refusal_is_told() -> None:
    with pytest.raises(ConnectionError, match="403 Forbidden"):
        wire.Reader().answer(b"HTTP/1.1 403 Forbidden\r\n\r\n")
