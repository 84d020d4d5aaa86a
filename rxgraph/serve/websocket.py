"""WebSockets: one connection is one ASGI application in one task.

Channels' consumer would give each connection three tasks and a queue, which costs an idle
subscriber more memory than everything else together, and this class needs nothing of it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from json import JSONDecodeError
from typing import Any

import strawberry
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from rxgraph.counters import CLOSES, CONNECTIONS, SOCKETS
from rxgraph.serve.connection import handshake_headers
from rxgraph.serve.limits.measures import is_longer
from rxgraph.serve.limits.seats import Seat
from rxgraph.serve.messages import decode, encode_text
from rxgraph.serve.outbox import Outbox
from rxgraph.serve.protocol import TransportProtocol
from rxgraph.settings import get_settings

logger = logging.getLogger("rxgraph.websocket")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_REASON_BYTES = 120  # a close frame holds 123
_WAITING_FRAMES = 1000  # for a client that makes us answer faster than it reads


class WebSocketConnection:
    """One connection: frames in, frames out in their order."""

    __slots__ = ("_receive", "_send", "is_closed", "outbox", "schema", "scope", "seat")

    def __init__(
        self, schema: strawberry.Schema, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self.schema, self.scope, self._receive, self._send = schema, scope, receive, send
        self.outbox = Outbox(self._send_frame)
        self.is_closed = False
        self.seat = Seat()

    async def serve(self) -> None:
        """Serve the connection until either side ends it."""
        protocol = None
        try:
            protocol = await self._open()
            while protocol is not None and not self.is_closed:
                message = await self._receive()
                if message["type"] != "websocket.receive":
                    CLOSES.add("client")
                    return
                await self._take(protocol, message.get("text"))
        except OSError as error:  # what ASGI servers raise when the client is gone
            logger.debug("a client went away: %r", error)
        except Exception:
            logger.exception("a connection failed")
            with contextlib.suppress(Exception):
                await self.close(1011, "")
        finally:
            self.seat.leave()
            if protocol is not None:
                SOCKETS.value -= 1
                await protocol.shutdown()

    async def _open(self) -> TransportProtocol | None:
        """Answer the handshake; None: it was refused."""
        if (await self._receive())["type"] != "websocket.connect":
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
        protocol = TransportProtocol(self, headers)
        protocol.start()
        return protocol

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
        except JSONDecodeError:
            await self.close(4400, "WebSocket message must be valid JSON")
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
        """Close the socket; frames that have not gone out are dropped."""
        if not self.is_closed:
            self.is_closed = True
            CLOSES.add(str(code))
            await self.outbox.close()
            short = reason.encode()[:_REASON_BYTES].decode(errors="ignore")
            await self._send({"type": "websocket.close", "code": code, "reason": short})


def websocket_application(
    schema: strawberry.Schema,
) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Return an ASGI application that serves *schema* over ``graphql-transport-ws``."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await WebSocketConnection(schema, scope, receive, send).serve()

    return serve
