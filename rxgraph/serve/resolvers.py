"""What the fields of the schema answer: one read, or a live stream."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from strawberry.types import Info

from rxgraph import tracing
from rxgraph.compile.actions import ActionSpec
from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.writing import WriteRequest
from rxgraph.errors import NotFound, TooLarge
from rxgraph.serve.access import open_access
from rxgraph.serve.answers import value_of
from rxgraph.serve.auth import Credentials, Identity
from rxgraph.serve.events import has_root
from rxgraph.serve.gate import discreet, entity_id, require_user
from rxgraph.serve.hub import Hub
from rxgraph.serve.limits.first_state import require_affordable, require_modest
from rxgraph.serve.limits.guard import guard
from rxgraph.serve.list_stream import ListStream
from rxgraph.serve.mutations import Mutator, PayloadSource
from rxgraph.serve.replica import Move
from rxgraph.serve.runtime import current
from rxgraph.serve.scope import OperationScope, scope_of
from rxgraph.serve.sources import ChannelSource
from rxgraph.serve.stream import LiveStream
from rxgraph.settings import RxGraphSettings, get_settings
from rxgraph.types import JSON

AnyInfo = Info[Any, Any]

_NAME_LENGTH = 100
_UNTRACED: AbstractContextManager[None] = nullcontext()


class ChannelResolvers:
    """Resolvers of ``compile.schema.build_schema``."""

    def __init__(
        self,
        hub: Callable[[], Hub] = lambda: current().hub,
        settings: Callable[[], RxGraphSettings] = get_settings,
    ) -> None:
        self._hub, self._settings = hub, settings

    def query(
        self, info: AnyInfo, compiled: CompiledChannel, arguments: dict[str, object]
    ) -> Coroutine[Any, Any, object]:
        """Return one read of a channel; all reads of an operation happen at one moment."""
        scope = scope_of(info.context)
        scope.together.join()  # before any of them runs
        return self._query(info, compiled, arguments, scope)

    async def _query(
        self,
        info: AnyInfo,
        compiled: CompiledChannel,
        arguments: dict[str, object],
        scope: OperationScope,
    ) -> ChannelSource:
        has_joined = True
        attachment = None
        try:
            context = compiled.channel(await self._sure_user(identity_of(info)), arguments)
            with discreet(compiled, arguments):
                with _traced(info, compiled):
                    access = await open_access(self._hub(), compiled, context, arguments, _ignore)
                attachment, replica = access.attachment, access.attachment.replica
                has_joined = False
                state, generation, position, at = await scope.together.read(
                    lambda: (replica.state, replica.generation, replica.position, replica.at)
                )
                view = access.see(state)
                if not has_root(view):
                    raise NotFound(replica.missing)
            require_affordable(info, compiled, view, replica, self._settings())
            cursor = access.stamp(self._settings()).at(generation, position, at, time.time())
            return ChannelSource(entity_id(compiled, arguments), cursor, view, compiled.tree.many)
        finally:
            if has_joined:
                scope.together.leave()
            if attachment is not None:
                await attachment.detach()

    async def subscribe(
        self,
        info: AnyInfo,
        compiled: CompiledChannel,
        arguments: dict[str, object],
        after: str | None,
    ) -> AsyncGenerator[object, None]:
        """Return the events of a live context, opened.

        Raises:
            RequestError: the viewer cannot have it.
        """
        make = ListStream if compiled.tree.many else LiveStream
        stream = make(
            compiled,
            identity_of(info),
            arguments,
            hub=self._hub(),
            settings=self._settings(),
            scope=scope_of(info.context),
        )
        try:
            with _traced(info, compiled), discreet(compiled, arguments):
                await stream.open(after)
            require_affordable(info, compiled, stream.view, stream.replica, self._settings())
        except BaseException:
            await stream.close()
            raise
        scope_of(info.context).live = stream
        return stream.events()

    async def write(
        self,
        info: AnyInfo,
        compiled: CompiledChannel,
        arguments: dict[str, object] | None,
        requests: tuple[WriteRequest, ...],
        client_mutation_id: str | None,
        *,
        batch: bool,
    ) -> PayloadSource:
        """Write, and return the payload read from the state that contains the writes.

        Raises:
            RequestError: the viewer may not watch the channel, or an operation is not declared.
        """
        settings = self._settings()
        require_modest(info, settings)
        if (
            settings.mutation_operations is not None
            and len(requests) > settings.mutation_operations
        ):
            raise TooLarge("Operations in one batch", len(requests), settings.mutation_operations)
        await guard().write(info.context)
        mutator = Mutator(current(), compiled, identity_of(info), scope_of(info.context))
        with _traced(info, compiled):
            payload = await mutator.run(arguments, requests, client_mutation_id)
        payload.is_batch = batch
        return payload

    async def act(
        self,
        info: AnyInfo,
        compiled: CompiledChannel,
        spec: ActionSpec,
        session: str,
        given: dict[str, object],
    ) -> JSON:
        """Run an action in its turn, and return what it answers.

        Raises:
            RequestError: nobody is signed in, or an argument does not fit.
            GraphQLError: there is no such live context of this user, or the action failed.
        """
        scope = scope_of(info.context)
        scope.together.join()  # payloads of writes in the same operation show what it did
        has_joined = True
        try:
            async with scope.in_turn():
                user = await self._sure_user(identity_of(info))
                await guard().write(info.context)
                arguments = spec.wire(given)
                with _traced(info, compiled):
                    answer = await current().actions.call(
                        compiled, spec, session, str(user.pk), arguments
                    )
                value = value_of(answer)
            has_joined = False
            return await scope.together.read(lambda: value)
        finally:
            if has_joined:
                scope.together.leave()

    async def _sure_user(self, identity: Identity) -> Any:
        """Return who asks, asked again where that is old or in doubt."""
        seconds = self._settings().reauth_seconds
        return await self._hub().contexts.sure_user(identity, seconds)


def identity_of(info: AnyInfo) -> Identity:
    """Return who asks: ``identity`` of the context, as the transports set it, else its ``user``.

    Raises:
        Unauthenticated: there is nobody.
    """
    context = info.context or {}
    identity = context.get("identity")
    if isinstance(identity, Identity):
        return identity
    require_user(context.get("user"))
    return Identity(context["user"], Credentials())


def _traced(info: AnyInfo, compiled: CompiledChannel) -> AbstractContextManager[None]:
    """Make the span of a root field of an operation: a subscription's ends when it is open.

    Names are those of OpenTelemetry's conventions for GraphQL servers.
    """
    if not tracing.is_on():
        return _UNTRACED
    operation = info.operation
    kind = operation.operation.value
    attributes = {"graphql.operation.type": kind, "rxgraph.channel": compiled.name}
    if operation.name is not None:
        attributes["graphql.operation.name"] = operation.name.value[:_NAME_LENGTH]
    return tracing.span(kind, attributes, kind="SERVER")


def _ignore(move: Move) -> None:
    """Take no notice: a single read holds the replica only while it reads."""
