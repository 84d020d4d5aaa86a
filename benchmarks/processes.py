"""The processes of a run: workers that save, servers that serve."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

_START_SECONDS = 60.0
_STOP_SECONDS = 15.0


class WorkerError(Exception):
    """A worker could not do what it was asked; the message is its traceback."""


class Worker:
    """A process that does errands; see ``project/board/work.py`` and ``listeners.py``."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self._log = log.open("a")
        self._process = subprocess.Popen(
            command,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def ask(self, do: str, **arguments: Any) -> Any:
        """Have the errand *do* done and return its result.

        Raises:
            WorkerError: it failed, or the process has ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(f"the worker has ended; see {self._log.name}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer["result"]

    def stop(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        _end(self._process)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()


class Server:
    """One uvicorn process of one side."""

    def __init__(self, python: Path, side: str, env: Mapping[str, str], log: Path) -> None:
        self.side, self.port = side, _free_port()
        self._log = log.open("a")
        application = f"benchmarks.project.{side}.asgi:application"
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--ws", "websockets-sansio"]
        options += ["--log-level", "warning", "--no-access-log", "--backlog", "4096"]
        self._process = subprocess.Popen(
            [python, "-m", "uvicorn", application, *options],
            env=dict(env),
            stdout=self._log,
            stderr=self._log,
        )
        self._wait()

    @property
    def pid(self) -> int:
        """Number of the process, for profilers."""
        return self._process.pid

    def usage(self) -> dict[str, Any]:
        """Return what the server has used so far; see ``project/board/usage.py``."""
        return cast("dict[str, Any]", self.fetch("usage"))

    def fetch(self, page: str, body: bytes | None = None, *, seconds: float = 60.0) -> Any:
        """Return the JSON of a page; with a *body*, it is posted."""
        url = f"http://127.0.0.1:{self.port}/{page}"
        with urllib.request.urlopen(url, body, timeout=seconds) as response:
            return json.load(response)

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        _end(self._process)
        self._log.close()

    def _wait(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.usage()
                return
            except OSError as error:
                if self._process.poll() is not None or time.monotonic() > end:
                    self.stop()
                    message = f"the server of {self.side} did not start; see {self._log.name}"
                    raise WorkerError(message) from error
                time.sleep(0.1)


def _end(process: subprocess.Popen[Any]) -> None:
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"process {process.pid} had to be killed", file=sys.stderr)
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
