"""One operation of a test client: its messages in order, and the state they fold into."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any

from rxgraph.compile import naming
from rxgraph.testing.fold import Fold
from rxgraph.testing.positions import position_of

if TYPE_CHECKING:
    from rxgraph.testing.client import SubscriptionClient

Event = dict[str, Any]


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


class WriteRefused(Unexpected):
    """A mutation was answered with messages: nothing was written.

    Attributes:
        messages: as they came, each with ``kind``, ``message``, ``field`` and ``code``.
    """

    def __init__(self, field: str, messages: list[dict[str, Any]]) -> None:
        self.messages = messages
        super().__init__(f"{field} was refused: {'; '.join(map(_described, messages))}")

    @property
    def codes(self) -> list[str | None]:
        """The code of each message."""
        return [message.get("code") for message in self.messages]


def _described(message: Mapping[str, Any]) -> str:
    place = f"{message['field']}: " if message.get("field") else ""
    return f"{place}{message.get('message')} ({message.get('code')})"


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
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.events: list[Event] = []
        self._fold = Fold()
        self._field = ""

    @property
    def state(self) -> Any:
        """The nested state as the events so far say."""
        return self._fold.state

    @property
    def entities(self) -> Mapping[tuple[str, str], dict[str, Any]]:
        """Every instance the client holds, by type name and id."""
        return self._fold.entities

    @property
    def session(self) -> str:
        """What addresses this live context; another client of the same user may use it, too."""
        if not self.events:
            raise Unexpected("no event has told a session yet")
        session: str = self.events[-1]["session"]
        return session

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
        message = await asyncio.wait_for(self.messages.get(), wait)
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
                self.messages.put_nowait(message)  # closed is closed
                raise ConnectionClosed(message["code"], message["reason"])

    async def next_event(self, timeout: float | None = None) -> Event:  # noqa: ASYNC109
        """Return the next event, after folding it in; raises as :meth:`next_result`."""
        payload = await self.next_result(timeout)
        event: Event
        self._field, event = next(iter(payload["data"].items()))
        self.events.append(event)
        self._fold.apply(event)
        return event

    async def expect_snapshot(self) -> Event:
        """Return the next event, which is a SNAPSHOT."""
        return await self._expect("SNAPSHOT")

    async def expect_delta(self) -> Event:
        """Return the next event, which is a DELTA."""
        return await self._expect("DELTA")

    async def expect_own(self, client_mutation_id: str) -> Event:
        """Take events until the one that contains the viewer's own write; return that one.

        Raises:
            Unexpected: it does not come.
        """

        def is_reached() -> bool:
            return client_mutation_id in self.events[-1]["clientMutationIds"]

        await self._take_until(is_reached, f"an event with {client_mutation_id!r}")
        return self.events[-1]

    async def until_cursor(self, cursor: str) -> Any:
        """Take events until the state contains all up to *cursor*; return that state.

        *cursor* may be that of a mutation's payload, also of somebody else's: then the state
        contains the write. It waits for an event, so what the viewer may not see is not reached.

        Raises:
            Unexpected: it is not reached.
        """
        place = position_of(cursor)

        def is_reached() -> bool:
            return self.cursor is not None and position_of(self.cursor) >= place

        if not is_reached():
            await self._take_until(is_reached, f"position {place[1]} of the stream")
        return self.state

    async def expect_message(self) -> Any:
        """Return the data of the next event, which is a MESSAGE with a notification."""
        event = await self._expect("MESSAGE")
        if not event["notifications"]:
            raise Unexpected(f"expected a notification, got runtime state: {event.get('runtime')}")
        return event["notifications"][0]["data"]

    async def expect_runtime(self, **values: Any) -> Any:
        """Return the runtime state of the next event, which is a MESSAGE without notifications.

        *values*, by their GraphQL names, must be part of it.
        """
        event = await self._expect("MESSAGE")
        runtime = event.get("runtime") or {}
        if event["notifications"]:
            raise Unexpected(f"expected runtime state, got {event['notifications']}")
        wrong = {name: runtime.get(name) for name in values if runtime.get(name) != values[name]}
        if wrong:
            raise Unexpected(f"expected {values}, got {wrong}")
        return runtime

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

    async def act(self, action: str, /, **variables: Any) -> Any:
        """Run an action on this live context, over the same socket; return what it answers.

        *action* is the name of the method: ``await board.act("rename", title="Ship")``.

        Raises:
            OperationFailed: the action was refused, or failed.
        """
        given = {"session": self.session, **variables}
        return await self._client.mutate(naming.action_field(self._field, action), **given)

    async def expect_act_error(
        self, code: str, action: str, /, **variables: Any
    ) -> OperationFailed:
        """Run an action as :meth:`act` does; return the error with *code* that it fails with."""
        try:
            answer = await self.act(action, **variables)
        except OperationFailed as error:
            if error.code != code:
                raise Unexpected(f"expected {code}, got {error.code}: {error}") from error
            return error
        raise Unexpected(f"expected {action} to fail with {code}, got {answer!r}")

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

    async def until(self, is_reached: Callable[[Any], bool], timeout: float | None = None) -> Any:  # noqa: ASYNC109
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

    async def _take_until(self, is_reached: Callable[[], bool], what: str) -> None:
        """Take events until *is_reached*, for as long as the client waits for anything."""
        begun = len(self.events)
        try:
            async with asyncio.timeout(self._client.timeout):
                while True:
                    await self.next_event(self._client.timeout * 2)
                    if is_reached():
                        return
        except TimeoutError:
            kinds = ", ".join(event["kind"] for event in self.events[begun:]) or "nothing"
            raise Unexpected(f"expected {what}, got {kinds}") from None

    async def _expect(self, kind: str) -> Event:
        event = await self.next_event()
        if event["kind"] != kind:
            raise Unexpected(f"expected {kind}, got {event['kind']}: {event}")
        return event
