"""A client's side of the talk with a server, without a socket: what it says, got and shows.

Small messages that all clients get alike are kept and understood once, by a ``Tape``. Big ones,
which are first states, are only looked at when they come and understood when somebody asks: a
client that parses would be what is measured.
"""

from __future__ import annotations

import time
from array import array
from typing import Any

from benchmarks.dialects import Dialect, Frame

_BIG_BYTES = 1 << 16


class Tape:
    """Every distinct message that the clients of one server got; big ones all."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.frames: list[Frame] = []
        self._known: dict[bytes, Frame] = {}
        self._late: dict[int, bytes] = {}

    def find(self, payload: bytes) -> Frame:
        """Return *payload* as it was understood when it first came."""
        if len(payload) >= _BIG_BYTES:
            return self._postpone(payload)
        key = self.dialect.key(payload)
        frame = self._known.get(key)
        if frame is None:
            frame = self._known[key] = self.dialect.read(payload, len(self.frames))
            self.frames.append(frame)
        return frame

    def _postpone(self, payload: bytes) -> Frame:
        number = len(self.frames)
        completes = self.dialect.completes(payload)
        frame = Frame(number, len(payload), None, holds_state=True, completes=completes)
        self.frames.append(frame)
        self._late[number] = payload
        return frame

    def understood(self, number: int) -> Frame:
        """Return a frame with its message, whatever its size."""
        payload = self._late.pop(number, None)
        if payload is not None:
            key = self.dialect.key(payload)
            if key not in self._known:
                self._known[key] = self.dialect.read(payload, number)
            self.frames[number] = self._known[key]
        return self.frames[number]

    def payload(self, number: int) -> bytes:
        """Return the bytes of a big message that nobody has asked for yet."""
        return self._late[number]


class Conversation:
    """One subscriber: what it got, in order, and when."""

    __slots__ = (
        "_ends",
        "asked",
        "bytes",
        "first_state_at",
        "marks",
        "numbers",
        "problem",
        "project",
        "started",
        "tape",
        "times",
        "token",
    )

    def __init__(self, tape: Tape, project: int, token: str) -> None:
        self.tape, self.project, self.token = tape, project, token
        #: When the connection was begun, when the last was said before the first state came, and
        #: when that was complete: by the monotonic clock.
        self.started = time.monotonic()
        self.asked = self.started
        self.first_state_at: float | None = None
        #: Numbers of the frames that hold state, in order.
        self.numbers = array("l")
        #: When each of those came that were not part of the first state, and its newest mark.
        self.times, self.marks = array("d"), array("l")
        self.bytes = 0
        self.problem: str | None = None
        self._ends = 1  # messages that complete the first state

    def greeting(self) -> list[str]:
        """Return what to say when the connection is open."""
        self.asked = time.monotonic()
        return self.tape.dialect.greeting(self.project, self.token)

    def receive(self, payload: bytes, now: float) -> Frame:
        """Take a text message that came at *now*; what to say to it is in the frame's answers."""
        frame = self.tape.find(payload)
        self.bytes += len(payload)
        if frame.problem:
            self.problem = self.problem or frame.problem
        is_waiting = self.first_state_at is None
        if frame.answers and is_waiting:
            self.asked = time.monotonic()
        if frame.holds_state:
            self.numbers.append(frame.number)
            if not is_waiting:
                self.times.append(now)
                self.marks.append(frame.newest)
        if frame.expects is not None and is_waiting:
            self._ends = frame.expects
        if frame.completes and is_waiting:
            self._ends -= 1
            if self._ends <= 0:
                self.first_state_at = now
        return frame

    def answers(self, frame: Frame) -> list[str]:
        """Return what to say to a message."""
        return [text.replace("$PROJECT", str(self.project)) for text in frame.answers]

    @property
    def newest(self) -> int:
        """The newest mark that came after the first state, -1 for none."""
        return self.marks[-1] if self.marks else -1

    @property
    def seconds(self) -> float:
        """Seconds from the start of the connection to the complete first state."""
        assert self.first_state_at is not None
        return self.first_state_at - self.started

    @property
    def asked_seconds(self) -> float:
        """Seconds from asking for it to the complete first state."""
        assert self.first_state_at is not None
        return self.first_state_at - self.asked


def state_of(conversation: Conversation, known: dict[tuple[int, ...], Any]) -> Any:
    """Return the state that a client shows, nested as DRF renders it.

    *known* remembers states by what led there: most clients got the same.
    """
    tape = conversation.tape
    frames = [tape.understood(number) for number in conversation.numbers]
    path = tuple(frame.number for frame in frames)
    if path not in known:
        known[path] = tape.dialect.fold(frames)
    return known[path]
