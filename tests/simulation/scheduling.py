"""Who runs next, and what time it is: event loops and threads that a seed takes turns of.

A *lane* is whatever runs by itself: the event loop of a process, a thread of it, a request on its
way to the store, a wake-up on the bus, a writer. One turn is one step: a callback of an event loop,
a step of a procedure, the doing of a request. Within one event loop callbacks keep their order, as
``asyncio`` promises; everything else comes in any order.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from tests.simulation.choices import Choices
from tests.simulation.clock import clock

TICK_SECONDS = 0.001
"""What a step takes."""


class Lane:
    """Something that runs by itself; it may run from ``at`` on, and not before ``held_until``."""

    name = "lane"
    at = 0.0
    held_until = 0.0
    counts = 1  # as a step

    def step(self) -> None:
        """Do one step."""
        raise NotImplementedError

    def describe(self) -> str:
        """Return what it is about to do, for a trace."""
        return self.name


class Scheduler:
    """All lanes, and virtual time in Unix seconds."""

    def __init__(self, choices: Choices, now: float) -> None:
        self.choices = choices
        self.now = clock.now = now
        self.steps = 0  # of the real code, and of the world around it
        self.turns = 0  # those of scripts, too
        self.lanes: list[Lane] = []
        self._last = 0
        #: Told of every step; for the trace of a failure.
        self.told: Callable[[Lane], None] | None = None

    def add(self, lane: Lane) -> None:
        """Let *lane* run from now on."""
        self.lanes.append(lane)

    def drop(self, lane: Lane) -> None:
        """Let it run no more."""
        if lane in self.lanes:
            self.lanes.remove(lane)

    def turn(self) -> None:
        """Do one step, or let time pass until there is one to do."""
        now = self.now
        ready = [lane for lane in self.lanes if lane.at <= now >= lane.held_until]
        if not ready:
            soonest = min((max(lane.at, lane.held_until) for lane in self.lanes), default=math.inf)
            self.now = clock.now = soonest
            return
        # From the last one on: the simplest choice is to take turns.
        index = 0
        if len(ready) > 1:
            self._last = (self._last + 1 + self.choices.below(len(ready))) % len(ready)
            index = self._last
        lane = ready[index]
        self.steps += lane.counts
        self.turns += 1
        self.now = clock.now = now + TICK_SECONDS
        if self.told is not None:
            self.told(lane)
        lane.step()


class Script(Lane):
    """A generator that yields how many seconds it waits."""

    counts = 0

    def __init__(self, scheduler: Scheduler, name: str, body: Generator[float, None, None]) -> None:
        self.name, self._scheduler, self._body = name, scheduler, body
        self.is_over = False

    def step(self) -> None:
        """Run it to where it waits next."""
        try:
            self.at = self._scheduler.now + next(self._body)
        except StopIteration:
            self.is_over = True
            self._scheduler.drop(self)


class Loop(Lane):
    """An event loop without any input or output, in virtual time: what asyncio needs of one."""

    def __init__(
        self, scheduler: Scheduler, name: str, failed: Callable[[dict[str, Any]], None]
    ) -> None:
        self.name, self._scheduler, self._failed = name, scheduler, failed
        self.as_loop: Any = self
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbers = 0
        self.tasks: set[asyncio.Task[Any]] = set()
        self.at = math.inf

    def step(self) -> None:
        """Run one callback."""
        ready, now = self._ready, self._scheduler.now
        while self._timers and self._timers[0][0] <= now:
            ready.append(heapq.heappop(self._timers)[2])
        while ready:
            handle = ready.popleft()
            if not handle._cancelled:
                asyncio._set_running_loop(self.as_loop)
                try:
                    handle._run()
                finally:
                    asyncio._set_running_loop(None)
                break
        if not ready:
            self.at = self._timers[0][0] if self._timers else math.inf

    def describe(self) -> str:
        for handle in self._ready:
            if not handle._cancelled:
                callback = getattr(handle, "_callback")  # noqa: B009
                owner = getattr(callback, "__self__", None)
                what = getattr(callback, "__qualname__", type(callback).__name__)
                if isinstance(owner, asyncio.Task):
                    what = f"{owner.get_name()}"
                return f"{self.name}: {what}"
        return f"{self.name}: a timer"

    def run_here(self, function: Callable[[], Any]) -> Any:
        """Call *function* as a callback of this loop would be."""
        asyncio._set_running_loop(self.as_loop)
        try:
            return function()
        finally:
            asyncio._set_running_loop(None)

    # -- what asyncio asks of a loop

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self.as_loop, context)
        self._ready.append(handle)
        self.at = 0.0
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._scheduler.now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self.as_loop, context)
        self._numbers += 1
        heapq.heappush(self._timers, (when, self._numbers, timer))
        self.at = min(self.at, when)
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Leave it where it is: it is passed over."""

    def time(self) -> float:
        return self._scheduler.now

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self.as_loop)

    def create_task(
        self, coro: Any, *, name: str | None = None, context: Any = None, **kwargs: Any
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self.as_loop, name=name, context=context)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def run_in_executor(self, executor: Any, function: Any, *args: Any) -> asyncio.Future[Any]:
        future = self.create_future()
        future.set_result(function(*args))
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self._failed(context)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False
