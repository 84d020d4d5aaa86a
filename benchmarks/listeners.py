"""A process of clients that listen: JSON lines in, JSON lines out.

``python -m benchmarks.listeners``. A request is ``{"do": NAME, …}``; the answer has ``result`` or
``error``. It is apart from the rest so that a thousand clients cost one system call and a few
look-ups a message, and nothing else of the benchmark waits behind them. Times are of the monotonic
clock, which all processes of a machine share.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import sys
import time
import traceback
from collections import deque
from typing import Any

from benchmarks import wire
from benchmarks.conversation import Conversation, Tape, state_of
from benchmarks.dialects import dialect_of
from benchmarks.latencies import latencies

_HOST = "127.0.0.1"
_PORTS = 20_000  # that one source address is asked for at most
_READ_BYTES = 1 << 18
_MOST_PROBLEMS = 5
_LOOK_SECONDS = 0.05  # between two looks at all clients


class Listener:
    """One connection."""

    __slots__ = ("_reader", "_socket", "conversation", "is_open")

    def __init__(self, tape: Tape, port: int, project: int, token: str, source: str | None) -> None:
        self.conversation = Conversation(tape, project, token)
        self._reader = wire.Reader()
        origin = (source, 0) if source else None
        self._socket = socket.create_connection((_HOST, port), 30.0, origin)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        dialect = tape.dialect
        self._socket.sendall(
            wire.request(f"{_HOST}:{port}", dialect.path(project), dialect.subprotocol)
        )
        self._socket.setblocking(False)
        self.is_open = True

    def fileno(self) -> int:
        """Return what a selector asks for."""
        return self._socket.fileno()

    @property
    def is_settled(self) -> bool:
        """The first state is there, or will never be."""
        return self.conversation.first_state_at is not None or not self.is_open

    def read(self) -> None:
        """Take what has come."""
        try:
            data = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self.fail(repr(error))
            return
        now = time.monotonic()
        if not data:
            self.fail("the connection ended")
            return
        if not self._reader.is_open:
            try:
                if not self._reader.answer(data):
                    return
            except ConnectionError as error:
                self.fail(str(error))
                return
            for text in self.conversation.greeting():
                self._write(wire.TEXT, text.encode())
            data = b""
        for opcode, payload in self._reader.feed(data):
            self._take(opcode, payload, now)

    def _take(self, opcode: int, payload: bytes, now: float) -> None:
        if opcode == wire.TEXT:
            frame = self.conversation.receive(payload, now)
            if frame.answers:
                for text in self.conversation.answers(frame):
                    self._write(wire.TEXT, text.encode())
            if frame.problem:
                self.fail(frame.problem)
        elif opcode == wire.PING:
            self._write(wire.PONG, payload)
        elif opcode == wire.CLOSE:
            code = int.from_bytes(payload[:2], "big")
            self.fail(f"the server closed with {code} {payload[2:].decode(errors='replace')}")

    def _write(self, opcode: int, payload: bytes) -> None:
        try:
            self._socket.sendall(wire.frame(opcode, payload))
        except OSError as error:
            self.fail(repr(error))

    def fail(self, problem: str) -> None:
        """Note that the connection is over before its time."""
        self.conversation.problem = self.conversation.problem or problem
        self.is_open = False

    def close(self) -> None:
        """Leave without a word."""
        self._socket.close()


class Listeners:
    """What this process can be asked to do."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._selector.register(0, selectors.EVENT_READ)
        self._input = bytearray()
        self._requests: deque[bytes] = deque()
        self._is_asked = True
        self._listeners: list[Listener] = []
        self._tape: Tape | None = None

    def serve(self) -> None:
        """Listen, and do errands until the input ends."""
        while self._is_asked:
            self._turn(1.0)
            while self._requests:
                request = json.loads(self._requests.popleft())
                try:
                    answer = {"result": getattr(self, request.pop("do"))(**request)}
                except Exception:  # noqa: BLE001 - the one who asked shows it
                    answer = {"error": traceback.format_exc()}
                sys.stdout.write(json.dumps(answer) + "\n")
                sys.stdout.flush()

    # -- errands

    def connect(
        self,
        dialect: str,
        port: int,
        projects: list[int],
        token: str,
        count: int,
        at_once: int,
        seconds: float,
    ) -> dict[str, Any]:
        """Open *count* connections and have the first state of each, *at_once* at the same time."""
        if self._tape is None:
            self._tape = Tape(dialect_of(dialect))
        deadline, refused = time.monotonic() + seconds, list[str]()
        waiting: set[Listener] = set()
        made: list[Listener] = []
        began = time.monotonic()
        while time.monotonic() < deadline:
            while len(made) + len(refused) < count and len(waiting) < at_once:
                source = 1 + len(self._listeners) // _PORTS
                address = f"127.0.0.{source}" if source > 1 else None
                project = projects[len(made) % len(projects)]
                try:
                    listener = Listener(self._tape, port, project, token, address)
                except OSError as error:
                    refused.append(repr(error))
                    continue
                self._selector.register(listener, selectors.EVENT_READ, listener)
                self._listeners.append(listener)
                made.append(listener)
                waiting.add(listener)
            if not waiting:
                break
            self._turn(0.1)
            waiting = {listener for listener in waiting if not listener.is_settled}
        problems = refused + [
            found.conversation.problem for found in made if found.conversation.problem
        ]
        talks = [found.conversation for found in made if found.conversation.first_state_at]
        if waiting:
            problems.append(f"{len(waiting)} had no first state after {seconds:g} s")
        return {
            "connected": len(talks),
            "problems": problems[:_MOST_PROBLEMS],
            "began": began,
            "ended": max((talk.first_state_at or 0.0 for talk in talks), default=began),
            "seconds": [talk.seconds for talk in talks],
            "bytes": talks[0].bytes if talks else 0,
        }

    def wait(self, newest: int, quiet_seconds: float, seconds: float) -> None:
        """Return when every client has shown mark *newest*, or nothing has come for a while."""
        count, quiet_since = -1, time.monotonic()
        end = quiet_since + seconds
        while time.monotonic() < end:
            self._for(_LOOK_SECONDS)
            if all(found.conversation.newest >= newest for found in self._open()):
                self._for(0.5)  # nothing should come after that
                return
            found = sum(len(listener.conversation.times) for listener in self._listeners)
            if found != count:
                count, quiet_since = found, time.monotonic()
            elif time.monotonic() - quiet_since > quiet_seconds:
                return

    def report(self, committed: list[float], first: int, rendered: Any) -> dict[str, Any]:
        """Return what came of the writes *first* and later, and who shows what is *rendered*."""
        assert self._tape is not None
        talks = [listener.conversation for listener in self._listeners]
        known: dict[tuple[int, ...], Any] = {}
        equal = sum(
            listener.is_open and state_of(listener.conversation, known) == rendered
            for listener in self._listeners
        )
        arrivals = [
            [
                (when, mark)
                for when, mark in zip(talk.times, talk.marks, strict=True)
                if mark >= first
            ]
            for talk in talks
        ]
        times = [when for found in arrivals for when, _ in found]
        sizes = sorted(
            frame.size
            for frame in self._tape.frames
            if frame.holds_state and frame.newest >= first and frame.size < _READ_BYTES
        )
        problems = [talk.problem for talk in talks if talk.problem]
        return {
            "clients": len(talks),
            "open": len(self._open()),
            "equal": equal,
            "delivered": len(times),
            "unseen": sum(len(committed) - len({mark for _, mark in found}) for found in arrivals),
            "latencies": [round(s, 5) for s in latencies(arrivals, committed, first)],
            "last": max(times, default=0.0),
            "message_bytes": sizes[len(sizes) // 2] if sizes else 0,
            "problems": problems[:_MOST_PROBLEMS],
            "cpu_seconds": time.process_time(),
        }

    def still_there(self) -> int:
        """Return how many connections are open."""
        return len(self._open())

    def keep(self, path: str) -> int:
        """Write the bytes of the first big message to a file; return how many they are."""
        assert self._tape is not None
        number = next(n for talk in self._talks() for n in talk.numbers)
        payload = self._tape.payload(number)
        with open(path, "wb") as file:  # noqa: PTH123
            return file.write(payload)

    def close(self) -> None:
        """Hang up, all of them, and forget what was said."""
        for listener in self._listeners:
            if listener.is_open:
                self._selector.unregister(listener)
            listener.close()
        self._listeners.clear()
        self._tape = None

    # --

    def _talks(self) -> list[Conversation]:
        return [listener.conversation for listener in self._listeners]

    def _open(self) -> list[Listener]:
        return [listener for listener in self._listeners if listener.is_open]

    def _for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._turn(left)

    def _turn(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            listener = key.data
            if listener is None:
                self._hear()
                continue
            listener.read()
            if not listener.is_open:
                self._selector.unregister(listener)

    def _hear(self) -> None:
        data = os.read(0, _READ_BYTES)
        if not data:
            self._selector.unregister(0)
            self._is_asked = False
        *lines, rest = bytes(self._input + data).split(b"\n")
        self._input[:] = rest
        self._requests.extend(lines)


if __name__ == "__main__":
    Listeners().serve()
