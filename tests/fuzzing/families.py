"""The kinds of cases, each with how one is made and how some of them are sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx

from tests.fuzzing import documents, drivers, inputs, values
from tests.fuzzing.frames import frames
from tests.fuzzing.requests import request
from tests.fuzzing.target import Target

Make = Callable[[Random, Target], Any]
Send = Callable[[Target, Sequence[Any]], Coroutine[Any, Any, list[str]]]


@dataclass(frozen=True)
class Family:
    """A kind of cases."""

    make: Make
    send: Send
    share: float  # of all cases
    at_once: int = 16


def _document(random: Random, target: Target) -> Any:
    known = {"projectId": target.board.project, "id": str(target.board.task), "after": None}
    return documents.payload(random, target.corpus, known)


def _input(random: Random, target: Target) -> Any:
    return target.writes.payload(random)


def _cursor(random: Random, target: Target) -> Any:
    name = random.choice(sorted(target.corpus.subscriptions))
    variables = {
        "projectId": target.board.project if random.random() < 0.9 else values.number(random),
        "after": inputs.cursor(random, target.cursors),
    }
    return {"query": target.corpus.subscriptions[name], "variables": variables}


def _frames(random: Random, target: Target) -> Any:
    return frames(random, target.init, target.good)


def _request(random: Random, target: Target) -> Any:
    good = target.good if random.random() < 0.5 else _document(random, target)
    return request(random, good, target.board.token("ann"))


async def _send_operations(target: Target, cases: Sequence[Any]) -> list[str]:
    return await drivers.operations(target.board.server.websocket_url, target.init, cases)


async def _send_frames(target: Target, cases: Sequence[Any]) -> list[str]:
    url = target.board.server.websocket_url
    return await asyncio.gather(*(drivers.raw(url, case) for case in cases))


async def _send_requests(target: Target, cases: Sequence[Any]) -> list[str]:
    url = target.board.server.graphql_url
    async with httpx.AsyncClient(timeout=drivers.PATIENCE_SECONDS) as client:
        return await asyncio.gather(*(drivers.over_http(client, url, case) for case in cases))


FAMILIES = {
    "documents": Family(_document, _send_operations, 0.25),
    "inputs": Family(_input, _send_operations, 0.2),
    "cursors": Family(_cursor, _send_operations, 0.15),
    "frames": Family(_frames, _send_frames, 0.2, at_once=8),
    "requests": Family(_request, _send_requests, 0.2, at_once=8),
}
