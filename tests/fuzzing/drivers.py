"""Send cases, and see that each gets a proper answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import httpx
import websockets
from websockets.asyncio.client import ClientConnection, connect

from tests.fuzzing.frames import Frame
from tests.fuzzing.oracle import CLOSE_CODES, STATUSES, Finding, check_errors, check_result
from tests.fuzzing.requests import Request

PATIENCE_SECONDS = 30.0


def _connect(url: str) -> connect:
    protocols = [websockets.Subprotocol("graphql-transport-ws")]
    return connect(url, subprotocols=protocols, max_size=None, compression=None, ping_interval=None)


async def operations(url: str, init: dict[str, Any], payloads: Sequence[Any]) -> list[str]:
    """Run *payloads* on one socket, all at once; return how each was answered.

    Raises:
        Finding: one is not answered as it must be, or the socket does not live on.
    """
    async with _connect(url) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": init}))
        await _message(socket)
        for number, payload in enumerate(payloads):
            await socket.send(
                json.dumps({"id": str(number), "type": "subscribe", "payload": payload})
            )
        found: dict[int, str] = {}
        while len(found) < len(payloads):
            message = await _message(socket)
            number = int(message["id"])
            if message["type"] == "error":
                found[number] = check_errors(message["payload"])
            elif message["type"] == "next" and number not in found:
                found[number] = check_result(message["payload"])
                await socket.send(json.dumps({"id": message["id"], "type": "complete"}))
            elif message["type"] == "complete" and number not in found:
                raise Finding(f"{number} was completed without a result")
        await _alive(socket)
        return [found[number] for number in range(len(payloads))]


async def _message(socket: ClientConnection) -> Any:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (message := json.loads(await socket.recv())).get("type") == "ping":
                await socket.send('{"type": "pong"}')
            return message
    except TimeoutError:
        raise Finding("nothing came") from None
    except websockets.ConnectionClosed:
        raise Finding(f"closed with {socket.close_code} {socket.close_reason}") from None


async def _alive(socket: ClientConnection) -> None:
    await socket.send('{"type": "ping"}')
    while (await _message(socket))["type"] != "pong":
        pass


async def raw(url: str, frames: Sequence[Frame]) -> str:
    """Send *frames* on a socket of their own; return how it ended.

    Raises:
        Finding: it neither lives nor was closed as the protocol wants.
    """
    async with _connect(url) as socket:
        try:
            for frame in frames:
                await socket.send(frame, text=True) if isinstance(frame, list) else (
                    await socket.send(frame)
                )
            await socket.send('{"type": "ping", "payload": {"last": 1}}')
            while True:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    message = json.loads(await socket.recv())
                if message["type"] == "error":
                    check_errors(message["payload"])
                elif message["type"] == "next":
                    check_result(message["payload"])
                elif (
                    message["type"] == "pong"
                    and "payload" in message
                    and "last" in message["payload"]
                ):
                    return "LIVES"
        except websockets.ConnectionClosed:
            await socket.wait_closed()
            if socket.close_code not in CLOSE_CODES:
                raise Finding(f"closed with {socket.close_code} {socket.close_reason}") from None
            return f"CLOSED {socket.close_code}"
        except TimeoutError:
            raise Finding("neither closed nor alive") from None


async def over_http(client: httpx.AsyncClient, url: str, request: Request) -> str:
    """Send one request; return how it was answered.

    Raises:
        Finding: not as it must be.
    """
    headers = {name.encode(): value.encode("latin-1") for name, value in request.headers.items()}
    try:
        async with client.stream(
            request.method, url, content=request.content, headers=headers, params=request.params
        ) as answer:
            kind = answer.headers.get("content-type", "")
            if kind.startswith("text/event-stream"):
                async for line in answer.aiter_lines():
                    if line.startswith("data: {"):
                        return f"EVENT {check_result(json.loads(line[6:]))}"
                raise Finding("a stream without an event")
            body = await answer.aread()
    except httpx.LocalProtocolError:
        return "UNSENT"
    except httpx.TransportError as error:
        raise Finding(f"{type(error).__name__}: {error}") from None
    if answer.status_code == 400 and body == b"Invalid HTTP request received.":
        return "NO HTTP"
    if answer.status_code not in STATUSES:
        raise Finding(f"status {answer.status_code}: {body[:200]!r}")
    if not body:
        return str(answer.status_code)
    if kind.startswith("text/html"):
        return "PAGE"
    return f"{answer.status_code} {check_result(json.loads(body))}"
