"""A process of hostile clients: ``python -m benchmarks.hostile '{"port": …, …}'``.

Each kind of attack has a few sockets and a bounded rate, on the loopback only, for a bounded time.
At the end one line of JSON says what came of each: how often it was tried, refused and closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import websockets
from websockets.typing import Subprotocol

from benchmarks import wire
from benchmarks.dialects import ours
from benchmarks.dialects.graphql import SUBPROTOCOL, init

_HOST = "127.0.0.1"
_FIELDS = "id name code status"
_BIG = 1024 * 1024


_GIANT = json.dumps(
    {"type": "subscribe", "id": "giant", "payload": {"query": "{ a } # " + "x" * _BIG}}
)


class Attack:
    """What all kinds know: where, as whom, until when, and what they have done."""

    def __init__(self, *, port: int, token: str, project: int, large: int, seconds: float) -> None:
        self.url = f"ws://{_HOST}:{port}/graphql"
        self.port, self.token, self.project, self.large = port, token, project, large
        self.end = time.monotonic() + seconds
        self.done: Counter[str] = Counter()

    async def repeat(self, per_second: float, work: Callable[[], Awaitable[None]]) -> None:
        """Do *work* so often; what fails is done again."""
        while (left := self.end - time.monotonic()) > 0:
            begun = time.monotonic()
            with contextlib.suppress(OSError, TimeoutError, websockets.WebSocketException):
                async with asyncio.timeout(min(left, 5)):
                    await work()
            await asyncio.sleep(max(0.0, 1 / per_second - (time.monotonic() - begun)))

    @asynccontextmanager
    async def socket(self, token: str | None = None) -> AsyncIterator[Any]:
        """Open a connection as somebody."""
        async with websockets.connect(
            self.url, subprotocols=[Subprotocol(SUBPROTOCOL)], max_size=None, close_timeout=0.5
        ) as connection:
            await connection.send(init(self.token if token is None else token))
            await connection.recv()
            yield connection

    # -- the kinds

    async def flood_of_subscriptions(self) -> None:
        """Begin subscriptions as fast as one socket takes them, and end half of them."""
        numbers = count()
        async with self.socket() as connection:
            reading = asyncio.create_task(self._count_answers(connection, "subscriptions"))
            try:
                while time.monotonic() < self.end:
                    for number in [next(numbers) for _ in range(10)]:
                        await connection.send(self._live(f"s{number}"))
                        self.done["subscriptions tried"] += 1
                        if number % 2:
                            await connection.send(
                                json.dumps({"type": "complete", "id": f"s{number}"})
                            )
                    await asyncio.sleep(0.1)
            finally:
                reading.cancel()

    async def giant_documents(self) -> None:
        """Send documents that take long to read, every one a new one."""
        numbers, kinds = count(), [_wide, _bomb, _broken, _aliases]
        async with self.socket() as connection:
            reading = asyncio.create_task(self._count_answers(connection, "documents"))
            try:
                while time.monotonic() < self.end:
                    number = next(numbers)
                    if number % 6 == 5:
                        await connection.send(_GIANT)
                        self.done["documents tried"] += 1
                        await asyncio.sleep(0.1)
                        continue
                    text = kinds[number % len(kinds)](f"{id(connection)}x{number}")
                    payload = {"query": text, "variables": {"projectId": self.project}}
                    frame = {"type": "subscribe", "id": f"d{number}", "payload": payload}
                    await connection.send(json.dumps(frame))
                    self.done["documents tried"] += 1
                    await asyncio.sleep(0.1)
            finally:
                reading.cancel()

    async def slow_reader(self) -> None:
        """Ask for large first states and never read them."""
        reader = socket.create_connection((_HOST, self.port), 5)
        try:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.sendall(wire.request(f"{_HOST}:{self.port}", "/graphql", SUBPROTOCOL))
            await asyncio.sleep(0.3)
            reader.sendall(wire.frame(1, init(self.token).encode()))
            await asyncio.sleep(0.5)
            for number in range(3):
                reader.sendall(wire.frame(1, self._live(f"r{number}", self.large).encode()))
            self.done["slow readers"] += 1
            await asyncio.sleep(max(0.0, self.end - time.monotonic()))
        finally:
            reader.close()

    async def broken_frames(self) -> None:
        """Say what the protocol does not know, and be closed for it."""
        number = self.done["broken frames tried"]
        async with self.socket() as connection:
            self.done["broken frames tried"] += 1
            await connection.send(
                [b"\0\1", "{", '{"type": 1}', "x" * (3 * _BIG), '{"type": "subscribe"}'][number % 5]
            )
            await connection.wait_closed()
            self.done[f"closed with {connection.close_code}"] += 1

    async def storm(self) -> None:
        """Connect with a wrong token, again and again."""
        with contextlib.suppress(websockets.ConnectionClosed):
            async with self.socket("nobody's"):
                pass
        self.done["connections that were nobody's"] += 1

    def _live(self, id_: str, project: int | None = None) -> str:
        return ours.live(id_, self.project if project is None else project)

    async def _count_answers(self, connection: Any, what: str) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in connection:
                if '"type":"error"' in text[:200]:
                    is_rate = "RATE_LIMITED" in text
                    self.done[f"{what} {'rate limited' if is_rate else 'refused'}"] += 1
                elif '"type":"next"' in text[:200]:
                    self.done[f"{what} answered"] += 1


def _reading(name: str, fields: str) -> str:
    head = f"query Q{name}($projectId: Int!)"
    return f"{head} {{ project(projectId: $projectId) {{ state {{ {fields} }} }} }}"


def _wide(name: str) -> str:
    return _reading(name, f"{_FIELDS} " * 900)


def _bomb(name: str) -> str:
    links = "".join(
        f" fragment F{n} on Project {{ a: tasks {{ project }} ...F{n + 1} ...F{n + 1} }}"
        for n in range(150)
    )
    return f"{_reading(name, '...F0')}{links} fragment F150 on Project {{ id }}"


def _broken(name: str) -> str:
    return f"query Q{name} " + "{ project " * 150


def _aliases(name: str) -> str:
    return _reading(name, " ".join(f"a{n}: name" for n in range(1200)))


async def attack(found: Attack) -> Counter[str]:
    """Do all of it at once; return what came of it."""
    kinds = (
        (found.flood_of_subscriptions, 4, 2),
        (found.giant_documents, 3, 2),
        (found.slow_reader, 20, 1),
        (found.broken_frames, 1, 10),
        (found.storm, 1, 20),
    )
    wanted = os.environ.get("BENCH_ATTACKS", "").split()  # all, or some by name
    await asyncio.gather(
        *(
            found.repeat(per_second, work)
            for work, sockets, per_second in kinds
            for _ in range(sockets)
            if not wanted or work.__name__ in wanted
        )
    )
    return found.done


if __name__ == "__main__":
    os.nice(10)  # hostile clients have machines of their own: they are not to be what is slow
    print(json.dumps(asyncio.run(attack(Attack(**json.loads(sys.argv[1]))))), flush=True)
