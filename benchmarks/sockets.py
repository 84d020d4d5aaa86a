"""A WebSocket client for the event loop, when there are few of them or they write.

A thousand that listen are in a process of their own; see ``crowd``.
"""

from __future__ import annotations

import asyncio
import time
from typing import cast

from benchmarks import wire
from benchmarks.conversation import Conversation, Tape


class Client(asyncio.Protocol):
    """One client: the conversation it leads, and its saves."""

    def __init__(self, tape: Tape, host: str, project: int, token: str) -> None:
        self._tape, self._host, self._project = tape, host, project
        self.conversation = Conversation(tape, project, token)
        self._reader = wire.Reader()
        self._transport: asyncio.Transport | None = None
        #: Seconds from the start of the connection to the complete first state.
        self.first_state: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._replies: dict[str, asyncio.Future[float]] = {}

    @property
    def problem(self) -> str | None:
        """What went wrong first."""
        return self.conversation.problem

    @property
    def arrivals(self) -> list[tuple[float, int]]:
        """When each later message with state came, and its newest mark."""
        return list(zip(self.conversation.times, self.conversation.marks, strict=True))

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        dialect = self._tape.dialect
        self._transport.write(
            wire.request(self._host, dialect.path(self._project), dialect.subprotocol)
        )

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if not self._reader.is_open:
            try:
                if not self._reader.answer(data):
                    return
            except ConnectionError as error:
                self._fail(str(error))
                self.close()
                return
            for text in self.conversation.greeting():
                self.send(text)
            data = b""
        for opcode, payload in self._reader.feed(data):
            self._receive(opcode, payload, now)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection ended: {exc}")

    # --

    def close(self) -> None:
        """Leave without a word, as a browser that is closed."""
        if self._transport is not None:
            self._transport.abort()

    def send(self, text: str) -> None:
        """Send one message."""
        self._write(wire.TEXT, text.encode())

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

    def _receive(self, opcode: int, payload: bytes, now: float) -> None:
        if opcode == wire.TEXT:
            self._understand(payload, now)
        elif opcode == wire.PING:
            self._write(wire.PONG, payload)
        elif opcode == wire.CLOSE:
            code = int.from_bytes(payload[:2], "big")
            self._fail(f"the server closed with {code} {payload[2:].decode(errors='replace')}")
            self.close()

    def _understand(self, payload: bytes, now: float) -> None:
        frame = self.conversation.receive(payload, now)
        for text in self.conversation.answers(frame):
            self.send(text)
        if frame.problem:
            self._fail(frame.problem)
        if frame.reply_to in self._replies and not frame.problem:
            self._replies[frame.reply_to].set_result(now)
        if self.conversation.first_state_at is not None and not self.first_state.done():
            self.first_state.set_result(self.conversation.seconds)

    def _write(self, opcode: int, payload: bytes) -> None:
        if self._transport is not None:
            self._transport.write(wire.frame(opcode, payload))

    def _fail(self, problem: str) -> None:
        self.conversation.problem = self.conversation.problem or problem
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
