"""``ContextChannel.serialize_instance``: one row as a layer of the state renders it."""

from __future__ import annotations

import copy
from typing import Any, NoReturn

from channels.db import database_sync_to_async
from django.db import models

from rxgraph.cache.rows.families import family
from rxgraph.cache.rows.plan import plan_of
from rxgraph.cache.rows.reading import render_instances
from rxgraph.compile.channel import compile_channel
from rxgraph.compile.state_tree import Layer, StateTree, label_of
from rxgraph.declare.channel import ContextChannel
from rxgraph.types import JSON, InstanceKey


async def serialize_instance(
    channel: type[ContextChannel], instance: Any, typename: str | None = None
) -> dict[str, JSON]:
    """Return *instance* as documents of *channel* hold it; see ``ContextChannel``."""
    tree = compile_channel(channel).tree
    layer = layer_for(channel.name, tree, instance, typename)
    data: dict[str, JSON] = await database_sync_to_async(_render)(tree, layer, instance)
    return data


def layer_for(channel: str, tree: StateTree, instance: Any, typename: str | None = None) -> Layer:
    """Return the layer that renders *instance*: the one named *typename*, else the first.

    Raises:
        ValueError: there is none, or *instance* is not saved.
    """
    if not isinstance(instance, models.Model):
        raise ValueError(f"{instance!r} is no model instance; {channel} renders saved rows")
    layers = [
        layer for layer in tree.layers.values() if label_of(type(instance)) in family(layer.model)
    ]
    label = type(instance)._meta.label
    if not layers:
        known = ", ".join(sorted({layer.model._meta.label for layer in tree.layers.values()}))
        raise ValueError(f"{label} is not part of the state of {channel}, which has {known}")
    if instance.pk is None:
        raise ValueError(f"the {label} is not saved and has no id yet; save it first")
    found = [layer for layer in layers if typename in (None, layer.typename)]
    if not found:
        names = ", ".join(layer.typename for layer in layers)
        raise ValueError(f"{channel} renders {label} as {names}, not as {typename}")
    return found[0]


def _render(tree: StateTree, layer: Layer, instance: models.Model) -> dict[str, JSON]:
    if not isinstance(instance, layer.model):
        # The other end of multi-table inheritance: the row of the layer's own model.
        instance = layer.model._base_manager.get(pk=instance.pk)
    instance = copy.copy(instance)  # rendering leaves notes on it
    rows = render_instances(plan_of(tree)[layer.typename], {instance.pk: instance}, _refuse)
    return dict(rows[0].data)


def _refuse(key: InstanceKey, error: Exception) -> NoReturn:
    raise ValueError(
        f"{key.typename} {key.id} cannot be rendered: {type(error).__name__}: {error}"
    ) from error
