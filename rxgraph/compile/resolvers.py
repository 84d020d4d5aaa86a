"""What answers the fields of a schema: the seam between compiling and serving."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from rxgraph.compile.actions import ActionSpec
from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.signing import AnyInfo
from rxgraph.compile.writing import WriteRequest
from rxgraph.types import JSON


class Resolvers(Protocol):
    """What the fields of a schema answer.

    ``arguments`` are all arguments of the channel by their Python names, defaults filled in.
    """

    async def query(
        self, info: AnyInfo, compiled: CompiledChannel, arguments: dict[str, object]
    ) -> object:
        """Return the source of the channel's entity type."""

    async def subscribe(
        self,
        info: AnyInfo,
        compiled: CompiledChannel,
        arguments: dict[str, object],
        after: str | None,
    ) -> AsyncGenerator[object, None]:
        """Return the stream of event sources.

        What this coroutine raises is a GraphQL error before the first event.
        """

    async def write(
        self,
        info: AnyInfo,
        compiled: CompiledChannel,
        arguments: dict[str, object] | None,
        requests: tuple[WriteRequest, ...],
        client_mutation_id: str | None,
        *,
        batch: bool,
    ) -> object:
        """Return the source of the payload (see ``rxgraph.compile.payloads`` for its names).

        *arguments* is None where the anchor of a single channel is created: there is no context
        yet. Without *batch* there is exactly one request; a batch is one transaction.
        """

    async def act(
        self,
        info: AnyInfo,
        compiled: CompiledChannel,
        spec: ActionSpec,
        session: str,
        given: dict[str, object],
    ) -> JSON:
        """Return what the action answers on the live context *session*, as JSON of its result.

        *given* are the arguments as GraphQL has coerced them, by their Python names; UNSET where
        one was left out (see ``ActionSpec.wire``).
        """
