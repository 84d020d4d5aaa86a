"""Tell the processes that show an anchor that a batch of it is finished, and send them signals.

A wake-up is a hint: it may get lost or come late, and whoever shows an anchor looks at its numbers
from time to time anyway. So publishing never blocks on a network and never raises; it comes from
whatever thread has just saved something. Signals (``rxgraph.sync.signals``) take the same way.

Inside one process delivery is direct. Between processes it goes over Channels' channel layer
(``rxgraph.sync.wakeups_layer``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from functools import cache
from threading import Lock
from typing import Protocol
from urllib.parse import unquote, urlsplit

from channels.layers import InMemoryChannelLayer, get_channel_layer

from rxgraph.cache.steps import Wakeup
from rxgraph.settings import RxGraphSettings
from rxgraph.sync.signals import Signal
from rxgraph.sync.wakeups_layer import ChannelLayerBus, ChannelLayerListener
from rxgraph.types import AnchorKey

Told = Wakeup | Signal
Deliver = Callable[[Told], None]


class Bus(Protocol):
    """Where wake-ups and signals are handed in."""

    def publish(self, told: Told) -> None:
        """Tell every process that joined the key; from any thread, at once, without errors."""

    def close(self, timeout_seconds: float = 2.0) -> bool:
        """Send what is waiting, for at most *timeout_seconds*; a later publish opens it again.

        False: something that was published could not be sent.
        """


class Listener(Protocol):
    """Where one event loop gets the wake-ups and signals of the keys it joined."""

    async def start(self, deliver: Deliver) -> None:
        """Begin to call *deliver* on this event loop."""

    async def join(self, key: AnchorKey) -> None:
        """Get the wake-ups of an anchor: of every one that is published after this returns.

        When the network is down it returns after a while and goes on trying. Who joins leaves,
        even if joining was cancelled.
        """

    async def join_all(self, keys: Collection[AnchorKey]) -> None:
        """Join several at once: as soon as one of them alone, if it goes well."""

    async def leave(self, key: AnchorKey) -> None:
        """Get no more of them."""

    async def close(self) -> None:
        """Leave everything and end the tasks of this listener."""


class LocalBus:
    """Delivers inside this process: in order, without loss, and through no network."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._listeners: dict[AnchorKey, set[LocalListener]] = {}

    def publish(self, told: Told) -> None:
        """Hand *told* to the event loop of every listener that joined its key."""
        # Under the lock: two threads that publish one after the other stay in this order.
        with self._lock:
            for listener in list(self._listeners.get(told.key, ())):
                if not listener.hand_over(told):
                    self._remove(told.key, listener)

    def close(self, timeout_seconds: float = 2.0) -> bool:
        """Do nothing: there is nothing that waits."""
        return True

    def add(self, key: AnchorKey, listener: LocalListener) -> None:
        """Let *listener* get the wake-ups of an anchor."""
        with self._lock:
            self._listeners.setdefault(key, set()).add(listener)

    def discard(self, key: AnchorKey, listener: LocalListener) -> None:
        """Let it get no more of them."""
        with self._lock:
            self._remove(key, listener)

    def _remove(self, key: AnchorKey, listener: LocalListener) -> None:
        listeners = self._listeners.get(key, set())
        listeners.discard(listener)
        if not listeners:
            self._listeners.pop(key, None)


class LocalListener:
    """The event loop's side of a ``LocalBus``."""

    def __init__(self, bus: LocalBus) -> None:
        self._bus = bus
        self._joined: set[AnchorKey] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._deliver: Deliver | None = None

    async def start(self, deliver: Deliver) -> None:
        """Begin to call *deliver* on this event loop."""
        self._loop, self._deliver = asyncio.get_running_loop(), deliver

    async def join(self, key: AnchorKey) -> None:
        """Get the wake-ups of an anchor."""
        self._joined.add(key)
        self._bus.add(key, self)

    async def join_all(self, keys: Collection[AnchorKey]) -> None:
        """Join several."""
        for key in keys:
            await self.join(key)

    async def leave(self, key: AnchorKey) -> None:
        """Get no more of them."""
        self._joined.discard(key)
        self._bus.discard(key, self)

    async def close(self) -> None:
        """Leave everything."""
        self._deliver = None
        for key in list(self._joined):
            await self.leave(key)

    def hand_over(self, told: Told) -> bool:
        """Pass *told* to the event loop, from any thread; False: that loop has ended."""
        if self._loop is None:
            return True
        try:
            self._loop.call_soon_threadsafe(self._receive, told)
        except RuntimeError:  # the event loop is closed
            return False
        return True

    def _receive(self, told: Told) -> None:
        if self._deliver is not None and told.key in self._joined:
            self._deliver(told)


def open_bus(settings: RxGraphSettings) -> Bus:
    """Return this process's bus: the same one however often it is asked for.

    With the memory store, or with no channel layer that reaches other processes, it is local.
    """
    return _local() if _is_local(settings) else _layer_bus(namespace(settings))


def open_listener(settings: RxGraphSettings) -> Listener:
    """Return a new listener for the event loop that will start it."""
    return (
        LocalListener(_local())
        if _is_local(settings)
        else ChannelLayerListener(namespace=namespace(settings))
    )


def namespace(settings: RxGraphSettings) -> str:
    """Return what keeps this deployment's groups apart in a shared Redis: its database's name.

    The rest of the address may differ from machine to machine.
    """
    return unquote(urlsplit(settings.store).path.strip("/")) or "rxgraph"


def _is_local(settings: RxGraphSettings) -> bool:
    return settings.is_memory or isinstance(get_channel_layer(), InMemoryChannelLayer | None)


@cache
def _local() -> LocalBus:
    return LocalBus()


@cache
def _layer_bus(name: str) -> ChannelLayerBus:
    return ChannelLayerBus(namespace=name)
