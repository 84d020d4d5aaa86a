"""The replica of a list channel: one anchor with the roots that this process shows.

Roots are held by counting; a root is *settled* when the store has answered for it in the current
generation: it is in the state if it exists. Every held root is claimed in the store from time to
time, so that no other process drops it; what nobody claims is dropped by whoever notices.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Collection

from rxgraph.cache.reading import Reading
from rxgraph.compile.state_tree import StateTree
from rxgraph.delta import apply
from rxgraph.errors import BackendError
from rxgraph.serve.hub import Hub
from rxgraph.serve.replica import PATIENCE_SECONDS, Replica
from rxgraph.sync.engine import claim_seconds
from rxgraph.sync.forest import Place
from rxgraph.types import AnchorKey, InstanceKey

_LOOK_SECONDS = 0.5  # how long a wake-up may take before the store is read


class Forest(Replica):
    """The state of a list channel in this process."""

    def __init__(self, hub: Hub, key: AnchorKey, tree: StateTree) -> None:
        self._held: Counter[str] = Counter()
        self._settled: set[str] = set()
        self._coming: list[tuple[Place, frozenset[str]]] = []
        self._moved = asyncio.Event()
        self._claim_at = time.monotonic() + claim_seconds(key.channel)
        super().__init__(hub, key, tree)

    def require_root(self) -> None:
        """Return: a list may be empty."""

    def hold(self, roots: Collection[str]) -> None:
        """Hold *roots*."""
        self._held.update(roots)

    async def arrival(self, roots: Collection[str]) -> None:
        """Return when those of *roots*, which are held, that exist are in the state.

        Raises:
            BackendError: the store or the database does not answer.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while missing := frozenset(roots) - self._settled:
            if time.monotonic() > deadline:
                raise BackendError(f"{self.key} did not get {len(missing)} roots in time")
            coming = frozenset().union(*(ids for _, ids in self._coming))
            if unasked := missing - coming:
                await self._ask_for(unasked)
                continue
            await self._move_on()

    def let_go(self, roots: Collection[str]) -> None:
        """Hold *roots* no longer."""
        for root in roots:
            self._held[root] -= 1
            if self._held[root] <= 0:
                del self._held[root]
                self._settled.discard(root)

    async def claim(self) -> None:
        """Say that the held roots are still shown, and drop those that nobody shows."""
        if time.monotonic() < self._claim_at:
            return
        self._claim_at = time.monotonic() + claim_seconds(self.key.channel)
        lost = await self._hub.backend.claim_roots(self.key, list(self._held))
        if lost:  # this process was silent for too long
            await self._ask_for(lost)
        others = [key.id for key in self.state if self._is_others(key)]
        if others:
            await self._hub.backend.drop_idle_roots(self.key, others)

    def _is_others(self, key: InstanceKey) -> bool:
        return key.typename == self.root.typename and key.id not in self._held

    # -- getting roots

    async def _ask_for(self, roots: frozenset[str]) -> None:
        """Claim *roots*, and have brought in what may not be there."""
        generation = self.generation
        unclaimed = await self._hub.backend.claim_roots(self.key, roots)
        if generation != self.generation:
            return
        missing = frozenset(root for root in roots if root in unclaimed or not self._has(root))
        self._settled |= {root for root in roots - missing if root in self._held}
        if not missing:
            return
        place = await self._hub.backend.bring_roots(self.key, missing)
        if place is None or place.generation != self.generation:
            self._stirred.set()  # another life of the cache: it will ask for what is held
            await self._move_on()
            return
        self._coming.append((place, missing))
        self._settle()

    def _has(self, root: str) -> bool:
        return InstanceKey(self.root.typename, root) in self.state

    def _settle(self) -> None:
        """Take note of where the replica stands now."""
        waiting = []
        for place, roots in self._coming:
            if place.generation != self.generation:
                continue  # asked for again when the other generation was read
            if place.seq <= self.position:
                self._settled |= {root for root in roots if root in self._held}
            else:
                waiting.append((place, roots))
        self._coming = waiting
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def _move_on(self) -> None:
        """Wait for a move; look at the store when none comes."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._moved.wait()
                return
        self._stirred.set()

    # -- another generation holds nothing yet

    async def _fill(self) -> None:
        """Read the whole state, and have everything in it that is held."""
        while True:
            await super()._fill()
            self._settled.clear()
            held = frozenset(self._held)
            if not held:
                return
            unclaimed = await self._hub.backend.claim_roots(self.key, held)
            missing = [root for root in held if root in unclaimed or not self._has(root)]
            place = await self._hub.backend.bring_roots(self.key, missing) if missing else None
            if missing and place is None:
                continue
            if place is None or await self._read_up_to(place):
                self._settled = {root for root in held if root in self._held}
                return

    async def _read_up_to(self, place: Place) -> bool:
        """Read until the state stands at *place*; False: the generation has gone."""
        while place.generation == self.generation:
            if place.seq <= self.position:
                return True
            reading = await self._read(self.generation, self.position)
            if not isinstance(reading, Reading):
                return False
            if reading.anchor.done > self.position:
                self._weigh(reading.documents)
                self.state = apply(self.state, reading.documents)
                dead = {k: d for k, d in reading.documents.items() if not d.is_live}
                self.tombstones = {**self.tombstones, **dead}
                self.position, self.at = reading.anchor.done, reading.anchor.done_at
            elif not await self._hub.backend.rescue(self.key):
                await asyncio.sleep(0.01)
        return False


def new_replica(hub: Hub, key: AnchorKey, tree: StateTree) -> Replica:
    """Return the replica that fits the channel of *tree*."""
    make: Callable[[Hub, AnchorKey, StateTree], Replica] = Forest if tree.many else Replica
    return make(hub, key, tree)
