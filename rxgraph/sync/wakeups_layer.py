"""Wake-ups and signals over Channels' channel layer, one group per key.

``RedisPubSubChannelLayer`` is what production should use; ``RedisChannelLayer`` works too. In
``hosts``, give the latter a ``socket_timeout`` above its 5 seconds of blocking reads
(``{"address": "redis://…", "socket_timeout": 15}``): from redis-py 8 on the default is 5 seconds
as well, and every quiet moment would look like an outage. Pub/sub reads bring their own timeout.

Rule: a save never waits for Redis. A publisher is one background thread with one event loop and
one connection per process; what cannot be sent is dropped and counted, since whoever needs it
polls; signals that are lost are logged, once per outage. A listener trusts a subscription only
when a message of its own came back through it.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Collection, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

from channels.layers import get_channel_layer

from rxgraph import tracing
from rxgraph.cache.steps import Wakeup, chunks
from rxgraph.outage import Outage
from rxgraph.sync.signals import Signal, decode_signal, encode_signal
from rxgraph.sync.wakeup_codec import (
    decode_wakeup,
    encode_extras,
    encode_wakeup,
    group_name,
    with_extras,
)
from rxgraph.types import AnchorKey

logger = logging.getLogger("rxgraph.wakeups")

SEND_SECONDS = 5.0
PROBE_SECONDS = 0.25
_RENEWED_AT_ONCE = 100


# -- publishing


class ChannelLayerBus:
    """Publishes from any thread through one background thread per process."""

    def __init__(
        self,
        *,
        namespace: str,
        layer: Callable[[], Any] = get_channel_layer,
        queue_limit: int = 10_000,
    ) -> None:
        """Prepare; the thread starts with the first wake-up.

        Beyond *queue_limit* wake-ups that wait, the oldest are dropped.
        """
        self._namespace, self._layer, self._queue_limit = namespace, layer, queue_limit
        self._publishers: dict[int, _Publisher] = {}

    @property
    def dropped(self) -> int:
        """How many wake-ups of this process were never sent."""
        publisher = self._publishers.get(os.getpid())
        return publisher.dropped + publisher.outage.failures if publisher else 0

    @property
    def waiting(self) -> int:
        """How many wait to be sent."""
        publisher = self._publishers.get(os.getpid())
        return publisher.waiting if publisher else 0

    def publish(self, told: Wakeup | Signal) -> None:
        """Tell every process that joined the key."""
        try:
            # The second try is for a publisher that another thread closes at this moment.
            if not self._publisher().put(told) and not self._publisher().put(told):
                logger.warning("a %s could not be queued", _name(told))
        except Exception:
            logger.exception("a %s could not be queued", _name(told))

    def close(self, timeout_seconds: float = 2.0) -> bool:
        """Send what is waiting, for at most *timeout_seconds*, and end the thread.

        False: something that was published could not be sent.
        """
        publisher = self._publishers.pop(os.getpid(), None)
        if publisher is None:
            return True
        atexit.unregister(self.close)
        return publisher.close(timeout_seconds)

    def _publisher(self) -> _Publisher:
        # By process, for a thread does not survive a fork; without a lock, for it may have been
        # held at that moment.
        process = os.getpid()
        publisher = self._publishers.get(process)
        if publisher is None or publisher.is_closed:
            if publisher is not None:
                self._publishers.pop(process, None)
            created = _Publisher(self._namespace, self._layer, self._queue_limit)
            publisher = self._publishers.setdefault(process, created)
            if publisher is created:
                created.start()
                atexit.register(self.close)
        return publisher


class _Publisher:
    """A queue, and the thread that empties it."""

    def __init__(self, namespace: str, layer: Callable[[], Any], limit: int) -> None:
        self._namespace, self._layer, self._limit = namespace, layer, limit
        self._queue: deque[Wakeup | Signal] = deque()
        self._lock = threading.Lock()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="rxgraph-wakeups", daemon=True)
        self._is_losing = False
        self.dropped = 0
        self.outage = Outage("publishing wake-ups: the channel layer", logger=logger)

    @property
    def is_closed(self) -> bool:
        return self._closed

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def start(self) -> None:
        self._thread.start()

    def put(self, told: Wakeup | Signal) -> bool:
        """Queue *told*; False: this publisher is closed."""
        with self._lock:
            if self._closed:
                return False
            if len(self._queue) >= self._limit:
                self._lost(self._queue.popleft(), "too much waits to be sent")
                self.dropped += 1
            self._queue.append(told)
            if len(self._queue) == 1 and self._loop is not None:
                self._loop.call_soon_threadsafe(self._wake.set)
        return True

    def close(self, timeout_seconds: float) -> bool:
        with self._lock:
            self._closed = True
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._wake.set)
        self._thread.join(timeout_seconds)
        is_lost = self._queue or self.dropped or self.outage.failures
        return not self._thread.is_alive() and not is_lost

    def _run(self) -> None:
        loop = asyncio.new_event_loop()
        try:
            with self._lock:
                self._loop = loop
                self._wake.set()
            loop.run_until_complete(self._drain(self._layer()))
        except Exception:
            logger.exception("the thread that publishes wake-ups has ended")
        finally:
            with self._lock:
                self._closed, self._loop = True, None
            with suppress(Exception):
                loop.close()  # gives the layer's connections back

    async def _drain(self, layer: Any) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while (told := self._next()) is not None:
                await self._send(layer, told)
            if self._closed:
                return

    def _next(self) -> Wakeup | Signal | None:
        with self._lock:
            return self._queue.popleft() if self._queue else None

    def _lost(self, told: Wakeup | Signal, reason: str) -> None:
        if isinstance(told, Signal) and not self._is_losing:
            self._is_losing = True  # once per outage
            what = f"the signal {told.kind} to {told.key.channel} {told.key.anchor_id}".rstrip()
            logger.error("%s was lost, and more may be until this is over: %s", what, reason)

    async def _send(self, layer: Any, told: Wakeup | Signal) -> None:
        try:
            group = group_name(self._namespace, told.key)
            message = {"type": f"rxgraph.{_name(told)}", "text": _encode(told)}
            if isinstance(told, Wakeup):
                message |= encode_extras(told)
            async with asyncio.timeout(SEND_SECONDS):
                try:
                    await layer.group_send(group, message)
                except Exception:  # noqa: BLE001 - the connection was idle, perhaps stale
                    await layer.group_send(group, message)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a hint that got lost
            pause_seconds = self.outage.failed(error)
            self._lost(told, f"{type(error).__name__}: {error}")
            if not self._closed:
                await asyncio.sleep(pause_seconds)
        else:
            self.outage.over()
            if not self._queue:
                self._is_losing = False


def _name(told: Wakeup | Signal) -> str:
    return "signal" if isinstance(told, Signal) else "wakeup"


def _encode(told: Wakeup | Signal) -> str:
    return encode_signal(told) if isinstance(told, Signal) else encode_wakeup(told)


# -- listening


@dataclass
class _Membership:
    """One group: confirmed once a probe came back through it."""

    key: AnchorKey
    confirmed: asyncio.Event = field(default_factory=asyncio.Event)


class ChannelLayerListener:
    """One channel for a whole event loop, member of a group per anchor."""

    def __init__(
        self,
        *,
        namespace: str,
        layer: Callable[[], Any] = get_channel_layer,
        confirm_seconds: float = 2.0,
        refresh_seconds: float = 300.0,
    ) -> None:
        """Prepare.

        ``join`` gives up waiting after *confirm_seconds*; memberships are renewed every
        *refresh_seconds*, since ``RedisChannelLayer`` lets them expire.
        """
        self._namespace, self._get_layer = namespace, layer
        self._confirm_seconds, self._refresh_seconds = confirm_seconds, refresh_seconds
        self._me = uuid4().hex
        self._members: dict[str, _Membership] = {}
        #: By number: the memberships that a probe vouches for.
        self._probes: dict[int, list[_Membership]] = {}
        self._numbers = count()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._layer: Any = None
        self._channel: str | None = None
        self._opened = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False
        self._outage = Outage("listening for wake-ups: the channel layer", logger=logger)

    async def start(self, deliver: Callable[[Wakeup | Signal], None]) -> None:
        """Begin to call *deliver* on this event loop; Redis need not be there yet."""
        self._layer, self._closing = self._get_layer(), False
        self._tasks = [
            asyncio.create_task(self._receive(deliver), name="rxgraph wake-ups"),
            asyncio.create_task(self._renew(), name="rxgraph memberships"),
        ]

    async def join(self, key: AnchorKey) -> None:
        """Get the wake-ups of an anchor: of every one that is published after this returns."""
        await self.join_all([key])

    async def join_all(self, keys: Collection[AnchorKey]) -> None:
        """Join several anchors; where the layer keeps an order, one probe is enough for all."""
        named = {group_name(self._namespace, key): key for key in keys}
        joining = {g: self._members.setdefault(g, _Membership(key)) for g, key in named.items()}
        if self._outage.is_on:
            return  # polling finds what is published meanwhile; they are joined afterwards
        with suppress(TimeoutError):
            async with asyncio.timeout(self._confirm_seconds):
                while joining := _unconfirmed(joining):
                    await self._attempt(joining)

    async def leave(self, key: AnchorKey) -> None:
        """Get no more of them."""
        group = group_name(self._namespace, key)
        member = self._members.pop(group, None)
        if member is not None:
            member.confirmed.set()  # nobody has to wait any longer
            await self._discard(group)

    async def close(self) -> None:
        """Leave everything and end the tasks."""
        self._closing = True
        for member in self._members.values():
            member.confirmed.set()
        groups = list(self._members)
        self._members.clear()
        self._probes.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._confirm_seconds):
                for group in groups:
                    await self._discard(group)
        running, self._tasks = set(self._tasks), []
        for _ in range(50):  # again, where a layer in between has swallowed it
            if not running:
                break
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=0.1)

    async def _attempt(self, joining: Mapping[str, _Membership]) -> None:
        """Add the channel to the groups *joining*, probe them, and wait for that a little."""
        await self._opened.wait()
        try:
            lanes = await self._subscribe(joining)
            self._forget_probes()
            for group, members in lanes.items():
                # Redis may see the probe, on another connection, before the subscription.
                number = next(self._numbers)
                self._probes[number] = members
                probe = {"type": "rxgraph.probe", "number": number, "from": self._me}
                await self._layer.group_send(group, probe)
        except Exception as error:  # noqa: BLE001 - an outage; the caller tries again
            await asyncio.sleep(self._outage.failed(error))
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(PROBE_SECONDS):
                for members in lanes.values():
                    for member in members:
                        await member.confirmed.wait()

    def _forget_probes(self) -> None:
        """Forget probes that got lost, or that nobody waits for any more."""
        for number, members in list(self._probes.items()):
            if all(member.confirmed.is_set() for member in members):
                del self._probes[number]

    async def _subscribe(self, joining: Mapping[str, _Membership]) -> dict[str, list[_Membership]]:
        """Add the channel to groups; answer which of them vouch for whom."""
        lanes: dict[Hashable, tuple[str, list[_Membership]]] = {}
        for group, member in joining.items():
            async with self._lock(group):
                if self._members.get(group) is not member:
                    continue
                await self._layer.group_add(group, self._channel)
            lane = _lane(self._layer, group)
            _, before = lanes.get(lane, ("", []))
            lanes[lane] = group, [*before, member]
        return dict(lanes.values())

    async def _discard(self, group: str) -> None:
        if self._channel is None:
            return
        try:
            async with self._lock(group), asyncio.timeout(self._confirm_seconds):
                if group not in self._members:
                    await self._layer.group_discard(group, self._channel)
        except Exception as error:  # noqa: BLE001 - what still comes is not delivered
            self._outage.failed(error)

    def _lock(self, group: str) -> asyncio.Lock:
        """Return what keeps joining and leaving one group in the order they were asked for."""
        lock = self._locks.get(group)
        if lock is None:
            lock = self._locks[group] = asyncio.Lock()
        return lock

    async def _renew(self) -> None:
        """Join again what is not confirmed, soon; everything, from time to time."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self._refresh_seconds
        while True:
            await asyncio.sleep(min(1.0, self._refresh_seconds))
            is_due = loop.time() >= due
            if is_due:
                due = loop.time() + self._refresh_seconds
            joined = dict(self._members)
            joining = joined if is_due else _unconfirmed(joined)
            for part in chunks(joining.items(), _RENEWED_AT_ONCE):
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._confirm_seconds):
                        await self._attempt(dict(part))

    async def _receive(self, deliver: Callable[[Wakeup | Signal], None]) -> None:
        # Not for ever: a layer may turn a cancellation into another error.
        while not self._closing:
            try:
                if self._channel is None:
                    self._channel = await self._layer.new_channel()
                    self._opened.set()
                message = await self._layer.receive(self._channel)
            except Exception as error:  # noqa: BLE001 - an outage; try again
                if not self._closing:
                    await asyncio.sleep(self._outage.failed(error))
                continue
            self._outage.over()
            try:
                self._accept(message, deliver)
            except Exception:
                logger.exception("a wake-up or signal could not be delivered")

    def _accept(self, message: dict[str, Any], deliver: Callable[[Wakeup | Signal], None]) -> None:
        if message["type"] == "rxgraph.probe":
            if message["from"] == self._me:
                for member in self._probes.pop(message["number"], ()):
                    member.confirmed.set()
            return
        is_signal = message["type"] == "rxgraph.signal"
        told = (decode_signal if is_signal else decode_wakeup)(message["text"])
        if told is not None and group_name(self._namespace, told.key) in self._members:
            if isinstance(told, Wakeup):
                _receive(with_extras(told, message), deliver)
            else:
                deliver(told)


def _receive(wakeup: Wakeup, deliver: Callable[[Wakeup | Signal], None]) -> None:
    """Deliver *wakeup*; what follows from it belongs to a span of its own."""
    if not (wakeup.trace and tracing.is_on()):
        deliver(wakeup)
        return
    place = {"rxgraph.channel": wakeup.key.channel, "rxgraph.position": wakeup.seq}
    with tracing.span("rxgraph.receive", place, kind="CONSUMER", parents=[wakeup.trace]):
        deliver(replace(wakeup, trace=tracing.current()))


def _unconfirmed(members: Mapping[str, _Membership]) -> dict[str, _Membership]:
    return {group: member for group, member in members.items() if not member.confirmed.is_set()}


def _lane(layer: Any, group: str) -> Hashable:
    """Return what keeps the order of groups: one that works vouches for those added before it.

    ``RedisPubSubChannelLayer`` subscribes all groups of a shard on one connection, and Redis takes
    the commands of a connection in their order. Elsewhere a group vouches for itself.
    """
    try:
        return id(layer._get_shard(layer._get_group_channel_name(group)))
    except AttributeError:
        return group
