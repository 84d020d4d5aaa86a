"""A bus that delays, reorders, doubles and drops wake-ups, or is silent for a while."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rxgraph.cache.steps import Wakeup
from rxgraph.types import AnchorKey
from tests.simulation.choices import Choices
from tests.simulation.scheduling import Lane, Scheduler

if TYPE_CHECKING:
    from tests.simulation.servers import Server


class Bus:
    """Who listens to what, and what is on its way to them."""

    def __init__(self, choices: Choices, scheduler: Scheduler, faults: Counter[str]) -> None:
        self._choices, self._scheduler, self._faults = choices, scheduler, faults
        self._listeners: dict[AnchorKey, list[Server]] = {}
        self.silent_until = 0.0
        self.loss, self.doubling = 0.0, 0.0

    def join(self, key: AnchorKey, server: Server) -> None:
        """Let *server* hear of *key*."""
        listeners = self._listeners.setdefault(key, [])
        if server not in listeners:
            listeners.append(server)

    def leave(self, key: AnchorKey, server: Server) -> None:
        """Let it hear no more of it."""
        if server in self._listeners.get(key, ()):
            self._listeners[key].remove(server)

    def forget(self, server: Server) -> None:
        """Let it hear nothing any more."""
        for key in self._listeners:
            self.leave(key, server)

    def publish(self, wakeup: Wakeup) -> None:
        """Send *wakeup* to all who listen, each by itself."""
        for server in self._listeners.get(wakeup.key, ()):
            if self._scheduler.now < self.silent_until or self._choices.chance(self.loss):
                self._faults["wake-up lost"] += 1
                continue
            self._scheduler.add(Delivery(self, self._scheduler, server, wakeup))
            if self._choices.chance(self.doubling):
                self._faults["wake-up doubled"] += 1
                self._scheduler.add(Delivery(self, self._scheduler, server, wakeup))

    def hears(self, server: Server, key: AnchorKey) -> bool:
        """True when *server* listens to *key*."""
        return server in self._listeners.get(key, ())


class Delivery(Lane):
    """One wake-up on its way to one server."""

    def __init__(self, bus: Bus, scheduler: Scheduler, server: Server, wakeup: Wakeup) -> None:
        self.name = f"wake-up {wakeup.previous}-{wakeup.seq} to {server.name}"
        self._bus, self._scheduler = bus, scheduler
        self._server, self._wakeup = server, wakeup

    def step(self) -> None:
        """Hand it over."""
        self._scheduler.drop(self)
        if self._bus.hears(self._server, self._wakeup.key):
            self._server.loop.call_soon(self._server.deliver, self._wakeup)
