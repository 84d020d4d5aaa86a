"""Everything that a run drives: services, servers, writers and the link to one of the servers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import psycopg
from pymongo import MongoClient

from tests.faults import work
from tests.faults.links import Link
from tests.faults.services import Services, services
from tests.integration.cluster import Died, Process
from tests.integration.servers import Server, environment, free_port, manage, start, stop

SERVERS = 3
_CALL_SECONDS = 60.0


class Gone(Exception):
    """Who was asked has ended, or does not answer."""


class Node:
    """One server of the run, life after life at one address."""

    def __init__(
        self, name: str, environ: Mapping[str, str], log_path: Path, link: Link | None
    ) -> None:
        self.name, self._environ, self._log_path, self.link = name, environ, log_path, link
        self._host = link.far_host if link else "127.0.0.1"
        self._port = free_port()
        self._server: Server | None = None
        self._busy = asyncio.Lock()
        self.life = 0
        self.extra: Mapping[str, str] = {}

    @property
    def websocket_url(self) -> str:
        """Where it serves, when it does."""
        return f"ws://{self._host}:{self._port}/graphql"

    @property
    def url(self) -> str:
        """Where it serves HTTP, when it does."""
        return f"http://{self._host}:{self._port}"

    @property
    def is_up(self) -> bool:
        """True when its process lives; it may stand still."""
        return self._server is not None and self._server.process.poll() is None

    async def start(self, **extra: str) -> None:
        """Start its next life, unless this one goes on."""
        async with self._busy:
            if self.is_up:
                return
            self.life += 1
            environ = {**self._environ, **self.extra, **extra}
            inside = self.link.inside if self.link else ()
            self._server = await asyncio.to_thread(
                lambda: start(
                    environ, self._log_path, port=self._port, host=self._host, inside=inside
                )
            )

    async def kill(self) -> None:
        """End it at once."""
        async with self._busy:
            if self._server is not None:
                await asyncio.to_thread(stop, self._server, kill=True)

    async def end(self) -> None:
        """End it in order, with its clients still there."""
        async with self._busy:
            if self._server is not None:
                await asyncio.to_thread(stop, self._server)

    def send(self, number: signal.Signals) -> None:
        """Send its process a signal."""
        if self._server is not None and self.is_up:
            self._server.process.send_signal(number)

    async def call(self, function: Callable[..., Any], /, **arguments: Any) -> Any:
        """Run *function* in its process, in a transaction.

        Raises:
            Gone: there was no answer.
        """
        name = f"{function.__module__}:{function.__name__}"
        operation = {"op": "call", "model": name, "data": arguments}
        async with httpx.AsyncClient(timeout=_CALL_SECONDS) as client:
            try:
                answer = await client.post(f"{self.url}/test", json=[operation])
                answer.raise_for_status()
            except httpx.HTTPError as error:
                raise Gone(f"{self.name}: {type(error).__name__} {error}") from error
        return answer.json()[0]

    async def facts(self) -> dict[str, Any]:
        """Return what its process holds."""
        async with httpx.AsyncClient(timeout=_CALL_SECONDS) as client:
            found: dict[str, Any] = (await client.get(f"{self.url}/test")).json()
        return found


class Writer:
    """A process that serves nobody, and is started again when it has died."""

    def __init__(
        self, name: str, environ: Mapping[str, str], log_path: Path, link: Link | None
    ) -> None:
        self.name, self._environ, self._log_path = name, environ, log_path
        self._inside = link.inside if link else ()
        self._process: Process | None = None
        self._turn = asyncio.Lock()

    async def call(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        """Run *function* in its process.

        Raises:
            Gone: it died of it.
            AssertionError: it failed; the message ends with the traceback.
        """
        async with self._turn:
            if self._process is None:
                self._process = Process(self._environ, self._log_path, self._inside)
            try:
                return await asyncio.to_thread(self._process.call, function, *arguments)
            except (Died, BrokenPipeError) as error:
                process, self._process = self._process, None
                await asyncio.to_thread(process.close)
                raise Gone(f"{self.name} has died") from error

    def send(self, number: signal.Signals) -> None:
        """Send its process a signal, if there is one."""
        if self._process is not None and self._process._process.poll() is None:
            self._process._process.send_signal(number)

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process._process.send_signal(signal.SIGCONT)
            self._process.close()
            self._process = None


class World:
    """All of it."""

    def __init__(self, folder: Path, found: Services, link: Link | None) -> None:
        self.folder, self.services, self.link = folder, found, link
        self.name = f"rxgraph_faults_{os.getpid()}"
        self.environ = environment(
            environ={
                "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
                **found.environ(),
                "TEST_LAYER": self.name,
            }
        )
        far = {1: link} if link else {}
        self.nodes = [
            Node(f"server {n}", self.environ, folder / f"server-{n}.log", far.get(n))
            for n in range(SERVERS)
        ]
        self.writers = [
            Writer(
                f"writer {n}",
                {**self.environ, "TEST_HAND_OVER": "01"[n % 2]},
                folder / f"writer-{n}.log",
                far.get(n),
            )
            for n in range(3)
        ]

    async def start(self) -> None:
        """Make the tables, start the servers and the writers."""
        await asyncio.to_thread(manage, self.environ, "migrate", "-v", "0")
        await asyncio.gather(*(node.start() for node in self.nodes))
        await asyncio.gather(*(writer.call(work.ping) for writer in self.writers))

    def fresh(self, name: str) -> Writer:
        """Return a process that has seen nothing of the run."""
        return Writer(name, self.environ, self.folder / f"{name}.log", None)

    async def heal(self) -> None:
        """Let everything work again."""
        if self.link:
            self.link.mend()
        for daemon in self.services.daemons:
            daemon.resume()
            daemon.start()
        everybody: list[Node | Writer] = [*self.nodes, *self.writers]
        for process in everybody:
            process.send(signal.SIGCONT)
        await asyncio.to_thread(self.services.wait)
        await asyncio.gather(*(node.start() for node in self.nodes))

    def intents(self) -> int:
        """Return how many rows the intent log has."""
        with psycopg.connect(self.services.postgres_url, autocommit=True) as connection:
            row = connection.execute("SELECT count(*) FROM rxgraph_intent").fetchone()
            assert row is not None
            return int(row[0])

    def cut_database_connections(self) -> None:
        """End every session of PostgreSQL but this one."""
        with psycopg.connect(self.services.postgres_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def lose_store(self) -> None:
        """Drop everything that MongoDB holds of live state."""
        with self.store() as client:
            client.drop_database(client.get_default_database().name)

    def records(self) -> list[dict[str, Any]]:
        """Return the records of all anchors, as MongoDB holds them."""
        with self.store() as client:
            return list(client.get_default_database()["anchors"].find())

    def store(self) -> MongoClient[dict[str, Any]]:
        """Return a client of MongoDB; to be closed."""
        return MongoClient[dict[str, Any]](
            self.services.mongo_url, w="majority", serverSelectionTimeoutMS=20_000
        )

    async def close(self) -> None:
        """End all processes."""
        for node in self.nodes:
            node.send(signal.SIGCONT)
        await asyncio.gather(*(node.kill() for node in self.nodes))
        for writer in self.writers:
            writer.close()


@contextlib.asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """Start everything, and end it afterwards; logs stay in *folder*."""
    link = Link.make()
    if link is None:
        print("faults of links are skipped: this machine forbids network namespaces")  # noqa: T201
    try:
        with services(link.host if link else "127.0.0.1") as found:
            made = World(folder, found, link)
            try:
                await made.start()
                yield made
            finally:
                await made.close()
    finally:
        if link:
            link.close()
