"""Servers of the application ``tests.integration.live``, and a process beside them.

::

    with embedded(tmp_path) as scene:          # memory and SQLite, one server
    with clustered(tmp_path) as scene:         # MongoDB, PostgreSQL, Redis, two servers

``scene.shell`` serves nobody: it is what ``manage.py shell`` and workers are.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rxgraph.compile.channel import compile_channel
from rxgraph.declare import registry
from rxgraph.testing import SubscriptionClient, document_for
from tests.integration import board_work
from tests.integration.cluster import Process, cluster
from tests.integration.servers import Server, environment, manage, serving

PATIENCE_SECONDS = 20.0
APP = {"TEST_APPS": "tests.integration.live"}
WORK = "tests.integration.live.work"

Board = dict[str, Any]


@cache
def documents() -> tuple[str, str]:
    """Return the subscriptions that tell everything about a project, and about a list of them."""
    with registry.isolated():
        from tests.integration.live.channels import LiveProjectChannel, LiveShelfChannel

    one, many = compile_channel(LiveProjectChannel), compile_channel(LiveShelfChannel)
    return document_for(one), document_for(many)


class Watcher(SubscriptionClient):
    """A client that keeps every frame."""

    def __init__(self, server: Server, person: Board) -> None:
        super().__init__(server.websocket_url, token=person["token"], timeout=PATIENCE_SECONDS)
        self.frames: list[dict[str, Any]] = []

    def _take(self, message: dict[str, Any]) -> None:
        self.frames.append(message)
        super()._take(message)

    @property
    def text(self) -> str:
        """Everything that came, as text."""
        return json.dumps(self.frames)

    async def watch(self, board: Board, **variables: Any) -> dict[str, Any]:
        """Subscribe to a board; return the first event."""
        given = {"projectId": board["project"], **variables}
        subscription = await self.subscribe(documents()[0], given)
        return await subscription.next_event()

    async def list(self) -> dict[str, Any]:
        """Subscribe to the list of boards; return the first event."""
        subscription = await self.subscribe(documents()[1])
        return await subscription.next_event()


@dataclass
class Scene:
    """What runs."""

    servers: Sequence[Server]
    shell: Process
    environ: Mapping[str, str]
    is_embedded: bool

    @property
    def far(self) -> Server:
        """A server that is not the first, where there is one."""
        return self.servers[-1]

    async def board(self) -> Board:
        """Make a project with three tasks and two people."""
        made: Board = await self.call(board_work.make_board)
        for _ in range(200):
            if not await self.work("waiting"):
                return made
            await asyncio.sleep(0.05)
        raise AssertionError("nobody sweeps")

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a function of ``board_work`` in the shell."""
        return await asyncio.to_thread(self.shell.call, function, *arguments)

    async def work(self, name: str, **data: Any) -> Any:
        """Run a function of ``live.work`` in the shell."""
        # By its name: this process must not import the module, for it declares a channel.
        function: Any = SimpleNamespace(__module__=WORK, __name__="run")
        return await asyncio.to_thread(self.shell.call, function, name, data)

    async def work_in(self, server: Server, name: str, **data: Any) -> Any:
        """Run a function of ``live.work`` in a server, inside of one more transaction."""
        operation = {"op": "call", "model": f"{WORK}:{name}", "data": data}
        return (await asyncio.to_thread(server.write, operation))[0]

    async def manage(self, *arguments: str) -> str:
        """Run a management command."""
        return await asyncio.to_thread(manage, self.environ, *arguments)


@contextmanager
def embedded(folder: Path, *, rxgraph: Mapping[str, Any] | None = None) -> Iterator[Scene]:
    """Serve from one process, with the memory store and SQLite."""
    environ = environment(database=folder / "db.sqlite3", rxgraph=rxgraph, environ=APP)
    manage(environ, "migrate", "--verbosity", "0")
    with serving(environ, folder / "server.log") as server:
        shell = Process(environ, folder / "shell.log")
        try:
            yield Scene([server], shell, environ, is_embedded=True)
        finally:
            shell.close()
        _check_log(server)


@contextmanager
def clustered(folder: Path, *, rxgraph: Mapping[str, Any] | None = None) -> Iterator[Scene]:
    """Serve from two processes, with MongoDB, PostgreSQL and Redis."""
    with cluster(folder, rxgraph=rxgraph, environ=APP) as here:
        servers = here.serve(2)
        yield Scene(servers, here.process(), here.environ, is_embedded=False)
        for server in servers:
            _check_log(server)


def _check_log(server: Server) -> None:
    assert "Traceback" not in server.log, server.log[-4000:]
    assert "never retrieved" not in server.log, server.log[-4000:]
