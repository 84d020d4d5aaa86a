"""What a run stands on: databases of its own on the given services, made and taken away again.

The services are those that MONGO_URL, REDIS_URL and DATABASE_URL name. Every database has a random
name. RxDjango's keys in Redis cannot be given a prefix, so it gets an empty database by number.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from psycopg import sql
from pymongo import MongoClient

from benchmarks import peer
from benchmarks.processes import Server, Worker

OURS, THEIRS, PLAIN = "ours", "theirs", "plain"
RAW = "raw"  # needs no data, so it is no side that is prepared

_REDIS_DATABASES = range(15, 0, -1)
_CLAIM = "rxgraph-benchmark"
_CLAIM_SECONDS = 3600

P = TypeVar("P", Worker, Server)


@dataclass
class Ground:
    """Where the processes of a run find everything."""

    name: str
    folder: Path
    postgres: str
    mongo: str
    redis: str
    state_redis: str
    pythons: dict[str, Path]
    stack: ExitStack = field(repr=False)

    @property
    def sides(self) -> list[str]:
        """The sides that take part, ours first."""
        return list(self.pythons)

    def worker(
        self,
        side: str,
        *,
        sqlite: bool = False,
        outbox: bool = True,
        hand_over: bool = True,
        lists: bool = False,
    ) -> Worker:
        """Start a worker; it ends with the run. *lists*: with list channels as well."""
        kind = f"{side}-{'sqlite' if sqlite else 'postgres'}-{'on' if outbox else 'off'}"
        env = self._env(side, sqlite=sqlite)
        env["BENCH_OUTBOX"] = "on" if outbox else "off"
        env["BENCH_HAND_OVER"] = "on" if hand_over else "off"
        env["BENCH_LISTS"] = "on" if lists else "off"
        module = "benchmarks.project.board.work"
        command = [str(self.pythons[side]), "-m", module, f"benchmarks.project.{side}.side"]
        return self._keep(Worker(command, env, self.folder / f"worker-{kind}.log"))

    def server(self, side: str, *, lists: bool = False, limits: str = "wide") -> Server:
        """Start a server; it ends with the run at the latest.

        *lists*: with list channels too. *limits*: "wide" for crowds, or "default".
        """
        log = self.folder / f"server-{side}.log"
        env = self._env(side) | {"BENCH_LISTS": "on" if lists else "off", "BENCH_LIMITS": limits}
        return self._keep(Server(self.pythons[side], side, env, log))

    def raw_server(self) -> Server:
        """Start the floor: uvicorn with the same settings, and no library."""
        log = self.folder / "server-raw.log"
        return self._keep(Server(Path(sys.executable), RAW, _bare_env(), log))

    def listeners(self) -> Worker:
        """Start a process of clients; it ends with the run."""
        command = [sys.executable, "-m", "benchmarks.listeners"]
        return self._keep(Worker(command, _bare_env(), self.folder / "listeners.log"))

    def _keep(self, process: P) -> P:
        self.stack.callback(process.stop)
        return process

    def _env(self, side: str, *, sqlite: bool = False) -> dict[str, str]:
        database = f"{self.name}_{'sqlite' if sqlite else side}"
        return {
            **_bare_env(),
            "DJANGO_SETTINGS_MODULE": f"benchmarks.project.{side}.settings",
            "BENCH_DATABASE": str(self.folder / "board.sqlite3")
            if sqlite
            else at(self.postgres, database),
            "BENCH_MONGO": at(self.mongo, database),
            "BENCH_REDIS": self.redis,
            "BENCH_PREFIX": database,
            "BENCH_STATE_REDIS": self.state_redis,
        }


def _bare_env() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONPATH": str(peer.ROOT), "PYTHONUNBUFFERED": "1"}


@contextmanager
def prepared(sides: Sequence[str]) -> Iterator[Ground]:
    """Make what a run of *sides* needs and take it away afterwards.

    Raises:
        KeyError: a service has no address in the environment.
    """
    pythons = {side: peer.ensure() if side == THEIRS else Path(sys.executable) for side in sides}
    name = f"rxbench_{secrets.token_hex(4)}"
    folder = peer.own_folder() / name
    mongo, redis_, postgres = (
        os.environ[key] for key in ("MONGO_URL", "REDIS_URL", "DATABASE_URL")
    )
    with ExitStack() as stack:
        folder.mkdir()
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.enter_context(_postgres_databases(postgres, [f"{name}_{side}" for side in pythons]))
        stack.enter_context(_mongo_databases(mongo, [f"{name}_{s}" for s in (*pythons, "sqlite")]))
        state = stack.enter_context(_empty_redis(redis_)) if THEIRS in pythons else ""
        # Processes end before their databases go.
        processes = stack.enter_context(ExitStack())
        yield Ground(name, folder, postgres, mongo, redis_, state, pythons, processes)


def at(url: str, database: str) -> str:
    """Return *url* with another database.

    >>> at("mongodb://127.0.0.1:27017/rxgraph?w=1", "other")
    'mongodb://127.0.0.1:27017/other?w=1'
    """
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


@contextmanager
def _postgres_databases(url: str, names: list[str]) -> Iterator[None]:
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            for name in names:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            yield
        finally:
            for name in names:
                drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
                connection.execute(drop.format(sql.Identifier(name)))


@contextmanager
def _mongo_databases(url: str, names: list[str]) -> Iterator[None]:
    """MongoDB makes databases when they are first written to."""
    client: MongoClient[dict[str, object]] = MongoClient(url)
    try:
        yield
    finally:
        for name in names:
            client.drop_database(name)
        client.close()


@contextmanager
def _empty_redis(url: str) -> Iterator[str]:
    for number in _REDIS_DATABASES:
        with redis.Redis.from_url(at(url, str(number))) as client:
            if client.dbsize() == 0 and client.set(_CLAIM, 1, nx=True, ex=_CLAIM_SECONDS):
                try:
                    yield at(url, str(number))
                finally:
                    client.flushdb()
                return
    raise RuntimeError("Redis has no empty database left for RxDjango; empty one of 1 to 15")


def versions(ground: Ground) -> dict[str, str]:
    """Return what answers on the services."""
    with psycopg.connect(ground.postgres) as connection:
        postgres = str(connection.info.server_version // 10000)
        fsync = connection.execute("SHOW fsync").fetchone()
    with redis.Redis.from_url(ground.redis) as cache:
        redis_version = cache.info("server")["redis_version"]
    client: MongoClient[dict[str, object]] = MongoClient(ground.mongo)
    mongo = client.server_info()["version"]
    client.close()
    return {
        "PostgreSQL": f"{postgres}, fsync {fsync[0] if fsync else '?'}",
        "MongoDB": str(mongo),
        "Redis": str(redis_version),
    }
