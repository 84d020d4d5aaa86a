"""What a WebSocket client has to speak of RFC 6455, without a socket.

Text in whole or fragmented messages, ping, close; no compression. What is sent is masked with
zeros.
"""

from __future__ import annotations

import base64
import os

CONTINUATION, TEXT, CLOSE, PING, PONG = 0x0, 0x1, 0x8, 0x9, 0xA
FIN = 0x80

_HEAD_END = b"\r\n\r\n"


def request(host: str, path: str, subprotocol: str | None) -> bytes:
    """Return the request that opens a connection (RFC 6455 §4.1)."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
    ]
    if subprotocol:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    return "\r\n".join([*lines, "", ""]).encode()


def frame(opcode: int, payload: bytes) -> bytes:
    """Return a final frame of a client (RFC 6455 §5.2).

    >>> frame(TEXT, b"hi").hex(" ")
    '81 82 00 00 00 00 68 69'
    """
    size = len(payload)
    if size < 126:
        head = bytes((FIN | opcode, 0x80 | size))
    elif size < 1 << 16:
        head = bytes((FIN | opcode, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((FIN | opcode, 0x80 | 127)) + size.to_bytes(8, "big")
    return head + bytes(4) + payload


class Reader:
    """Messages out of bytes, as they come; a message that is not whole yet is kept."""

    __slots__ = ("_buffer", "_message", "is_open")

    def __init__(self) -> None:
        #: The server has answered the request, with 101.
        self.is_open = False
        self._buffer = bytearray()
        self._message = bytearray()

    def answer(self, data: bytes) -> bool:
        """Take bytes before the connection is open; return whether it is now.

        Raises:
            ConnectionError: the server refused.
        """
        self._buffer += data
        head, separator, rest = bytes(self._buffer).partition(_HEAD_END)
        if not separator:
            return False
        status = head.split(b"\r\n")[0].decode(errors="replace")
        if " 101" not in status:
            raise ConnectionError(f"the server answered {status}")
        self._buffer[:] = rest
        self.is_open = True
        return True

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take bytes and return the messages that are whole now, with their opcodes."""
        found: list[tuple[int, bytes]] = []
        if self._buffer:
            self._buffer += data
            rest = self._read(bytes(self._buffer), found) if self._is_whole() else 0
            del self._buffer[:rest]
        else:
            rest = self._read(data, found)
            if rest < len(data):
                self._buffer += data[rest:]
        return found

    def _is_whole(self) -> bool:
        """Return False for certain while the first frame lacks bytes: a look at its head."""
        end = _end(self._buffer, 0)
        return end is not None and end <= len(self._buffer)

    def _read(self, data: bytes, found: list[tuple[int, bytes]]) -> int:
        position, size = 0, len(data)
        while (end := _end(data, position)) is not None and end <= size:
            first, length = data[position], data[position + 1]
            start = position + (2 if length < 126 else 4 if length == 126 else 10)
            self._take(first, data[start:end], found)
            position = end
        return position

    def _take(self, first: int, payload: bytes, found: list[tuple[int, bytes]]) -> None:
        opcode = first & 0x0F
        if opcode not in (TEXT, CONTINUATION):
            found.append((opcode, payload))
        elif first & FIN and not self._message:
            found.append((TEXT, payload))
        else:
            self._message += payload
            if first & FIN:
                found.append((TEXT, bytes(self._message)))
                self._message.clear()


def _end(data: bytes | bytearray, position: int) -> int | None:
    """Return where the frame at *position* ends, None while its head is not there."""
    size = len(data) - position
    if size < 2:
        return None
    length = data[position + 1]
    if length < 126:
        return position + 2 + length
    wide = 2 if length == 126 else 8
    if size < 2 + wide:
        return None
    return position + 2 + wide + int.from_bytes(data[position + 2 : position + 2 + wide], "big")
