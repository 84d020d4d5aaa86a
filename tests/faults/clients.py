"""Clients that record every event and look at every state, for as long as a round lasts.

What goes wrong with a connection is what the run is about: they come back, by another server, with
the cursor they have, an old one, or none. What they are *shown* is never allowed to be wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import websockets

from rxgraph.compile.channel import served_channels
from rxgraph.testing import (
    Completed,
    ConnectionClosed,
    OperationFailed,
    Subscription,
    SubscriptionClient,
    document_for,
    query_for,
)
from rxgraph.testing.fold import DanglingReference, Fold
from tests.faults import laws
from tests.faults.children import Node
from tests.faults.plan import Watcher
from tests.faults.tally import Diary, Tally, Violation, as_line
from tests.integration.board_clients import difference

_TIMEOUT_SECONDS = 8.0
NEVER_FOR_MEMBERS = {"FORBIDDEN", "NOT_FOUND", "UNAUTHENTICATED", "BAD_REQUEST"}
LOST = (
    OSError,
    TimeoutError,
    EOFError,
    ConnectionClosed,
    Completed,
    websockets.WebSocketException,
    httpx.HTTPError,
)


def channel(field: str) -> Any:
    """Return a channel of the demo, compiled."""
    return next(item for item in served_channels() if item.names.field == field)


class GatedClient(SubscriptionClient):
    """A client that can stop reading its socket."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.gate = asyncio.Event()
        self.gate.set()

    async def _read(self) -> None:
        socket, self._socket = self._socket, _Gate(self._socket, self.gate)  # type: ignore[assignment]
        try:
            await super()._read()
        finally:
            self._socket = socket


class _Gate:
    """A socket that gives its messages while a gate is open."""

    def __init__(self, socket: Any, gate: asyncio.Event) -> None:
        self._socket, self._gate = socket, gate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    async def __aiter__(self) -> Any:
        async for text in self._socket:
            yield text
            await self._gate.wait()


@dataclass
class Checkpoint:
    """What a client knew at a cursor, to come back to."""

    cursor: str
    entities: dict[Any, Any]
    roots: Any
    memory: laws.Memory


class Recorder:
    """One client of one board, or of the list of boards."""

    field = "project"
    pause_seconds = 0.05, 0.4  # before it comes back

    def __init__(
        self,
        name: str,
        watcher: Watcher,
        person: dict[str, Any],
        variables: dict[str, Any],
        nodes: Sequence[Node],
        tally: Tally,
        diary: Diary,
    ) -> None:
        self.name, self.watcher, self.person = name, watcher, person
        self.variables, self._nodes = variables, nodes
        self._tally, self._diary = tally, diary
        self._rng = random.Random(watcher.seed)
        self._document = document_for(channel(self.field))
        self._query = query_for(channel(self.field))
        self._recording = diary.recording(name)
        self._fold, self._memory = Fold(), laws.Memory()
        self._checkpoints: list[Checkpoint] = []
        self._is_calm = False
        self._client: GatedClient | None = None
        self.state: Any = None
        self.violation: Violation | None = None
        self.moved = asyncio.Event()
        self._task = asyncio.create_task(self._live(), name=f"client {name}")

    # -- its life

    async def _live(self) -> None:
        try:
            while True:
                try:
                    await self._watch()
                except LOST as error:
                    self._lost(error)
                except OperationFailed as error:
                    self._refused(error)
                await asyncio.sleep(self._rng.uniform(*self.pause_seconds))
        except Violation as violation:
            self.violation = violation
            self._diary.note(self.name, f"VIOLATION {violation}")
            self.moved.set()

    def _lost(self, error: BaseException) -> None:
        code = f"{error.code}" if isinstance(error, ConnectionClosed) else type(error).__name__
        self._tally.closes[code] += 1
        self._record(lost=f"{type(error).__name__}: {error}")
        if code in ("4401", "4403", "4400"):
            raise self._wrong(f"was closed with {error}")

    def _refused(self, error: OperationFailed) -> None:
        self._tally.errors[str(error.code)] += 1
        self._record(refused=error.errors)
        if found := laws.leaks(error.errors, self.person["id"]):
            raise self._wrong("; ".join(found))
        if error.code in NEVER_FOR_MEMBERS:
            raise self._wrong(f"was refused: {error.errors}")

    async def _watch(self) -> None:
        """Connect and take what comes, for as long as this client's kind stays."""
        node = self._rng.choice(self._nodes)
        variables = dict(self.variables)
        if (after := self._choose_cursor()) is not None:
            variables["after"] = after
        self._record(node=node.name, after=after)
        self._diary.note(self.name, f"connects to {node.name}, {'resuming' if after else 'anew'}")
        client = self._client = GatedClient(
            node.websocket_url, token=self.person["token"], timeout=_TIMEOUT_SECONDS
        )
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await client.open()
            self._tally.connections += 1
            self._tally.resumed += after is not None
            subscription = await client.subscribe(self._document, variables)
            await self._take(client, subscription)
        finally:
            self._client = None
            client.gate.set()
            with contextlib.suppress(Exception):
                if self._rng.random() < 0.5 and not self._is_calm:
                    await client.drop()
                else:
                    await asyncio.wait_for(client.close(), 3)

    def _choose_cursor(self) -> str | None:
        """Choose where to go on; what is known is what was known there."""
        kind = self.watcher.kind
        is_old = kind == "old" and not self._is_calm and self._rng.random() < 0.7
        if is_old and self._checkpoints:
            found = self._rng.choice(self._checkpoints)
            self._fold.entities, self._fold.roots = dict(found.entities), found.roots
            self._fold.cursor, self._memory = found.cursor, found.memory.copy()
            self.state = None
        elif self._fold.cursor is None or (kind == "forgetful" and self._rng.random() < 0.7):
            self._fold, self._memory, self.state = Fold(), laws.Memory(), None
            self._checkpoints.clear()
        return self._fold.cursor

    async def _take(self, client: GatedClient, subscription: Subscription) -> None:
        loop = asyncio.get_running_loop()
        stays = self._rng.expovariate(1 / 4.0) if self.watcher.kind in _LEAVING else 1e9
        leaves_at = loop.time() + stays
        stalls = self.watcher.kind in ("stalling", "deaf")
        first = True
        while self._is_calm or loop.time() < leaves_at:
            wait = 0.5 if not first else _TIMEOUT_SECONDS
            try:
                payload = await subscription.next_result(wait)
            except TimeoutError:
                if first:
                    raise
                continue
            first = False
            [event] = payload["data"].values()
            self.take(event)
            if stalls and not self._is_calm and self._rng.random() < 0.1:
                client.gate.clear()
                seconds = 1e9 if self.watcher.kind == "deaf" else self._rng.uniform(0.5, 6.0)
                self._diary.note(self.name, f"reads nothing for {seconds:.1f} s")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(client.gate.wait(), seconds)
                client.gate.set()

    # -- what it is told

    def take(self, event: dict[str, Any]) -> None:
        """Record an event, fold it in, and look at the state."""
        self._tally.events[event["kind"]] += 1
        self._record(event=event)
        found = laws.leaks(event, self.person["id"])
        try:
            self._fold.apply(event)
            if event["kind"] in ("SNAPSHOT", "DELTA"):
                self.state = self._fold.state
                self._tally.states += 1
                found += self.look(self.state)
        except DanglingReference as error:
            found.append(str(error))
        if found:
            raise self._wrong("; ".join(found))
        if self._rng.random() < 0.1:
            self._keep()
        self.moved.set()

    def look(self, state: Any) -> list[str]:
        """Return what is wrong with the state that is shown now."""
        if state is None:
            return ["its board was taken away"]
        return laws.halves(state) + self._memory.look(state)

    def _keep(self) -> None:
        if self._fold.cursor is not None and self.state is not None:
            fold = self._fold
            known = (dict(fold.entities), fold.roots, self._memory.copy())
            self._checkpoints.append(Checkpoint(self._fold.cursor, *known))
            if len(self._checkpoints) > 4:
                self._checkpoints.pop(self._rng.randrange(4))

    async def query(self, node: Node) -> Any:
        """Return the state that a query over HTTP answers; it has to be as true as the stream's."""
        async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS) as client:
            answer = await client.post(
                f"{node.url}/graphql",
                json={"query": self._query, "variables": self.variables},
                headers={"Authorization": f"Token {self.person['token']}"},
            )
        self._record(queried=answer.text)
        if found := laws.leaks(answer.text, self.person["id"]):
            raise self._wrong("; ".join(found))
        data = json.loads(answer.text)
        if data.get("errors"):
            raise OperationFailed(data["errors"])
        return without_typenames(data["data"][self.field]["state"])

    # -- the end of a round

    def calm(self) -> None:
        """Stay from now on, and read."""
        self._is_calm = True
        if self._client is not None:
            self._client.gate.set()

    def difference(self, wanted: Any) -> str | None:
        """Return where what is shown differs from *wanted*."""
        if self.state is None and wanted is not None:
            return "nothing is shown"
        return difference(self.state, wanted)

    async def close(self) -> None:
        """Leave."""
        self._task.cancel()
        await asyncio.wait([self._task])
        self._recording.close()

    def _wrong(self, what: str) -> Violation:
        where = f"{self.name} (user {self.person['id']}, {self.watcher.kind}, {self.variables})"
        return Violation(f"{where}: {what}")

    def _record(self, **what: Any) -> None:
        self._recording.write(as_line(what))
        self._recording.flush()


_LEAVING = ("restless", "old", "forgetful")


class ListRecorder(Recorder):
    """A client of the list of boards."""

    field = "projectList"

    def look(self, state: Any) -> list[str]:
        """Return what is wrong with the list that is shown now."""
        numbers = {("project", card["id"]): int(card["name"].split()[0]) for card in state}
        found = [
            f"{place} went back from {self._memory.numbers[place]} to {number}"
            for place, number in numbers.items()
            if number < self._memory.numbers.get(place, number)
        ]
        self._memory.numbers |= numbers
        return found


class Stranger(Recorder):
    """Somebody who is not on the board, and tries again and again: he is never told anything."""

    pause_seconds = 0.5, 2.0

    def take(self, event: dict[str, Any]) -> None:
        """Find out that he was let in."""
        self._record(event=event)
        raise self._wrong(f"is not on this board, and was told {event['kind']}")

    def _refused(self, error: OperationFailed) -> None:
        self._tally.errors[f"{error.code} to strangers"] += 1
        self._record(refused=error.errors)
        if found := laws.leaks(error.errors, self.person["id"]):
            raise self._wrong("; ".join(found))
        if error.code in ("UNAUTHENTICATED", "NOT_FOUND", "BAD_REQUEST"):
            raise self._wrong(f"was refused: {error.errors}")

    def _choose_cursor(self) -> str | None:
        return None

    async def query(self, node: Node) -> Any:
        """Return None, as he is answered by an error.

        Raises:
            OperationFailed: never; it is what has to happen.
        """
        try:
            return await super().query(node)
        except OperationFailed as error:
            self._refused(error)
            return None

    def difference(self, wanted: Any) -> str | None:
        """Return None: he is shown nothing."""
        return None


def without_typenames(value: Any) -> Any:
    """Return *value* as folds nest it."""
    if isinstance(value, dict):
        return {k: without_typenames(v) for k, v in value.items() if k != "__typename"}
    return [without_typenames(item) for item in value] if isinstance(value, list) else value
