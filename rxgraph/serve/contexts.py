"""Which live contexts this process holds, by session, by user and by anchor.

A stream adds itself before it asks whether it may open, is placed when it knows its anchor, and is
discarded when it closes. A session's id begins with its process: ``"<process>.<random>"``.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from rxgraph.serve.auth import Identity
from rxgraph.serve.gate import require_user
from rxgraph.types import AnchorKey

if TYPE_CHECKING:
    from rxgraph.serve.stream import LiveStream

K = TypeVar("K")

_DOUBTS_KEPT = 10_000


class Contexts:
    """The live contexts of one event loop; it answers lists, for they may close meanwhile."""

    def __init__(self, process: str) -> None:
        self._process = process
        self._by_session: dict[str, LiveStream] = {}
        self._by_user: dict[str, dict[str, LiveStream]] = {}
        self._by_anchor: dict[AnchorKey, dict[str, LiveStream]] = {}
        self._keys: dict[str, AnchorKey] = {}
        self._doubts: dict[str, float] = {}
        self._ended_sessions: dict[str, None] = {}

    def new_session(self) -> str:
        """Return an id for a live context, which ``types.process_of`` can route."""
        return f"{self._process}.{uuid.uuid4().hex}"

    def add(self, stream: LiveStream) -> None:
        """Hold *stream* as one of its user's."""
        self._by_session[stream.session] = stream
        self._by_user.setdefault(stream.user_id, {})[stream.session] = stream

    def place(self, stream: LiveStream, key: AnchorKey) -> None:
        """Hold it as one that shows *key*; nothing when it has closed."""
        if stream.session in self._by_session:
            self._keys[stream.session] = key
            self._by_anchor.setdefault(key, {})[stream.session] = stream

    def discard(self, stream: LiveStream) -> None:
        """Forget *stream*; safe to call twice."""
        if self._by_session.pop(stream.session, None) is None:
            return
        _drop(self._by_user, stream.user_id, stream.session)
        key = self._keys.pop(stream.session, None)
        if key is not None:
            _drop(self._by_anchor, key, stream.session)

    def find(self, session: str) -> LiveStream | None:
        """Return the live context with this id."""
        return self._by_session.get(session)

    def of_user(self, user_id: str) -> list[LiveStream]:
        """Return the live contexts of a user, those that are opening included."""
        return list(self._by_user.get(user_id, {}).values())

    def of_anchor(self, key: AnchorKey) -> list[LiveStream]:
        """Return the live contexts that show an anchor."""
        return list(self._by_anchor.get(key, {}).values())

    def by_channel(self) -> dict[str, int]:
        """Return how many live contexts show something of each channel; from any thread."""
        found: dict[str, int] = {}
        for key, streams in list(self._by_anchor.items()):
            found[key.channel] = found.get(key.channel, 0) + len(streams)
        return found

    def doubt(self, user_id: str) -> None:
        """Note that access of a user may have ended just now: who opens next asks anew."""
        self._doubts[user_id] = time.monotonic()
        if len(self._doubts) > _DOUBTS_KEPT:
            del self._doubts[min(self._doubts, key=self._doubts.__getitem__)]

    def end_session(self, session: str) -> None:
        """Note that nothing of a session counts any more (``auth.Identity.session``)."""
        self._ended_sessions[session] = None
        if len(self._ended_sessions) > _DOUBTS_KEPT:
            del self._ended_sessions[next(iter(self._ended_sessions))]

    async def sure_user(self, identity: Identity, seconds: float) -> Any:
        """Return the user behind *identity*, asked again where that is in doubt or older.

        Raises:
            Unauthenticated: the credentials are no longer good, or nobody is signed in.
        """
        require_user(identity.user)
        if identity.session in self._ended_sessions and identity.is_of_session:
            identity.end()
        doubted_at = self._doubts.get(str(identity.user.pk))
        if doubted_at is not None:
            seconds = min(seconds, time.monotonic() - doubted_at)
        return await identity.recheck(seconds)

    def __iter__(self) -> Iterator[LiveStream]:
        """Iterate over all of them."""
        return iter(list(self._by_session.values()))

    def __len__(self) -> int:
        return len(self._by_session)


def _drop(index: dict[K, dict[str, LiveStream]], key: K, session: str) -> None:
    found = index.get(key, {})
    found.pop(session, None)
    if not found:
        index.pop(key, None)
