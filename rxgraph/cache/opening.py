"""Open the store that the settings name.

Settings in, a store out. There is one memory store per process, however often it is opened: the
threads that save and the event loop that serves must see the same state.
"""

from __future__ import annotations

from functools import cache

from rxgraph.cache.breaker import Breaker
from rxgraph.cache.memory import AsyncMemoryStore, MemoryStore
from rxgraph.cache.store import AsyncStore, Store
from rxgraph.settings import RxGraphSettings


def open_store(settings: RxGraphSettings) -> Store:
    """Return the blocking side of the store; it connects when it is first used.

    Raises:
        ValueError: ``RXGRAPH["STORE"]`` is no address of a store.
    """
    if settings.is_memory:
        return _memory()
    from rxgraph.cache.mongo import MongoStore  # the driver is an optional dependency

    return MongoStore(
        settings.store,
        timeout_seconds=settings.store_timeout_seconds,
        breaker=_breaker(settings.store, settings.store_timeout_seconds),
    )


def open_async_store(settings: RxGraphSettings) -> AsyncStore:
    """Return the event loop's side of the store, for the loop that runs now.

    Raises:
        ValueError: ``RXGRAPH["STORE"]`` or ``RXGRAPH["MONGO_DRIVER"]`` is wrong.
    """
    if settings.is_memory:
        return AsyncMemoryStore(_memory())
    from rxgraph.cache.mongo import AsyncMongoStore  # the driver is an optional dependency

    return AsyncMongoStore(
        settings.store,
        driver=settings.mongo_driver,
        timeout_seconds=settings.store_timeout_seconds,
        breaker=_breaker(settings.store, settings.store_timeout_seconds),
    )


def reset() -> None:
    """Forget the memory store and which stores are away: the next one opened is new; for tests."""
    _memory.cache_clear()
    while _breakers:
        _breakers.pop().close()
    _breaker.cache_clear()


_breakers: list[Breaker] = []


@cache
def _memory() -> MemoryStore:
    return MemoryStore()


@cache
def _breaker(url: str, timeout_seconds: float) -> Breaker:
    """Return what stands before all requests of this process to MongoDB at *url*."""
    from rxgraph.cache.mongo import MongoStore

    prober = MongoStore(url, timeout_seconds=timeout_seconds)

    def probe() -> None:
        try:
            prober.forget_claims(0.0)  # writes, so that a primary has to be there; finds nothing
        finally:
            prober.close()

    breaker = Breaker("MongoDB", probe)
    _breakers.append(breaker)
    return breaker
