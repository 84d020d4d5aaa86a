"""One ordered outbound queue per connection (schema/PROTOCOL.md, Transport).

What a frame tells is decided when its *slot* is reserved; rendering it may take longer. Frames go
out in the order of their slots, so no later frame shows an older state. Law: whatever is reserved
is sent, released, or dropped with its lane; a slot that nobody will fill must be released.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from enum import Enum

from rxgraph.serve.begun import begun
from rxgraph.serve.ending import ended

logger = logging.getLogger("rxgraph.websocket")

_STALL_SECONDS = 1.0


class SlotState(Enum):
    """Where a slot is on its way."""

    RESERVED = "reserved"
    FILLED = "filled"
    SENT = "sent"
    DROPPED = "dropped"  # released, or its lane or queue was closed


class Slot:
    """A place in the order of a connection."""

    __slots__ = ("_gone", "_queue", "frame", "lane", "number", "state")

    def __init__(self, queue: SlotQueue, lane: Lane, number: int) -> None:
        self._queue, self.lane, self.number = queue, lane, number
        self.state = SlotState.RESERVED
        self.frame: str | None = None
        self._gone: asyncio.Future[None] | None = None

    @property
    def is_over(self) -> bool:
        """True when nothing more happens with this slot."""
        return self.state in (SlotState.SENT, SlotState.DROPPED)

    def fill(self, frame: str) -> None:
        """Say what goes out here; nothing when the slot is over."""
        if self.state is SlotState.RESERVED:
            self.frame, self.state = frame, SlotState.FILLED
            self._queue.size += len(frame)
            self._queue.stir()

    def release(self) -> None:
        """Give the place up, filled or not; safe to call twice."""
        if not self.is_over:
            self._queue.remove(self, SlotState.DROPPED)
            self._queue.stir()

    def leave(self, state: SlotState) -> None:
        """Called by the queue when the slot is over."""
        if self.frame is not None:
            self._queue.size -= len(self.frame)
        self.state, self.frame = state, None
        self.lane.slots.pop(self.number, None)
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

    async def gone(self) -> None:
        """Return when the frame was handed to the socket, or will never be."""
        if not self.is_over:
            if self._gone is None:
                self._gone = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._gone)


class Lane:
    """The slots of one operation."""

    __slots__ = (
        "is_closed",
        "queue",
        "slots",
    )

    def __init__(self, queue: SlotQueue) -> None:
        self.queue = queue
        self.slots: dict[int, Slot] = {}
        self.is_closed = False

    def reserve(self, before: Slot | None = None) -> Slot:
        """Reserve the next place in the order of the connection, or the one *before* another."""
        return self.queue.reserve(self, before)

    def give_up(self, but: Slot | None = None) -> None:
        """Release what is not filled, *but* one: nobody will do that any more."""
        for slot in list(self.slots.values()):
            if slot.state is SlotState.RESERVED and slot is not but:
                slot.release()

    def close(self) -> None:
        """Drop everything that has not gone out."""
        self.is_closed = True
        for slot in list(self.slots.values()):
            slot.release()


class SlotQueue:
    """The order of slots; pure, no event loop needed to drive it."""

    __slots__ = (
        "_number",
        "_slots",
        "is_closed",
        "size",
        "stir",
    )

    def __init__(self, stirred: Callable[[], None] = lambda: None) -> None:
        self._slots: dict[int, Slot] = {}  # in order
        self._number = 0
        #: Characters of the frames that wait; all but a few of them are a byte each.
        self.size = 0
        self.is_closed = False
        self.stir = stirred

    def __len__(self) -> int:
        return len(self._slots)

    def reserve(self, lane: Lane, before: Slot | None = None) -> Slot:
        """Append a slot; one that is dropped already when the queue or the lane is closed.

        It goes in front of *before*, where that is still to go out.
        """
        self._number += 1
        slot = Slot(self, lane, self._number)
        if self.is_closed or lane.is_closed:
            slot.state = SlotState.DROPPED
            return slot
        behind: list[Slot] = []
        if before is not None and before.number in self._slots:
            slots = list(self._slots.values())
            behind = slots[slots.index(before) :]
        for other in behind:
            del self._slots[other.number]
        self._slots[slot.number] = lane.slots[slot.number] = slot
        self._slots.update((other.number, other) for other in behind)
        return slot

    def head(self) -> Slot | None:
        """Return the first slot if it can go out now."""
        for slot in self._slots.values():
            return slot if slot.state is SlotState.FILLED else None
        return None

    @property
    def size_behind(self) -> int:
        """Characters of the frames that wait behind the first one."""
        head = self.head()
        return self.size if head is None or head.frame is None else self.size - len(head.frame)

    def remove(self, slot: Slot, state: SlotState) -> None:
        """Take *slot* out of the order."""
        self._slots.pop(slot.number, None)
        slot.leave(state)

    def close(self) -> None:
        """Drop every slot, now and from now on."""
        self.is_closed = True
        for slot in list(self._slots.values()):
            self.remove(slot, SlotState.DROPPED)
        self.stir()


class Outbox:
    """The queue of one connection, and its way out.

    A frame goes to the socket at once, on the stack of whoever fills its slot, for as long as the
    socket takes frames without waiting. A send that has to wait is finished by a task.
    """

    __slots__ = (
        "_flooded",
        "_has_started",
        "_is_sending",
        "_limit",
        "_own",
        "_send",
        "_task",
        "queue",
        "stalled_at",
    )

    def __init__(
        self,
        send: Callable[[str], Awaitable[None]],
        limit: int = sys.maxsize,
        flooded: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare; *flooded* is called when frames of more than *limit* bytes wait.

        One frame may be larger: the first state of a subscription is as large as it is.
        """
        self._send, self._limit, self._flooded = send, limit, flooded
        #: Since when the frame that is being sent waits (monotonic seconds); None: none does.
        self.stalled_at: float | None = None
        self.queue = SlotQueue(self._stir)
        self._own = Lane(self.queue)
        self._has_started = self._is_sending = False
        self._task: asyncio.Task[None] | None = None  # while a send waits

    def start(self) -> None:
        """Begin to send."""
        self._has_started = True
        self._stir()

    def lane(self) -> Lane:
        """Return a lane for an operation that begins."""
        return Lane(self.queue)

    @property
    def is_free(self) -> bool:
        """True when a frame goes out at once: nothing waits, and the socket takes it."""
        return self._has_started and not (self._is_sending or len(self.queue))

    @property
    def is_moving(self) -> bool:
        """True when something waits, and the client reads."""
        if self.stalled_at is not None:
            return time.monotonic() - self.stalled_at < _STALL_SECONDS
        return bool(len(self.queue))

    def send_now(self, frame: str) -> Slot | None:
        """Send *frame* without a slot, where the outbox :attr:`is_free`.

        Answers None when it is gone, else the slot that it waits in.
        """
        rest = self._begin(frame)
        if rest is None:
            return None
        slot = self._own.reserve()
        slot.fill(frame)
        self._finish_later(slot, rest)
        return slot

    def push(self, frame: str) -> Slot:
        """Send *frame*, which belongs to no operation, after everything reserved so far."""
        slot = self._own.reserve()
        slot.fill(frame)
        return slot

    @property
    def answers_waiting(self) -> int:
        """Number of frames that belong to no operation and have not gone out."""
        return len(self._own.slots)

    def _stir(self) -> None:
        if self.queue.size > self._limit and self.queue.size_behind > self._limit:
            self._flooded()
        while self._has_started and not self._is_sending:
            slot = self.queue.head()
            if slot is None:
                return
            assert slot.frame is not None
            rest = self._begin(slot.frame)
            if rest is not None:
                self._finish_later(slot, rest)
            elif not slot.is_over:
                self.queue.remove(slot, SlotState.SENT)

    def _begin(self, frame: str) -> Awaitable[None] | None:
        """Send *frame*; answers what is left to do when the socket makes it wait."""
        self._is_sending = True
        try:
            rest = begun(self._send(frame))
        except Exception as error:  # noqa: BLE001  # it is told to the log
            self._fail(error)
            rest = None
        self._is_sending = rest is not None
        return rest

    def _finish_later(self, slot: Slot, rest: Awaitable[None]) -> None:
        self.stalled_at = time.monotonic()
        self._task = asyncio.create_task(self._finish(slot, rest), name="rxgraph outbox")

    async def _finish(self, slot: Slot, rest: Awaitable[None]) -> None:
        try:
            await rest
        except Exception as error:  # noqa: BLE001  # it is told to the log
            self._fail(error)
        except asyncio.CancelledError:
            self.queue.close()
            raise
        self._task, self._is_sending, self.stalled_at = None, False, None
        if not slot.is_over:
            self.queue.remove(slot, SlotState.SENT)
        self._stir()

    def _fail(self, error: Exception) -> None:
        """Drop everything: the socket is gone, which whoever reads from it notices too."""
        logger.debug("a frame was not sent: %r", error)
        self.queue.close()

    async def close(self) -> None:
        """Stop sending, drop what is left, and wake everybody who waits."""
        self.queue.close()
        if self._task is not None:
            await ended([self._task])
