"""Real servers as processes of their own, for tests.

::

    with serving(database=tmp_path / "db.sqlite3") as server:
        client = SubscriptionClient(server.websocket_url, token=…)
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parent.parent.parent
SETTINGS = "tests.integration.served_settings"
APPLICATION = "tests.integration.served_asgi:application"
_PORTS = iter(random.SystemRandom().sample(range(10_240, 32_768), 2_000))


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    process: subprocess.Popen[bytes]
    port: int
    environ: Mapping[str, str]
    log_path: Path
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """Where it serves HTTP."""
        return f"http://{self.host}:{self.port}"

    @property
    def graphql_url(self) -> str:
        """Where it serves GraphQL over HTTP."""
        return f"{self.url}/graphql"

    @property
    def websocket_url(self) -> str:
        """Where it serves GraphQL over WebSocket."""
        return f"ws://{self.host}:{self.port}/graphql"

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self.log_path.read_text()

    def write(self, *operations: Mapping[str, Any]) -> list[Any]:
        """Run ORM operations in one transaction of the server's process."""
        response = httpx.post(f"{self.url}/test", json=operations, timeout=30)
        response.raise_for_status()
        answer: list[Any] = response.json()
        return answer

    def facts(self) -> dict[str, Any]:
        """Return what the server's process holds."""
        answer: dict[str, Any] = httpx.get(f"{self.url}/test", timeout=30).json()
        return answer


def environment(
    *,
    database: Path | None = None,
    rxgraph: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the environment of a server, or of a management command beside it.

    *database*: a SQLite file; without it ``DATABASE_URL`` counts. *rxgraph*: settings on top.
    """
    found = {**os.environ, "DJANGO_SETTINGS_MODULE": SETTINGS, "DJANGO_SECRET_KEY": "tests-only"}
    if database is not None:
        found["TEST_SQLITE"] = str(database)
        for name in ("DATABASE_URL", "MONGO_URL", "REDIS_URL"):
            found.pop(name, None)
    found["TEST_RXGRAPH"] = json.dumps(dict(rxgraph or {}))
    return {**found, **(environ or {})}


def manage(environ: Mapping[str, str], *arguments: str, code: str | None = None) -> str:
    """Run ``manage.py`` in *environ*; return what it prints."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "django", *arguments],
        env=dict(environ),
        cwd=ROOT,
        input=(code or "").encode(),
        capture_output=True,
        check=False,
        timeout=120,
    )
    if done.returncode:
        raise AssertionError(f"{arguments} failed:\n{done.stderr.decode()}")
    return done.stdout.decode()


def run_code(environ: Mapping[str, str], code: str) -> str:
    """Run *code* in a Django process of its own; return what it prints."""
    return manage(environ, "shell", "--verbosity", "0", "--command", code)


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port of *host* that is free, for a server that begins a little later.

    It is none of those that the system gives to whoever names none, and is named once.
    """
    for port in _PORTS:
        with socket.socket() as probe, suppress(OSError):
            probe.bind((host, port))
            return port
    raise AssertionError("no port is free")


def start(
    environ: Mapping[str, str],
    log_path: Path,
    application: str = APPLICATION,
    *,
    port: int | None = None,
    host: str = "127.0.0.1",
    inside: Sequence[str] = (),
) -> Server:
    """Start a server and return it when it answers; *port* is that of one that has ended.

    *inside*: what the command begins with, where it runs in another namespace than we do.
    """
    port = port or free_port()
    with log_path.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603
            [
                *(*inside, sys.executable, "-m", "uvicorn", application, "--host", host),
                *("--port", str(port), "--log-level", "warning"),
                *("--timeout-graceful-shutdown", "5"),
            ],
            env=dict(environ),
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    server = Server(process, port, environ, log_path, host)
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx.get(f"{server.url}/test", timeout=5)
            return server
        except httpx.TransportError:
            if process.poll() is not None or time.monotonic() > deadline:
                stop(server, kill=True)
                raise AssertionError(f"the server did not start:\n{server.log}") from None
            time.sleep(0.05)


def stop(server: Server, *, kill: bool = False) -> None:
    """End the server's process and wait for it."""
    if server.process.poll() is None:
        server.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            server.process.wait(20)
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait()
            raise AssertionError(f"the server did not end:\n{server.log}") from None


@contextmanager
def serving(
    environ: Mapping[str, str], log_path: Path, application: str = APPLICATION
) -> Iterator[Server]:
    """Start a server, and end it afterwards."""
    server = start(environ, log_path, application)
    try:
        yield server
    finally:
        stop(server)
