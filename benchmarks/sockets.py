"""A WebSocket client that costs little enough for a thousand of them in one process.

It speaks just what is needed of RFC 6455: text in whole or fragmented messages, ping, close, no
compression. Messages that all clients get alike are kept and parsed once, by a ``Tape``.
"""

from __future__ import annotations

import asyncio
import base64
import os
import time
from typing import Any, cast

from benchmarks.dialects import Dialect, Frame

_CONTINUATION, _TEXT, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x8, 0x9, 0xA
_FIN = 0x80


class Tape:
    """Every distinct message that the clients of one server got."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.frames: list[Frame] = []
        self._known: dict[bytes, Frame] = {}

    def find(self, payload: bytes) -> Frame:
        """Return *payload* as it was understood when it first came."""
        key = self.dialect.key(payload)
        frame = self._known.get(key)
        if frame is None:
            frame = self._known[key] = self.dialect.read(payload, len(self.frames))
            self.frames.append(frame)
        return frame


class Client(asyncio.Protocol):
    """One subscriber: what it got, in order, and when."""

    def __init__(self, tape: Tape, host: str, project: int, token: str) -> None:
        self._tape, self._host = tape, host
        self._project, self._token = project, token
        self._buffer = bytearray()
        self._message = bytearray()
        self._is_open = False
        self._transport: asyncio.Transport | None = None
        self.started = time.monotonic()
        #: Seconds from the start of the connection to the complete first state.
        self.first_state: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        #: Numbers of the frames that hold state, in order.
        self.numbers: list[int] = []
        #: When each of those came that were not part of the first state, and its newest mark.
        self.arrivals: list[tuple[float, int]] = []
        self.bytes = 0
        self._ends = 1  # messages that complete the first state
        self.problem: str | None = None
        self._replies: dict[str, asyncio.Future[float]] = {}

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        lines = [
            f"GET {self._tape.dialect.path(self._project)} HTTP/1.1",
            f"Host: {self._host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
        ]
        if self._tape.dialect.subprotocol:
            lines.append(f"Sec-WebSocket-Protocol: {self._tape.dialect.subprotocol}")
        self._transport.write("\r\n".join([*lines, "", ""]).encode())

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        buffer = self._buffer
        buffer += data
        if not self._is_open and not self._read_answer():
            return
        position, size = 0, len(buffer)
        while size - position >= 2:
            length, start = buffer[position + 1], position + 2
            if length == 126:
                start += 2
                length = int.from_bytes(buffer[position + 2 : start], "big")
            elif length == 127:
                start += 8
                length = int.from_bytes(buffer[position + 2 : start], "big")
            end = start + length
            if end > size or start > size:
                break
            self._receive(buffer[position], bytes(buffer[start:end]), now)
            position = end
        del buffer[:position]

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection ended: {exc}")

    # --

    def close(self) -> None:
        """Leave without a word, as a browser that is closed."""
        if self._transport is not None:
            self._transport.abort()

    def send(self, text: str) -> None:
        """Send one message."""
        self._write(_TEXT, text.encode())

    async def save(self, id_: str, task: int, title: str, *, seconds: float = 60.0) -> float:
        """Save the title of a task and return when the answer came, by the monotonic clock.

        Raises:
            ConnectionError: the save was refused, or the connection has ended.
            TimeoutError: no answer came in *seconds*.
        """
        reply = self._replies[id_] = asyncio.get_running_loop().create_future()
        self.send(self._tape.dialect.save(id_, self._project, task, title))
        try:
            return await asyncio.wait_for(reply, seconds)
        finally:
            del self._replies[id_]

    def _read_answer(self) -> bool:
        head, separator, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        if not separator:
            return False
        self._buffer[:] = rest
        status = head.split(b"\r\n")[0].decode(errors="replace")
        if " 101" not in status:
            self._fail(f"the server answered {status}")
            self.close()
            return False
        self._is_open = True
        for text in self._tape.dialect.greeting(self._project, self._token):
            self.send(text)
        return True

    def _receive(self, first: int, payload: bytes, now: float) -> None:
        opcode = first & 0x0F
        if opcode in (_TEXT, _CONTINUATION):
            if first & _FIN and not self._message:
                self._understand(payload, now)
            else:
                self._message += payload
                if first & _FIN:
                    whole = bytes(self._message)
                    self._message.clear()
                    self._understand(whole, now)
        elif opcode == _PING:
            self._write(_PONG, payload)
        elif opcode == _CLOSE:
            code = int.from_bytes(payload[:2], "big")
            self._fail(f"the server closed with {code} {payload[2:].decode(errors='replace')}")
            self.close()

    def _understand(self, payload: bytes, now: float) -> None:
        frame = self._tape.find(payload)
        self.bytes += len(payload)
        for text in frame.answers:
            self.send(text.replace("$PROJECT", str(self._project)))
        if frame.problem:
            self._fail(frame.problem)
        if frame.reply_to in self._replies and not frame.problem:
            self._replies[frame.reply_to].set_result(now)
        if frame.holds_state:
            self.numbers.append(frame.number)
            if self.first_state.done():
                self.arrivals.append((now, frame.newest))
        if frame.expects is not None and not self.first_state.done():
            self._ends = frame.expects
        if frame.completes and not self.first_state.done():
            self._ends -= 1
            if self._ends <= 0:
                self.first_state.set_result(now - self.started)

    def _write(self, opcode: int, payload: bytes) -> None:
        """Send a frame under a mask of zeros."""
        size = len(payload)
        if size < 126:
            head = bytes((_FIN | opcode, 0x80 | size))
        elif size < 1 << 16:
            head = bytes((_FIN | opcode, 0x80 | 126)) + size.to_bytes(2, "big")
        else:
            head = bytes((_FIN | opcode, 0x80 | 127)) + size.to_bytes(8, "big")
        if self._transport is not None:
            self._transport.write(head + bytes(4) + payload)

    def _fail(self, problem: str) -> None:
        self.problem = self.problem or problem
        if not self.first_state.done():
            self.first_state.set_exception(ConnectionError(problem))
            self.first_state.exception()  # whoever waits gets it; nobody has to
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(ConnectionError(problem))


async def subscribe(
    tape: Tape, port: int, project: int, token: str, *, seconds: float = 120.0
) -> Client:
    """Return a client that has its complete first state.

    Raises:
        ConnectionError: the server refused or hung up.
        TimeoutError: it took longer than *seconds*.
    """
    host = "127.0.0.1"

    def create() -> Client:
        return Client(tape, f"{host}:{port}", project, token)

    _, client = await asyncio.get_running_loop().create_connection(create, host, port)
    try:
        await asyncio.wait_for(asyncio.shield(client.first_state), seconds)
    except BaseException:
        client.close()
        raise
    return client


def state_of(tape: Tape, client: Client, known: dict[tuple[int, ...], Any]) -> Any:
    """Return the state that a client shows, nested as DRF renders it.

    *known* remembers states by what led there: most clients got the same.
    """
    path = tuple(client.numbers)
    if path not in known:
        known[path] = tape.dialect.fold([tape.frames[number] for number in path])
    return known[path]
