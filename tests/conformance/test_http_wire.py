"""HTTP as it may come over a wire: in chunks, in a row, cut off, with lengths that lie."""

from __future__ import annotations

import gzip
import json
import re
import socket
from collections.abc import Iterator

import pytest

from tests.conformance.served import troubles
from tests.integration.board import Board

BODY = b'{"query":"{ __typename }"}'
ANSWER = b'{"data":{"__typename":"Query"}}'


@pytest.fixture
def wire(board: Board) -> Iterator[socket.socket]:
    """Return a connection to the server, and see that the server lives on afterwards."""
    with socket.create_connection(("127.0.0.1", board.server.port), timeout=5) as found:
        yield found
    with socket.create_connection(("127.0.0.1", board.server.port), timeout=5) as other:
        assert ask(other, request()).endswith(ANSWER)
    assert troubles(board.server.log) == []


def request(*headers: str, body: bytes = BODY, length: int | None = None) -> bytes:
    """Return a POST; *length*: what its header says instead of the truth, or -1 for none."""
    lines = ["POST /graphql HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    if length != -1:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def ask(wire: socket.socket, data: bytes, until: bytes = ANSWER, times: int = 1) -> bytes:
    """Send *data*; return what comes, up to the end or so many times *until*."""
    if data:
        wire.sendall(data)
    found = b""
    while found.count(until) < times:
        part = wire.recv(65536)
        if not part:
            break
        found += part
    return found


def test_a_body_in_chunks(wire: socket.socket) -> None:
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(BODY[i : i + 5]), BODY[i : i + 5]) for i in range(0, 26, 5)
    )
    body = chunks + b"0\r\n\r\n"
    assert ANSWER in ask(wire, request("Transfer-Encoding: chunked", body=body, length=-1))


def test_requests_in_a_row_are_answered_in_a_row(wire: socket.socket) -> None:
    batch = request(body=b"[" + BODY + b"," + BODY + b"]")
    found = ask(wire, request() + batch + request(), times=2)
    assert re.findall(rb"HTTP/1.1 (\d+)", found) == [b"200", b"400", b"200"]
    assert b"A list of operations is not served" in found


@pytest.mark.parametrize("length", [len(BODY) + 100, 10**12])
def test_a_body_that_never_comes_whole_ends_with_its_client(
    wire: socket.socket, length: int
) -> None:
    wire.sendall(request(length=length))
    wire.shutdown(socket.SHUT_WR)
    assert ANSWER not in ask(wire, b"")


def test_a_body_that_is_longer_than_it_says_is_cut_there(wire: socket.socket) -> None:
    found = ask(wire, request(length=len(BODY) - 1), until=b"}]}")
    assert b"is not JSON" in found
    assert ANSWER not in found


@pytest.mark.parametrize(
    "header", ["Content-Length: -5", "Content-Length: x", "Transfer-Encoding: gzip, chunked"]
)
def test_lengths_that_are_none_are_refused_by_the_server(wire: socket.socket, header: str) -> None:
    assert b" 400 " in ask(wire, request(header, length=-1), until=b"\r\n\r\n")


def test_a_compressed_body_is_refused(wire: socket.socket) -> None:
    data = request("Content-Encoding: gzip", body=gzip.compress(BODY))
    found = ask(wire, data, until=b"}]}")
    assert b" 415 " in found
    assert json.loads(found.split(b"\r\n\r\n")[1])["errors"][0]["extensions"]["status"] == 415


def test_a_client_that_asks_before_it_sends(wire: socket.socket) -> None:
    whole = request("Expect: 100-continue")
    found = ask(wire, whole.removesuffix(BODY), until=b"\r\n\r\n")
    assert found.startswith(b"HTTP/1.1 100 ")
    assert ANSWER in ask(wire, BODY)
