"""Several processes on PostgreSQL, MongoDB and Redis, with databases of their own, for tests.

::

    with cluster(tmp_path) as here:
        left, right = here.serve(2)
        shell = here.process()
        board = shell.call(make_board)
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from pymongo import MongoClient

from channels_app.channels import ProjectChannel
from tests.conftest import forget_database, service
from tests.integration.servers import ROOT, Server, environment, manage, start, stop

PATIENCE_SECONDS = 90.0

_numbers = count(1)


class Died(Exception):
    """A process ended instead of answering."""


class Process:
    """A Django process beside the servers: a shell, a command, a worker of some queue."""

    def __init__(
        self, environ: Mapping[str, str], log_path: Path, inside: Sequence[str] = ()
    ) -> None:
        self._log_path = log_path
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [*inside, sys.executable, "-m", "tests.integration.worker"],
                env=dict(environ),
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run *function* in the process; arguments and answer are JSON.

        Raises:
            Died: the process has ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        name = f"{function.__module__}:{function.__name__}"
        self._process.stdin.write(json.dumps([name, arguments]) + "\n")
        self._process.stdin.flush()
        with ThreadPoolExecutor(1) as reader:
            answering = reader.submit(self._process.stdout.readline)
            try:
                line = answering.result(PATIENCE_SECONDS)
            except TimeoutError:
                self._process.kill()
                raise AssertionError(f"{name} does not end: {self.log}") from None
        if not line:
            raise Died(f"{name} ended its process: {self._process.wait(10)}, {self.log}")
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(f"{name} failed in its process:\n{answer['error']}")
        return answer["value"]

    @property
    def log(self) -> str:
        """What it has written so far, besides answers."""
        return self._log_path.read_text()

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass
class Cluster:
    """Servers and other processes that share one set of databases."""

    name: str
    folder: Path
    environ: Mapping[str, str]
    database_url: str
    store_url: str
    _ending: ExitStack = field(default_factory=ExitStack)

    def serve(self, count_: int = 1, **environ: str) -> list[Server]:
        """Start servers at once; *environ* is theirs alone."""

        def one(number: int) -> Server:
            log_path = self.folder / f"server-{number}.log"
            found = start({**self.environ, **environ}, log_path)
            self._ending.callback(stop, found)
            return found

        with ThreadPoolExecutor(count_) as threads:
            return list(threads.map(one, [next(_numbers) for _ in range(count_)]))

    def process(self, **environ: str) -> Process:
        """Start a process that serves nobody."""
        log_path = self.folder / f"process-{next(_numbers)}.log"
        found = Process({**self.environ, **environ}, log_path)
        self._ending.callback(found.close)
        return found

    def record(self, project_id: int) -> dict[str, Any]:
        """Return the record of a project's anchor as MongoDB holds it."""
        with MongoClient[dict[str, Any]](self.store_url) as client:
            anchors = client.get_default_database()["anchors"]
            key = {"c": ProjectChannel.name, "a": str(project_id)}
            return anchors.find_one({"_id": key}) or {}

    def intents(self) -> int:
        """Return how many rows the intent log has."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            row = connection.execute("SELECT count(*) FROM rxgraph_intent").fetchone()
            assert row is not None
            return int(row[0])

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Let everybody who reads *table* wait, for as long as this lasts: a slow query."""
        with psycopg.connect(self.database_url) as connection:
            connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
            yield

    @contextmanager
    def slow(self, table: str, seconds: float) -> Iterator[None]:
        """Let every query that reads *table* take *seconds* longer."""
        rows = f"{table}_rows"
        slow = f"SELECT rows.* FROM {rows} AS rows CROSS JOIN LATERAL pg_sleep({seconds})"  # noqa: S608
        with psycopg.connect(self.database_url) as connection:
            connection.execute(f"ALTER TABLE {table} RENAME TO {rows}".encode())
            connection.execute(f"CREATE VIEW {table} AS {slow}".encode())
            connection.commit()
            yield
            connection.execute(f"DROP VIEW {table}".encode())
            connection.execute(f"ALTER TABLE {rows} RENAME TO {table}".encode())

    def cut_waiting(self) -> int:
        """End the database connections of all who wait for a lock; answer how many those were."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).rowcount


@contextmanager
def cluster(
    folder: Path,
    *,
    rxgraph: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Cluster]:
    """Make databases, and drop them after every process of the cluster has ended."""
    store, redis = service("MONGO_URL"), service("REDIS_URL")
    name = f"rxgraph_it_{os.getpid()}_{next(_numbers)}"
    template = _template(service("DATABASE_URL"))
    _execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    database_url = _with_path(service("DATABASE_URL"), name)
    store_url = _with_path(store, name)
    found = Cluster(
        name,
        folder,
        environment(
            rxgraph=rxgraph,
            environ={
                "DJANGO_SETTINGS_MODULE": "tests.integration.cluster_settings",
                "DATABASE_URL": database_url,
                "MONGO_URL": store_url,
                "REDIS_URL": redis,
                **(environ or {}),
            },
        ),
        database_url,
        store_url,
    )
    with ExitStack() as ending:
        ending.callback(_execute, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        ending.callback(forget_database, store_url)
        ending.callback(found._ending.close)
        yield found


@cache
def _template(url: str) -> str:
    """Return a database with all tables, for others to be copied from."""
    name = f"rxgraph_it_{os.getpid()}"
    _execute(f"CREATE DATABASE {name}")
    atexit.register(_execute, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    manage(environment(environ={"DATABASE_URL": _with_path(url, name)}), "migrate", "-v", "0")
    return name


def _execute(sql: str) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(sql.encode())


def _with_path(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
