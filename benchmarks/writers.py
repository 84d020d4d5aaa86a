"""Clients that save over their sockets, and who watches them, for every way to write.

The ways differ in the server they ask and in what they send; the rows are the same everywhere.
Titles carry the number of the save, so that every message tells which saves it contains.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.conversation import Tape, state_of
from benchmarks.dialects import Dialect, Ours, Plain, dialect_of
from benchmarks.ground import OURS, PLAIN, THEIRS
from benchmarks.processes import Server
from benchmarks.run import Run, Seed, ask
from benchmarks.sockets import Client, subscribe

UNNAMED, UNWATCHED, QUIET = "unnamed", "unwatched", "quiet"
SERIALIZER, STOCK = "serializer", "stock"

_SHOWN_SECONDS = 30.0

#: Of saves, over all figures of a run: RxGraph answers a repeated id with the first save's result.
_numbers = itertools.count()


@dataclass(frozen=True)
class Way:
    """One way to save: the side that serves it, and how its clients talk."""

    side: str
    dialect: Dialect
    #: Somebody else watches, and what is written is waited for there.
    is_watched: bool = False
    #: The writers watch as well.
    is_live: bool = False
    text: str = ""


def ways() -> dict[str, Way]:
    """Return every way by its name."""
    return {
        OURS: Way(OURS, Ours(), True, True, "RxGraph"),
        QUIET: Way(OURS, Ours(subscribes=False), True, False, "RxGraph, writers do not subscribe"),
        UNNAMED: Way(OURS, Ours(names=False), True, True, "RxGraph, no clientMutationId"),
        UNWATCHED: Way(OURS, Ours(subscribes=False), False, False, "RxGraph, nobody subscribes"),
        THEIRS: Way(THEIRS, dialect_of(THEIRS), True, True, "RxDjango"),
        SERIALIZER: Way(PLAIN, Plain("saveTask"), False, False, "plain, DRF serializer"),
        STOCK: Way(PLAIN, Plain("updateTask"), False, False, "strawberry-django update"),
    }


@dataclass
class Board:
    """The project of one side that is written to."""

    server: Server
    seed: Seed
    project: int
    tasks: list[int]
    watcher: Client | None = None
    tape: Tape | None = None
    titles: dict[int, str] = field(default_factory=dict)


@dataclass
class Turn:
    """What came of some saves of one way."""

    answers: list[float]  # seconds from the request
    own: list[float]
    others: list[float]
    seconds: float
    used: dict[str, float]  # by the server, per save


class Writers:
    """The servers, the watchers and the writing clients of a run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._ways = ways()
        self._boards: dict[tuple[str, bool], Board] = {}
        self._clients: dict[str, list[Client]] = {}
        self._tapes: dict[str, Tape] = {}
        self._servers: dict[str, Server] = {}

    async def open(self, names: list[str], clients: int) -> None:
        """Start the servers and connect *clients* writers for each way of *names*."""
        for name in names:
            way = self._ways[name]
            if way.side not in self._servers:
                self._servers[way.side] = self._run.ground.server(way.side)
            board = await self._board(way)
            tape = self._tapes[name] = Tape(way.dialect)
            self._clients[name] = [
                await subscribe(tape, board.server.port, board.project, board.seed.token)
                for _ in range(clients)
            ]

    async def _board(self, way: Way) -> Board:
        key = (way.side, way.is_watched)
        if key not in self._boards:
            seed, worker = self._run.seeds[way.side], self._run.workers[way.side]
            project = seed.watched if way.is_watched else seed.unwatched
            rendered = await ask(worker, "render", project=project)
            tasks = [task["id"] for task in rendered["tasks"]]
            board = Board(self._servers[way.side], seed, project, tasks)
            if way.is_watched:
                board.tape = Tape(dialect_of(way.side))
                board.watcher = await subscribe(board.tape, board.server.port, project, seed.token)
            self._boards[key] = board
        return self._boards[key]

    async def turn(self, name: str, times: int) -> Turn:
        """Let every client of a way save *times* in a row, all clients at the same time."""
        way, clients = self._ways[name], self._clients[name]
        board = await self._board(way)
        before = await asyncio.to_thread(board.server.usage)
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(
                    self._save(board, client, None if len(clients) == 1 else place, times)
                )
                for place, client in enumerate(clients)
            ]
        saved = [task.result() for task in tasks]
        seconds = time.monotonic() - began
        requested = {number: at for mine in saved for number, at, _ in mine}
        if way.is_watched:
            await self._shown(board, clients if way.is_live else [], max(requested))
        after = await asyncio.to_thread(board.server.usage)
        return Turn(
            answers=[answered - at for mine in saved for _, at, answered in mine],
            own=_shown_after(clients[0], requested) if way.is_live else [],
            others=_shown_after(board.watcher, requested) if board.watcher else [],
            seconds=seconds,
            used=_used(before, after, len(requested)),
        )

    async def _save(
        self, board: Board, client: Client, place: int | None, times: int
    ) -> list[tuple[int, float, float]]:
        """Save the task at *place*, or one after the other; answers number, request, answer.

        Several clients never touch the same row: that would measure its lock.
        """
        found = []
        for n in range(times):
            number = next(_numbers)
            task = board.tasks[(n if place is None else place) % len(board.tasks)]
            title = board.titles[task] = f"seq-{number:08d}"
            at = time.monotonic()
            found.append((number, at, await client.save(f"w{number}", task, title)))
        return found

    async def _shown(self, board: Board, clients: list[Client], newest: int) -> None:
        watching = [client for client in (*clients, board.watcher) if client is not None]
        end = time.monotonic() + _SHOWN_SECONDS
        while not all(_newest(client) >= newest for client in watching):
            if time.monotonic() > end:
                raise TimeoutError(f"save {newest} was not shown to everybody")
            await asyncio.sleep(0.01)

    async def is_right(self) -> bool:
        """Return whether all that was answered is stored, and watchers show what is stored."""
        is_right = True
        for (side, _), board in self._boards.items():
            rendered = await ask(self._run.workers[side], "render", project=board.project)
            stored = {task["id"]: task["title"] for task in rendered["tasks"]}
            is_right &= all(stored[task] == title for task, title in board.titles.items())
            if board.watcher is not None and board.tape is not None:
                is_right &= state_of(board.watcher.conversation, {}) == rendered
                is_right &= board.watcher.problem is None
        return is_right

    def close(self) -> None:
        """Hang up, and end the servers."""
        watchers = [board.watcher for board in self._boards.values() if board.watcher]
        for client in (*watchers, *itertools.chain(*self._clients.values())):
            client.close()
        for server in self._servers.values():
            server.stop()


def _newest(client: Client) -> int:
    return max((mark for _, mark in client.arrivals), default=-1)


def _shown_after(client: Client, requested: Mapping[int, float]) -> list[float]:
    """Return the seconds from each request until *client* showed that save, or a later one."""
    found = []
    for number, at in requested.items():
        shown = next((when for when, mark in client.arrivals if mark >= number), None)
        if shown is not None:
            found.append(shown - at)
    return found


def _used(before: dict[str, Any], after: dict[str, Any], saves: int) -> dict[str, float]:
    def grown(name: str) -> float:
        return float(sum(after[name].values()) - sum(before[name].values()))

    spent = {
        name: (total - before["seconds"].get(name, 0.0)) / saves
        for name, total in after["seconds"].items()
    }
    return {
        **spent,
        "cpu": (after["cpu_seconds"] - before["cpu_seconds"]) / saves,
        "statements": grown("statements") / saves,
        "commands": grown("commands") / saves,
    }
