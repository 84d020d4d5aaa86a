"""Run writes for a client and answer with the state that contains them.

The write itself is ``sync.writing``'s, on a thread. Here the replica is held before and after, so
that the answer is read from the very position at which the stream shows the write: its cursor, the
instance as the viewer sees it, the parents with their new lists.
"""

from __future__ import annotations

import contextlib
import inspect
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.state_tree import StateTree
from rxgraph.compile.writing import WriteRequest
from rxgraph.counters import MUTATIONS
from rxgraph.declare.channel import ContextChannel
from rxgraph.declare.operations import Operation
from rxgraph.delta import View
from rxgraph.errors import BadRequest, RequestError
from rxgraph.faults import fault
from rxgraph.serve import cursor as cursors
from rxgraph.serve.access import Roots, hold_roots, see_roots
from rxgraph.serve.auth import Identity
from rxgraph.serve.committing import Committing
from rxgraph.serve.events import Stamp, stamp_for
from rxgraph.serve.gate import (
    admit,
    check_permission_here,
    discreet,
    expected_key,
    require_user,
)
from rxgraph.serve.hub import Attachment
from rxgraph.serve.runtime import Runtime
from rxgraph.serve.scope import OperationScope
from rxgraph.serve.sources import ChangesSource, InstanceSource
from rxgraph.sync.writing import Message, Outcome, Written, authorise_declared, write
from rxgraph.types import AnchorKey, InstanceKey, mark

_LONGEST_ID = 200


@dataclass(frozen=True, slots=True)
class Done:
    """An outcome, and the replica whose state contains it; None: there is none to show."""

    outcome: Outcome
    attachment: Attachment | None = None
    #: What the viewer looks at: the anchor, or what he lists.
    roots: Roots = ()

    def shown_roots(self, tree: StateTree) -> Roots:
        """The roots to answer from: those that were made are shown, whoever lists them."""
        made = [
            written.key
            for written in self.outcome.results
            if written.typename == tree.root.typename and written.operation is Operation.CREATE
        ]
        return tuple(dict.fromkeys((*self.roots, *made)))


@dataclass(frozen=True, slots=True)
class ResultSource:
    """One write of a batch."""

    is_plain: ClassVar[bool] = True
    index: int
    written: Written

    def resolve(self, name: str) -> object:
        """Return a field of the result."""
        match name:
            case "index":
                return self.index
            case "typename":
                return self.written.typename
            case "node_id":
                return self.written.id
            case _:
                return self.written.operation is Operation.DELETE


def _in_batch(message: Message) -> Message:
    """Return *message* with the place of its operation in its path: ``operations.1.title``."""
    path = ("operations", str(message.request), *([message.field] if message.field else ()))
    return replace(message, field=".".join(path))


class PayloadSource:
    """What a mutation answers; ``view`` is None where there is no state to show."""

    is_plain = True

    def __init__(
        self,
        compiled: CompiledChannel,
        outcome: Outcome,
        client_mutation_id: str | None,
        view: View | None = None,
        cursor: str | None = None,
    ) -> None:
        self._compiled, self._outcome, self._view = compiled, outcome, view
        self.cursor, self.client_mutation_id = cursor, client_mutation_id
        self.is_batch = False

    def resolve(self, name: str) -> object:
        """Return a field of the payload."""
        match name:
            case "cursor" | "client_mutation_id":
                return getattr(self, name)
            case "messages":
                found = self._outcome.messages
                return [_in_batch(item) for item in found] if self.is_batch else list(found)
            case "node":
                return self._node()
            case "deleted_id":
                first = self._first()
                is_deleted = first is not None and first.operation is Operation.DELETE
                return first.id if first is not None and is_deleted else None
            case "parents":
                return self._instances(key for w in self._outcome.results for key in w.parents)
            case "changed":
                return self._instances(
                    key
                    for written in self._outcome.results
                    for key in (InstanceKey(written.typename, written.id), *written.parents)
                )
            case _:
                return [ResultSource(*item) for item in enumerate(self._outcome.results)]

    def _first(self) -> Written | None:
        return self._outcome.results[0] if self._outcome.results else None

    def _node(self) -> InstanceSource | None:
        first = self._first()
        if first is None or self._view is None or first.operation is Operation.DELETE:
            return None
        document = self._view.document(InstanceKey(first.typename, first.id))
        return None if document is None else InstanceSource(self._view, document)

    def _instances(self, keys: Any) -> ChangesSource | None:
        if self._view is None:
            return None
        found = (self._view.document(key) for key in dict.fromkeys(keys))
        return ChangesSource(self._compiled, self._view, [d for d in found if d is not None])


class Mutator:
    """Runs the writes of one field of one operation."""

    def __init__(
        self,
        runtime: Runtime,
        compiled: CompiledChannel,
        identity: Identity,
        scope: OperationScope,
    ) -> None:
        self._runtime, self._compiled = runtime, compiled
        self._identity, self._scope = identity, scope

    async def run(
        self,
        arguments: Mapping[str, object] | None,
        requests: Sequence[WriteRequest],
        client_mutation_id: str | None,
    ) -> PayloadSource:
        """Write, then answer from the state that contains the writes.

        The writes of one operation run in their order. When all of them are done, their payloads
        are read at one moment, because one result shows them all (schema/PROTOCOL.md, Transport).

        Raises:
            RequestError: the viewer may not watch the channel, or an operation is not declared.
        """
        together = self._scope.together
        together.join()  # before the first write of the operation is done
        has_joined = True
        try:
            async with contextlib.AsyncExitStack() as held:
                async with self._scope.in_turn():
                    with _counted() as count:
                        done = await self._write(held, arguments, requests, client_mutation_id)
                        count(done.outcome)
                fault("before acknowledging")
                if done.attachment is None:
                    return PayloadSource(self._compiled, done.outcome, client_mutation_id)
                replica = done.attachment.replica
                has_joined = False
                state, generation, position, at = await together.read(
                    lambda: (replica.state, replica.generation, replica.position, replica.at)
                )
        finally:
            if has_joined:
                together.leave()
        user_id, tree = str(self._identity.user.pk), self._compiled.tree
        view = see_roots(tree, done.shown_roots(tree), state, user_id)
        stamp = stamp_for(self._compiled, replica.key, user_id, self._runtime.settings)
        if tree.many:
            stamp.members = cursors.members_mark(root.id for root in done.roots)
        cursor = stamp.at(generation, position, at, time.time())
        return PayloadSource(self._compiled, done.outcome, client_mutation_id, view, cursor)

    async def _write(
        self,
        held: contextlib.AsyncExitStack,
        arguments: Mapping[str, object] | None,
        requests: Sequence[WriteRequest],
        client_mutation_id: str | None,
    ) -> Done:
        for request in requests:
            authorise_declared(self._compiled, request.spec.layer.typename, request.spec.operation)
        if client_mutation_id is not None and not 0 < len(client_mutation_id) <= _LONGEST_ID:
            raise BadRequest(f"clientMutationId is 1 to {_LONGEST_ID} characters long")
        seconds = self._runtime.settings.reauth_seconds
        await self._runtime.contexts.sure_user(self._identity, seconds)
        if arguments is None:
            return await self._create_root(held, requests, client_mutation_id)
        context = self._compiled.channel(self._identity.user, arguments)
        require_user(context.user)
        user_id = str(context.user.pk)
        nonce = uuid.uuid4().hex
        text = mark(user_id, client_mutation_id or "", nonce).pk
        again = mark(user_id, nonce=nonce).pk  # a repeat is told to nobody
        committing = Committing(
            self._runtime.backend, text, again, connection=self._scope.connection
        )
        with discreet(self._compiled, arguments):
            key, enter = await self._enter(context, arguments)
            attachment = await self._runtime.hub.attach(key, committing.receive)
            held.push_async_callback(attachment.detach)
            roots = await hold_roots(attachment, self._compiled, context, arguments)
        stamp = stamp_for(self._compiled, key, user_id, self._runtime.settings)

        def work() -> Outcome:
            enter()
            return write(
                context,
                self._compiled,
                key.anchor_id,
                see_roots(self._compiled.tree, roots, attachment.replica.state, user_id),
                requests,
                client_mutation_id=client_mutation_id,
                commit_mark=text,
                repeat_mark=again,
                positions=self._positions(requests, key, stamp, attachment),
                ready=committing.prepare,
            )

        with discreet(self._compiled, arguments):
            outcome = await committing.run(work, self._runtime.settings.store_timeout_seconds)
        # Not shown: refused, or committed while the store is away. Then the intents bring it to
        # the stream later, and which position that will be, nobody knows yet.
        return Done(outcome, attachment if committing.is_shown else None, roots)

    async def _enter(
        self, context: ContextChannel, arguments: Mapping[str, object]
    ) -> tuple[AnchorKey, Callable[[], None]]:
        """Return the anchor, and what must be called on the thread of the write before it.

        Where the replica is at hand and ``has_permission`` blocks, that thread asks it: it is one
        way there and back less. Else the viewer is let in, or not, right here.

        Raises:
            RequestError: the viewer may not watch the channel, or there is no such anchor.
        """
        compiled = self._compiled
        blocks = not inspect.iscoroutinefunction(compiled.channel.has_permission)
        key = await expected_key(compiled, context, arguments) if blocks else None
        if key is not None and self._runtime.hub.holds(key):
            return key, partial(check_permission_here, compiled, context.user, arguments)
        return (await admit(compiled, context, arguments)).key, _nothing

    async def _create_root(
        self,
        held: contextlib.AsyncExitStack,
        requests: Sequence[WriteRequest],
        client_mutation_id: str | None,
    ) -> Done:
        """Create an anchor: there is nothing to watch yet, so nothing to wait for."""
        require_user(self._identity.user)
        context = self._compiled.channel(self._identity.user, {})
        outcome = await self._runtime.backend.on_thread(
            lambda: write(
                context,
                self._compiled,
                None,
                None,
                requests,
                client_mutation_id=client_mutation_id,
            )
        )
        if not outcome.results:
            return Done(outcome)
        key = AnchorKey(self._compiled.name, outcome.results[0].id)
        attachment = await self._runtime.hub.attach(key, lambda move: None)
        held.push_async_callback(attachment.detach)
        return Done(outcome, attachment, (attachment.replica.root,))

    def _positions(
        self,
        requests: Sequence[WriteRequest],
        key: AnchorKey,
        stamp: Stamp,
        attachment: Attachment,
    ) -> dict[int, int]:
        """Return the position that each request with an expected version was made at.

        A cursor of another life of the cache knows nothing of this one: any version is newer.
        """
        found: dict[int, int] = {}
        for index, request in enumerate(requests):
            if request.expected_version is None:
                continue
            cursor = cursors.decode(request.expected_version, key, "expectedVersion")
            is_same = (
                cursor.generation == attachment.replica.generation and cursor.store == stamp.store
            )
            found[index] = cursor.position if is_same else -1
        return found


@contextlib.contextmanager
def _counted() -> Iterator[Callable[[Outcome], None]]:
    """Count a mutation by what becomes of it."""

    def count(outcome: Outcome) -> None:
        is_done = "repeated" if outcome.is_repeat else "done"
        MUTATIONS.add("invalid" if outcome.messages else is_done)

    try:
        yield count
    except RequestError:
        MUTATIONS.add("refused")
        raise
    except Exception:
        MUTATIONS.add("failed")
        raise


def _nothing() -> None:
    """Do nothing: the viewer was let in already."""
