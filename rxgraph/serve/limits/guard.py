"""What one event loop remembers of its clients, so that nobody has more than his share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from rxgraph.cache.buckets import Spent
from rxgraph.errors import BackendError
from rxgraph.serve.limits.addresses import address_of
from rxgraph.serve.limits.places import Places
from rxgraph.serve.limits.rates import Rate
from rxgraph.settings import RxGraphSettings, get_settings

logger = logging.getLogger("rxgraph.limits")


class Till(Protocol):
    """Where all processes of a project say what was spent."""

    async def spend(self, spent: Spent) -> float:
        """Take from a bucket; return what is left."""

    async def spend_several(self, spent: list[Spent]) -> None:
        """Take from several buckets."""


class Guard:
    """Connections and rates of one event loop."""

    def __init__(self, settings: RxGraphSettings, till: Till | None = None) -> None:
        self.settings = settings
        self.users, self.addresses = Places(), Places()
        self._operations = _rate(
            "operations", settings.operations_per_second, settings.operations_burst
        )
        self._documents = _rate(
            "bytes of new documents",
            settings.new_documents_per_second,
            settings.new_documents_burst,
        )
        self._mutations = _rate(
            "mutations", settings.mutations_per_second, settings.mutations_burst
        )
        self.till = till

    @property
    def till(self) -> Till | None:
        """Where other processes are told; None: there are none."""
        return self._till

    @till.setter
    def till(self, till: Till | None) -> None:
        self._till = till
        for rate in self._rates():
            rate.exchange = None if till is None else till.spend

    async def begin(self, context: object, unknown_bytes: int = 0) -> None:
        """Count one operation of whoever is behind *context*.

        *unknown_bytes*: length of the document where it has to be parsed, which is charged for.

        Raises:
            RateLimited: there were too many.
        """
        user = client_of(context, self.settings)
        if user is None:
            return
        if self._operations is not None:
            await self._operations.take(user)
        if self._documents is not None and unknown_bytes:
            await self._documents.take(user, unknown_bytes)

    async def write(self, context: object) -> None:
        """Count one mutation, or one action.

        Raises:
            RateLimited: there were too many.
        """
        if self._mutations is not None:
            user = client_of(context, self.settings)
            if user is not None:
                await self._mutations.take(user)

    async def report(self) -> None:
        """Tell the other processes what was spent here, and forget who is quiet.

        Raises:
            BackendError: the store does not answer; it is told the next time.
        """
        found = [(rate, spent) for rate in self._rates() for spent in rate.unreported()]
        if not found or self._till is None:
            return
        try:
            await self._till.spend_several([spent for _, spent in found])
        except BackendError:
            for rate, spent in found:
                rate.take_back(spent)
            raise

    def _rates(self) -> list[Rate]:
        rates = (self._operations, self._documents, self._mutations)
        return [rate for rate in rates if rate is not None]


def _rate(name: str, rate: float | None, burst: int) -> Rate | None:
    return None if rate is None else Rate(name, rate, burst)


def client_of(context: object, settings: RxGraphSettings) -> str | None:
    """Return whom a rate is counted for: the user, else the address; None: nobody is known."""
    if not isinstance(context, Mapping):
        return None
    user = getattr(context.get("identity"), "user", None)
    if user is not None and user.is_authenticated:
        return f"u{user.pk}"
    scope = scope_behind(context.get("request"))
    address = None if scope is None else address_of(scope, settings.trusted_proxies)
    return None if address is None else f"a{address}"


def scope_behind(request: Any) -> Mapping[str, Any] | None:
    """Return the ASGI scope of a connection, or of a request of Channels."""
    scope = getattr(request, "scope", None)
    if scope is None:
        scope = getattr(getattr(request, "consumer", None), "scope", None)
    return scope if isinstance(scope, Mapping) else None


_guards: WeakKeyDictionary[asyncio.AbstractEventLoop, Guard] = WeakKeyDictionary()


def guard() -> Guard:
    """Return the guard of the running event loop, by the settings as they are now."""
    loop, settings = asyncio.get_running_loop(), get_settings()
    found = _guards.get(loop)
    if found is None:
        found = _guards[loop] = Guard(settings)
    elif found.settings is not settings:  # a test overrides them
        fresh = Guard(settings, found.till)
        fresh.users, fresh.addresses = found.users, found.addresses
        found = _guards[loop] = fresh
    return found
