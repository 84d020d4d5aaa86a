"""Convert what a client sent, before any validator runs, for the ``can_*`` hooks to judge.

In: JSON-ready values by field. Out: native values, related instances resolved, and those of them
that the context does not hold. Rule: an instance outside of the context is refused exactly as one
that does not exist, unless the hook declares a parameter ``outside`` and so judges it itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import models
from rest_framework import exceptions, relations, serializers
from rest_framework.fields import SkipField, get_error_detail

from rxgraph.cache.rows.plan import column_of
from rxgraph.compile.state_tree import Layer
from rxgraph.sync.writing.forms import Form
from rxgraph.sync.writing.messages import of_detail

Inside = Callable[[Iterable[models.Model]], set[models.Model]]
Field = Any


@dataclass
class Inputs:
    """Native values by serializer field, and related instances outside of the context."""

    values: dict[str, Any] = field(default_factory=dict)
    outside: tuple[models.Model, ...] = ()


def convert(
    form: Form,
    layer: Layer,
    data: Mapping[str, Any],
    is_inside: Inside,
    *,
    accepts_outside: bool,
    using: str,
) -> Inputs:
    """Return *data* as native values.

    *is_inside* returns those of some instances that the context holds.

    Raises:
        Refused: a value is of the wrong type, or leads outside without being accepted.
    """
    found, errors = Inputs(), {}
    for name, raw in data.items():
        try:
            taken = _Taken(form, form.fields[name], layer, raw, using)
            strangers = taken.related and _strangers(taken, is_inside)
            if strangers and not accepts_outside:
                taken.refuse(strangers)
            taken.complain()
        except SkipField:
            continue
        except (exceptions.ValidationError, DjangoValidationError) as error:
            errors[name] = (
                get_error_detail(error)
                if isinstance(error, DjangoValidationError)
                else error.detail
            )
        else:
            found.values[name] = taken.value
            found.outside += tuple(strangers or ())
    if errors:
        raise of_detail(errors)
    return found


def _strangers(taken: _Taken, is_inside: Inside) -> list[models.Model]:
    """Return the related instances outside, but for those that the client was shown here."""
    known = is_inside(taken.related)
    rest = [item for item in taken.related if item not in known]
    if rest:
        shown = taken.current()
        rest = [item for item in rest if item not in shown]
    return rest


class _Taken:
    """One value as its field takes it, item by item where it is a list of instances."""

    def __init__(self, form: Form, target: Field, layer: Layer, raw: Any, using: str) -> None:
        self.form, self.field, self.using = form, target, using
        self.column: Any = column_of(layer.model, target.source)
        self.item = _item_field(target)
        self.raw = raw
        self.raws: list[Any] = []
        self.items: list[Any] = []  # a converted item, or the error in its place
        is_done, self.value = target.validate_empty_values(raw)
        if is_done:
            self.related: list[models.Model] = []
        elif self.item is not None and isinstance(raw, list | tuple) and raw:
            self.raws = list(raw)
            self.items = [_attempt(self.item, item) for item in raw]
            self.value = self.items
            self.related = list(_instances(self.items))
        else:
            self.value = target.to_internal_value(raw)
            self.related = list(_instances(self.value)) or self._by_column(raw)

    def _by_column(self, raw: Any) -> list[models.Model]:
        """Return the row whose key was given where a plain field writes a foreign key."""
        if self.column is None or not self.column.is_relation or self.value is None:
            return []
        rows = self.column.related_model._base_manager.using(self.using)
        try:
            found = rows.filter(**{self.column.target_field.attname: self.value}).first()
        except (TypeError, ValueError):
            found = None
        if found is None:
            raise _does_not_exist(raw)
        return [found]

    def current(self) -> set[models.Model]:
        """Return what the instance refers to by this very field already, if clients see that."""
        instance = self.form.instance
        if instance is None or self.field.write_only:
            return set()
        if self.column is not None and self.column.is_relation:
            value = getattr(instance, self.column.attname)
            attname = self.column.target_field.attname
            return {item for item in self.related if getattr(item, attname, None) == value}
        if isinstance(self.field, relations.ManyRelatedField):
            return set(self.field.get_attribute(instance) or ())
        return set()

    def refuse(self, strangers: list[models.Model]) -> None:
        """Raise, or note in the place of the item, what DRF says where there is no such row."""
        if self.item is None:
            raise self._missing(self.field, self.raw, strangers[0])
        for place, item in enumerate(self.items):
            if isinstance(item, models.Model) and item in strangers:
                self.items[place] = self._missing(self.item, self.raws[place], item)

    def _missing(self, target: Field, raw: Any, stranger: models.Model) -> Exception:
        """Ask *target* for the error of a row that is not there, by taking the row away."""
        queryset = getattr(target, "queryset", None)
        if not isinstance(queryset, models.QuerySet | models.Manager):
            return _does_not_exist(raw)
        target.queryset = queryset.all().exclude(pk=stranger.pk)
        try:
            target.to_internal_value(raw)
        except (exceptions.ValidationError, DjangoValidationError) as error:
            return error
        finally:
            target.queryset = queryset
        return _does_not_exist(raw)

    def complain(self) -> None:
        """Raise the first error among the items."""
        for item in self.items:
            if isinstance(item, Exception):
                raise item


def _item_field(target: Field) -> Field | None:
    """Return the field of the items where *target* takes a list of instances in DRF's own way."""
    if type(target).to_internal_value is relations.ManyRelatedField.to_internal_value:
        return target.child_relation
    if type(target).to_internal_value is serializers.ListField.to_internal_value:
        child = target.child
        return child if isinstance(child, relations.RelatedField) else None
    return None


def _attempt(target: Field, raw: Any) -> Any:
    try:
        return target.to_internal_value(raw)
    except (exceptions.ValidationError, DjangoValidationError) as error:
        return error


def _instances(value: Any) -> Iterator[models.Model]:
    if isinstance(value, models.Model):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _instances(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _instances(item)


def _does_not_exist(raw: Any) -> exceptions.ValidationError:
    messages = relations.PrimaryKeyRelatedField.default_error_messages
    text = str(messages["does_not_exist"]).format(pk_value=str(raw)[:80])
    return exceptions.ValidationError(text, code="does_not_exist")
