"""The actions that run on one live context.

Each is a task of its own: several run at once, and none of them delays what the context is told.
Who asked may be gone meanwhile; an action ends by itself, when its time is up, or with its context.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from rxgraph.compile.actions import ActionSpec
from rxgraph.compile.shapes import Misfit
from rxgraph.declare.channel import ContextChannel
from rxgraph.errors import BadRequest, Conflict, RateLimited
from rxgraph.serve.answers import Answer, OutOfTime, answered, failed
from rxgraph.serve.messages import encode
from rxgraph.types import JSON

logger = logging.getLogger("rxgraph.actions")

_CLOSE_SECONDS = 2.0


class RunningActions:
    """What runs on one context, until it is closed."""

    def __init__(self, context: ContextChannel, *, limit: int) -> None:
        """Prepare; at most *limit* actions run at once."""
        self._context, self._limit = context, limit
        self._tasks: set[asyncio.Task[Answer]] = set()
        self._is_closed = False

    @property
    def is_running(self) -> bool:
        """True while one of them runs."""
        return bool(self._tasks)

    async def run(
        self, spec: ActionSpec, arguments: Mapping[str, JSON], *, seconds: float, max_bytes: int
    ) -> Answer:
        """Run an action to its end, for at most *seconds*; its answer is at most *max_bytes*.

        It goes on when this is cancelled.
        """
        if self._is_closed:
            return failed(_ended(spec), spec.field_name)
        if len(self._tasks) >= self._limit:
            error = RateLimited(f"{len(self._tasks)} actions run on this live context already")
            return failed(error, spec.field_name)
        task = asyncio.create_task(
            self._run(spec, arguments, seconds, max_bytes),
            name=f"rxgraph action {self._name(spec.method)}",
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.wait({task}, timeout=seconds + 1.0)  # one that will not end is left alone
        if not task.done():
            return failed(_late(spec, seconds), spec.field_name)
        if task.cancelled():
            return failed(_ended(spec), spec.field_name)
        return task.result()

    async def _run(
        self, spec: ActionSpec, arguments: Mapping[str, JSON], seconds: float, max_bytes: int
    ) -> Answer:
        method = getattr(self._context, spec.method)
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                value = await method(**spec.decode(arguments))
            return answered(_encoded(self._name(spec.method), spec, value, max_bytes))
        except TimeoutError as error:
            if not limit.expired():
                return failed(error, spec.field_name)
            logger.warning("%s was stopped after %g seconds", self._name(spec.method), seconds)
            return failed(_late(spec, seconds), spec.field_name)
        except Exception as error:  # noqa: BLE001  # mapped, logged, and told to the caller
            return failed(error, spec.field_name)

    async def close(self) -> None:
        """Cancel what runs, and wait a moment for it."""
        self._is_closed = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            _, running = await asyncio.wait(self._tasks, timeout=_CLOSE_SECONDS)
            for task in running:
                logger.error("%s does not end, though its context has", task.get_name())

    def _name(self, method: str) -> str:
        return f"{self._context.name}.{method}"


def check_size(spec: ActionSpec, arguments: Mapping[str, JSON], max_bytes: int) -> None:
    """Return if *arguments* are not too much.

    Raises:
        BadRequest: they are.
    """
    try:
        size = len(encode(arguments))
    except TypeError as error:
        raise BadRequest(f"{spec.field_name}: {error}") from None
    if size > max_bytes:
        raise BadRequest(
            f"{spec.field_name}: the arguments are {size} bytes; at most {max_bytes} are taken"
        )


def _encoded(where: str, spec: ActionSpec, value: object, max_bytes: int) -> JSON:
    """Return what an action answered as JSON.

    Raises:
        TypeError: it is not what the action declares; this is for the log.
    """
    try:
        data = spec.result.encode(value)
    except Misfit as error:
        raise TypeError(f"{where} declares what it answers, but {error.told('that')}") from None
    if (size := len(encode(data))) > max_bytes:
        raise TypeError(
            f"{where} answered {size} bytes, and RXGRAPH['MUTATION_BYTES'] is {max_bytes}"
        )
    return data


def _ended(spec: ActionSpec) -> Conflict:
    return Conflict(
        f"The live context ended while {spec.field_name} ran: it was stopped,"
        " and what it had done by then stays done"
    )


def _late(spec: ActionSpec, seconds: float) -> OutOfTime:
    return OutOfTime(
        f"{spec.field_name} did not end within {seconds:g} seconds and was stopped;"
        " how much of it was done is unknown"
    )
