"""GraphQL over Server-Sent Events, each operation on a connection of its own.

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md, "Distinct connections mode": a
``next`` event for every result, errors before execution included, then ``complete``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

from rxgraph.serve.ending import ended
from rxgraph.serve.errors import formatted
from rxgraph.serve.messages import encode_text
from rxgraph.serve.operation import payload_of

#: Nothing between here and the client may keep, compress or hold back what it is told.
HEADERS: Final = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}

_COMPLETE: Final = b"event: complete\r\ndata: \r\n\r\n"  # browsers ignore events without data
_BEAT: Final = b": \r\n\r\n"  # a comment
_BEAT_SECONDS: Final = 15.0


async def send_events(results: Any, send: Callable[[bytes], Awaitable[None]]) -> None:
    """Send an event for each of *results*, and a comment whenever there is nothing for a while."""
    async with contextlib.aclosing(results):
        coming: asyncio.Task[Any] | None = None
        try:
            while True:
                coming = coming or asyncio.create_task(_next(results))
                await asyncio.wait({coming}, timeout=_BEAT_SECONDS)
                if not coming.done():
                    await send(_BEAT)
                    continue
                done, coming = coming, None
                payload = _payload(done)
                if payload is not None:
                    await send(f"event: next\r\ndata: {encode_text(payload)}\r\n\r\n".encode())
                if payload is None or done.exception() is not None:
                    await send(_COMPLETE)
                    return
        finally:
            if coming is not None:
                await ended([coming])


async def _next(results: Any) -> Any:
    return await anext(results, None)


def _payload(done: asyncio.Task[Any]) -> dict[str, Any] | None:
    """Return what a client is told about a result; None: there are no more."""
    error = done.exception()
    if isinstance(error, Exception):
        return {"errors": [formatted(error)]}
    return None if done.result() is None else payload_of(done.result())
