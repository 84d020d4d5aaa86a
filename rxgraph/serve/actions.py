"""Run actions on the live context that a session names, whichever process holds it.

In this process it is found at once. Otherwise the process that the session names is asked whether
it holds the context of this user (``find``, ``found``), and told to run the action only when it
does (``run``, ``answer``): whoever gets no answer to the first question can say that nothing was
done. Signals may be lost; a lost question is asked again, for a lost answer the time runs out.

Somebody else's context, an unknown one and one of another channel are told in the same words. Who
holds one is asked for permission again, as for a write.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from rxgraph.compile.actions import ActionSpec
from rxgraph.compile.channel import CompiledChannel
from rxgraph.errors import NotFound
from rxgraph.serve.answers import Answer, OutOfTime, failed
from rxgraph.serve.contexts import Contexts
from rxgraph.serve.gate import check_permission, discreetly
from rxgraph.serve.messages import decode, encode_text
from rxgraph.serve.parcels import Parcels, parts_of
from rxgraph.serve.running import check_size
from rxgraph.serve.signals import Signals
from rxgraph.serve.stream import LiveStream
from rxgraph.settings import RxGraphSettings
from rxgraph.sync.signals import Signal
from rxgraph.types import JSON, process_key, process_of

FIND, FOUND = "rxgraph.action.find", "rxgraph.action.found"
RUN, ANSWER = "rxgraph.action.run", "rxgraph.action.answer"

FIND_TRIES, FIND_SECONDS = 3, 1.0
"""How often a process is asked whether it holds a context, and how long each time it may take."""

GRACE_SECONDS = 2.0
"""How much longer than an action may run its answer is waited for."""

_SHOWN = 100
_SESSION = re.compile(r"[\w-]{1,64}\.[\w-]{1,64}\Z", re.ASCII)


class Actions:
    """The actions of one event loop: those that run here, and those that were asked of others."""

    def __init__(
        self,
        process: str,
        contexts: Contexts,
        signals: Signals,
        publish: Callable[[Signal], None],
        settings: RxGraphSettings,
        *,
        find_seconds: float = FIND_SECONDS,
    ) -> None:
        """Prepare; *process* is the session of this one."""
        self._find_seconds = find_seconds
        self._process, self._contexts, self._settings = process, contexts, settings
        self._publish = publish
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._parcels = Parcels()
        signals.on(FIND, self._asked)
        signals.on(FOUND, lambda signal: self._resolve(signal.body["id"], signal.body["found"]))
        signals.on(RUN, self._told)
        signals.on(ANSWER, self._answered)

    async def call(
        self,
        compiled: CompiledChannel,
        spec: ActionSpec,
        session: str,
        user_id: str,
        arguments: Mapping[str, JSON],
    ) -> Answer:
        """Run an action on the live context *session* of a user, and return what it answers."""
        check_size(spec, arguments, self._settings.mutation_bytes)
        address = {
            "session": session,
            "user": user_id,
            "channel": compiled.name,
            "action": spec.method,
        }
        if process_of(session) == process_key(self._process):
            return await self._run(spec, address, arguments)
        if not _SESSION.match(session) or not await self._find(address):
            return _unknown(spec, session)
        return await self._forward(spec, address, arguments)

    # -- here

    async def _run(
        self, spec: ActionSpec, address: Mapping[str, str], arguments: Mapping[str, JSON]
    ) -> Answer:
        stream = self._held(address)
        if stream is None:
            return _unknown(spec, address["session"])
        try:
            # As before a write: access may have ended while the stream does not know it yet.
            await check_permission(stream.compiled, stream.context.user, stream.arguments)
        except Exception as error:  # noqa: BLE001  # told to the caller
            stream.doubt()
            told = discreetly(stream.compiled, stream.arguments, error)
            return failed(told, spec.field_name)
        return await stream.actions().run(
            spec,
            arguments,
            seconds=self._settings.action_seconds,
            max_bytes=self._settings.mutation_bytes,
        )

    def _held(self, address: Mapping[str, str]) -> LiveStream | None:
        stream = self._contexts.find(address["session"])
        if stream is None or not stream.is_live or stream.user_id != address["user"]:
            return None
        return stream if stream.compiled.name == address["channel"] else None

    # -- asking another process

    async def _find(self, address: Mapping[str, str]) -> bool:
        """Return whether the process of a session holds it, for this user."""
        with self._expecting() as (id_, found):
            for _ in range(FIND_TRIES):
                self._send(address["session"], FIND, {**self._question(id_), **address})
                done, _ = await asyncio.wait({found}, timeout=self._find_seconds)
                if done:
                    return bool(found.result())
        return False

    async def _forward(
        self, spec: ActionSpec, address: Mapping[str, str], arguments: Mapping[str, JSON]
    ) -> Answer:
        seconds = self._settings.action_seconds
        with self._expecting() as (id_, answer):
            text = encode_text({**self._question(id_), **address, "arguments": arguments})
            for part in parts_of(id_, text):
                self._send(address["session"], RUN, part)
            done, _ = await asyncio.wait({answer}, timeout=seconds + GRACE_SECONDS)
            if done:
                found: Answer = answer.result()
                return found
        error = OutOfTime(
            f"The server that runs {spec.field_name} did not answer within {seconds:g} seconds;"
            " whether it was done is unknown"
        )
        return failed(error, spec.field_name)

    def _question(self, id_: str) -> dict[str, str]:
        return {"id": id_, "reply": self._process}

    @contextlib.contextmanager
    def _expecting(self) -> Any:
        id_, future = uuid.uuid4().hex, asyncio.get_running_loop().create_future()
        self._waiting[id_] = future
        try:
            yield id_, future
        finally:
            del self._waiting[id_]

    def _resolve(self, id_: str, value: Any) -> None:
        future = self._waiting.get(id_)
        if future is not None and not future.done():
            future.set_result(value)

    def _answered(self, signal: Signal) -> None:
        text = self._parcels.take(signal.body)
        if text is not None:
            self._resolve(signal.body["id"], decode(text))

    # -- asked by another process

    def _asked(self, signal: Signal) -> None:
        body = signal.body
        self._send(body["reply"], FOUND, {"id": body["id"], "found": self._held(body) is not None})

    async def _told(self, signal: Signal) -> None:
        text = self._parcels.take(signal.body)
        if text is None:
            return
        body = decode(text)
        stream = self._held(body)
        spec = None if stream is None else _spec(stream.compiled, body["action"])
        if spec is None:
            answer = failed(_not_found(body["session"]), body["action"])
        else:
            answer = await self._run(spec, body, body["arguments"])
        for part in parts_of(body["id"], encode_text(answer)):
            self._send(body["reply"], ANSWER, part)

    def _send(self, session: str, kind: str, body: JSON) -> None:
        self._publish(Signal(process_of(session), kind, body))


def _spec(compiled: CompiledChannel, method: str) -> ActionSpec | None:
    return next((spec for spec in compiled.actions if spec.method == method), None)


def _unknown(spec: ActionSpec, session: str) -> Answer:
    return failed(_not_found(session), spec.field_name)


def _not_found(session: str) -> NotFound:
    shown = session[:_SHOWN]
    return NotFound(f"You have no live context {shown!r}; take session from its newest event")
