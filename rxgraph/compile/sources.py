"""What a serializer field's ``source`` means on a model: a walk from attribute to attribute."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models.fields.reverse_related import ForeignObjectRel

from rxgraph.compile.state_tree import Dependency

ModelField: TypeAlias = "models.Field[Any, Any] | ForeignObjectRel"


@dataclass(frozen=True)
class Source:
    """Where a source ends, and what lies on the way."""

    #: The model's field or reverse relation at the end; None: a property, a method, or unknown.
    field: ModelField | None
    #: What the class of the model holds under the last name, where it is no field.
    attribute: Any
    #: Rows on the way to the end.
    dependencies: tuple[Dependency, ...]
    #: ORM lookup of the last relation walked, ``""`` when the end is on the row itself.
    path: str
    #: True when a relation on the way may be empty.
    is_optional: bool


def find_field(model: type[models.Model], name: str) -> ModelField | None:
    """Return the field or reverse relation that instances of *model* hold under *name*."""
    if name == "pk":
        return model._meta.pk
    for relation in model._meta.related_objects:
        if relation.get_accessor_name() == name:
            return relation
    try:
        found = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    if isinstance(found, models.Field):
        return found
    return None  # the name of a reverse relation in lookups is not an attribute


def lookup_name(field: ModelField) -> str:
    """Return the name of *field* in ORM lookups of the model that holds it."""
    return str(field.name)


def walk(model: type[models.Model], attributes: Sequence[str]) -> Source:
    """Follow the *attributes* of a source (``["owner", "username"]``) from *model*."""
    dependencies: list[Dependency] = []
    path: list[str] = []
    is_optional = False
    current = model
    for attribute in attributes[:-1]:
        field = find_field(current, attribute)
        if field is None or not (field.many_to_one or field.one_to_one):
            return Source(None, None, tuple(dependencies), "__".join(path), True)
        path.append(lookup_name(field))
        current = related_model(field)
        dependencies.append(Dependency(current, "__".join(path)))
        is_optional = is_optional or isinstance(field, ForeignObjectRel) or field.null
    last = attributes[-1] if attributes else ""
    field = find_field(current, last) if last else None
    attribute_ = None if field else inspect.getattr_static(current, last, None)
    return Source(field, attribute_, tuple(dependencies), "__".join(path), is_optional)


def related_model(field: ModelField) -> type[models.Model]:
    """Return the model a relation leads to."""
    found: Any = field.related_model
    return found  # type: ignore[no-any-return]


def end_dependencies(source: Source) -> tuple[Dependency, ...]:
    """Return the rows that a relation at the end of *source* leads to, through rows included."""
    field = source.field
    if field is None or not field.is_relation:
        return ()
    prefix = f"{source.path}__" if source.path else ""
    found = [Dependency(related_model(field), prefix + lookup_name(field))]
    if field.many_to_many:
        through, lookup = _through(field)
        found.append(Dependency(through, prefix + lookup))
    return tuple(found)


def _through(field: ModelField) -> tuple[type[models.Model], str]:
    forward: Any = field.field if isinstance(field, ForeignObjectRel) else field
    through = forward.remote_field.through
    name = (
        forward.m2m_reverse_field_name()
        if isinstance(field, ForeignObjectRel)
        else forward.m2m_field_name()
    )
    return through, through._meta.get_field(name).related_query_name()
