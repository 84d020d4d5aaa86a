"""Live contexts over the real hub, store and database, in the process of the test: no sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from channels.db import database_sync_to_async
from django.db import connections

from rxgraph.channels import ContextChannel
from rxgraph.compile.channel import compile_channel
from rxgraph.declare import registry
from rxgraph.serve.auth import Credentials, Identity
from rxgraph.serve.outbox import Lane
from rxgraph.serve.resolvers import ChannelResolvers
from rxgraph.serve.runtime import Runtime, current
from rxgraph.serve.schema import make_schema
from rxgraph.serve.scope import OperationScope
from rxgraph.sync import tracking
from rxgraph.testing import Fold, document_for, mutation_for, query_for

SECONDS = 10.0

in_database = database_sync_to_async


async def until(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Wait until *condition* holds."""
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen in time")


class Results:
    """One subscription: its events one by one, and what they fold into."""

    def __init__(self, field: str, results: Any, scope: OperationScope) -> None:
        self._field, self._results, self.scope = field, results, scope
        self.fold = Fold()
        self.events: list[dict[str, Any]] = []
        self._next: asyncio.Task[Any] | None = None

    async def event(self, seconds: float = SECONDS) -> dict[str, Any]:
        """Return the next event."""
        if self._next is None:
            self._next = asyncio.ensure_future(anext(self._results))
        done, _ = await asyncio.wait([self._next], timeout=seconds)
        if not done:
            raise TimeoutError
        result, self._next = self._next.result(), None
        assert not result.errors, result.errors
        event: dict[str, Any] = result.data[self._field]
        self.fold.apply(event)
        self.events.append(event)
        return event

    async def error(self, seconds: float = SECONDS) -> Any:
        """Return the errors with which the stream ends."""
        try:
            result = await asyncio.wait_for(anext(self._results), seconds)
        except StopAsyncIteration:
            return None
        assert result.errors, result.data
        return result.errors[0].extensions["code"]

    async def until(self, holds: Callable[[Any], bool], seconds: float = SECONDS) -> Any:
        """Take events until what they fold into is as wanted; return that state."""
        async with asyncio.timeout(seconds):
            while not holds(self.state):
                await self.event(seconds)
        return self.state

    async def is_silent(self, seconds: float = 0.2) -> bool:
        """Return whether no event comes for a while; what comes later is not lost."""
        try:
            await self.event(seconds)
        except TimeoutError:
            return True
        return False

    @property
    def state(self) -> Any:
        """The nested state."""
        return self.fold.state

    @property
    def ids(self) -> list[str]:
        """The ids of a list, in order."""
        return [item["id"] for item in self.state]

    async def close(self) -> None:
        """End the subscription."""
        if self._next is not None:
            self._next.cancel()
            await asyncio.wait([self._next])
        await self._results.aclose()
        await self.scope.close()


class Stage:
    """The channels of a test, served."""

    def __init__(self, *channels: type[ContextChannel]) -> None:
        self.compiled = {channel: compile_channel(channel) for channel in channels}
        self.schema = make_schema(list(self.compiled.values()), ChannelResolvers())
        self.opened: list[Results] = []

    @property
    def runtime(self) -> Runtime:
        """What this event loop holds."""
        return current()

    async def subscribe(
        self,
        channel: type[ContextChannel],
        user: Any,
        variables: Mapping[str, Any] | None = None,
        *,
        identity: Identity | None = None,
        lane: Lane | None = None,
    ) -> Results:
        """Open a subscription; raises what it is refused with. *lane*: its way to a socket."""
        compiled, scope = self.compiled[channel], OperationScope(lane)
        results = await self.schema.stream(
            document_for(self.schema, compiled.names.field),
            dict(variables or {}),
            context_value={"identity": identity or _identity(user), "scope": scope},
        )
        opened = Results(compiled.names.field, results, scope)
        self.opened.append(opened)
        return opened

    async def read(
        self, channel: type[ContextChannel], user: Any, variables: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the data of one query, or raise AssertionError with its errors."""
        compiled = self.compiled[channel]
        result = await self.schema.execute(
            query_for(self.schema, compiled.names.field),
            dict(variables or {}),
            context_value={"identity": _identity(user)},
        )
        assert not result.errors, result.errors
        assert result.data is not None
        return result.data[compiled.names.field]

    async def mutate(self, field: str, user: Any, **variables: Any) -> Any:
        """Return the payload of a mutation."""
        scope = OperationScope()
        result = await self.schema.execute(
            mutation_for(self.schema, field),
            variables,
            context_value={"identity": _identity(user), "scope": scope},
        )
        assert not result.errors, result.errors
        assert result.data is not None
        return result.data[field]

    async def close(self) -> None:
        """End everything; nothing may be left."""
        for results in self.opened:
            await results.close()
        runtime = current()
        await runtime.hub.drop_lingering()
        assert not runtime.hub.replicas
        await runtime.close()


@contextlib.contextmanager
def declared(*channels: type[ContextChannel]) -> Any:
    """Let *channels* be all there are."""
    with registry.isolated():
        for channel in channels:
            registry.register(channel)
        tracking.refresh()
        try:
            yield
        finally:
            tracking.refresh()
    tracking.refresh()


@contextlib.asynccontextmanager
async def staged(*channels: type[ContextChannel]) -> AsyncIterator[Stage]:
    """Serve *channels*, and nothing else: what is written from now on is told at once."""
    with declared(*channels):
        stage = Stage(*channels)
        await stage.runtime.ready()
        try:
            yield stage
        finally:
            await stage.close()
            # Hooks that ask the database asynchronously leave a connection open on that thread.
            await in_database(connections.close_all)()


def _identity(user: Any) -> Identity:
    return Identity(user, Credentials())
