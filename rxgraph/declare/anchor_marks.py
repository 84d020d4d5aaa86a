"""``Meta.optimize_anchors``: give the root model the column that says which anchors may be live.

Done when the channel class is made, so that ``makemigrations`` and every query know the column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist

from rxgraph.compile import naming
from rxgraph.declare.problems import Problem
from rxgraph.fields import AnchorMark

if TYPE_CHECKING:
    from rxgraph.declare.channel import ContextChannel


def mark_of(channel: type[ContextChannel]) -> str:
    """Return the name of the column that belongs to *channel*."""
    return naming.anchor_mark(channel.__module__, channel.__name__)


def add_mark(channel: type[ContextChannel]) -> list[Problem]:
    """Add the column to the table of the root model; answers why that cannot be.

    A proxy's table is that of its concrete model; in multi-table inheritance it is the model's own.
    """
    model: Any = channel.options.state.Meta.model
    model = model._meta.concrete_model or model
    name = mark_of(channel)

    def refuse(found: str, hint: str) -> list[Problem]:
        subject = f"{channel.name}.Meta.optimize_anchors"
        return [Problem("E030", subject, found, hint, channel)]

    label = model._meta.label
    if model._meta.abstract:
        return refuse(f"marks {label}, which is abstract", "name a model that has a table")
    if not model._meta.managed:
        return refuse(
            f"marks {label}, which is not managed: no migration can add the column",
            "leave optimize_anchors out",
        )
    if getattr(model._meta, "is_composite_pk", False) or len(model._meta.pk_fields) > 1:
        return refuse(f"marks {label}, whose primary key has several columns", "leave it out")
    try:
        there = model._meta.get_field(name)
    except FieldDoesNotExist:
        there = None
    if there is None:
        model.add_to_class(name, AnchorMark())
        _tell_heirs(model)
    elif not isinstance(there, AnchorMark) or there.model is not model:
        return refuse(f"needs the name {name}, which is a field of {label}", "rename that field")
    return []


def _tell_heirs(model: Any) -> None:
    """Let models that inherit the table, proxies too, forget what they know of its columns."""
    for heir in apps.get_models(include_auto_created=True):
        if heir is not model and issubclass(heir, model):
            heir._meta._expire_cache()  # type: ignore[attr-defined]
