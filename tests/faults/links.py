"""A link that can be cut: a network namespace with a cable to this machine's.

What runs in it reaches the services of the run, and clients reach what runs in it. A cut swallows
packets without a word, as a dead switch does: nobody is told, connections stay half open.

::

    link = Link.make() or None        # None: this machine forbids it
    Popen([*link.inside, "uvicorn", ...])
    link.cut(Link.SERVICES)
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Self

_NOWHERE = "02:00:00:00:00:99"  # nobody's hardware address: what is sent to it is lost


class Link:
    """One namespace and its cable."""

    SERVICES, CLIENTS = "services", "clients"

    def __init__(self, number: int) -> None:
        self.name = f"rxgraph-faults-{os.getpid()}"
        self._cable, self._far = f"rxf{os.getpid() % 100_000}a", f"rxf{os.getpid() % 100_000}b"
        net = f"10.77.{number}"
        #: Where services are reached from both sides.
        self.host = f"{net}.1"
        #: Where what runs inside listens.
        self.far_host = f"{net}.2"
        self._clients = f"{net}.3"

    @classmethod
    def make(cls) -> Self | None:
        """Return a link; None: no right to make one, or no ``ip``."""
        if not shutil.which("ip"):
            return None
        link = cls(os.getpid() % 250 + 1)
        try:
            link._lay()
        except subprocess.CalledProcessError:
            link.close()
            return None
        return link

    def _lay(self) -> None:
        _ip("netns", "add", self.name)
        _ip("link", "add", self._cable, "type", "veth", "peer", self._far, "netns", self.name)
        _ip("addr", "add", f"{self.host}/24", "dev", self._cable)
        _ip("addr", "add", f"{self._clients}/24", "dev", self._cable)
        _ip("link", "set", self._cable, "up")
        self._inside("addr", "add", f"{self.far_host}/24", "dev", self._far)
        self._inside("link", "set", self._far, "up")
        self._inside("link", "set", "lo", "up")
        # Clients come from an address of their own, so that they can be cut off alone.
        _ip("route", "add", self.far_host, "dev", self._cable, "src", self._clients)

    @property
    def inside(self) -> tuple[str, ...]:
        """What a command begins with to run at the far end."""
        return "ip", "netns", "exec", self.name

    def cut(self, whom: str) -> None:
        """Lose everything that is sent from the far end to its services, or to its clients."""
        address = self.host if whom == self.SERVICES else self._clients
        self._inside(
            *("neigh", "replace", address, "lladdr", _NOWHERE, "dev", self._far),
            *("nud", "permanent"),
        )

    def mend(self) -> None:
        """Let everything through again."""
        for address in (self.host, self._clients):
            self._inside("neigh", "del", address, "dev", self._far, must=False)

    def close(self) -> None:
        """Take it away."""
        _ip("netns", "del", self.name, must=False)
        _ip("link", "del", self._cable, must=False)

    def _inside(self, *arguments: str, must: bool = True) -> None:
        _ip("-n", self.name, *arguments, must=must)


def _ip(*arguments: str, must: bool = True) -> None:
    subprocess.run(["ip", *arguments], check=must, capture_output=True)  # noqa: S603, S607
