"""A subscription that goes on without the pipeline that opened it.

Parsing, validation, authorisation and the first event are the stock pipeline's. From then on the
context tells its events here, on the stack of whoever moved it: the plan makes the text, and the
socket takes it. A task runs only while there is something to wait for: a slow socket, a check of
who may watch, an event that the plan cannot express.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from rxgraph.serve.cohorts import Cohort
from rxgraph.serve.outbox import Outbox, Slot
from rxgraph.serve.plans import Plan, Unplanned
from rxgraph.serve.sources import EventSource, ValuesSource
from rxgraph.serve.stream import LiveStream, Told


class Operation(Protocol):
    """What the transport does for a parked subscription."""

    outbox: Outbox
    #: What stands before and behind the JSON text of the root field in a frame.
    head: str
    tail: str

    async def stock_frame(self, event: EventSource) -> str:
        """Return the frame of an event as the stock pipeline makes it."""

    def end(self, error: Exception | None) -> None:
        """End the operation, with *error* if there is one."""


class Parked:
    """The follower of one live context."""

    __slots__ = (
        "_cohort", "_is_closed", "_operation", "_outbox", "_own", "_plan", "_runtime", "_task",
        "_timer", "stream",
    )  # fmt: skip

    def __init__(self, stream: LiveStream, operation: Operation, plan: Plan) -> None:
        self.stream = stream
        self._operation, self._plan, self._outbox = operation, plan, operation.outbox
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._cohort: Cohort | None = None
        self._is_closed = False
        self._own: tuple[str, ...] = ()
        self._runtime: ValuesSource | None = None  # that ``_own`` tells

    def start(self) -> None:
        """Follow the context from now on, together with those who see the same."""
        self.stream.follower = self.advance
        self._cohort = Cohort.join(self.stream, self._plan, self)
        self.advance()

    # -- one event for all of a cohort

    @property
    def is_resting(self) -> bool:
        """True when everything was told, and the socket takes the next frame at once."""
        return self._task is None and self._outbox.is_free and not self._is_closed

    def tell(self, parts: tuple[str, ...]) -> None:
        """Send an event of the cohort, which is cut where viewers differ; it is resting."""
        operation = self._operation
        text = parts[0]
        if len(parts) > 1:
            runtime = self.stream.maker.runtime
            if self._runtime is not runtime:
                self._own, self._runtime = self._plan.own(self.stream.blank()), runtime
            for own, part in zip(self._own, parts[1:], strict=True):
                text += own + part
        slot = self._outbox.send_now(operation.head + text + operation.tail)
        if slot is not None:
            self._wait(slot)

    # -- events of this context alone

    def advance(self) -> None:
        """Tell what there is to tell, as far as that takes no waiting."""
        if self._task is not None or self._is_closed:
            return  # it is being told, or is not to be
        try:
            while not self.stream.must_settle:
                told = self.stream.next()
                if told is None:
                    self._rest()
                    return
                event, slot = self._split(told)
                try:
                    slot.fill(self._frame(event))
                except Unplanned:
                    self._wait(slot, event)
                    return
                if not slot.is_over:
                    self._wait(slot)
                    return
        except Exception as error:  # noqa: BLE001  # mapped, logged, and told to the client
            self._end(error)
            return
        self._wait()

    def _frame(self, event: EventSource) -> str:
        return self._operation.head + self._plan.text(event) + self._operation.tail

    def _split(self, told: Told) -> tuple[EventSource, Slot]:
        event, place = told
        assert isinstance(place, Slot)  # only operations of a socket are parked
        return event, place

    def _wait(self, slot: Slot | None = None, event: EventSource | None = None) -> None:
        """Go on in a task: *slot* has to go out first, filled with *event* if there is one."""
        self._task = asyncio.create_task(self._go_on(slot, event), name="rxgraph parked")

    async def _go_on(self, slot: Slot | None, event: EventSource | None) -> None:
        try:
            while True:
                if slot is not None:
                    if event is not None:
                        slot.fill(await self._frame_anyway(event))
                    await slot.gone()
                await self.stream.settle()
                told = self.stream.next()
                if told is None:
                    break
                event, slot = self._split(told)
        except Exception as error:  # noqa: BLE001  # mapped, logged, and told to the client
            self._task = None
            self._end(error)
            return
        self._task = None
        self._rest()

    async def _frame_anyway(self, event: EventSource) -> str:
        try:
            return self._frame(event)
        except Unplanned:
            return await self._operation.stock_frame(event)

    def _rest(self) -> None:
        if self.stream.is_over:
            self._end(self.stream.refusal)
            return
        if self._cohort is not None:
            self._cohort.align(self.stream)
        if self._timer is None:
            seconds = max(0.0, self.stream.check_at - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(seconds, self._check)

    def _check(self) -> None:
        self._timer = None
        self.advance()

    # -- the end

    def _end(self, error: Exception | None) -> None:
        if not self._is_closed:
            self._leave()
            self._operation.end(error)

    def _leave(self) -> None:
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._cohort is not None:
            self._cohort.leave(self)

    async def close(self) -> None:
        """Tell nothing more; safe to call twice."""
        self._leave()
        task = self._task
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait([task])
