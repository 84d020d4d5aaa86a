"""The protocol ``graphql-transport-ws`` of one connection, with results in stream order.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md. A message that breaks the protocol
closes the socket with its code; anything wrong with an operation is an ``error`` message of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Protocol

from graphql import GraphQLError
from strawberry.types.execution import ExecutionResult, PreExecutionError

from rxgraph.errors import RateLimited, Unauthenticated
from rxgraph.log_fields import begin_operation
from rxgraph.serve.auth import identify
from rxgraph.serve.connection import Concealed, credentials_of
from rxgraph.serve.ending import ended
from rxgraph.serve.errors import cause_of, formatted
from rxgraph.serve.limits.seats import Seat
from rxgraph.serve.operation import RunningOperation, is_request_error, payload_of
from rxgraph.serve.outbox import Outbox
from rxgraph.serve.planning import TEXTS
from rxgraph.serve.sockets import Socket, sockets
from rxgraph.serve.trusted import named_text, names_document
from rxgraph.serve.turns import turns
from rxgraph.settings import get_settings

REFUSED_SECONDS = 0.1
"""For so long a connection is not read on which there were too many operations."""


class Connection(Socket, Protocol):
    """What the protocol needs of its socket."""

    schema: Any
    outbox: Outbox
    seat: Seat

    async def answer(self, message: Mapping[str, object]) -> None:
        """Send a message that belongs to no operation."""

    async def close(self, code: int, reason: str) -> None:
        """Close the socket."""


class BadFrame(Exception):
    """A message that the protocol does not know."""


class TransportProtocol:
    """The protocol of one connection."""

    __slots__ = (
        "_begun",
        "_connection",
        "_endings",
        "_is_acknowledged",
        "_is_initialised",
        "_patience",
        "_slow_until",
        "context",
        "running",
        "tasks",
    )

    def __init__(self, connection: Connection, headers: Mapping[str, str]) -> None:
        self.running: dict[str, RunningOperation] = {}
        self.tasks: list[asyncio.Task[None]] = []
        self._endings: list[asyncio.Task[None]] = []  # give back what was taken
        #: What resolvers see as ``info.context``, with the identity once there is one.
        self.context: dict[str, Any] = {
            "request": connection,
            "headers": headers,
            TEXTS: True,
        }
        self._connection = connection
        self._is_initialised = self._is_acknowledged = False
        self._patience: asyncio.TimerHandle | None = None
        self._begun = 0  # operations
        self._slow_until = 0.0  # by the clock of the event loop

    def start(self) -> None:
        """Begin, when the handshake is over."""
        self._connection.outbox.start()
        seconds = get_settings().init_timeout_seconds
        self._patience = asyncio.get_running_loop().call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        self._start(self._connection.close(4408, "Connection initialisation timeout"))

    def _be_idle(self) -> None:
        """Close the socket some time from now, unless something begins until then."""
        seconds = get_settings().idle_timeout_seconds
        if seconds is not None and self._patience is None and not self.running:
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(seconds, self._end_idleness, self._begun)

    def _end_idleness(self, begun: int) -> None:
        self._patience = None
        if self._begun != begun:
            self._be_idle()  # some have come and gone
        elif not self.running:
            self._start(self._connection.close(1000, "Nothing was asked for; connect again"))

    async def shutdown(self) -> None:
        """End every operation and wait until each has given back what it took."""
        if self._patience is not None:
            self._patience.cancel()
        await ended(list(self.tasks))
        await self._connection.outbox.close()  # nobody waits for the socket any more
        for operation in list(self.running.values()):  # those that are parked
            await operation.scope.close()
        if self._endings:
            await asyncio.wait(list(self._endings))

    @property
    def is_busy(self) -> bool:
        """True while a query, a write or an action runs, or the end of one has not gone out."""
        for operation in self.running.values():
            live = operation.scope.live
            if live is None or live.is_acting:
                return True
        return bool(self._endings) or self._connection.outbox.is_moving

    async def handle(self, message: Any) -> None:
        """Do what a message says; close the socket when it is none."""
        try:
            if not isinstance(message, dict) or not isinstance(message.get("type"), str):
                raise BadFrame("A message is an object with a type")
            match message["type"]:
                case "connection_init":
                    await self._init(message)
                case "ping":
                    payload = _payload_of(message)
                    await self._connection.answer(
                        {"type": "pong", "payload": payload} if payload else {"type": "pong"}
                    )
                case "pong":
                    _payload_of(message)
                case "subscribe":
                    await self._subscribe(message)
                case "complete":
                    self._complete(message)
                case other:
                    raise BadFrame(f"Unknown message type: {other}")
        except BadFrame as error:
            await self._connection.close(4400, str(error))

    async def _init(self, message: dict[str, Any]) -> None:
        if self._is_initialised:
            await self._connection.close(4429, "Too many initialisation requests")
            return
        payload = _payload_of(message)
        self._is_initialised = True
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        try:
            identity = await identify(credentials_of(self.context["headers"], payload))
        except Unauthenticated as error:
            await self._connection.close(4401, f"Unauthorized: {error}")
            return
        except Exception as error:  # noqa: BLE001  # reported below
            await self._connection.close(1011, formatted(error)["message"])
            return
        refusal = self._connection.seat.sit(identity.user)
        if refusal is not None:
            await self._connection.close(1013, refusal)
            return
        self.context.update(connection_params=Concealed(payload), identity=identity)
        await self._connection.answer({"type": "connection_ack"})
        self._is_acknowledged = True
        self._be_idle()

    async def _subscribe(self, message: dict[str, Any]) -> None:
        if not self._is_acknowledged:
            await self._connection.close(4401, "Unauthorized: send connection_init first")
            return
        id_, payload = message.get("id"), message.get("payload")
        if not isinstance(id_, str) or not id_:
            raise BadFrame("The id of subscribe is a text")
        if not isinstance(payload, dict) or not (
            isinstance(payload.get("query"), str)
            or ("query" not in payload and names_document(payload))
        ):
            raise BadFrame("The payload of subscribe is an object with a query")
        for name in ("variables", "extensions"):
            if not isinstance(payload.get(name), dict | None):
                raise BadFrame(f"The {name} of subscribe are an object")
        if not isinstance(payload.get("operationName"), str | None):
            raise BadFrame("The operationName of subscribe is a text")
        await turns().take(self.context["identity"].user.pk)
        if sockets().is_draining:
            # It was not begun, so that whoever connects again may ask for it again.
            sockets().hurry(self._connection)
            return
        if id_ in self.running:
            await self._connection.close(4409, f"Subscriber for {id_} already exists")
            return
        operation = RunningOperation(id_, self._connection.outbox, self._end)
        if len(self.running) >= get_settings().operations_per_connection:
            limit = RateLimited(
                f"This connection has {len(self.running)} operations already; end one first"
            )
            await self._send_end(operation, [limit])
            return
        self.running[id_] = operation
        self._begun += 1
        operation.task = self._start(self._run(operation, payload))

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self.tasks.append(task)
        task.add_done_callback(self.tasks.remove)
        return task

    def _start_ending(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="rxgraph ending")
        self._endings.append(task)
        task.add_done_callback(self._endings.remove)

    def _complete(self, message: dict[str, Any]) -> None:
        if not isinstance(message.get("id"), str):
            raise BadFrame("The id of complete is a text")
        operation = self.running.get(message["id"])
        if operation is None:
            return
        self._forget(operation)
        operation.scope.drop()  # nothing of it goes out any more, and its id is free
        if operation.is_parked:
            self._start_ending(operation.scope.close())
        elif operation.task is not None:
            self._start_ending(ended([operation.task]))

    async def _run(self, operation: RunningOperation, payload: dict[str, Any]) -> None:
        begin_operation(operation.id)
        try:
            errors = await self._stream(operation, payload)
            if operation.is_parked:
                return
            self._forget(operation)  # before the last message: then its id is free
            await self._send_end(operation, errors)
        except Exception as error:  # noqa: BLE001  # mapped, logged, and told to the client
            operation.is_parked = False
            self._forget(operation)
            await self._send_end(operation, [error])
        finally:
            if not operation.is_parked:
                self._forget(operation)
                await operation.scope.close()

    async def _send_end(self, operation: RunningOperation, errors: Sequence[Exception]) -> None:
        if any(isinstance(cause_of(error), RateLimited) for error in errors):
            self._slow_until = asyncio.get_running_loop().time() + REFUSED_SECONDS
        await operation.send_end(errors)

    async def pace(self) -> None:
        """Return at once, or a moment after an operation was refused because there are too many."""
        left = self._slow_until - asyncio.get_running_loop().time()
        if left > 0:
            await asyncio.sleep(left)

    def _end(self, operation: RunningOperation, error: Exception | None) -> None:
        self._forget(operation)  # before the last message: then its id is free
        self._start_ending(operation.close([] if error is None else [error]))

    def _forget(self, operation: RunningOperation) -> None:
        if self.running.get(operation.id) is operation:
            del self.running[operation.id]
            self._be_idle()

    async def _stream(
        self, operation: RunningOperation, payload: dict[str, Any]
    ) -> Sequence[Exception]:
        """Send every result until the operation is parked; return the errors that end it."""
        results: Any = await self._connection.schema.stream(
            named_text(payload) or payload["query"],
            variable_values=payload.get("variables"),
            context_value={**self.context, "scope": operation.scope},
            operation_name=payload.get("operationName"),
            operation_extensions=payload.get("extensions"),
        )
        async with contextlib.aclosing(results):
            async for result in results:
                if not isinstance(result, ExecutionResult):
                    return [GraphQLError("@defer and @stream are not served")]
                if result.errors and (
                    isinstance(result, PreExecutionError) or is_request_error(result)
                ):
                    return result.errors
                await operation.send("next", payload_of(result))
                if result.data is not None:
                    # The frames that wait for the next result still hold this one: without its
                    # data an idle subscriber costs kilobytes, not the size of its state.
                    result.data.clear()
                if operation.park():
                    break
        return ()


def _payload_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload of a message that may have one.

    Raises:
        BadFrame: it is no object.
    """
    payload = message.get("payload")
    if not isinstance(payload, dict | None):
        raise BadFrame(f"The payload of {message['type']} is an object")
    return payload or {}
