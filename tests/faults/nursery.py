"""A process that has imported everything, and makes servers and writers of itself in no time.

A line of its input asks for a child and is answered with the child's process id; the child is a
process like any other from there on. So a run can kill a server every second, where starting one
from nothing takes seconds of both cores.

    {"role": "server", "host": …, "port": …, "rxgraph": {…}, "log": path}
    {"role": "writer", "socket": path, "rxgraph": {…}, "log": path}
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import traceback
from importlib import import_module
from typing import Any

from tests.integration import worker

APPLICATION = "tests.integration.served_asgi:application"


def main() -> None:
    """Answer until the input ends."""
    import uvicorn.protocols.http.auto
    import uvicorn.protocols.websockets.auto

    module, name = APPLICATION.split(":")
    application = getattr(import_module(module), name)
    application._get_schema()
    for needed in ("motor.motor_asyncio", "pymongo", "channels_redis.pubsub", "psycopg"):
        import_module(needed)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for children here
    assert threading.active_count() == 1, "a process with threads cannot be forked"
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _live(asked, application)
        print(pid, flush=True)  # noqa: T201
    _ = uvicorn.protocols


def _live(asked: dict[str, Any], application: Any) -> None:
    """Be the child that was asked for; does not return."""
    status = 1
    try:
        _settle(asked)
        if asked["role"] == "server":
            _serve(asked, application)
        else:
            _write(asked)
        status = 0
    except BaseException:  # noqa: BLE001 - it must never go on as its parent
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _settle(asked: dict[str, Any]) -> None:
    from django.conf import settings

    from rxgraph.settings import get_settings

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    settings.RXGRAPH = {**settings.RXGRAPH, **asked["rxgraph"]}
    get_settings.cache_clear()


def _serve(asked: dict[str, Any], application: Any) -> None:
    import uvicorn

    uvicorn.run(
        application,
        host=asked["host"],
        port=asked["port"],
        log_level="warning",
        timeout_graceful_shutdown=5,
    )


def _write(asked: dict[str, Any]) -> None:
    """Do what the lines of a socket say, and answer each: what ``worker`` does with its pipes."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(asked["socket"])
        with connection.makefile("rw", encoding="utf-8") as lines:
            worker.answer_all(iter(lines.readline, ""), lines)
    from django.db import connections

    from rxgraph.sync import engine

    connections.close_all()
    engine.reset()


if __name__ == "__main__":
    main()
