"""A client that keeps every byte it is sent, and what was asked for that it may explain."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import websockets

from tests.isolation.oracle import tokens_in


@dataclass
class Operation:
    """One thing that a user asked for."""

    user: str
    #: ``vault <id>`` or ``list``: which of what he may see it is about.
    scope: str
    document: str
    variables: dict[str, Any]
    #: The number of the first state that it may show.
    since: int
    is_stream: bool = False
    #: The stream of his that an action is for.
    stream: Operation | None = None
    frames: list[tuple[int, str]] = field(default_factory=list)  # number of states then, and text
    judged: int = 0  # so many frames were looked at
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def sent(self) -> set[str]:
        """What the user wrote himself."""
        before = set() if self.stream is None else self.stream.sent
        return before | tokens_in(json.dumps(self.variables))

    def events(self) -> list[dict[str, Any]]:
        """Return the events of a stream so far."""
        found = []
        for _, text in self.frames:
            frame = json.loads(text)
            data = (frame.get("payload") or {}).get("data") if frame["type"] == "next" else None
            if data and isinstance(event := next(iter(data.values())), dict):
                found.append(event)
        return found

    def codes(self) -> list[str]:
        """Return the codes of the errors it was answered with."""
        found = []
        for _, text in self.frames:
            frame = json.loads(text)
            payload = frame.get("payload")
            errors = payload if isinstance(payload, list) else (payload or {}).get("errors", [])
            found += [error["extensions"]["code"] for error in errors]
        return found


class Recorder:
    """One socket of one user."""

    def __init__(self, url: str, user: str, token: str, now: Any) -> None:
        self.user, self._url, self._token, self._now = user, url, token, now
        self.operations: dict[str, Operation] = {}
        self.other_frames: list[str] = []
        self._ids = count(1)
        self._reader: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect."""
        self._socket = await websockets.connect(
            self._url, subprotocols=[websockets.Subprotocol("graphql-transport-ws")], max_size=None
        )
        payload = {"Authorization": f"Token {self._token}"}
        await self._socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        await self._socket.recv()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for raw in self._socket:
                text = raw if isinstance(raw, str) else raw.decode()
                frame = json.loads(text)
                operation = self.operations.get(frame.get("id", ""))
                if operation is None:
                    self.other_frames.append(text)
                    continue
                operation.frames.append((self._now(), text))
                if frame["type"] in ("complete", "error"):
                    operation.ended.set()
        for operation in self.operations.values():
            operation.ended.set()

    async def start(self, operation: Operation) -> None:
        """Send *operation*."""
        id_ = str(next(self._ids))
        self.operations[id_] = operation
        payload = {"query": operation.document, "variables": operation.variables}
        await self._socket.send(json.dumps({"id": id_, "type": "subscribe", "payload": payload}))

    async def run(self, operation: Operation) -> None:
        """Send *operation*, and wait for its end."""
        await self.start(operation)
        await asyncio.wait_for(operation.ended.wait(), 30)

    async def stop(self, operation: Operation) -> None:
        """End a subscription."""
        id_ = next(key for key, item in self.operations.items() if item is operation)
        await self._socket.send(json.dumps({"id": id_, "type": "complete"}))

    async def close(self) -> None:
        """Close the socket."""
        await self._socket.close()
        if self._reader is not None:
            await self._reader
