"""The schema of a project as a contract: what its channels promise, with nobody answering yet."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import strawberry

from rxgraph.compile.actions import ActionSpec
from rxgraph.compile.channel import CompiledChannel, served_channels
from rxgraph.compile.schema import build_schema, print_schema
from rxgraph.compile.signing import AnyInfo
from rxgraph.compile.writing import WriteRequest
from rxgraph.errors import BackendError
from rxgraph.types import JSON


class Unserved:
    """Resolvers of a schema that is only read, never executed."""

    async def query(
        self, info: AnyInfo, compiled: CompiledChannel, arguments: dict[str, object]
    ) -> object:
        """Refuse.

        Raises:
            BackendError: always.
        """
        raise BackendError("this schema is printed, not served")

    async def subscribe(
        self,
        info: AnyInfo,
        compiled: CompiledChannel,
        arguments: dict[str, object],
        after: str | None,
    ) -> AsyncGenerator[object, None]:
        """Refuse.

        Raises:
            BackendError: always.
        """
        raise BackendError("this schema is printed, not served")

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
        """Refuse.

        Raises:
            BackendError: always.
        """
        raise BackendError("this schema is printed, not served")

    async def act(
        self,
        info: AnyInfo,
        compiled: CompiledChannel,
        spec: ActionSpec,
        session: str,
        given: dict[str, object],
    ) -> JSON:
        """Refuse.

        Raises:
            BackendError: always.
        """
        raise BackendError("this schema is printed, not served")


def contract() -> strawberry.Schema:
    """Return the schema of all declared channels, for printing and validating.

    Raises:
        DeclarationError: a channel is declared wrongly, or there is none.
    """
    return build_schema(served_channels(), Unserved())


def sdl() -> str:
    """Return the SDL of all declared channels, sorted."""
    return print_schema(contract())
