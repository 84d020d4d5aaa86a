"""One operation of a WebSocket connection, from its first message to its last."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Any

from graphql import ExecutionResult as CoreResult
from strawberry.types.execution import ExecutionResult

from rxgraph.serve.errors import formatted
from rxgraph.serve.messages import encode_text
from rxgraph.serve.outbox import Outbox
from rxgraph.serve.parked import ParkedStream
from rxgraph.serve.plans import stock
from rxgraph.serve.scope import OperationScope
from rxgraph.serve.sources import EventSource
from rxgraph.serve.turns import LARGE_CHARS, LARGE_MESSAGE, turns


class RunningOperation:
    """One operation of a connection: at most one terminating message leaves it."""

    __slots__ = (
        "_ended",
        "head",
        "id",
        "is_parked",
        "outbox",
        "scope",
        "tail",
        "task",
    )

    def __init__(
        self,
        id_: str,
        outbox: Outbox,
        ended: Callable[[RunningOperation, Exception | None], None],
    ) -> None:
        self.id, self.outbox = id_, outbox
        self.scope = OperationScope(outbox.lane())
        self._ended = ended
        #: What works for it; a parked subscription needs nobody.
        self.task: asyncio.Task[None] | None = None
        self.is_parked = False
        self.head = self.tail = ""

    def park(self) -> bool:
        """Let a subscription go on without its pipeline, where its events have a plan."""
        live, plan = self.scope.live, self.scope.plan
        if live is None or plan is None:
            return False
        self.is_parked = True
        frame = {"id": self.id, "type": "next", "payload": {"data": {plan.response_name: 0}}}
        self.head, tail = encode_text(frame).rsplit("0", 1)
        self.tail = sys.intern(tail)  # most have the same
        parked = ParkedStream(live, self, plan)
        self.scope.on_close(parked.close)
        parked.start()
        return True

    def stock_frame(self, event: EventSource) -> str:
        """Return the frame of an event as graphql-core makes it."""
        assert self.scope.executor is not None  # there is one where there was a plan
        payload = payload_of(stock(self.scope.executor, event))
        return encode_text({"id": self.id, "type": "next", "payload": payload})

    def end(self, error: Exception | None) -> None:
        """Have a parked subscription end."""
        self._ended(self, error)

    async def close(self, errors: Sequence[Exception]) -> None:
        """Send the last message and give back everything."""
        try:
            await self.send_end(errors)
        finally:
            await self.scope.close()

    async def send(self, type_: str, payload: object = None) -> None:
        """Send one message in the place reserved for it; returns when it is gone."""
        slot = self.scope.take()
        assert slot is not None
        message = {"id": self.id, "type": type_}
        text = encode_text(message if payload is None else {**message, "payload": payload})
        if len(text) >= LARGE_CHARS:
            await turns().take(LARGE_MESSAGE)
        slot.fill(text)
        await slot.gone()

    async def send_end(self, errors: Sequence[Exception]) -> None:
        """Send the message that ends the operation: ``error`` where there are *errors*.

        What a live context would have told behind its last event has places before this message;
        nobody would fill them, and everything on the socket would wait.
        """
        self.scope.give_up()
        if errors:
            await self.send("error", [formatted(error) for error in errors])
        else:
            await self.send("complete")


def is_request_error(result: ExecutionResult | CoreResult) -> bool:
    """True where nothing was executed: the errors are not of fields, for those have a path."""
    errors = result.errors or ()
    return result.data is None and bool(errors) and all(error.path is None for error in errors)


def payload_of(result: ExecutionResult | CoreResult) -> dict[str, Any]:
    """Return *result* as it travels (GraphQL spec §7.1); what was not executed has no data."""
    payload: dict[str, Any] = {} if is_request_error(result) else {"data": result.data}
    if result.errors:
        payload["errors"] = [formatted(error) for error in result.errors]
    if result.extensions:
        payload["extensions"] = result.extensions
    return payload
