"""Tell live contexts something from anywhere: a view, a task, a shell.

What ``ContextChannel.broadcast_notification``, ``broadcast_instance`` and ``revoke`` do, and
``manage.py rxgraph_broadcast``. Inside a transaction everything is told after its commit.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import models

from rxgraph.cache.rows.families import family
from rxgraph.cache.rows.keys import normal_id
from rxgraph.cache.rows.snapshot import alias_of
from rxgraph.compile.channel import compile_channel
from rxgraph.compile.state_tree import label_of
from rxgraph.declare import registry
from rxgraph.declare.channel import ContextChannel
from rxgraph.sync.addressing import anchor_id_of, compiled_for, key_of
from rxgraph.sync.engine import RETELL, get_engine
from rxgraph.sync.signals import Signal
from rxgraph.types import EVERYBODY, JSON, RowKey

NOTIFY, REVOKE, SYSTEM = "rxgraph.notify", "rxgraph.revoke", "rxgraph.system"
OPERATIONS = ("create", "update", "delete")


def notify(channel: type[ContextChannel], anchor_id: Any, data: JSON, user_id: Any = None) -> None:
    """Send *data* to every live context that shows an anchor, or to those of one user.

    Raises:
        ValueError: *anchor_id* is no id, *data* is too much, or claims to come from RxGraph.
        TypeError: *data* is nothing that JSON can hold.
    """
    compiled = compiled_for(channel, "broadcast_notification")
    anchor = anchor_id_of(compiled, anchor_id)
    refuse_reserved(data)
    body = {"anchor": anchor, "user": None if user_id is None else _user_id(user_id), "data": data}
    using = alias_of(compiled.tree.root.model)
    get_engine().signal(Signal(key_of(compiled, anchor), NOTIFY, body), using=using)


def retell(
    channel: type[ContextChannel], anchor_id: Any, instance: Any, operation: str = "update"
) -> None:
    """Let one anchor read *instance* again, and tell it whole to everybody who shows it.

    Raises:
        ValueError: *operation* is unknown, *anchor_id* is no id, or *instance* has none.
        TypeError: *instance* is nothing that the channel shows.
    """
    compiled = compiled_for(channel, "broadcast_instance")
    if operation not in OPERATIONS:
        raise ValueError(
            f"{channel.name}.broadcast_instance: operation is {operation!r};"
            f" write one of {', '.join(OPERATIONS)}"
        )
    key = key_of(compiled, anchor_id_of(compiled, anchor_id))
    layers = [
        layer
        for layer in compiled.tree.layers.values()
        if isinstance(instance, models.Model) and label_of(type(instance)) in family(layer.model)
    ]
    if not layers:
        shown = sorted({layer.model.__name__ for layer in compiled.tree.layers.values()})
        raise TypeError(
            f"{channel.name}.broadcast_instance: {instance!r} is not shown by this channel;"
            f" pass an instance of {', '.join(shown)}"
        )
    if instance.pk is None:
        raise ValueError(
            f"{channel.name}.broadcast_instance: {instance!r} has no primary key; save it first, or"
            " call this before delete()"
        )
    rows = sorted({RowKey(layer.model_label, str(instance.pk)) for layer in layers})
    body = {"rows": [list(row) for row in rows], "operation": operation}
    using = alias_of(compiled.tree.root.model)
    get_engine().signal(Signal(key, RETELL, body), using=using)


def revoke(channel: type[ContextChannel], user_id: Any, anchor_id: Any = None) -> None:
    """Ask at once whether a user may still watch *channel*, or all channels below a base class.

    *anchor_id*: only where this anchor is shown.

    Raises:
        ValueError: *anchor_id* is no id.
    """
    anchors: dict[str, str | None] = {}
    for found in registry.channels():
        if issubclass(found, channel):
            anchor = None if anchor_id is None else anchor_id_of(compile_channel(found), anchor_id)
            anchors[found.name] = anchor
    body = {"user": _user_id(user_id), "anchors": anchors}
    using = None
    if channel.options.state is not None:
        using = alias_of(compile_channel(channel).tree.root.model)
    get_engine().signal(Signal(EVERYBODY, REVOKE, body), using=using)


def announce(message: str, kind: str = "system") -> None:
    """Send a system message to every live context of every channel.

    Raises:
        ValueError: it is too much.
    """
    get_engine().signal(Signal(EVERYBODY, SYSTEM, {"kind": kind, "message": message}))


def system_message(kind: str, message: str) -> JSON:
    """Return the data of a system message: what ``source`` says tells it from others."""
    return {"source": "rxgraph", "kind": kind, "message": message}


def refuse_reserved(data: JSON) -> None:
    """Return unless *data* claims to be a system message.

    Raises:
        ValueError: it does.
    """
    if isinstance(data, dict) and data.get("source") == "rxgraph":
        raise ValueError(
            'data with "source": "rxgraph" is a system message (manage.py rxgraph_broadcast);'
            " name another source"
        )


def _user_id(user: Any) -> str:
    if isinstance(user, models.Model):
        return str(user.pk)
    return normal_id(get_user_model(), str(user)) or str(user)
