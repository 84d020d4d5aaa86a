"""Everything that a run drives: services, servers, writers and the link to one of the servers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
from pymongo import MongoClient

from tests.faults import work
from tests.faults.children import Node, Nursery, Writer
from tests.faults.links import Link
from tests.faults.services import Services, services
from tests.integration.servers import environment, manage

SERVERS, WRITERS = 3, 3
FAR = 1  # number of the server and of the writer at the far end of the link


class World:
    """All of it."""

    def __init__(self, folder: Path, found: Services, link: Link | None) -> None:
        self.folder, self.services, self.link = folder, found, link
        environ = environment(
            environ={
                "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
                **found.environ(),
                "TEST_LAYER": f"faults-{os.getpid()}",
            }
        )
        self.environ = environ
        self._near = Nursery(environ, folder / "nursery.log")
        newer = {**environ, "TEST_APPS": "tests.integration.newer"}
        #: Servers of another version, whose serializers render another state.
        self.newer = Nursery(newer, folder / "nursery-newer.log")
        self._nurseries = [self._near, self.newer]
        far = self._near
        if link:
            far = Nursery(environ, folder / "nursery-far.log", link.inside)
            self._nurseries.append(far)
        far_host = link.far_host if link else "127.0.0.1"
        self.nodes = [
            Node(
                f"server {n}",
                far if n == FAR else self._near,
                folder / f"server-{n}.log",
                far_host if n == FAR else "127.0.0.1",
            )
            for n in range(SERVERS)
        ]
        self.writers = [
            Writer(
                f"writer {n}",
                far if n == FAR else self._near,
                folder,
                {"HAND_OVER": bool(n % 2)},
            )
            for n in range(WRITERS)
        ]

    async def start(self) -> None:
        """Make the tables, start the servers and the writers."""
        await asyncio.to_thread(manage, self.environ, "migrate", "-v", "0")
        for nursery in self._nurseries:
            await asyncio.to_thread(nursery.wait)
        await asyncio.gather(*(node.start() for node in self.nodes))
        await asyncio.gather(*(writer.call(work.ping) for writer in self.writers))

    def fresh(self, name: str) -> Writer:
        """Return a process that has seen nothing of the run."""
        return Writer(name, self._near, self.folder)

    async def heal(self) -> None:
        """Let everything work again."""
        if self.link:
            self.link.mend()
        for daemon in self.services.daemons:
            daemon.resume()
            daemon.start()
        processes: list[Node | Writer] = [*self.nodes, *self.writers]
        for process in processes:
            process.send(signal.SIGCONT)
        await asyncio.to_thread(self.services.wait)
        await asyncio.gather(*(node.start() for node in self.nodes))

    def intents(self) -> list[str]:
        """Return what the intent log has, and what of it was put into quarantine."""
        with psycopg.connect(self.services.postgres_url, autocommit=True) as connection:
            waiting = connection.execute("SELECT rows FROM rxgraph_intent").fetchall()
            away = connection.execute("SELECT rows, problem FROM rxgraph_quarantine").fetchall()
        return [f"the intent {row!r:.200} waits" for row in waiting] + [
            f"the intent {row!r:.500} is in quarantine" for row in away
        ]

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
        await asyncio.gather(*(writer.close() for writer in self.writers))
        for nursery in self._nurseries:
            nursery.close()


@contextlib.asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """Start everything, and end it afterwards; logs stay in *folder*."""
    link = await asyncio.to_thread(Link.make)
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
