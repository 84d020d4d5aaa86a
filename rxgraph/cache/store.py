"""The durable place of live state, as procedures see it.

``Store`` is blocking and serves writers (saves, heating, sweeping, each in some thread);
``AsyncStore`` serves the event loop of a server. Both answer the very same steps, and one
conformance suite (``tests/cache/test_store_conformance.py``) holds for all implementations.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from rxgraph.cache.steps import Step
from rxgraph.types import JSON, AnchorKey

T = TypeVar("T")

#: The steps that every store answers, by name: LoadAnchor, SwapAnchor, LoadAnchors,
#: SwapAnchors, FindHolders, ReadDocuments, ReadParents, ReadSince, ReadSeveral, WriteDocuments,
#: DropGeneration, FindIdleRoots, WritePart, ReadPack, DropPack, Spend, SpendSeveral, ForgetBuckets.


class Store(Protocol):
    """Blocking; safe to use from several threads."""

    def perform(self, step: Step[T]) -> T:
        """Answer one store step.

        Raises:
            BackendError: the store did not answer in time.
        """

    def list_anchors(self) -> list[tuple[AnchorKey, Any]]:
        """Return every stored record, for status and expiry."""

    def count_phases(self) -> dict[tuple[str, str], int]:
        """Return how many records there are, by channel and phase: for metrics."""

    def load_anchors(self, keys: Iterable[AnchorKey]) -> dict[AnchorKey, Any]:
        """Return the records of several anchors in one round trip; not stored: ``Anchor()``."""

    def beat(self, session: str, until: float, told: JSON = None) -> None:
        """Say that the process *session* lives at least until *until* (Unix seconds).

        *told* is what it says of itself, for status.
        """

    def living_sessions(self, now: float) -> dict[str, JSON]:
        """Return what the processes that live say of themselves, by session."""

    def dead_sessions(self, now: float) -> frozenset[str]:
        """Return the sessions that anchors name and whose heartbeat has ended."""

    def forget_session(self, session: str) -> None:
        """Remove the heartbeat of a process that has ended."""

    def claim_roots(
        self, channel: str, roots: Iterable[str], now: float, until: float
    ) -> frozenset[str]:
        """Keep *roots* of a list channel cached until then (Unix seconds) at least.

        Answers those whose claim had run out at *now*, or that had none: they may be gone, or
        about to go, from the cache.
        """

    def forget_claims(self, before: float) -> None:
        """Remove the claims that ran out before then (Unix seconds)."""

    def close(self) -> None:
        """Give back connections and threads."""


class AsyncStore(Protocol):
    """The same store from an event loop; opened and closed by it."""

    async def perform(self, step: Step[T]) -> T:
        """Answer one store step.

        Raises:
            BackendError: the store did not answer in time.
        """

    async def load_anchors(self, keys: list[AnchorKey]) -> dict[AnchorKey, Any]:
        """Return the records of several anchors in one round trip."""

    async def close(self) -> None:
        """Give back connections."""
