"""Visits: connect, have the first state, leave; as one client does it, on an event loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from benchmarks.conversation import Tape, state_of
from benchmarks.dialects import dialect_of
from benchmarks.processes import Server
from benchmarks.sockets import Client, subscribe

_LONGEST_SECONDS = 180.0
_REST_SECONDS = 0.02  # for a server to notice that somebody has left


@dataclass(frozen=True)
class Visits:
    """What some visits in a row came to."""

    connecting: list[float]  # seconds from connecting to the complete first state
    asking: list[float]  # from the message that asks for it
    cpu: float  # seconds of the server, each
    bytes: int  # of all messages of one visit
    state: Any  # what the last visitor shows, as DRF renders it


async def visit(server: Server, side: str, project: int, token: str, times: int) -> Visits:
    """Visit a project so many times, one after the other."""
    connecting, asking = [], []
    before = await asyncio.to_thread(server.usage)
    for _ in range(times):
        client = await look(server, side, project, token)
        connecting.append(client.conversation.seconds)
        asking.append(client.conversation.asked_seconds)
        client.close()
        await asyncio.sleep(_REST_SECONDS)
    after = await asyncio.to_thread(server.usage)
    cpu = (after["cpu_seconds"] - before["cpu_seconds"]) / times
    state = state_of(client.conversation, {})
    return Visits(connecting, asking, cpu, client.conversation.bytes, state)


async def look(server: Server, side: str, project: int, token: str) -> Client:
    """Return a client that has the first state, and stays."""
    tape = Tape(dialect_of(side))
    return await subscribe(tape, server.port, project, token, seconds=_LONGEST_SECONDS)


def first_payload(client: Client) -> bytes:
    """Return the message that brought a big first state."""
    return client.conversation.tape.payload(client.conversation.numbers[0])
