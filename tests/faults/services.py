"""MongoDB as a replica set, Redis and PostgreSQL of one run, to be killed and brought back.

They live in a folder of the run, on free ports of one address, and end with it. The programs are
those that ``scripts/services`` finds or fetches.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import psycopg
import redis
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.integration.servers import ROOT, free_port

MEMBERS = 3
SET = "rxgraph"
_PATIENCE_SECONDS = 60.0


def _programs() -> Any:
    """Return ``scripts/services`` as a module; it has no suffix."""
    loader = SourceFileLoader("rxgraph_services", str(ROOT / "scripts" / "services"))
    spec = importlib.util.spec_from_loader("rxgraph_services", loader)
    assert spec is not None
    module = sys.modules[loader.name] = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    module.STATE.mkdir(exist_ok=True)
    return module


class Daemon:
    """One server process of the run, in a session of its own with its children."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log_path: Path,
        *,
        env: Mapping[str, str] = {},
        user: tuple[int, int] | None = None,
        crash: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.name, self._command, self._log_path = name, command, log_path
        self._env, self._user, self._crash = env, user, crash
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, unless it runs; it need not answer yet."""
        if self._process is not None and self._process.poll() is None:
            return
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                self._command,
                env={**os.environ, **self._env},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self._user and self._user[0],
                group=self._user and self._user[1],
                extra_groups=None if self._user is None else [],
            )

    def crash(self) -> None:
        """End it without a goodbye."""
        self._end(self._crash)

    def end(self) -> None:
        """End it in order."""
        self._end(signal.SIGINT)

    def pause(self) -> None:
        """Stop it and its children: it holds its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self.resume()
        self._process.send_signal(number)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()


class Services:
    """The three engines of one run, at *host*."""

    def __init__(self, folder: Path, host: str, members: int = MEMBERS) -> None:
        self.folder, self.host = folder, host
        tools = _programs()
        ports = [free_port(host) for _ in range(members + 2)]
        self._mongo_ports, self._redis_port, self._postgres_port = ports[:members], *ports[members:]
        found = {
            name: service.installed() or service.fetched()
            for name, service in tools.SERVICES.items()
        }
        missing = [name for name, program in found.items() if program is None]
        if missing:
            raise RuntimeError(f"no program for {', '.join(missing)}: see .services/*-install.log")
        addresses = host if host == "127.0.0.1" else f"127.0.0.1,{host}"
        self.mongo = [
            self._mongo(found["mongo"], number, port, addresses)
            for number, port in enumerate(self._mongo_ports)
        ]
        self.redis = Daemon(
            "redis",
            [
                *(found["redis"].path, "--port", str(self._redis_port), "--save", ""),
                *("--bind", *addresses.split(","), "--protected-mode", "no"),
                *("--appendonly", "no", "--daemonize", "no", "--dir", str(folder)),
            ],
            folder / "redis.log",
            env=found["redis"].env,
        )
        tools.STATE = folder  # of what is made from here on
        user = tools.unprivileged_user()
        self._postgres_data = tools.make_postgres_data(found["postgres"])
        with (Path(self._postgres_data) / "pg_hba.conf").open("a") as hba:
            hba.write(f"host all all {host}/24 trust\n")
        self.postgres = Daemon(
            "postgres",
            [
                *(found["postgres"].path, "-D", self._postgres_data),
                *("-p", str(self._postgres_port), "-c", f"listen_addresses={addresses}"),
                *("-c", "unix_socket_directories=", "-c", "max_connections=300"),
                *("-c", "fsync=off", "-c", "full_page_writes=off"),
            ],
            folder / "postgres.log",
            user=user,
            crash=signal.SIGQUIT,  # "immediate": no goodbyes, but no orphaned backends
        )

    def _mongo(self, program: Any, number: int, port: int, addresses: str) -> Daemon:
        data = self.folder / f"mongo-{number}"
        data.mkdir()
        return Daemon(
            f"mongo {number}",
            [
                *(program.path, "--replSet", SET, "--dbpath", str(data), "--port", str(port)),
                *("--bind_ip", addresses, "--nounixsocket", "--quiet", "--oplogSize", "64"),
                *("--wiredTigerCacheSizeGB", "0.25"),
                *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            ],
            self.folder / f"mongo-{number}.log",
            env=program.env,
        )

    @property
    def mongo_url(self) -> str:
        """The whole set."""
        hosts = ",".join(f"{self.host}:{port}" for port in self._mongo_ports)
        return f"mongodb://{hosts}/rxgraph?replicaSet={SET}"

    @property
    def redis_url(self) -> str:
        """Where Redis is."""
        return f"redis://{self.host}:{self._redis_port}/0"

    @property
    def postgres_url(self) -> str:
        """Where PostgreSQL is."""
        return f"postgresql://rxgraph@{self.host}:{self._postgres_port}/rxgraph"

    @property
    def daemons(self) -> list[Daemon]:
        """All of them."""
        return [*self.mongo, self.redis, self.postgres]

    def environ(self) -> dict[str, str]:
        """Return where they are, as ``scripts/services env`` says it."""
        return {
            "MONGO_URL": self.mongo_url,
            "REDIS_URL": self.redis_url,
            "DATABASE_URL": self.postgres_url,
        }

    def start(self) -> None:
        """Start all, and make one set of the members of MongoDB."""
        for daemon in self.daemons:
            daemon.start()
        self._initiate()
        self.wait()

    def _initiate(self) -> None:
        alone = [
            f"mongodb://{self.host}:{port}/?directConnection=true" for port in self._mongo_ports
        ]
        members = [
            {"_id": number, "host": f"{self.host}:{port}"}
            for number, port in enumerate(self._mongo_ports)
        ]
        settings = {"electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 500}
        _until(lambda: all(map(_answers, alone)), "a member of MongoDB")
        with MongoClient[dict[str, Any]](alone[0]) as client:
            config = {"_id": SET, "members": members, "settings": settings}
            client.admin.command("replSetInitiate", config)

    def wait(self) -> None:
        """Return when each of them takes writes."""
        _until(self._mongo_takes_writes, "MongoDB")
        _until(lambda: redis.Redis.from_url(self.redis_url).ping(), "Redis")
        _until(self._postgres_answers, "PostgreSQL")

    def _mongo_takes_writes(self) -> bool:
        with MongoClient[dict[str, Any]](
            self.mongo_url, serverSelectionTimeoutMS=1000, timeoutMS=2000, w=len(self.mongo)
        ) as client:
            client["ready"]["ready"].replace_one({"_id": 1}, {"at": time.time()}, upsert=True)
        return True

    def _postgres_answers(self) -> bool:
        with psycopg.connect(self.postgres_url, connect_timeout=2) as connection:
            connection.execute("SELECT 1")
        return True

    def primary(self) -> Daemon | None:
        """Return the member of MongoDB that takes writes now, None: there is none."""
        for daemon, port in zip(self.mongo, self._mongo_ports, strict=True):
            url = f"mongodb://{self.host}:{port}/?directConnection=true"
            with (
                contextlib.suppress(PyMongoError),
                MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=300) as client,
            ):
                if client.admin.command("hello").get("isWritablePrimary"):
                    return daemon
        return None

    def close(self) -> None:
        """End all, and forget the data."""
        for daemon in self.daemons:
            daemon.crash()
        shutil.rmtree(self._postgres_data, ignore_errors=True)


def _answers(url: str) -> bool:
    with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=500) as client:
        client.admin.command("ping")
    return True


def _until(works: Any, what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            if works():
                return
            reason: object = "it says no"
        except (PyMongoError, redis.RedisError, psycopg.Error, OSError) as error:
            reason = error
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} does not answer: {reason}")
        time.sleep(0.1)


@contextlib.contextmanager
def services(host: str) -> Iterator[Services]:
    """Start them in a folder of their own, and end them afterwards."""
    with tempfile.TemporaryDirectory(prefix="rxgraph-faults-", ignore_cleanup_errors=True) as path:
        found = Services(Path(path), host)
        try:
            found.start()
            yield found
        finally:
            found.close()
