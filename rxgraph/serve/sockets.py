"""What is open on one event loop: who is there, who is silent, who has to go.

WebSockets, and answers that stream over HTTP, are *added* when they open and *discarded* when they
have ended. One timer looks at all of them, so that an idle one costs nothing but its place: a
client that says nothing for a while is asked whether it is there (``ping``), and one that does not
answer, or takes nothing of what is sent, is let go.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import math
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from rxgraph.serve.per_loop import per_loop
from rxgraph.settings import get_settings

logger = logging.getLogger("rxgraph.websocket")

RESTARTING = (1012, "The server restarts; connect again")
_SILENT = (1013, "Nothing was heard of you; connect again")
_STALLED = (1013, "You do not read what is sent; connect again")

TICK_SECONDS = 1.0
_ASKED_PER_TICK = 500  # 5 ms of the event loop


class Verdict(enum.Enum):
    """What to do about a client."""

    FINE = "fine"
    ASK = "ask"
    SILENT = "silent"
    STALLED = "stalled"


def judge(
    now: float,
    *,
    heard_at: float,
    asked_at: float,
    stalled_at: float | None,
    patience_seconds: float,
) -> Verdict:
    """Return what to do about a client at *now*; all times are monotonic seconds.

    *heard_at*: its last word; *asked_at*: the last ping; *stalled_at*: since when it makes one
    frame wait, None: it reads. Whoever reads slowly gets twice the patience for each frame, and
    need not answer meanwhile: the ping may be behind what it still has to read.
    """
    if stalled_at is not None:
        is_over = now - stalled_at >= 2 * patience_seconds
        return Verdict.STALLED if is_over else Verdict.FINE
    if asked_at > heard_at:
        return Verdict.SILENT if now - asked_at >= patience_seconds else Verdict.FINE
    return Verdict.ASK if now - heard_at >= patience_seconds else Verdict.FINE


class Socket(Protocol):
    """One of those that are open."""

    #: When its client was heard the last time, and asked; by the clock of ``Sockets``.
    heard_at: float
    asked_at: float

    @property
    def is_busy(self) -> bool:
        """True while something runs for it whose end the client has to be told."""

    @property
    def stalled_at(self) -> float | None:
        """Since when one frame waits for the client to read (monotonic); None: none does."""

    def ask(self) -> None:
        """Ask whether the client is there; it will be heard if it is."""

    def let_go(self, code: int, reason: str) -> None:
        """Begin to close it; safe to call twice."""


class Sockets:
    """Those of one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[Socket, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        #: The time of the last look: who is heard in one second shares one number.
        self.now = clock()
        #: True from the moment when this process was told to end.
        self.is_draining = False
        #: Those that ask for something while this process ends: they had better go at once.
        self.hurried: set[Socket] = set()

    def add(self, socket: Socket) -> None:
        """Hold *socket* as open, and look after it."""
        if not self._open:
            self.now = self._clock()
            self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)
        socket.heard_at, socket.asked_at = self.now, -math.inf
        self._open[socket] = None
        if self.is_draining:  # its handshake was under way
            self.hurry(socket)

    def discard(self, socket: Socket) -> None:
        """Forget *socket*; safe to call twice."""
        self._open.pop(socket, None)
        self.hurried.discard(socket)
        if not self._open and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def hurry(self, socket: Socket) -> None:
        """Have *socket* closed before the others, when nothing runs for it."""
        if socket in self._open:
            self.hurried.add(socket)

    def __iter__(self) -> Iterator[Socket]:
        """Iterate over those that are open now."""
        return iter(list(self._open))

    def __len__(self) -> int:
        return len(self._open)

    def _tick(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)
        try:
            self.look()
        except Exception:
            logger.exception("looking after connections failed; it goes on")

    def look(self) -> None:
        """Ask those who are silent, and let go who does not answer."""
        now = self.now = self._clock()
        patience = get_settings().ping_seconds
        if not patience:
            return
        asked = 0
        for socket in list(self._open):
            verdict = judge(
                now,
                heard_at=socket.heard_at,
                asked_at=socket.asked_at,
                stalled_at=socket.stalled_at,
                patience_seconds=patience,
            )
            if verdict is Verdict.ASK and asked < _ASKED_PER_TICK:
                asked += 1
                socket.asked_at = now
                socket.ask()
            elif verdict is Verdict.SILENT:
                socket.let_go(*_SILENT)
            elif verdict is Verdict.STALLED:
                socket.let_go(*_STALLED)


sockets = per_loop(Sockets)
"""Return what is open on the running event loop."""
