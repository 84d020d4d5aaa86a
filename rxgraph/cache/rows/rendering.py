"""Render model instances as rows, by DRF's own rules.

In: instances that know the ids of their relations. Out: rows with JSON-ready data. A row that
cannot be rendered, or that does not fit its declared type, is reported once and left out.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connections, models
from django.utils import timezone, translation
from rest_framework import serializers

from rxgraph.cache.rows.cells import field_cell
from rxgraph.cache.rows.plan import LayerPlan, Link, ids_of
from rxgraph.cache.rows.values import FaultyValue, to_json
from rxgraph.cache.steps import Row
from rxgraph.types import InstanceKey

logger = logging.getLogger("rxgraph.rows")

#: Link, value of its parent column → id of the parent; only for ``to_field`` columns.
ParentIds = dict[Link, dict[Any, str]]
Report = Callable[[InstanceKey, Exception], None]


@contextmanager
def pinned() -> Iterator[None]:
    """Render in UTC and the site's language, whoever asks."""
    with timezone.override("UTC"), translation.override(settings.LANGUAGE_CODE):
        yield


def render_rows(
    plan: LayerPlan,
    instances: Sequence[models.Model],
    parent_ids: ParentIds,
    report: Report,
    using: str,
) -> list[Row]:
    """Return the rows of *instances*, whose relations were noted by ``ids_of``.

    This is the one place where values are made: a faster way for standard fields belongs here.
    """
    if not instances:
        return []
    render = _renderer(plan)
    rows: list[Row] = []
    with _guard(plan, using) as recover:
        for instance in instances:
            key = InstanceKey(plan.layer.typename, str(instance.pk))
            try:
                data = render(instance)
                if data.get("id") != key.id:
                    data["id"] = key.id
                rows.append(_row(plan, key, instance, data, parent_ids))
            except Exception as error:  # noqa: BLE001 - code of the project
                recover(error)
                report(key, error)
    return rows


def _fresh(plan: LayerPlan) -> serializers.ModelSerializer[Any]:
    """Return a serializer of its own for code of the project, which may keep things on it."""
    if not plan.is_custom:
        return plan.flat
    fresh: serializers.ModelSerializer[Any] = copy.copy(plan.flat)
    fields = copy.copy(plan.flat.fields)
    fields.serializer = fresh
    fields.fields = {}
    for name, field in plan.flat.fields.items():
        clone = copy.copy(field)
        clone.parent = fresh
        fields.fields[name] = clone
    fresh.__dict__["fields"] = fields
    return fresh


@contextmanager
def _guard(plan: LayerPlan, using: str) -> Iterator[Callable[[Exception], None]]:
    """Keep the snapshot usable when code of the project runs SQL that fails."""
    connection = connections[using]
    if not plan.is_custom or connection.vendor != "postgresql" or not connection.in_atomic_block:
        yield lambda error: None
        return
    savepoint: Any = connection.savepoint()

    def recover(error: Exception) -> None:
        if isinstance(error, DatabaseError):
            connection.savepoint_rollback(savepoint)

    yield recover
    connection.savepoint_commit(savepoint)


def _renderer(plan: LayerPlan) -> Callable[[models.Model], dict[str, Any]]:
    """Return the function from an instance to its data, for one batch."""
    serializer = _fresh(plan)
    if plan.is_regular:
        function, asked = (
            plan.data,
            tuple(
                field_cell(serializer.fields[name], fitting)
                for name, cell, fitting in plan.cells
                if cell is None
            ),
        )
        return lambda instance: function(instance, asked)

    def render(instance: models.Model) -> dict[str, Any]:
        rendered = serializer.to_representation(instance)
        data = {name: to_json(value) for name, value in rendered.items() if name not in known}
        for name, fitting in plan.fits:
            data[name] = fitting(rendered.get(name))
        for link in plan.outgoing:
            data[link.name] = _ids(link, rendered.get(link.name))
        return data

    known = {name for name, _ in plan.fits} | {link.name for link in plan.outgoing}
    return render


def _ids(link: Link, value: Any) -> Any:
    if link.relation.many:
        if value is None:
            return []
        if isinstance(value, list) and all(type(item) is str for item in value):
            return value
    elif value is None or type(value) is str:
        return value
    raise FaultyValue(
        f"{link.name}: found {value!r}; to_representation sees ids in place of nested instances"
    )


def _row(
    plan: LayerPlan,
    key: InstanceKey,
    instance: models.Model,
    data: dict[str, Any],
    parent_ids: ParentIds,
) -> Row:
    links: list[InstanceKey] = []
    for link in plan.outgoing:
        ids = data[link.name]
        if ids:
            target = link.relation.target
            links += (InstanceKey(target, id_) for id_ in (ids if link.relation.many else (ids,)))
    owner = getattr(instance, plan.layer.user_key) if plan.layer.user_key else None
    return Row(
        key,
        data,
        tuple(links),
        owner=None if owner is None else str(owner),
        parents=tuple(_parents(plan, instance, parent_ids)),
    )


def _parents(
    plan: LayerPlan, instance: models.Model, parent_ids: ParentIds
) -> Iterable[InstanceKey]:
    for link in plan.named_parents:
        if is_hidden(instance) and not link.shows_all:
            continue  # the default manager keeps it out of the parent's list
        value = getattr(instance, link.child_attname)
        if value is None:
            continue
        if link.names_parent_pk:
            yield InstanceKey(link.parent.typename, str(value))
        elif (found := parent_ids.get(link, {}).get(value)) is not None:
            yield InstanceKey(link.parent.typename, found)


def is_hidden(instance: models.Model) -> bool:
    """True when the default manager does not show *instance*."""
    return "_rxgraph_hidden" in instance.__dict__


def hide(instance: models.Model) -> None:
    """Note that only the base manager found *instance*."""
    instance.__dict__["_rxgraph_hidden"] = True


__all__ = ["ParentIds", "Report", "hide", "ids_of", "is_hidden", "pinned", "render_rows"]
