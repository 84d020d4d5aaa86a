"""``uvicorn benchmarks.project.raw.asgi:application``: what uvicorn alone makes of it.

A client says one word and gets the kept text. ``POST /keep`` keeps another one.
``GET /broadcast?size=BYTES&per_second=RATE&seconds=SECONDS`` sends a text to one client after the
other, again and again; a rate of 0 is without pause. It answers when each round began, by the
monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from benchmarks.project.usage import usage

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_MARK = "seq-{:08d}"

_clients: set[Send] = set()
_kept = {"text": "hello"}


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve sockets at every path, and the pages that the head of this module names."""
    if scope["type"] == "websocket":
        await _listen(receive, send)
    elif scope["type"] == "http":
        await _answer(send, await _page(scope, receive))
    else:
        raise NotImplementedError(scope["type"])


async def _listen(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    _clients.add(send)
    try:
        while (await receive())["type"] != "websocket.disconnect":
            await send({"type": "websocket.send", "text": _kept["text"]})
    finally:
        _clients.discard(send)


async def _page(scope: Scope, receive: Receive) -> Any:
    asked = dict(parse_qsl(scope["query_string"].decode()))
    match scope["path"]:
        case "/usage":
            return usage()
        case "/keep":
            _kept["text"] = (await _body(receive)).decode()
            return len(_kept["text"])
        case "/broadcast":
            size, rate, seconds = (float(asked[name]) for name in ("size", "per_second", "seconds"))
            return await _broadcast(int(size), rate, seconds)
    return None


async def _broadcast(size: int, per_second: float, seconds: float) -> list[float]:
    began: list[float] = []
    start = time.monotonic()
    while (now := time.monotonic()) < start + seconds:
        text = _MARK.format(len(began)).ljust(size)
        began.append(now)
        event = {"type": "websocket.send", "text": text}
        for send in list(_clients):
            await send(event)
        due = start + len(began) / per_second if per_second else 0.0
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    return began


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while (part := await receive()).get("more_body"):
        body += part["body"]
    return bytes(body + part.get("body", b""))


async def _answer(send: Send, value: Any) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(value).encode()})
