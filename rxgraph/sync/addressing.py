"""From a channel class and whatever names an anchor to the key of its live state."""

from __future__ import annotations

from typing import Any

from django.db import models

from rxgraph.cache.rows.families import family
from rxgraph.cache.rows.keys import normal_id
from rxgraph.compile.channel import CompiledChannel, compile_channel
from rxgraph.compile.state_tree import label_of
from rxgraph.declare.channel import ContextChannel
from rxgraph.types import FOREST, AnchorKey


def compiled_for(channel: type[ContextChannel], method: str) -> CompiledChannel:
    """Return *channel* compiled, for a class *method* that needs live state.

    Raises:
        ValueError: the channel is abstract.
    """
    if channel.options.abstract:
        raise ValueError(
            f"{channel.__name__}.{method}: {channel.__name__} is abstract and shows nothing;"
            " call it on a channel that is served"
        )
    return compile_channel(channel)


def key_of(compiled: CompiledChannel, anchor_id: str) -> AnchorKey:
    """Return where an anchor is shown: all anchors of a list channel have one key."""
    return AnchorKey(compiled.name, FOREST if compiled.tree.many else anchor_id)


def anchor_id_of(compiled: CompiledChannel, anchor: Any) -> str:
    """Return the normalised id of *anchor*: a root instance, or its primary key.

    Raises:
        ValueError: it is neither.
    """
    root = compiled.tree.root
    found = anchor.pk if isinstance(anchor, models.Model) else anchor
    is_other = isinstance(anchor, models.Model) and label_of(type(anchor)) not in family(root.model)
    is_id = not is_other and found is not None and not isinstance(found, bool)
    normal = normal_id(root.model, str(found)) if is_id else None
    if normal is None:
        raise ValueError(f"{compiled.name}: {anchor!r} is not the id of a {root.typename}")
    return normal
