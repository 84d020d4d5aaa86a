"""``graphql-transport-ws`` over Channels, with one ordered outbound queue.

The consumer speaks ASGI, the adapter frames, the handler the protocol
(https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md). A frame that breaks the protocol
closes the socket with its code; anything wrong with an operation is an ``error`` message of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.channels import GraphQLWSConsumer
from strawberry.channels.handlers.ws_handler import ChannelsWebSocketAdapter
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
)
from strawberry.types.execution import ExecutionResult, PreExecutionError

from rxgraph.errors import RateLimited, Unauthenticated
from rxgraph.serve.auth import identify
from rxgraph.serve.connection import (
    NO_CHANNEL_LAYER,
    credentials_of,
    headers_of,
    is_allowed_origin,
)
from rxgraph.serve.errors import formatted
from rxgraph.serve.messages import decode, encode_text
from rxgraph.serve.outbox import Outbox
from rxgraph.serve.scope import OperationScope
from rxgraph.settings import get_settings

logger = logging.getLogger("rxgraph.websocket")

_REASON_BYTES = 120  # a close frame holds 123
_WAITING_FRAMES = 1000  # from a client that sends faster than it reads


class BadFrame(Exception):
    """A message that the protocol does not know."""


class WebSocketAdapter(ChannelsWebSocketAdapter):
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


class RunningOperation:
    """One operation of a connection: at most one terminating message leaves it."""

    def __init__(self, id_: str, outbox: Outbox) -> None:
        self.id = id_
        self.scope = OperationScope(outbox.lane())
        self.task: asyncio.Task[None] | None = None

    async def send(self, type_: str, payload: object = None) -> None:
        """Send one message in the place reserved for it; returns when it is gone."""
        slot = self.scope.take()
        assert slot is not None
        message = {"id": self.id, "type": type_}
        slot.fill(encode_text(message if payload is None else {**message, "payload": payload}))
        await slot.gone()

    async def send_errors(self, errors: Sequence[Exception]) -> None:
        """Send the ``error`` message, which ends the operation."""
        await self.send("error", [formatted(error) for error in errors])


class TransportWSHandler(BaseGraphQLTransportWSHandler[Any, Any]):
    """The protocol of one connection."""

    websocket: WebSocketAdapter

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.running: dict[str, RunningOperation] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    async def handle(self) -> None:
        """Serve the connection until it ends."""
        self.websocket.outbox.start()
        await super().handle()

    async def shutdown(self) -> None:
        """End every operation and wait until each has given back what it took."""
        if self.connection_init_timeout_task:
            self.connection_init_timeout_task.cancel()
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks)
        await self.websocket.outbox.close()

    async def handle_message(self, message: Any) -> None:
        """Do what a message says; close the socket when it is none."""
        try:
            if not isinstance(message, dict) or not isinstance(message.get("type"), str):
                raise BadFrame("A message is an object with a type")
            match message["type"]:
                case "connection_init":
                    await self._init(message)
                case "ping":
                    await self.send_message({"type": "pong"})
                case "pong":
                    pass
                case "subscribe":
                    await self._subscribe(message)
                case "complete":
                    self._complete(message)
                case other:
                    raise BadFrame(f"Unknown message type: {other}")
        except BadFrame as error:
            await self.websocket.close(4400, str(error))

    async def _init(self, message: dict[str, Any]) -> None:
        if self.connection_timed_out:
            return
        if self.connection_init_received:
            await self.websocket.close(4429, "Too many initialisation requests")
            return
        payload = message.get("payload") or {}
        if not isinstance(payload, dict):
            raise BadFrame("The payload of connection_init is an object")
        if self.connection_init_timeout_task:
            self.connection_init_timeout_task.cancel()
        self.connection_init_received = True
        try:
            identity = await identify(credentials_of(self.context["headers"], payload))
        except Unauthenticated as error:
            await self.websocket.close(4401, f"Unauthorized: {error}")
            return
        except Exception as error:  # noqa: BLE001  # reported below
            await self.websocket.close(1011, formatted(error)["message"])
            return
        self.context.update(connection_params=payload, identity=identity)
        await self.send_message({"type": "connection_ack"})
        self.connection_acknowledged = True

    async def _subscribe(self, message: dict[str, Any]) -> None:
        if not self.connection_acknowledged:
            await self.websocket.close(4401, "Unauthorized: send connection_init first")
            return
        id_, payload = message.get("id"), message.get("payload")
        if not isinstance(id_, str) or not id_:
            raise BadFrame("The id of subscribe is a text")
        if not isinstance(payload, dict) or not isinstance(payload.get("query"), str):
            raise BadFrame("The payload of subscribe is an object with a query")
        if not isinstance(payload.get("variables"), dict | None):
            raise BadFrame("The variables of subscribe are an object")
        if not isinstance(payload.get("operationName"), str | None):
            raise BadFrame("The operationName of subscribe is a text")
        if id_ in self.running:
            await self.websocket.close(4409, f"Subscriber for {id_} already exists")
            return
        operation = RunningOperation(id_, self.websocket.outbox)
        if len(self.running) >= get_settings().operations_per_connection:
            limit = RateLimited(
                f"This connection has {len(self.running)} operations already; end one first"
            )
            await operation.send_errors([limit])
            return
        self.running[id_] = operation
        operation.task = asyncio.create_task(self._run(operation, payload))
        self.tasks.add(operation.task)
        operation.task.add_done_callback(self.tasks.discard)

    def _complete(self, message: dict[str, Any]) -> None:
        if not isinstance(message.get("id"), str):
            raise BadFrame("The id of complete is a text")
        operation = self.running.pop(message["id"], None)
        if operation is not None and operation.task is not None:
            operation.scope.drop()  # nothing of it goes out any more, and its id is free
            operation.task.cancel()

    async def _run(self, operation: RunningOperation, payload: dict[str, Any]) -> None:
        try:
            errors = await self._stream(operation, payload)
            self._forget(operation)  # before the last message: then its id is free
            if errors:
                await operation.send_errors(errors)
            else:
                await operation.send("complete")
        except Exception as error:  # noqa: BLE001  # mapped, logged, and told to the client
            self._forget(operation)
            await operation.send_errors([error])
        finally:
            self._forget(operation)
            await operation.scope.close()

    def _forget(self, operation: RunningOperation) -> None:
        if self.running.get(operation.id) is operation:
            del self.running[operation.id]

    async def _stream(
        self, operation: RunningOperation, payload: dict[str, Any]
    ) -> Sequence[Exception]:
        """Send every result; return the errors that end the operation."""
        results: Any = await self.schema.stream(
            payload["query"],
            variable_values=payload.get("variables"),
            context_value={**self.context, "scope": operation.scope},
            root_value=self.root_value,
            operation_name=payload.get("operationName"),
        )
        async with contextlib.aclosing(results):
            async for result in results:
                if not isinstance(result, ExecutionResult):
                    return [GraphQLError("@defer and @stream are not served")]
                if result.errors and (
                    isinstance(result, PreExecutionError) or _ends_operation(result)
                ):
                    return result.errors
                await operation.send("next", _payload(result))
        return ()


def _ends_operation(result: ExecutionResult) -> bool:
    """True when the errors are not of fields (those have a path) but of the whole operation."""
    return result.data is None and all(error.path is None for error in result.errors or ())


def _payload(result: ExecutionResult) -> dict[str, Any]:
    payload: dict[str, Any] = {"data": result.data}
    if result.errors:
        payload["errors"] = [formatted(error) for error in result.errors]
    if result.extensions:
        payload["extensions"] = result.extensions
    return payload


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
        except Exception:
            logger.exception("a connection failed")
            with contextlib.suppress(Exception):
                await self.close(code=1011)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Queue a frame; a client that floods is cut off."""
        if self.message_queue.qsize() >= _WAITING_FRAMES:
            await self.close(code=1013, reason="Too many messages at once")
            self.message_queue.put_nowait({"message": None, "disconnected": True})
            return
        await super().receive(text_data, bytes_data)

    async def get_context(self, request: Any, response: Any) -> dict[str, Any]:
        """Return what resolvers see as ``info.context``."""
        return {"request": request, "ws": request, "headers": headers_of(self.scope)}

    def is_websocket_origin_allowed(self, request: Any, origin: str) -> bool:
        """Judge a foreign origin by the settings."""
        return is_allowed_origin(headers_of(self.scope))

    def decode_json(self, data: str | bytes) -> object:
        """Read a frame."""
        return decode(data)
