"""WebSockets: one connection is one ASGI application in one task.

Channels' consumer would give each connection three tasks and a queue, which costs an idle
subscriber more memory than everything else together, and this class needs nothing of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from json import JSONDecodeError
from typing import Any

import strawberry
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from rxgraph.counters import CLOSES, CONNECTIONS, SOCKETS
from rxgraph.serve.connection import cut, handshake_headers
from rxgraph.serve.limits.measures import is_longer
from rxgraph.serve.limits.seats import Seat
from rxgraph.serve.messages import decode, encode_text
from rxgraph.serve.outbox import Outbox
from rxgraph.serve.protocol import TransportProtocol
from rxgraph.serve.sockets import RESTARTING, sockets
from rxgraph.settings import get_settings

logger = logging.getLogger("rxgraph.websocket")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_REASON_BYTES = 120  # a close frame holds 123
_WAITING_FRAMES = 1000  # for a client that makes us answer faster than it reads
_CLOSE_SECONDS = 5.0  # for the last frame of a client that may not read any more
_ANSWERED_SECONDS = 0.05  # uvicorn calls a refusal unanswered before the connection has ended
_PING = '{"type":"ping"}'


class WebSocketConnection:
    """One connection: frames in, frames out in their order."""

    __slots__ = (
        "_protocol",
        "_receive",
        "_send",
        "_task",
        "asked_at",
        "heard_at",
        "is_closed",
        "outbox",
        "schema",
        "scope",
        "seat",
    )

    def __init__(
        self, schema: strawberry.Schema, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self.schema, self.scope, self._receive, self._send = schema, scope, receive, send
        self.outbox = Outbox(self._send_frame, get_settings().queue_bytes, self._flooded)
        self.is_closed = False
        self.seat = Seat()
        self.heard_at = self.asked_at = -math.inf
        self._protocol: TransportProtocol | None = None
        self._task: asyncio.Task[None] | None = None  # closes a connection that is let go

    async def serve(self) -> None:
        """Serve the connection until either side ends it."""
        try:
            self._protocol = protocol = await self._open()
            if protocol is None:
                return
            here = sockets()
            while not self.is_closed:
                message = await self._receive()
                if message["type"] != "websocket.receive":
                    CLOSES.add("client")
                    return
                self.heard_at = here.now
                await protocol.pace()
                await self._take(protocol, message.get("text"))
        except OSError as error:  # what ASGI servers raise when the client is gone
            logger.debug("a client went away: %r", error)
        except Exception:
            logger.exception("a connection failed")
            with contextlib.suppress(Exception):
                await self.close(1011, "")
        finally:
            self.seat.leave()
            try:
                if self._protocol is not None:
                    SOCKETS.value -= 1
                    await self._protocol.shutdown()
                if self._task is not None:
                    await asyncio.wait([self._task])
            finally:
                sockets().discard(self)

    async def _open(self) -> TransportProtocol | None:
        """Answer the handshake; None: it was refused."""
        if (await self._receive())["type"] != "websocket.connect":
            return None
        here = sockets()
        if here.is_draining:
            await self._refuse_while_draining()
            return None
        headers = handshake_headers(self.scope)
        if headers is None:
            await self._send({"type": "websocket.close"})  # the handshake is answered with 403
            return None
        if GRAPHQL_TRANSPORT_WS_PROTOCOL not in self.scope.get("subprotocols", ()):
            await self._send({"type": "websocket.accept", "subprotocol": None})
            await self.close(4406, "Subprotocol not acceptable")
            return None
        accept = {"type": "websocket.accept", "subprotocol": GRAPHQL_TRANSPORT_WS_PROTOCOL}
        await self._send(accept)
        CONNECTIONS.add()
        refusal = self.seat.enter(self.scope)
        if refusal is not None:
            await self.close(1013, refusal)
            return None
        SOCKETS.value += 1
        here.add(self)
        protocol = TransportProtocol(self, headers)
        protocol.start()
        return protocol

    async def _refuse_while_draining(self) -> None:
        """Answer the handshake with 503; with 1012 where the server cannot say that."""
        if "websocket.http.response" in (self.scope.get("extensions") or {}):
            headers = [(b"retry-after", b"1"), (b"content-type", b"text/plain")]
            start = {"type": "websocket.http.response.start", "status": 503, "headers": headers}
            await self._send(start)
            body = RESTARTING[1].encode()
            await self._send({"type": "websocket.http.response.body", "body": body})
            await asyncio.sleep(_ANSWERED_SECONDS)
        else:
            await self._send({"type": "websocket.accept", "subprotocol": None})
            await self.close(*RESTARTING)

    async def _take(self, protocol: TransportProtocol, text: str | None) -> None:
        if not text:
            await self.close(4400, "WebSocket message type must be text")
            return
        most = get_settings().message_bytes
        if most is not None and is_longer(text, most):
            await self.close(1009, f"Message too big: {most} bytes are allowed")
            return
        try:
            message = decode(text)
        except JSONDecodeError as error:
            await self.close(4400, f"WebSocket message must be valid JSON: {error.msg}")
            return
        await protocol.handle(message)

    def _send_frame(self, frame: str) -> Awaitable[None]:
        return self._send({"type": "websocket.send", "text": frame})

    async def answer(self, message: Mapping[str, object]) -> None:
        """Send a message that belongs to no operation, in its turn."""
        if self.outbox.answers_waiting < _WAITING_FRAMES:
            self.outbox.push(encode_text(message))
        else:
            await self.close(1013, "Too many messages at once")

    async def close(self, code: int, reason: str) -> None:
        """Close the socket; frames that have not gone out are dropped.

        A client that reads nothing any more is cut off, where the server lets us.
        """
        if self.is_closed:
            return
        self.is_closed = True
        CLOSES.add(str(code))
        await self.outbox.close()
        short = reason.encode()[:_REASON_BYTES].decode(errors="ignore")
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._send({"type": "websocket.close", "code": code, "reason": short})
        except TimeoutError:
            cut(self._send, forget=True)

    # -- what looks after all connections asks of one

    @property
    def is_busy(self) -> bool:
        """True while something runs whose end the client has to be told."""
        return self._protocol is not None and self._protocol.is_busy

    @property
    def stalled_at(self) -> float | None:
        """Since when one frame waits for the client to read."""
        return self.outbox.stalled_at

    def ask(self) -> None:
        """Send a ``ping``, in its turn."""
        if not self.is_closed:
            self.outbox.push(_PING)

    def let_go(self, code: int, reason: str) -> None:
        """Begin to close the connection; safe to call twice."""
        if self._task is None and not self.is_closed:
            self._task = asyncio.create_task(self._let_go(code, reason), name="rxgraph let go")

    async def _let_go(self, code: int, reason: str) -> None:
        with contextlib.suppress(Exception):  # the client is gone, or will be
            await self.close(code, reason)

    def _flooded(self) -> None:
        self.let_go(1013, "Too much waits for you to read; connect again")


def websocket_application(
    schema: strawberry.Schema,
) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Return an ASGI application that serves *schema* over ``graphql-transport-ws``."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await WebSocketConnection(schema, scope, receive, send).serve()

    return serve
