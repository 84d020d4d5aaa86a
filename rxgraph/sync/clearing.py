"""``ContextChannel.clear_cache``: from a channel and an id to an anchor that is COLD."""

from __future__ import annotations

import logging
from typing import Any

from channels.db import database_sync_to_async

from rxgraph.cache.rows.snapshot import alias_of
from rxgraph.declare.channel import ContextChannel
from rxgraph.sync.addressing import anchor_id_of, compiled_for, key_of
from rxgraph.sync.engine import get_engine
from rxgraph.sync.signals import Signal
from rxgraph.types import EVERYBODY, FOREST, AnchorKey

logger = logging.getLogger("rxgraph.sync")

CLEAR = "rxgraph.clear"
"""The signal that asks the server with the memory store to clear an anchor."""


async def clear_cache(channel: type[ContextChannel], anchor_id: Any = None) -> bool:
    """Drive an anchor from HOT to COLD; False when it was not HOT.

    Of a list channel the one cache is cleared, whatever the id. A process that serves nobody
    cannot reach into a server's memory: it leaves the request to that server, answers False, and
    logs why.

    Raises:
        ValueError: no anchor of the channel can have that id, or the channel is abstract.
        BackendError: the store does not answer, or the anchor is written to without a pause.
    """
    compiled = compiled_for(channel, "clear_cache")
    is_list = compiled.tree.many
    key = key_of(compiled, FOREST if is_list else anchor_id_of(compiled, anchor_id))
    using = alias_of(compiled.tree.root.model)
    cleared: bool = await database_sync_to_async(_clear)(key, using)
    return cleared


def _clear(key: AnchorKey, using: str) -> bool:
    engine = get_engine()
    if engine.settings.is_memory and not engine.is_serving:
        engine.signal(Signal(EVERYBODY, CLEAR, list(key)), using=using)
        logger.warning(
            "%s %s is not cleared yet: with the memory store live state is inside the server's "
            "process, which was asked to; whether it was HOT cannot be known here",
            key.channel,
            key.anchor_id,
        )
        return False
    return engine.clear(key)
