"""Which models matter: from the state trees of all channels to one look-up per model class.

``find(model)`` answers ``None`` for a model that no channel tracks, at the price of one dictionary
look-up: that is all such a model pays. Models are known by their label, so that the historical
models of a data migration count like the real ones.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from rxgraph.compile.state_tree import RelationKind, StateTree, concrete, label_of

logger = logging.getLogger("rxgraph.sync")

Model = type[models.Model]


@dataclass(frozen=True)
class End:
    """A column that says whose state a row alters: when the row changes, so does its target.

    Both foreign keys of a through table are ends, and the foreign key of a row that is listed as a
    value (``PrimaryKeyRelatedField(many=True)``) by its target. A row that moves touches the
    former and the new target.
    """

    attname: str
    target: Model
    #: Labels to touch with the target's primary key: its own and, in multi-table inheritance,
    #: those of the tracked models that share that key.
    labels: tuple[str, ...]
    #: The target's column that *attname* holds, unless it is the primary key (``to_field``).
    to_attname: str | None = None


@dataclass(frozen=True)
class Heir:
    """A tracked child in multi-table inheritance whose key is not the parent's own."""

    model: Model
    label: str
    link: str  # name of the child's one-to-one field to the parent


@dataclass(frozen=True)
class Drop:
    """A foreign key whose rows the database itself deletes or empties (``DB_CASCADE``)."""

    model: Model
    name: str
    cascades: bool


@dataclass(frozen=True)
class Tracked:
    """What a changed row of one model touches."""

    label: str
    #: Labels touched with the primary key of the row.
    labels: tuple[str, ...] = ()
    ends: tuple[End, ...] = ()
    #: Further parents in multi-table inheritance: their key is a column of their own.
    bases: tuple[End, ...] = ()
    heirs: tuple[Heir, ...] = ()
    #: Foreign key columns whose values travel with a save, since some parent lists by them.
    columns: tuple[str, ...] = ()

    @cached_property
    def attnames(self) -> tuple[str, ...]:
        """Columns besides the primary key that must be known to name everything touched."""
        return tuple(dict.fromkeys(end.attname for end in (*self.ends, *self.bases)))


@dataclass(frozen=True)
class Tracking:
    """Everything that capture must know about the declared channels, by model label."""

    models: Mapping[str, Tracked] = field(default_factory=dict)
    #: Label → what the database drops, on the way to a tracked model, with a row of it.
    drops: Mapping[str, tuple[Drop, ...]] = field(default_factory=dict)

    @classmethod
    def of_trees(cls, trees: Iterable[StateTree]) -> Tracking:
        """Return what the channels with these state trees need."""
        rows: set[Model] = set()
        ends: set[tuple[Model, str]] = set()
        columns: set[tuple[Model, str]] = set()
        for tree in trees:
            throughs = set()
            for layer in tree.layers.values():
                rows.add(concrete(layer.model))
                for relation in layer.relations:
                    if relation.through is not None:
                        throughs.add(concrete(relation.through))
                        # The list is the parent's: the child itself stays as it was, wherever
                        # else it is shown.
                        if relation.through_parent:
                            ends.add((concrete(relation.through), relation.through_parent))
                    child = concrete(tree.layers[relation.target].model)
                    if relation.kind is RelationKind.REVERSE and relation.column:
                        columns.add((child, relation.column))
                    for dependency in relation.dependencies:
                        # That a child left its parent is known from the cached parent.
                        found = _ends_on(layer.model, dependency.path)
                        ends |= {end for end in found if end[0] is not child}
                for value in layer.values:
                    for dependency in value.dependencies:
                        ends |= set(_ends_on(layer.model, dependency.path))
            for through, attname in tree.listing:
                throughs.add(concrete(through))
                ends.add((concrete(through), attname))
            layered = {concrete(layer.model) for layer in tree.layers.values()}
            rows |= set(tree.tracked_models) - (throughs - layered)
        auto_created = {model for model in rows if model._meta.auto_created}
        return cls.of_models(rows - auto_created, ends=ends, columns=columns)

    @classmethod
    def of_models(
        cls,
        rows: Iterable[Model],
        *,
        ends: Iterable[tuple[Model, str]] = (),
        columns: Iterable[tuple[Model, str]] = (),
    ) -> Tracking:
        """Return the tracking of *rows*, of the *ends* of models, and of hint *columns*.

        *rows* are models whose own rows are touched; *ends* and *columns* are pairs of a model and
        the attname of one of its foreign keys.
        """
        known = {label_of(model): concrete(model) for model in rows}
        by_label: dict[str, set[str]] = {}
        hints: dict[str, set[str]] = {}
        involved = dict(known)
        for model, attname in ends:
            involved[label_of(model)] = concrete(model)
            by_label.setdefault(label_of(model), set()).add(attname)
        for model, attname in columns:
            hints.setdefault(label_of(model), set()).add(attname)
        for model in list(known.values()):  # a row of a parent table is part of the child's row
            for parent in model._meta.all_parents:
                involved.setdefault(label_of(parent), concrete(parent))
        return cls(
            {
                label: Tracked(
                    label=label,
                    labels=_sharing_key(model, known),
                    ends=tuple(
                        _end(model, attname, known) for attname in sorted(by_label.get(label, ()))
                    ),
                    bases=_bases(model, known),
                    heirs=_heirs(model, known),
                    columns=tuple(sorted(hints.get(label, ()))),
                )
                for label, model in sorted(involved.items())
            },
            _drops(involved),
        )


def _drops(involved: Mapping[str, Model]) -> dict[str, tuple[Drop, ...]]:
    """Return the foreign keys over which a delete in the database reaches a model involved."""
    by_database = getattr(models.deletion, "DatabaseOnDelete", None)  # Django 6.1
    edges: list[tuple[str, Drop]] = []
    for model in apps.get_models(include_auto_created=True) if by_database else ():
        for column in model._meta.local_fields:
            on_delete = getattr(column.remote_field, "on_delete", None)
            if by_database is not None and isinstance(on_delete, by_database):
                target = label_of(column.related_model)  # type: ignore[arg-type]
                cascades = getattr(on_delete, "operation", "") == "CASCADE"
                edges.append((target, Drop(concrete(model), column.name, cascades)))
    reached = set(involved)
    found: dict[str, list[Drop]] = {}
    size = -1
    while size != len(reached):
        size = len(reached)
        reached |= {
            target
            for target, drop in edges
            if label_of(drop.model) in involved
            or (drop.cascades and label_of(drop.model) in reached)
        }
    for target, drop in edges:
        if label_of(drop.model) in reached:
            found.setdefault(target, []).append(drop)
    return {target: tuple(drops) for target, drops in found.items()}


def _ends_on(model: Model, path: str) -> Iterator[tuple[Model, str]]:
    """Yield the columns, on the way along the ORM lookup *path*, of rows that point back."""
    for name in path.split("__"):
        try:
            relation: Any = model._meta.get_field(name)
        except FieldDoesNotExist:
            return
        if not relation.is_relation or relation.related_model is None:
            return
        if relation.many_to_many:
            many = relation.remote_field if relation.auto_created else relation
            through = (many.remote_field if not relation.auto_created else relation).through
            forward = relation.field if relation.auto_created else relation
            for field_name in (forward.m2m_field_name(), forward.m2m_reverse_field_name()):
                yield concrete(through), through._meta.get_field(field_name).attname
        elif relation.auto_created and not relation.concrete:
            column = relation.field
            if not column.remote_field.parent_link:
                yield concrete(column.model), column.attname
        model = relation.related_model


def _end(model: Model, attname: str, known: Mapping[str, Model]) -> End:
    column: Any = model._meta.get_field(attname)
    target = concrete(column.remote_field.model)
    referred = column.target_field
    return End(
        attname=attname,
        target=target,
        labels=_sharing_key(target, known) or (label_of(target),),
        to_attname=None if referred.primary_key else referred.attname,
    )


def _sharing_key(model: Model, known: Mapping[str, Model]) -> tuple[str, ...]:
    """Return the labels of tracked models whose rows have the same key as *model*'s row."""
    family = {label_of(model), *(label_of(ancestor) for ancestor in _line(model))}
    return tuple(
        label
        for label, other in sorted(known.items())
        if label in family or label_of(model) in map(label_of, _line(other))
    )


def _line(model: Model) -> Iterator[Model]:
    """Yield the ancestors whose primary key is the primary key of *model*."""
    while True:
        key: Any = model._meta.pk
        if key.remote_field is None or not getattr(key.remote_field, "parent_link", False):
            return
        model = concrete(key.remote_field.model)
        yield model


def _bases(model: Model, known: Mapping[str, Model]) -> tuple[End, ...]:
    line = set(_line(model))
    others = (concrete(parent) for parent in model._meta.all_parents)
    return tuple(
        End(parent._meta.pk.attname, parent, (label_of(parent),))
        for parent in others
        if parent not in line and parent is not model and label_of(parent) in known
    )


def _heirs(model: Model, known: Mapping[str, Model]) -> tuple[Heir, ...]:
    found = []
    for label, other in sorted(known.items()):
        if other is model or model in _line(other) or model not in other._meta.all_parents:
            continue
        link = other._meta.get_ancestor_link(model)
        if link is not None:
            found.append(Heir(other, label, link.name))
    return tuple(found)


_current: Tracking | None = None
_found: dict[Model, Tracked | None] = {}


def current() -> Tracking:
    """Return the tracking of all declared channels, computed at the first call."""
    global _current
    if _current is None:
        _current = Tracking.of_trees(_trees())
    return _current


def refresh() -> None:
    """Forget what was computed: call it when the set of channels has changed."""
    global _current
    _current = None
    _found.clear()


@contextmanager
def use(tracking: Tracking) -> Iterator[Tracking]:
    """Let *tracking* be the current one inside the block: for tests."""
    global _current
    kept = _current
    refresh()
    _current = tracking
    try:
        yield tracking
    finally:
        refresh()
        _current = kept


def find(model: Model) -> Tracked | None:
    """Return what a changed row of *model* touches; None: no channel tracks it."""
    try:
        return _found[model]
    except KeyError:
        return _look_up(model)


def _look_up(model: Model) -> Tracked | None:
    tracked = current().models.get(label_of(model))
    if model._meta.apps is apps:  # historical models come and go: do not keep them alive
        _found[model] = tracked
    return tracked


def _trees() -> Iterator[StateTree]:
    from rxgraph.declare import registry

    for channel in registry.channels():
        try:
            from rxgraph.compile.channel import compile_channel

            yield compile_channel(channel).tree
        except Exception:
            # The system checks report it; until then nothing of this channel can be live.
            logger.exception("%s cannot be compiled; its models are not tracked", channel)
