"""Capture every write of the ORM to a tracked model, at the few places all of them go through.

``install()`` wraps methods of Django once. A wrapper asks ``tracking.find`` for the model, and for
one that no channel tracks calls Django and nothing else. For the others it learns which rows
change and calls ``touches.touch`` in the same transaction.

Where the writes go through: ``Model._save_table`` (``save``, ``create``, fixtures, one call for
each table of multi-table inheritance), ``Collector.delete`` (``delete``, cascades, ``SET_NULL``),
``QuerySet.update`` (``bulk_update`` and related managers use it), ``QuerySet.bulk_create``
and ``QuerySet._raw_delete`` (many-to-many managers use both on their through model, so
``m2m_changed`` is not needed, and a receiver would cost Django its fast path).

Where triggers of the database capture (``triggers.presence``), the wrappers read and name nothing:
they note that there is something to ask the triggers for at the commit.

Law: the statements Django sends, their results and errors stay what they are, and so do the
moments of signals. That is why the transaction is opened around the write alone: in autocommit a
``post_save`` receiver still finds its row committed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any

from django.db import connections, models, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.deletion import Collector

from rxgraph.compile.state_tree import label_of
from rxgraph.sync import touches, tracking
from rxgraph.sync.returning import Verb, can_return, returning
from rxgraph.sync.rows import (
    Values,
    as_text,
    hold,
    is_expression,
    name_dropped,
    name_rows,
    read,
)
from rxgraph.sync.touches import Committed, atomically, on_commit, touch, triggered
from rxgraph.sync.tracking import Tracked
from rxgraph.sync.triggers.presence import has_triggers
from rxgraph.types import RowKey

__all__ = ["Committed", "install", "on_commit", "uninstall"]

Method = Callable[..., Any]
_originals: dict[tuple[type, str], Method] = {}


def install() -> None:
    """Start capturing; a second call changes nothing."""
    if _originals:
        return
    for (owner, name), wrap in _WRAPPERS.items():
        original = vars(owner)[name]
        _originals[owner, name] = original
        setattr(owner, name, functools.wraps(original)(wrap(original)))


def uninstall() -> None:
    """Stop capturing and put Django's own methods back: for tests."""
    for (owner, name), original in _originals.items():
        setattr(owner, name, original)
    _originals.clear()


# -- save


def _wrap_save_table(original: Method) -> Method:
    def _save_table(
        self: models.Model,
        raw: bool = False,
        cls: type[models.Model] | None = None,
        force_insert: Any = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: frozenset[str] | None = None,
    ) -> Any:
        model = cls or type(self)
        tracked = tracking.find(model)
        if tracked is None:
            return original(self, raw, cls, force_insert, force_update, using, update_fields)
        using = using or router.db_for_write(model, instance=self)
        if has_triggers(using):
            known: Tracked = tracked
            with triggered(
                using,
                lambda: _hints(self, known, model, _value(self, model._meta.pk), update_fields),
            ):
                return original(self, raw, cls, force_insert, force_update, using, update_fields)
        pk = _value(self, model._meta.pk)
        # A row with ends may lead elsewhere until now.
        may_move = bool(tracked.ends) and pk is not None and not force_insert
        with atomically(using, reads=may_move):
            found: list[Values] = []
            if may_move:
                found = read(tracked, model, using, [pk], before_write=True)
            saved = original(self, raw, cls, force_insert, force_update, using, update_fields)
            pk = _value(self, model._meta.pk)
            if tracked.attnames:
                found.extend(_values(tracked, model, using, [self]))
            else:
                found.append((pk,))
            touch(
                using,
                name_rows(tracked, model, using, found),
                _hints(self, tracked, model, pk, update_fields),
            )
        return saved

    return _save_table


def _hints(
    instance: models.Model,
    tracked: Tracked,
    model: type[models.Model],
    pk: Any,
    update_fields: Iterable[str] | None,
) -> dict[RowKey, dict[str, str | None]]:
    """Return the foreign keys that parents list by, as far as this save wrote them."""
    written: dict[str, str | None] = {}
    for attname in tracked.columns:
        field: Any = model._meta.get_field(attname)
        if update_fields is not None and not {field.name, attname} & set(update_fields):
            continue
        value = instance.__dict__.get(attname, field)
        if value is field or is_expression(value):  # deferred, or for the database to know
            continue
        written[attname] = None if value is None else as_text(field, value)
    return {RowKey(tracked.label, as_text(model._meta.pk, pk)): written} if written else {}


# -- delete


def _wrap_collector_delete(original: Method) -> Method:
    def delete(self: Any) -> Any:
        using = self.using
        if has_triggers(using):
            tables = [*self.data, *(field.model for field, _ in self.field_updates)]
            tables += [queryset.model for queryset in self.fast_deletes]
            with triggered(using) if any(map(tracking.find, tables)) else nullcontext():
                return original(self)
        doomed = [
            (found, model, [instance.pk for instance in instances])
            for model, instances in self.data.items()
            if instances and (found := tracking.find(model)) is not None
        ]
        for (field, _), collected in self.field_updates.items():
            updated = tracking.find(field.model)
            if updated is not None:
                # What was not fetched is changed by QuerySet.update, which tells for itself.
                for objs in collected:
                    if not isinstance(objs, models.QuerySet) or objs._result_cache is not None:
                        doomed.append((updated, field.model, [obj.pk for obj in objs]))
        dropping = [
            (model, [instance.pk for instance in instances])
            for model, instances in (self.data.items() if tracking.current().drops else ())
        ]
        if not doomed and not dropping:
            return original(self)
        reads = bool(dropping) or any(tracked.attnames for tracked, _, _ in doomed)
        with atomically(using, reads=reads):
            named: set[RowKey] = set()
            for tracked, model, pks in doomed:
                rows: list[Values] = [(pk,) for pk in pks]
                if tracked.attnames:
                    rows = read(tracked, model, using, pks, before_write=True)
                named |= name_rows(tracked, model, using, rows)
            for model, pks in dropping:
                named |= name_dropped(model, using, pks)
            result = original(self)
            touch(using, named)
        return result

    return delete


def _wrap_raw_delete(original: Method) -> Method:
    def _raw_delete(self: Any, using: str) -> Any:
        tracked = tracking.find(self.model)
        drops = tracking.current().drops
        if tracked is None and not (drops and label_of(self.model) in drops):
            return original(self, using)
        if has_triggers(using):
            with triggered(using):
                return original(self, using)
        tracked = tracked or Tracked(label_of(self.model))
        at_once = can_return(using, self.model) and not tracked.heirs and not drops
        with atomically(using, reads=not at_once):
            if at_once:
                with returning(using, Verb.DELETE, self.model, tracked.attnames) as deleted:
                    result = original(self, using)
                named = name_rows(tracked, self.model, using, deleted)
            else:
                found = _select(self, tracked, using)
                named = name_rows(tracked, self.model, using, found)
                named |= name_dropped(self.model, using, [pk for pk, *_ in found])
                result = original(self, using)
            touch(using, named)
        return result

    return _raw_delete


# -- update


def _wrap_update(original: Method) -> Method:
    def update(self: Any, **kwargs: Any) -> Any:
        tracked = tracking.find(self.model)
        if tracked is None or self.query.is_sliced or self.query.combinator:
            return original(self, **kwargs)
        self._for_write = True
        using = self.db
        if has_triggers(using):
            with triggered(using):
                return original(self, **kwargs)
        at_once = can_return(using, self.model)
        moves = _moves(self.model, tracked, kwargs)
        with atomically(using, reads=moves or not at_once):
            named: set[RowKey] = set()
            if at_once:
                if moves:
                    found = _select(self, tracked, using)
                    named |= name_rows(tracked, self.model, using, found)
                with returning(using, Verb.UPDATE, self.model, tracked.attnames) as changed:
                    result = original(self, **kwargs)
                named |= name_rows(tracked, self.model, using, changed)
            else:
                found = _select(self, tracked, using)
                named |= name_rows(tracked, self.model, using, found)
                result = original(self, **kwargs)
                if moves:
                    found = read(tracked, self.model, using, [pk for pk, *_ in found])
                    named |= name_rows(tracked, self.model, using, found)
            touch(using, named)
        return result

    return update


def _moves(model: type[models.Model], tracked: Tracked, kwargs: Iterable[str]) -> bool:
    """Return True when an update of these fields makes rows lead elsewhere, or renames them."""
    key: Any = model._meta.pk
    watched = {"pk", key.name, key.attname}
    for end in tracked.ends:
        watched |= {end.attname, model._meta.get_field(end.attname).name}
    return not watched.isdisjoint(kwargs)


# -- bulk_create


def _wrap_bulk_create(original: Method) -> Method:
    def bulk_create(
        self: Any,
        objs: Any,
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Any = None,
        unique_fields: Any = None,
    ) -> Any:
        def create() -> Any:
            return original(
                self,
                objs,
                batch_size,
                ignore_conflicts,
                update_conflicts,
                update_fields,
                unique_fields,
            )

        tracked = tracking.find(self.model)
        if tracked is None:
            return create()
        self._for_write = True
        using = self.db
        if has_triggers(using):
            with triggered(using):
                return create()
        with atomically(using):
            if ignore_conflicts and can_return(using, self.model):
                with returning(using, Verb.INSERT, self.model, tracked.attnames) as found:
                    made = create()
                named = name_rows(tracked, self.model, using, found)
            else:
                made = create()
                named = _name_created(tracked, self.model, using, made, unique_fields)
            touch(using, named)
        return made

    return bulk_create


def _name_created(
    tracked: Tracked,
    model: type[models.Model],
    using: str,
    made: Iterable[models.Model],
    unique_fields: Iterable[str] | None,
) -> set[RowKey]:
    """Return what the instances *made* touch, also where the backend does not tell their keys."""
    known = [instance for instance in made if instance.pk is not None]
    unknown = [instance for instance in made if instance.pk is None]
    found = list(_values(tracked, model, using, known)) if known else []
    named: set[RowKey] = set()
    for instance in unknown:
        if unique_fields:
            unique: list[Any] = [model._meta.get_field(name) for name in unique_fields]
            same = {field.attname: getattr(instance, field.attname) for field in unique}
            rows = model._base_manager.using(using).filter(**same).order_by()
            found.extend(rows.values_list("pk", *tracked.attnames))
            continue
        # New children show in their parents, which are known.
        for attname in {*tracked.columns, *tracked.attnames}:
            field: Any = model._meta.get_field(attname)
            value = getattr(instance, attname)
            if value is not None and not is_expression(value) and field.remote_field is not None:
                label = label_of(field.remote_field.model)
                named.add(RowKey(label, as_text(field, value)))
    return named | name_rows(tracked, model, using, found)


# -- what they share


def _select(queryset: Any, tracked: Tracked, using: str) -> list[Values]:
    """Return the rows of *queryset* before they change, locked where the database can."""
    hold(queryset.model, using)
    rows = queryset._chain().using(using).order_by()
    rows._for_write = True
    rows.query.select_for_update = False
    rows.query.select_related = False
    rows = rows.values_list("pk", *tracked.attnames)
    features = connections[using].features
    is_plain = not (rows.query.distinct or rows.query.group_by)
    if features.has_select_for_update and features.has_select_for_update_of and is_plain:
        rows = rows.select_for_update(of=("self",))
    return list(rows)


def _values(
    tracked: Tracked, model: type[models.Model], using: str, instances: Iterable[models.Model]
) -> Iterable[Values]:
    """Return the values of *instances*, read again where they do not know them."""
    attnames = tracked.attnames
    unclear = []
    for instance in instances:
        values = [instance.__dict__.get(attname, instance) for attname in attnames]
        pk = _value(instance, model._meta.pk)
        if any(value is instance or is_expression(value) for value in values):
            unclear.append(pk)
        else:
            yield (pk, *values)
    if unclear:
        yield from read(tracked, model, using, unclear)


def _value(instance: models.Model, field: Any) -> Any:
    return getattr(instance, field.attname)


def _wrap_commit(original: Method) -> Method:
    def commit(self: BaseDatabaseWrapper) -> None:
        touches.commit(original, self)

    return commit


def _wrap_commit_hooks(original: Method) -> Method:
    def run_and_clear_commit_hooks(self: BaseDatabaseWrapper) -> None:
        touches.run_and_clear_commit_hooks(original, self)

    return run_and_clear_commit_hooks


_WRAPPERS: dict[tuple[type, str], Callable[[Method], Method]] = {
    (models.Model, "_save_table"): _wrap_save_table,
    (Collector, "delete"): _wrap_collector_delete,
    (models.QuerySet, "_raw_delete"): _wrap_raw_delete,
    (models.QuerySet, "update"): _wrap_update,
    (models.QuerySet, "bulk_create"): _wrap_bulk_create,
    (BaseDatabaseWrapper, "commit"): _wrap_commit,
    (BaseDatabaseWrapper, "run_and_clear_commit_hooks"): _wrap_commit_hooks,
}
