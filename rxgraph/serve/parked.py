"""A subscription that goes on without the pipeline that opened it.

Parsing, validation, authorisation and the first event are the stock pipeline's. From then on the
context tells its events here, on the stack of whoever moved it: the plan makes the text, and the
socket takes it. A task runs only while there is something to wait for: a slow socket, or a check of
who may watch.
"""

from __future__ import annotations

import asyncio
import time
from contextvars import copy_context
from typing import Protocol

from rxgraph.counters import EVENTS
from rxgraph.serve.cohorts import Cohort
from rxgraph.serve.ending import ended
from rxgraph.serve.outbox import Outbox, Slot
from rxgraph.serve.plans import Plan, Unplanned
from rxgraph.serve.plans.fallbacks import note
from rxgraph.serve.sources import EventSource, ValuesSource
from rxgraph.serve.stream import LiveStream, Told


class Operation(Protocol):
    """What the transport does for a parked subscription."""

    outbox: Outbox
    #: What stands before and behind the JSON text of the root field in a frame.
    head: str
    tail: str

    def stock_frame(self, event: EventSource) -> str:
        """Return the frame of an event as graphql-core makes it."""

    def end(self, error: Exception | None) -> None:
        """End the operation, with *error* if there is one."""


class ParkedStream:
    """The follower of one live context."""

    __slots__ = (
        "_behind",
        "_cohort",
        "_context",
        "_is_closed",
        "_operation",
        "_outbox",
        "_plan",
        "_runtime",
        "_task",
        "_timer",
        "stream",
    )  # fmt: skip

    def __init__(self, stream: LiveStream, operation: Operation, plan: Plan) -> None:
        self.stream = stream
        self._operation, self._plan, self._outbox = operation, plan, operation.outbox
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._cohort: Cohort | None = None
        self._is_closed = False
        self._behind: tuple[str, ...] = ()  # what comes behind each part that all share
        self._runtime: ValuesSource | None = None  # that is told there
        #: Whoever moves the stream runs in a context of his own, which is not for its hooks.
        self._context = copy_context()

    def start(self) -> None:
        """Follow the context from now on, together with those who see the same."""
        self.stream.follower = self
        self._cohort = Cohort.join(self.stream, self._plan, self)
        self.advance()

    # -- one event for all of a cohort

    @property
    def is_resting(self) -> bool:
        """True when everything was told, and the socket takes the next frame at once."""
        return self._task is None and self._outbox.is_free and not self._is_closed

    def tell(self, parts: tuple[str, ...], committed_at: float) -> bool:
        """Send an event of the cohort, which is cut where viewers differ; it is resting.

        False: the socket makes it wait; it is counted here when it has gone out.
        """
        operation = self._operation
        runtime = self.stream.maker.runtime
        if self._runtime is not runtime:
            own = self._plan.own(self.stream.blank())
            self._behind, self._runtime = (*own, operation.tail), runtime
        texts = [operation.head]
        for part, behind in zip(parts, self._behind, strict=True):
            texts += part, behind
        slot = self._outbox.send_now("".join(texts))
        if slot is None:
            return True
        EVENTS.add("DELTA")
        self.stream.since = committed_at
        self._wait(slot)
        return False

    # -- events of this context alone

    def advance(self) -> None:
        """Tell what there is to tell, as far as that takes no waiting."""
        if self._task is not None or self._is_closed:
            return  # it is being told, or is not to be
        try:
            while not self.stream.must_settle:
                told = self.stream.next()
                if told is None:
                    if not self.stream.is_over:
                        self._rest()
                        return
                    break
                slot = self._fill(told)
                if not slot.is_over:
                    self._wait(slot)
                    return
                self.stream.gone_out()
        except Exception as error:  # noqa: BLE001  # told where there is time to wait
            self._wait(error=error)
            return
        self._wait()

    def _fill(self, told: Told) -> Slot:
        """Put an event into the place that is reserved for it."""
        event, slot = told
        assert isinstance(slot, Slot)  # only operations of a socket are parked
        operation = self._operation
        try:
            slot.fill(operation.head + self._plan.text(event) + operation.tail)
        except Unplanned as reason:
            note(self._plan.response_name, str(reason))
            slot.fill(operation.stock_frame(event))
        return slot

    def _wait(self, slot: Slot | None = None, error: Exception | None = None) -> None:
        """Go on in a task; *slot* has to go out first, or an *error* be told."""
        going_on = self._go_on(slot, error)
        self._task = asyncio.create_task(going_on, name="rxgraph parked", context=self._context)

    async def _go_on(self, slot: Slot | None, error: Exception | None) -> None:
        try:
            if error is not None:
                raise error
            while True:
                if slot is not None:
                    await slot.gone()
                    self.stream.gone_out()
                await self.stream.settle()
                told = self.stream.next()
                if told is None:
                    break
                slot = self._fill(told)
        except Exception as failure:  # noqa: BLE001  # mapped, logged, and told to the client
            self._end(failure)
        else:
            self._task = None
            if self.stream.is_over:
                self._end(self.stream.refusal)
            else:
                self._rest()

    def _rest(self) -> None:
        """Wait for the next move, or for the time to ask again who may watch."""
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
        if self._task is not None:
            await ended([self._task])
