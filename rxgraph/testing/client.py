"""A client of live channels for tests, over a real WebSocket.

It speaks ``graphql-transport-ws``, folds the events it gets, and fails with a readable message
when what comes is not what was expected.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from itertools import count
from types import TracebackType
from typing import Any, Self

import websockets

from rxgraph.testing.documents import Source, mutation_for
from rxgraph.testing.subscription import (
    Completed,
    ConnectionClosed,
    Event,
    OperationFailed,
    Subscription,
    Unexpected,
    WriteRefused,
)

__all__ = [
    "Completed",
    "ConnectionClosed",
    "Event",
    "OperationFailed",
    "Subscription",
    "SubscriptionClient",
    "Unexpected",
    "WriteRefused",
]

SUBPROTOCOL = "graphql-transport-ws"


class SubscriptionClient:
    """A connection to a server; several operations may share it.

    ::

        async with SubscriptionClient("ws://127.0.0.1:8000/graphql", token=token) as client:
            board = await client.subscribe(document_for(compiled), {"projectId": 1})
            await board.expect_snapshot()
            ...                                     # change something
            await board.expect_delta()
            assert board.state["tasks"][0]["title"] == "Ship"

    The methods of the newest subscription are there on the client, too: ``client.next_event()``,
    ``client.expect_delta()``, ``client.state``. Writes go over the same socket::

        payload = await client.mutate(
            "projectSaveTask", projectId=1, id=5, data={"title": "Ship"}, clientMutationId="w1"
        )
        assert payload["task"]["title"] == "Ship"
        await client.expect_own("w1")               # the event that contains the write
        await client.expect_refused("FORBIDDEN", "projectDeleteTask", projectId=1, id=5)
        assert await client.act("rename", title="Garden") is True   # on the live context

    Args:
        url: of the WebSocket.
        schema: what the documents of mutations are written from: SDL, a schema or a compiled
            channel; None: the channels that this Django project serves.
        token: a DRF token, sent in ``connection_init``.
        params: payload of ``connection_init``, instead of *token*.
        headers: of the handshake, such as ``{"Cookie": "sessionid=…"}``.
        timeout: seconds to wait for anything that is expected.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        schema: Source | None = None,
    ) -> None:
        self._url, self._headers = url, dict(headers or {})
        given = {"Authorization": f"Token {token}"} if token is not None else {}
        self._params = dict(params) if params is not None else given
        self.timeout = timeout
        self._schema = schema
        self._mutations: dict[str, str] = {}
        self.operations: dict[str, Subscription] = {}
        self._ids = count(1)
        self._newest: Subscription | None = None
        self._reader: asyncio.Task[None] | None = None
        self._acknowledged: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Connect.

        Raises:
            ConnectionClosed: the server refused the credentials.
        """
        self._socket = await websockets.connect(
            self._url,
            subprotocols=[websockets.Subprotocol(SUBPROTOCOL)],
            additional_headers=self._headers,
            max_size=None,
        )
        self._acknowledged = asyncio.get_running_loop().create_future()
        self._reader = asyncio.create_task(self._read())
        await self.send({"type": "connection_init", "payload": self._params})
        try:
            await asyncio.wait_for(asyncio.shield(self._acknowledged), self.timeout)
        except BaseException:
            await self.close()
            raise

    async def subscribe(
        self, query: str, variables: Mapping[str, Any] | None = None, **options: Any
    ) -> Subscription:
        """Start an operation; its messages wait in the subscription that is returned."""
        operation = Subscription(self, str(next(self._ids)))
        self.operations[operation.id] = self._newest = operation
        payload = {"query": query, "variables": dict(variables or {}), **options}
        await self.send({"id": operation.id, "type": "subscribe", "payload": payload})
        return operation

    async def query(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the ``data`` of a query or mutation sent over the socket.

        Raises:
            OperationFailed: it was answered with errors.
        """
        newest = self._newest
        operation = await self.subscribe(query, variables)
        self._newest = newest
        data: dict[str, Any] = (await operation.next_result())["data"]
        await operation.expect_complete()
        self.operations.pop(operation.id, None)
        return data

    # -- writing

    async def mutate(self, mutation: str, /, **variables: Any) -> Any:
        """Write, and return the payload.

        *mutation* is the name of a field, whose document then selects all of the payload (see
        :func:`~rxgraph.testing.mutation_for`), or a document of your own with one mutation.

        Raises:
            WriteRefused: the payload has messages.
            OperationFailed: the operation was answered with errors.
        """
        payload = await self._write(mutation, variables)
        if isinstance(payload, dict) and payload.get("messages"):
            raise WriteRefused(_name(mutation), payload["messages"])
        return payload

    async def expect_messages(self, mutation: str, /, **variables: Any) -> list[dict[str, Any]]:
        """Write, and return the messages that say why nothing was written."""
        payload = await self._write(mutation, variables)
        messages = payload.get("messages") if isinstance(payload, dict) else None
        if not messages:
            raise Unexpected(f"expected {_name(mutation)} to be refused, got {payload}")
        found: list[dict[str, Any]] = messages
        return found

    async def expect_refused(self, code: str, mutation: str, /, **variables: Any) -> dict[str, Any]:
        """Write, and return the one message, which has *code*."""
        messages = await self.expect_messages(mutation, **variables)
        if [message["code"] for message in messages] != [code]:
            raise Unexpected(f"expected {code}, but {WriteRefused(_name(mutation), messages)}")
        return messages[0]

    async def act(self, action: str, /, **variables: Any) -> Any:
        """Run an action on the live context of the newest subscription; return what it answers.

        *action* is the name of the method: ``await client.act("rename", title="Ship")``. Another
        context of this user is named by ``session``.

        Raises:
            OperationFailed: the action was refused, or failed.
        """
        return await self.subscription.act(action, **variables)

    async def expect_act_error(
        self, code: str, action: str, /, **variables: Any
    ) -> OperationFailed:
        """Run an action as :meth:`act` does; return the error with *code* that it fails with."""
        return await self.subscription.expect_act_error(code, action, **variables)

    async def _write(self, mutation: str, variables: Mapping[str, Any]) -> Any:
        data = await self.query(self._document(mutation), variables)
        if len(data) != 1:
            raise Unexpected(f"expected one mutation, got {', '.join(data)}; use query() for them")
        return next(iter(data.values()))

    def _document(self, mutation: str) -> str:
        if "{" in mutation:
            return mutation
        if mutation not in self._mutations:
            if self._schema is None:
                from rxgraph.serve.schema import get_schema  # only where Django is set up

                self._schema = get_schema()
            self._mutations[mutation] = mutation_for(self._schema, mutation)
        return self._mutations[mutation]

    async def send(self, message: Mapping[str, Any] | str) -> None:
        """Send a message as it is; text goes out unchanged."""
        await self._socket.send(message if isinstance(message, str) else json.dumps(message))

    async def wait_closed(self) -> int:
        """Return the code with which the server closes the socket."""
        await asyncio.wait_for(self._socket.wait_closed(), self.timeout)
        return self._socket.close_code or 1006

    async def close(self) -> None:
        """Close the connection in an orderly way."""
        await self._socket.close()
        await self._end()

    async def drop(self) -> None:
        """Cut the connection without a word, as a dead network does."""
        self._socket.transport.abort()
        await self._end()

    # -- the newest subscription

    @property
    def subscription(self) -> Subscription:
        """The newest subscription."""
        if self._newest is None:
            raise Unexpected("nothing was subscribed to yet")
        return self._newest

    @property
    def state(self) -> Any:
        """Its nested state."""
        return self.subscription.state

    @property
    def cursor(self) -> str | None:
        """Its newest cursor."""
        return self.subscription.cursor

    async def next_event(self, timeout: float | None = None) -> Event:  # noqa: ASYNC109
        """Return its next event."""
        return await self.subscription.next_event(timeout)

    async def expect_snapshot(self) -> Event:
        """Return its next event, which is a SNAPSHOT."""
        return await self.subscription.expect_snapshot()

    async def expect_delta(self) -> Event:
        """Return its next event, which is a DELTA."""
        return await self.subscription.expect_delta()

    async def expect_own(self, client_mutation_id: str) -> Event:
        """Take its events until the one that contains the viewer's own write; return that one."""
        return await self.subscription.expect_own(client_mutation_id)

    async def until_cursor(self, cursor: str) -> Any:
        """Take its events until its state contains all up to *cursor*; return that state."""
        return await self.subscription.until_cursor(cursor)

    async def expect_message(self) -> Any:
        """Return the data of its next event, which is a MESSAGE."""
        return await self.subscription.expect_message()

    async def expect_runtime(self, **values: Any) -> Any:
        """Return the runtime state of the newest subscription's next event, a MESSAGE."""
        return await self.subscription.expect_runtime(**values)

    async def expect_reset(self, reason: str | None = None) -> Event:
        """Return its next event, which is a RESET."""
        return await self.subscription.expect_reset(reason)

    async def expect_error(self, code: str) -> OperationFailed:
        """Return the error with *code* that ends it."""
        return await self.subscription.expect_error(code)

    async def expect_complete(self) -> None:
        """Return when the server has ended it."""
        await self.subscription.expect_complete()

    # -- reading

    async def _read(self) -> None:
        try:
            async for text in self._socket:
                message = json.loads(text)
                if message["type"] == "ping":
                    await self.send({"type": "pong"})
                self._take(message)
        except websockets.ConnectionClosed:
            pass
        finally:
            code, reason = self._socket.close_code or 1006, self._socket.close_reason or ""
            closed = ConnectionClosed(code, reason)
            assert self._acknowledged is not None
            if not self._acknowledged.done():
                self._acknowledged.set_exception(closed)
                self._acknowledged.exception()  # read where open() still waits
            for operation in self.operations.values():
                operation.messages.put_nowait({"type": "closed", "code": code, "reason": reason})

    def _take(self, message: dict[str, Any]) -> None:
        assert self._acknowledged is not None
        if message["type"] == "connection_ack":
            self._acknowledged.set_result(None)
        elif message["type"] in ("next", "error", "complete"):
            operation = self.operations.get(message["id"])
            if operation is not None:
                operation.messages.put_nowait(message)

    async def _end(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])


def _name(mutation: str) -> str:
    return "the mutation" if "{" in mutation else mutation
