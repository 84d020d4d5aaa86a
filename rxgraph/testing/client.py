"""A client of live channels for tests, over a real WebSocket.

It speaks ``graphql-transport-ws``, folds the events it gets, and fails with a readable message
when what comes is not what was expected.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from itertools import count
from types import TracebackType
from typing import Any

import websockets

from rxgraph.testing.fold import Fold

Event = dict[str, Any]

SUBPROTOCOL = "graphql-transport-ws"


class Unexpected(AssertionError):
    """Something else came than was expected."""


class OperationFailed(Unexpected):
    """The server answered an operation with errors.

    Attributes:
        errors: GraphQL errors as they came.
    """

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        self.errors = errors
        super().__init__("; ".join(str(error.get("message")) for error in errors))

    @property
    def code(self) -> str | None:
        """``extensions.code`` of the first error."""
        extensions = self.errors[0].get("extensions") or {}
        code = extensions.get("code")
        return code if isinstance(code, str) else None


class Completed(Unexpected):
    """The server ended the operation."""


class ConnectionClosed(Unexpected):
    """The socket is closed.

    Attributes:
        code: the close code.
    """

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        super().__init__(f"closed with {code} {reason}")


class Subscription:
    """One operation: its messages in order, and the state they fold into."""

    def __init__(self, client: SubscriptionClient, id_: str) -> None:
        self._client, self.id = client, id_
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.events: list[Event] = []
        self._fold = Fold()

    @property
    def state(self) -> Any:
        """The nested state as the events so far say."""
        return self._fold.state

    @property
    def entities(self) -> Mapping[tuple[str, str], dict[str, Any]]:
        """Every instance the client holds, by type name and id."""
        return self._fold.entities

    @property
    def cursor(self) -> str | None:
        """The newest cursor; hand it to the next ``subscribe`` as ``after``."""
        return self._fold.cursor

    async def next_result(self, timeout: float | None = None) -> dict[str, Any]:  # noqa: ASYNC109
        """Return the payload of the next ``next`` message.

        Raises:
            OperationFailed: an ``error`` message came, or a payload with errors.
            Completed: the operation ended.
            ConnectionClosed: so did the socket.
            TimeoutError: nothing came in *timeout* seconds.
        """
        wait = self._client.timeout if timeout is None else timeout
        message = await asyncio.wait_for(self._messages.get(), wait)
        match message["type"]:
            case "next":
                payload: dict[str, Any] = message["payload"]
                if payload.get("errors"):
                    raise OperationFailed(payload["errors"])
                return payload
            case "error":
                raise OperationFailed(message["payload"])
            case "complete":
                raise Completed("the server ended the operation")
            case _:
                self._messages.put_nowait(message)  # closed is closed
                raise ConnectionClosed(message["code"], message["reason"])

    async def next_event(self, timeout: float | None = None) -> Event:  # noqa: ASYNC109
        """Return the next event, after folding it in; raises as :meth:`next_result`."""
        payload = await self.next_result(timeout)
        event: Event = next(iter(payload["data"].values()))
        self.events.append(event)
        self._fold.apply(event)
        return event

    async def expect_snapshot(self) -> Event:
        """Return the next event, which is a SNAPSHOT."""
        return await self._expect("SNAPSHOT")

    async def expect_delta(self) -> Event:
        """Return the next event, which is a DELTA."""
        return await self._expect("DELTA")

    async def expect_message(self) -> Any:
        """Return the data of the next event, which is a MESSAGE."""
        return (await self._expect("MESSAGE"))["notifications"][0]["data"]

    async def expect_reset(self, reason: str | None = None) -> Event:
        """Return the next event, which is a RESET for *reason*."""
        event = await self._expect("RESET")
        if reason is not None and event["resetReason"] != reason:
            raise Unexpected(f"expected RESET({reason}), got RESET({event['resetReason']})")
        return event

    async def expect_error(self, code: str) -> OperationFailed:
        """Return the error with *code* that ends the operation."""
        try:
            payload = await self.next_result()
        except OperationFailed as error:
            if error.code != code:
                raise Unexpected(f"expected {code}, got {error.code}: {error}") from error
            return error
        raise Unexpected(f"expected the error {code}, got {payload}")

    async def expect_complete(self) -> None:
        """Return when the server has ended the operation; nothing may come before."""
        try:
            payload = await self.next_result()
        except Completed:
            return
        raise Unexpected(f"expected the end, got {payload}")

    async def expect_silence(self, seconds: float = 0.3) -> None:
        """Return if nothing comes for *seconds*."""
        with contextlib.suppress(TimeoutError):
            raise Unexpected(f"expected silence, got {await self.next_result(seconds)}")

    async def until(self, is_reached: Any, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        """Take events until ``is_reached(state)``; return that state."""
        while not is_reached(self.state):
            await self.next_event(timeout)
        return self.state

    async def stop(self) -> None:
        """Tell the server that nobody listens any more."""
        self._client.operations.pop(self.id, None)
        await self._client.send({"id": self.id, "type": "complete"})

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Yield events until the operation ends."""
        with contextlib.suppress(Completed):
            while True:
                yield await self.next_event()

    async def _expect(self, kind: str) -> Event:
        event = await self.next_event()
        if event["kind"] != kind:
            raise Unexpected(f"expected {kind}, got {event['kind']}: {event}")
        return event


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
    ``client.expect_delta()``, ``client.state``.

    Args:
        url: of the WebSocket.
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
    ) -> None:
        self._url, self._headers = url, dict(headers or {})
        given = {"Authorization": f"Token {token}"} if token is not None else {}
        self._params = dict(params) if params is not None else given
        self.timeout = timeout
        self.operations: dict[str, Subscription] = {}
        self._ids = count(1)
        self._newest: Subscription | None = None
        self._reader: asyncio.Task[None] | None = None
        self._acknowledged: asyncio.Future[None] | None = None

    async def __aenter__(self) -> SubscriptionClient:
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
        return data

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

    async def expect_message(self) -> Any:
        """Return the data of its next event, which is a MESSAGE."""
        return await self.subscription.expect_message()

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
                self._take(json.loads(text))
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
                operation._messages.put_nowait({"type": "closed", "code": code, "reason": reason})

    def _take(self, message: dict[str, Any]) -> None:
        assert self._acknowledged is not None
        if message["type"] == "connection_ack":
            self._acknowledged.set_result(None)
        elif message["type"] in ("next", "error", "complete"):
            operation = self.operations.get(message["id"])
            if operation is not None:
                operation._messages.put_nowait(message)

    async def _end(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
