"""``ContextChannel.clear_cache``: from a channel and an id to an anchor that is COLD."""

from __future__ import annotations

import logging
from typing import Any

from channels.db import database_sync_to_async

from rxgraph.cache.rows import normal_id
from rxgraph.compile.channel import compile_channel
from rxgraph.declare.channel import ContextChannel
from rxgraph.sync.engine import get_engine
from rxgraph.types import AnchorKey

logger = logging.getLogger("rxgraph.sync")


def anchor_key(channel: type[ContextChannel], anchor_id: Any) -> AnchorKey:
    """Return the key of the live state that shows the root *anchor_id*.

    A list channel has one state for all its roots, whatever the id.

    Raises:
        ValueError: the channel is abstract, or no row of its model can have that id.
        DeclarationError: the channel cannot be compiled.
    """
    if channel.options.abstract:
        raise ValueError(f"{channel.name} is abstract and has no live state; name a channel of it")
    tree = compile_channel(channel).tree
    if tree.many:
        return AnchorKey(channel.name, "")
    found = None if anchor_id is None else normal_id(tree.root.model, str(anchor_id))
    if found is None:
        raise ValueError(
            f"{channel.name} has no anchor {anchor_id!r}: "
            f"that is no primary key of {tree.root.model._meta.label}; give the id of a row"
        )
    return AnchorKey(channel.name, found)


async def clear_cache(channel: type[ContextChannel], anchor_id: Any) -> bool:
    """Drive an anchor from HOT to COLD; False when it was not HOT.

    Raises:
        ValueError: no anchor of the channel can have that id.
        BackendError: the store does not answer, or the anchor is written to without a pause.
    """
    key = anchor_key(channel, anchor_id)
    cleared: bool = await database_sync_to_async(_clear)(key)
    return cleared


def _clear(key: AnchorKey) -> bool:
    engine = get_engine()
    if engine.settings.is_memory and not engine.is_serving:
        logger.warning(
            "%s %s was not cleared: with the memory store live state is inside the server's "
            "process; call clear_cache there, or set RXGRAPH['STORE'] to a MongoDB",
            key.channel,
            key.anchor_id,
        )
        return False
    return engine.clear(key)
