"""Viewers of boards: clients that take every event as it comes, and look at each state.

A viewer folds events as a normalised cache does. What must hold of *every* state is a ``check``;
what must hold in the end is waited for with ``until`` and ``settle``.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

import httpx

from rxgraph.compile.channel import served_channels
from rxgraph.testing import (
    Completed,
    OperationFailed,
    Subscription,
    SubscriptionClient,
    document_for,
    query_for,
)
from tests.integration import board_work
from tests.integration.cluster import Process
from tests.integration.servers import Server

PATIENCE_SECONDS = 30.0

Event = dict[str, Any]
Check = Callable[["Viewer"], None]

_opened: list[Viewer] = []


async def close_all() -> None:
    """Close every viewer that a test has left open, as one that fails does."""
    while _opened:
        await _opened[-1].close()


def live_document() -> str:
    """Return the subscription that tells everything about a project."""
    return document_for(_project())


def _project() -> Any:
    return next(item for item in served_channels() if item.names.field == "project")


class Viewer:
    """One person who watches one project on one server.

    ::

        async with Viewer(server, board, board["people"][0]) as viewer:
            await viewer.until(lambda: viewer.task(7)["title"] == "Ship")

    Args:
        check: looks at the viewer after each event; what it raises fails the test.
        after: a cursor to resume from.
        known: another viewer of the same person, whose instances are still in the client's cache.
    """

    def __init__(
        self,
        server: Server,
        board: Mapping[str, Any],
        person: Mapping[str, Any],
        *,
        check: Check | None = None,
        after: str | None = None,
        known: Viewer | None = None,
    ) -> None:
        self.board, self.person = board, person
        self.client = SubscriptionClient(
            server.websocket_url, token=person["token"], timeout=PATIENCE_SECONDS
        )
        self._check, self._after, self._known = check, after, known
        self._moved = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.failure: BaseException | None = None
        self.is_complete = False
        self.subscription: Subscription

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Connect and subscribe."""
        await self.client.open()
        _opened.append(self)
        variables: dict[str, Any] = {"projectId": self.board["project"]}
        if self._after is not None:
            variables["after"] = self._after
        self.subscription = await self.client.subscribe(live_document(), variables)
        if self._known is not None:
            self.subscription._fold = self._known.subscription._fold
        self._task = asyncio.create_task(self._take())

    async def close(self) -> None:
        """Leave in an orderly way."""
        await self._end()
        await self.client.close()

    async def drop(self) -> None:
        """Be gone without a word."""
        await self._end()
        await self.client.drop()

    async def _end(self) -> None:
        if self in _opened:
            _opened.remove(self)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _take(self) -> None:
        try:
            while True:
                await self.subscription.next_event(3600)
                if self._check is not None:
                    self._check(self)
                self._moved.set()
        except Completed:
            self.is_complete = True
        except Exception as error:  # noqa: BLE001 - raised where somebody waits
            self.failure = error
        finally:
            self._moved.set()

    # -- what it knows

    @property
    def events(self) -> list[Event]:
        """Every event so far."""
        return self.subscription.events

    @property
    def kinds(self) -> list[str]:
        """What kinds those were."""
        return [event["kind"] for event in self.events]

    @property
    def state(self) -> Any:
        """The nested state it shows."""
        return self.subscription.state

    @property
    def cursor(self) -> str:
        """Where it stands."""
        assert self.subscription.cursor is not None
        return self.subscription.cursor

    def task(self, pk: int) -> dict[str, Any]:
        """Return one task as the viewer shows it."""
        found = [task for task in self.state["tasks"] if task["id"] == str(pk)]
        assert found, f"task {pk} is not shown"
        task: dict[str, Any] = found[0]
        return task

    async def until(
        self, is_reached: Callable[[], Any], patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        """Return when ``is_reached()``; it is asked after each event."""
        deadline = time.monotonic() + patience_seconds
        while True:
            self._moved.clear()
            if self.events and is_reached():
                return
            if self.failure is not None:
                raise self.failure
            if self.is_complete:
                raise Completed(f"the stream ended after {self.kinds}")
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"not reached after {patience_seconds} s; told {self.kinds}")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), left)

    async def until_titled(self, pk: int, title: str) -> None:
        """Return when a task shows this title."""
        await self.until(lambda: self.task(pk)["title"] == title)

    async def until_reset(self) -> None:
        """Return when the newest events are a RESET and its SNAPSHOT."""
        await self.until(lambda: self.kinds[-2:] == ["RESET", "SNAPSHOT"])

    async def ready(self, patience_seconds: float = PATIENCE_SECONDS) -> Self:
        """Return when the first state is there."""
        await self.until(lambda: "RESET" not in self.kinds or len(self.kinds) > 1, patience_seconds)
        return self

    async def end(self) -> None:
        """Return when the server has ended the stream."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.is_complete:
            if self.failure is not None:
                raise self.failure
            if time.monotonic() > deadline:
                raise TimeoutError(f"the stream does not end; told {self.kinds}")
            await asyncio.sleep(0.02)


async def refused(
    server: Server, person: Mapping[str, Any], variables: Mapping[str, Any]
) -> OperationFailed:
    """Return the error that answers a subscription with *variables*."""
    async with SubscriptionClient(
        server.websocket_url, token=person["token"], timeout=PATIENCE_SECONDS
    ) as client:
        subscription = await client.subscribe(live_document(), variables)
        try:
            event = await subscription.next_event()
        except OperationFailed as error:
            return error
        raise AssertionError(f"expected an error, got {event['kind']}")


async def read_once(server: Server, board: Mapping[str, Any], person: Mapping[str, Any]) -> Any:
    """Return the state that a query over HTTP answers."""
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
        answer = await client.post(
            server.graphql_url,
            json={"query": query_for(_project()), "variables": {"projectId": board["project"]}},
            headers={"Authorization": f"Token {person['token']}"},
        )
    return _without_typenames(answer.json()["data"]["project"]["state"])


def _without_typenames(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_typenames(v) for k, v in value.items() if k != "__typename"}
    return [_without_typenames(item) for item in value] if isinstance(value, list) else value


async def settle(process: Process, viewers: Iterable[Viewer]) -> None:
    """Return when every viewer shows what DRF renders for its person; writes must have stopped."""
    viewers = list(viewers)
    deadline = time.monotonic() + PATIENCE_SECONDS
    wanted: dict[tuple[int, int], Any] = {}
    for viewer in viewers:
        key = (viewer.board["project"], viewer.person["id"])
        if key not in wanted:
            wanted[key] = await asyncio.to_thread(process.call, board_work.expected, *key)
    while True:
        for viewer in viewers:
            if viewer.failure is not None:
                raise viewer.failure
        found = [_difference_of(viewer, wanted) for viewer in viewers]
        if not any(found):
            return
        if time.monotonic() > deadline:
            raise AssertionError("; ".join(filter(None, found)))
        await asyncio.sleep(0.05)


def _difference_of(viewer: Viewer, wanted: Mapping[tuple[int, int], Any]) -> str | None:
    if not viewer.events:
        return "a viewer was told nothing yet"
    key = (viewer.board["project"], viewer.person["id"])
    return difference(viewer.state, wanted[key])


def difference(shown: Any, wanted: Any, path: str = "state") -> str | None:
    """Return the first place where two states differ, or None."""
    if isinstance(shown, dict) and isinstance(wanted, dict):
        for name in {**shown, **wanted}:
            if name not in shown or name not in wanted:
                return f"{path}.{name} is only in one of both"
            found = difference(shown[name], wanted[name], f"{path}.{name}")
            if found:
                return found
        return None
    if isinstance(shown, list) and isinstance(wanted, list) and len(shown) == len(wanted):
        pairs = enumerate(zip(shown, wanted, strict=True))
        found_ = (difference(a, b, f"{path}[{number}]") for number, (a, b) in pairs)
        return next(filter(None, found_), None)
    return None if shown == wanted else f"{path} is {shown!r}, DRF renders {wanted!r}"
