"""A link between a server and a service, which tests cut, or let go deaf."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from urllib.parse import urlsplit, urlunsplit


class Link:
    """Passes bytes on between a port of its own and a service."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        credentials, _, _ = parts.netloc.rpartition("@")
        place = f"127.0.0.1:{self._listener.getsockname()[1]}"
        netloc = f"{credentials}@{place}" if credentials else place
        #: The address of the service, by way of this link.
        self.url = urlunsplit(parts._replace(netloc=netloc))
        self._open: set[socket.socket] = set()
        self._is_up, self._hears = True, threading.Event()
        self._hears.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if not self._is_up:
                    client.close()
                    continue
                threading.Thread(target=self._join, args=[client], daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        try:
            service = socket.create_connection(self._target)
        except OSError:
            client.close()
            return
        ends = {client, service}
        self._open |= ends
        back = threading.Thread(target=self._pass_on, args=[service, client], daemon=True)
        back.start()
        self._pass_on(client, service)
        back.join()
        self._open -= ends
        for end in ends:
            end.close()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._hears.wait()
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """End every connection, and refuse new ones: the service was killed."""
        self._is_up = False
        for end in list(self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def deafen(self) -> None:
        """Let connections be, and pass nothing on: the service was stopped."""
        self._hears.clear()

    def mend(self) -> None:
        """Pass everything on again."""
        self._is_up = True
        self._hears.set()

    def close(self) -> None:
        """End it."""
        self._hears.set()
        self.cut()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def link_to(url: str) -> Iterator[Link]:
    """Lay a link to the service at *url*."""
    with closing(Link(url)) as link:
        yield link
