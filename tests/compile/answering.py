"""Resolvers and sources that answer what a test gave them, and remember what they were asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

from rxgraph.compile.actions import ActionSpec
from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.writing import WriteRequest
from rxgraph.errors import NotFound


class Write(NamedTuple):
    """One call of ``Resolvers.write``."""

    compiled: CompiledChannel
    arguments: dict[str, object] | None
    requests: tuple[WriteRequest, ...]
    client_mutation_id: str | None
    batch: bool


class Act(NamedTuple):
    """One call of ``Resolvers.act``."""

    field_name: str
    session: str
    arguments: dict[str, Any]


class Source:
    """Answers fields from keywords, as serve's sources answer them from documents."""

    def __init__(self, **data: object) -> None:
        self.data = data

    def resolve(self, name: str) -> object:
        return self.data.get(name)


class Recorder:
    """Resolvers that answer with fixed sources and remember what they were asked."""

    def __init__(
        self,
        *events: Source,
        state: object = None,
        payload: object = None,
        answer: object = None,
    ) -> None:
        self.events, self.state, self.payload = events, state, payload
        self.answer = answer  # of actions, as JSON
        self.asked: list[tuple[Any, ...]] = []
        self.writes: list[Write] = []
        self.acts: list[Act] = []

    async def query(self, info: Any, compiled: Any, arguments: dict[str, object]) -> object:
        self.asked.append((compiled.name, arguments))
        return Source(id="c", cursor="1", state=self.state)

    async def subscribe(
        self, info: Any, compiled: Any, arguments: dict[str, object], after: str | None
    ) -> AsyncGenerator[object, None]:
        self.asked.append((compiled.name, arguments, after))
        if arguments["album_id"] == 404:
            raise NotFound("there is no such album")

        async def events() -> AsyncGenerator[object, None]:
            for event in self.events:
                await asyncio.sleep(0)
                yield event

        return events()

    async def write(
        self,
        info: Any,
        compiled: CompiledChannel,
        arguments: dict[str, object] | None,
        requests: tuple[WriteRequest, ...],
        client_mutation_id: str | None,
        *,
        batch: bool,
    ) -> object:
        self.writes.append(Write(compiled, arguments, requests, client_mutation_id, batch))
        return self.payload or Source(
            messages=[], results=[], client_mutation_id=client_mutation_id
        )

    async def act(
        self,
        info: Any,
        compiled: CompiledChannel,
        spec: ActionSpec,
        session: str,
        given: dict[str, object],
    ) -> Any:
        self.acts.append(Act(spec.field_name, session, spec.wire(given)))
        return self.answer
