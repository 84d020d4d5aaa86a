"""What one GraphQL operation holds while it runs.

The transport opens a scope around an operation; resolvers find it in ``info.context``. At the
end the scope gives back whatever was left in it, however the operation ended.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from rxgraph.errors import BadRequest
from rxgraph.serve.outbox import Lane, Slot, SlotQueue

if TYPE_CHECKING:
    from rxgraph.serve.plans import Parked, Plan
    from rxgraph.serve.stream import LiveStream

T = TypeVar("T")


class Place(Protocol):
    """A slot, or what stands for one where there is no order to keep."""

    def release(self) -> None:
        """Give the place up."""


class _Nowhere:
    """The place of transports without an order, such as HTTP."""

    def release(self) -> None:
        """Do nothing."""


NOWHERE = _Nowhere()


class Together:
    """Reads that happen at one moment, because one result shows them all.

    Every root field of a query joins when it is called, then gets ready in its own time; the last
    one to be ready reads for all.
    """

    __slots__ = (
        "_before",
        "_expected",
        "_ready",
    )

    def __init__(self, before: Callable[[], None]) -> None:
        self._before = before
        self._expected = 0
        self._ready: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []

    def join(self) -> None:
        """Announce a reader: it will :meth:`read` or :meth:`leave`."""
        self._expected += 1

    def leave(self) -> None:
        """Take back the announcement of a reader that failed."""
        self._expected -= 1
        self._go()

    async def read(self, capture: Callable[[], T]) -> T:
        """Return what *capture* reads, at the moment when everybody is ready."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        entry = (capture, future)
        self._ready.append(entry)
        self._go()
        try:
            return await future
        finally:
            if entry in self._ready:  # cancelled while it waited
                self._ready.remove(entry)
                self.leave()

    def _go(self) -> None:
        if not self._ready or len(self._ready) < self._expected:
            return
        ready, self._ready, self._expected = self._ready, [], 0
        self._before()
        for capture, future in ready:
            if future.done():
                continue
            try:
                future.set_result(capture())
            except Exception as error:  # noqa: BLE001  # it belongs to the one who asked
                future.set_exception(error)


class OperationScope:
    """One running operation: its places in the outbound order and what it must give back."""

    __slots__ = (
        "_closers",
        "_is_broken",
        "_lane",
        "_next",
        "_turn",
        "executor",
        "live",
        "plan",
        "together",
    )

    def __init__(self, lane: Lane | None = None) -> None:
        self._lane = lane
        self._next: Slot | None = None
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._turn = asyncio.Lock()  # those who wait get it in their order
        self._is_broken = False
        self.together = Together(self.use_next)
        #: The live context of a subscription.
        self.live: LiveStream | None = None
        #: What the executor found for its events, once there was one: their plan, if there is
        #: any, and what runs a later event without (``plans.stock``).
        self.plan: Plan | None = None
        self.executor: Parked | None = None

    @property
    def connection(self) -> object | None:
        """What is the same for all operations of one socket; None over HTTP."""
        return None if self._lane is None else self._lane.queue

    @property
    def outbound(self) -> SlotQueue | None:
        """The queue of its connection; None over HTTP."""
        return None if self._lane is None else self._lane.queue

    @property
    def waiting(self) -> int:
        """Number of places that have not gone out."""
        return 0 if self._lane is None else len(self._lane.slots)

    def reserve(self, before: Place | None = None) -> Place:
        """Reserve a place for a result that will come; *before* another one, or the next."""
        if self._lane is None:
            return NOWHERE
        return self._lane.reserve(before if isinstance(before, Slot) else None)

    def use(self, place: Place) -> None:
        """Say in which place the next result goes out."""
        self._next = place if isinstance(place, Slot) else None

    def take(self) -> Slot | None:
        """Return the place of the result at hand; a new one when none was reserved."""
        slot, self._next = self._next, None
        if slot is None and self._lane is not None:
            slot = self._lane.reserve()
        return slot

    def use_next(self) -> None:
        """Reserve the place of the result at hand now: what it shows is decided at this moment."""
        if self._next is not None:
            self._next.release()
        self.use(self.reserve())

    @contextlib.asynccontextmanager
    async def in_turn(self) -> AsyncIterator[None]:
        """Run one write of the operation after another; none after one that failed.

        Raises:
            BadRequest: one before it failed.
        """
        async with self._turn:
            if self._is_broken:
                raise BadRequest("Not written: a mutation before it in the operation failed")
            self._is_broken = True
            yield
            self._is_broken = False

    def on_close(self, close: Callable[[], Awaitable[None]]) -> None:
        """Have *close* awaited when the operation is over; it must be safe to call twice."""
        self._closers.append(close)

    def give_up(self) -> None:
        """Give up the places of results that will not come; the one of that at hand stays."""
        if self._lane is not None:
            self._lane.give_up(self._next)

    def drop(self) -> None:
        """Let nothing that has not gone out go out any more."""
        if self._lane is not None:
            self._lane.close()

    async def close(self) -> None:
        """Give back everything."""
        self.drop()
        closers, self._closers = self._closers, []
        for close in reversed(closers):
            await close()


def scope_of(context: Mapping[str, Any] | None) -> OperationScope:
    """Return the scope in ``info.context``; outside a transport, one without an order."""
    scope = (context or {}).get("scope")
    return scope if isinstance(scope, OperationScope) else OperationScope()
