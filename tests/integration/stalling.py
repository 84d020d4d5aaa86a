"""Clients that subscribe and then read nothing, on bare sockets, for tests."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from benchmarks import wire
from tests.integration.board_clients import live_document
from tests.integration.servers import Server

_BUFFER_BYTES = 4096
_PATIENCE_SECONDS = 20.0
_AT_ONCE = 16


class Stalled:
    """One connection, whose first state is not read either."""

    def __init__(self, server: Server, token: str, project: int) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._socket.settimeout(_PATIENCE_SECONDS)
        self._socket.connect(("127.0.0.1", server.port))
        host = f"127.0.0.1:{server.port}"
        self._socket.sendall(wire.request(host, "/graphql", "graphql-transport-ws"))
        self._reader = wire.Reader()
        while not self._reader.answer(self._socket.recv(1)):
            pass
        self._send({"type": "connection_init", "payload": {"token": token}})
        while not self._read():
            pass
        watching = {"query": live_document(), "variables": {"projectId": project}}
        self._send({"id": "1", "type": "subscribe", "payload": watching})

    def _send(self, message: object) -> None:
        self._socket.sendall(wire.frame(wire.TEXT, json.dumps(message).encode()))

    def _read(self) -> list[tuple[int, bytes]]:
        return self._reader.feed(self._socket.recv(1))

    @property
    def is_gone(self) -> bool:
        """True when the server has ended the connection."""
        poll = select.poll()
        poll.register(self._socket, select.POLLRDHUP)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Be gone."""
        self._socket.close()


@contextmanager
def stalled(server: Server, token: str, project: int, count: int = 1) -> Iterator[list[Stalled]]:
    """Connect *count* clients that read nothing."""
    with ExitStack() as closing:

        def connect(_: int) -> Stalled:
            client = Stalled(server, token, project)
            closing.callback(client.close)  # also when another one cannot connect
            return client

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(connect, range(count)))
        yield found
