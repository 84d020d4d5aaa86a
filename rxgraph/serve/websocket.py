"""WebSockets over Channels: the consumer speaks ASGI, the adapter frames."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import strawberry
from strawberry.channels import GraphQLWSConsumer
from strawberry.channels.handlers.ws_handler import ChannelsWebSocketAdapter
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from rxgraph.serve.connection import NO_CHANNEL_LAYER, headers_of, is_allowed_origin
from rxgraph.serve.messages import decode, encode_text
from rxgraph.serve.outbox import Outbox
from rxgraph.serve.planning import TEXTS
from rxgraph.serve.protocol import OrderedSocket, TransportWSHandler
from rxgraph.settings import get_settings

logger = logging.getLogger("rxgraph.websocket")

_REASON_BYTES = 120  # a close frame holds 123
_WAITING_FRAMES = 1000  # from a client that sends faster than it reads


class WebSocketAdapter(ChannelsWebSocketAdapter, OrderedSocket):
    """Frames in, frames out in their order."""

    def __init__(self, view: Any, request: Any, response: Any) -> None:
        super().__init__(view, request, response)
        self.outbox = Outbox(self.ws_consumer.send)
        self.is_closed = False

    async def iter_json(
        self, *, ignore_parsing_errors: bool = False
    ) -> AsyncGenerator[object, None]:
        """Yield messages until either side closes."""
        async with contextlib.aclosing(
            super().iter_json(ignore_parsing_errors=ignore_parsing_errors)
        ) as messages:
            async for message in messages:
                yield message
                if self.is_closed:
                    return

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send a message that belongs to no operation."""
        await self.outbox.push(encode_text(message))

    async def close(self, code: int, reason: str) -> None:
        """Close the socket; frames that have not gone out are dropped."""
        if not self.is_closed:
            self.is_closed = True
            await self.outbox.close()
            short = reason.encode()[:_REASON_BYTES].decode(errors="ignore")
            await super().close(code, short)


class WebSocketConsumer(GraphQLWSConsumer[Any, Any]):
    """One connection."""

    channel_layer_alias = NO_CHANNEL_LAYER
    websocket_adapter_class = WebSocketAdapter
    graphql_transport_ws_handler_class = TransportWSHandler

    def __init__(self, schema: strawberry.Schema) -> None:
        super().__init__(
            schema=schema,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=datetime.timedelta(
                seconds=get_settings().init_timeout_seconds
            ),
        )

    async def connect(self) -> None:
        """Serve the connection in a task of its own, while frames keep coming in."""
        self.run_task = asyncio.create_task(self._serve())

    async def _serve(self) -> None:
        try:
            await self.run(self)
        except OSError as error:  # what ASGI servers raise when the client is gone
            logger.debug("a client went away: %r", error)
        except Exception:
            logger.exception("a connection failed")
            with contextlib.suppress(Exception):
                await self.close(code=1011)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Queue a frame; a client that floods is cut off."""
        waiting = self.message_queue.qsize()
        if waiting < _WAITING_FRAMES:
            await super().receive(text_data, bytes_data)
        elif waiting == _WAITING_FRAMES:
            self.message_queue.put_nowait({"message": None, "disconnected": True})
            await self.close(code=1013, reason="Too many messages at once")

    async def get_context(self, request: Any, response: Any) -> dict[str, Any]:
        """Return what resolvers see as ``info.context``."""
        headers = headers_of(self.scope)
        return {"request": request, "ws": request, "headers": headers, TEXTS: True}

    def is_websocket_origin_allowed(self, request: Any, origin: str) -> bool:
        """Judge a foreign origin by the settings."""
        return is_allowed_origin(headers_of(self.scope))

    def decode_json(self, data: str | bytes) -> object:
        """Read a frame."""
        return decode(data)
