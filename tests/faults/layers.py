"""A channel layer that can be full: what comes then is lost, without a word to its sender."""

from __future__ import annotations

import time
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer

_full_until = 0.0
_lost = 0


def fill(seconds: float) -> None:
    """Let this process lose what it is sent, for *seconds*."""
    global _full_until
    _full_until = time.monotonic() + seconds


class FillableLayer(RedisPubSubChannelLayer):  # type: ignore[misc] # it has no types
    """The layer of production, but for what is lost."""

    async def receive(self, channel: str) -> Any:
        """Return the next message that there was room for."""
        while True:
            message = await self._get_layer().receive(channel)
            if time.monotonic() >= _full_until:
                return message
