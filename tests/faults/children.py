"""Servers and writers of a run, as the harness holds them: by a descriptor of their process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.integration.servers import ROOT, free_port

CALL_SECONDS = 60.0
_START_SECONDS = 30.0
_END_SECONDS = 30.0


class Gone(Exception):
    """Who was asked has ended, or does not answer."""


class Child:
    """A process that is not ours by birth: signalled and waited for by its descriptor."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._descriptor = os.pidfd_open(pid)

    @property
    def is_alive(self) -> bool:
        """True until it has ended; one that stands still is alive."""
        if self._descriptor < 0:
            return False
        if select.select([self._descriptor], [], [], 0)[0]:
            os.close(self._descriptor)
            self._descriptor = -1
            return False
        return True

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it is there."""
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, number)

    async def ended(self, seconds: float) -> bool:
        """Wait until it has ended; False: it has not."""
        deadline = time.monotonic() + seconds
        while self.is_alive:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.02)
        return True


class Nursery:
    """A ``tests.faults.nursery`` process; *inside* says where it lives."""

    def __init__(
        self, environ: Mapping[str, str], log_path: Path, inside: Sequence[str] = ()
    ) -> None:
        self._lock = asyncio.Lock()
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [*inside, sys.executable, "-m", "tests.faults.nursery"],
                env=dict(environ),
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def wait(self) -> None:
        """Return when it has imported everything."""
        if self._read() != "ready":
            raise RuntimeError("the nursery did not start: see its log")

    async def bear(self, **asked: Any) -> Child:
        """Return a new child."""
        async with self._lock:
            return await asyncio.to_thread(self._bear, asked)

    def _bear(self, asked: dict[str, Any]) -> Child:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return Child(int(self._read()))

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        """End it; children go on."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


class Node:
    """One server of the run, life after life at one address."""

    def __init__(self, name: str, nursery: Nursery, log_path: Path, host: str) -> None:
        self.name, self._nursery, self.log_path, self._host = name, nursery, log_path, host
        self._port = free_port()
        self._child: Child | None = None
        self._busy = asyncio.Lock()
        self.life = 0

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
        return self._child is not None and self._child.is_alive

    async def start(self, rxgraph: Mapping[str, Any] = {}, nursery: Nursery | None = None) -> None:
        """Start its next life, unless this one goes on; *rxgraph*: settings on top.

        *nursery*: of another version than it is for most of the time.

        Raises:
            Gone: it does not come up.
        """
        async with self._busy:
            if self._child is not None and self._child.is_alive:
                return
            self.life += 1
            self._child = await (nursery or self._nursery).bear(
                role="server",
                host=self._host,
                port=self._port,
                rxgraph=dict(rxgraph),
                log=str(self.log_path),
            )
            deadline = time.monotonic() + _START_SECONDS
            while not await self._listens():
                if not self._child.is_alive or time.monotonic() > deadline:
                    raise Gone(f"{self.name} did not start: see {self.log_path}")
                await asyncio.sleep(0.02)

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.wait_for(
                asyncio.open_connection(self._host, self._port), timeout=1
            )
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True

    async def kill(self) -> None:
        """End it at once."""
        await self._end(signal.SIGKILL)

    async def end(self) -> None:
        """End it in order, with its clients still there.

        Raises:
            Gone: it does not end.
        """
        await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> None:
        async with self._busy:
            if self._child is not None:
                self._child.send(number)
                if not await self._child.ended(_END_SECONDS):
                    raise Gone(f"{self.name} does not end: see {self.log_path}")

    def send(self, number: signal.Signals) -> None:
        """Send its process a signal."""
        if self._child is not None:
            self._child.send(number)

    async def call(self, function: Callable[..., Any], /, **arguments: Any) -> Any:
        """Run *function* in its process, in a transaction.

        Raises:
            Gone: there was no answer.
        """
        name = f"{function.__module__}:{function.__name__}"
        operation = {"op": "call", "model": name, "data": arguments}
        async with httpx.AsyncClient(timeout=CALL_SECONDS) as client:
            try:
                answer = await client.post(f"{self.url}/test", json=[operation])
                answer.raise_for_status()
            except httpx.HTTPError as error:
                raise Gone(f"{self.name}: {type(error).__name__} {error}") from error
        return answer.json()[0]

    async def facts(self) -> dict[str, Any]:
        """Return what its process holds."""
        async with httpx.AsyncClient(timeout=CALL_SECONDS) as client:
            found: dict[str, Any] = (await client.get(f"{self.url}/test")).json()
        return found


class Writer:
    """A process that serves nobody, and is started again when it has died."""

    def __init__(
        self, name: str, nursery: Nursery, folder: Path, rxgraph: Mapping[str, Any] = {}
    ) -> None:
        self.name, self._nursery, self._rxgraph = name, nursery, dict(rxgraph)
        self._folder = folder
        self._turn = asyncio.Lock()
        self._lives = 0
        self._child: Child | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        """Run *function* in its process.

        Raises:
            Gone: it died of it, or does not answer.
            AssertionError: it failed; the message ends with the traceback.
        """
        async with self._turn:
            if self._streams is None:
                await self._start()
            assert self._streams is not None
            reader, writer = self._streams
            name = f"{function.__module__}:{function.__name__}"
            try:
                writer.write(json.dumps([name, arguments]).encode() + b"\n")
                await writer.drain()
                async with asyncio.timeout(CALL_SECONDS):
                    line = await reader.readline()
            except (OSError, TimeoutError) as error:
                await self._drop()
                raise Gone(f"{self.name} does not answer {name}: {error!r}") from error
            if not line:
                await self._drop()
                raise Gone(f"{self.name} has died")
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(f"{name} failed in its process:\n{answer['error']}")
        return answer["value"]

    async def _start(self) -> None:
        self._lives += 1
        path = self._folder / f"{self.name.replace(' ', '-')}-{self._lives}.socket"
        met: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
        met = asyncio.get_running_loop().create_future()

        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            met.set_result((reader, writer))

        server = await asyncio.start_unix_server(meet, path, limit=2**24)
        try:
            self._child = await self._nursery.bear(
                role="writer",
                socket=str(path),
                rxgraph=self._rxgraph,
                log=str(self._folder / f"{self.name.replace(' ', '-')}.log"),
            )
            self._streams = await asyncio.wait_for(met, _START_SECONDS)
        finally:
            server.close()
            path.unlink(missing_ok=True)

    def send(self, number: signal.Signals) -> None:
        """Send its process a signal, if there is one."""
        if self._child is not None:
            self._child.send(number)

    async def _drop(self) -> None:
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
        if self._child is not None:
            self._child.send(signal.SIGKILL)
            await self._child.ended(_END_SECONDS)

    async def close(self) -> None:
        """End it: it sees that nobody will say any more."""
        async with self._turn:
            self.send(signal.SIGCONT)
            streams, self._streams = self._streams, None
            if streams is not None:
                streams[1].close()
            if self._child is not None and not await self._child.ended(10):
                self._child.send(signal.SIGKILL)
