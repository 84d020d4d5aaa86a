"""Compile a nested serializer: how the database leads from a parent row to its children."""

from __future__ import annotations

import inspect
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models.fields.reverse_related import ForeignObjectRel

from rxgraph.compile import naming
from rxgraph.compile.annotations import returned
from rxgraph.compile.sources import ModelField, find_field, related_model
from rxgraph.compile.state_tree import Dependency, Relation, RelationKind
from rxgraph.declare.related_property import RelatedProperty


class NotARelation(Exception):
    """The source of a nested serializer leads nowhere; ``args`` are what was found and a hint."""


_HINT = "name a foreign key, a reverse relation, a many-to-many field or a @related_property"


def compile_relation(
    name: str,
    source: str,
    model: type[models.Model],
    target: str,
    target_model: type[models.Model],
    *,
    many: bool,
    is_private: bool,
    description: str | None,
) -> Relation:
    """Return the relation that *name* renders: from *model* by *source* to the layer *target*.

    *is_private*: the target has a ``user_key``, so one instance may be hidden.

    Raises:
        NotARelation: the database knows no such way.
    """
    facts = _facts(source, model, many)
    to_many = facts.pop("to_many")
    leads_to = facts.pop("leads_to")
    documented = facts.pop("description", None)
    if to_many is not None and to_many is not many:
        raise NotARelation(
            f"has the source {source}, which leads to {'many rows' if to_many else 'one row'}",
            f"{'add' if to_many else 'remove'} many=True",
        )
    if leads_to is not None and not _same(leads_to, target_model):
        raise NotARelation(
            f"has the source {source}, which leads to {leads_to._meta.label}",
            f"nest a serializer of that model, not of {target_model._meta.label}",
        )
    nullable = facts.pop("nullable") or (is_private and not many)
    return Relation(
        name=name,
        graphql_name=naming.camel_case(name),
        source=source,
        target=target,
        many=many,
        nullable=nullable and not many,
        description=description or documented,
        **facts,
    )


def _same(one: type[models.Model], other: type[models.Model]) -> bool:
    first, second = one._meta.concrete_model or one, other._meta.concrete_model or other
    return issubclass(first, second) or issubclass(second, first)


def _facts(source: str, model: type[models.Model], many: bool) -> dict[str, Any]:
    attribute = inspect.getattr_static(model, source, None)
    if isinstance(attribute, RelatedProperty):
        return _property(source, attribute, model)
    field = find_field(model, source)
    if field is None or not field.is_relation:
        raise NotARelation(f"has the source {source}, which is no relation", _HINT)
    if field.many_to_many:
        return _many_to_many(field)
    if isinstance(field, ForeignObjectRel):
        return _reverse(field)
    if isinstance(field, models.ForeignKey):
        return {
            "kind": RelationKind.FORWARD,
            "to_many": False,
            "leads_to": related_model(field),
            "nullable": field.null,
            "column": field.attname,
            "target_attname": field.target_field.attname,
        }
    raise NotARelation(f"has the source {source}, a {type(field).__name__}", _HINT)


def _reverse(relation: ForeignObjectRel) -> dict[str, Any]:
    key: Any = relation.field
    if not isinstance(key, models.ForeignKey):
        raise NotARelation(f"stands on {relation.name}, a {type(key).__name__}", _HINT)
    return {
        "kind": RelationKind.REVERSE,
        "to_many": not relation.one_to_one,
        "leads_to": related_model(relation),
        "nullable": bool(relation.one_to_one),
        "column": key.attname,
        "query_path": key.name,
        "parent_attname": key.target_field.attname,
    }


def _many_to_many(field: ModelField) -> dict[str, Any]:
    is_reverse = isinstance(field, ForeignObjectRel)
    forward: Any = field.field if isinstance(field, ForeignObjectRel) else field
    through = forward.remote_field.through
    near = through._meta.get_field(forward.m2m_field_name()).attname
    far = through._meta.get_field(forward.m2m_reverse_field_name()).attname
    return {
        "kind": RelationKind.MANY_TO_MANY,
        "to_many": True,
        "leads_to": related_model(field),
        "nullable": False,
        "query_path": forward.name if is_reverse else forward.related_query_name(),
        "through": through,
        "through_parent": far if is_reverse else near,
        "through_child": near if is_reverse else far,
    }


def _property(source: str, attribute: RelatedProperty, model: type[models.Model]) -> dict[str, Any]:
    dependencies = accessor_dependencies(model, attribute.accessor)
    leads_to = dependencies[-1].model
    if attribute.reverse:
        try:
            accessor_dependencies(leads_to, attribute.reverse)
        except NotARelation as error:
            raise NotARelation(
                f"stands on @related_property {source}, whose reverse {attribute.reverse!r} is"
                f" no lookup of {leads_to._meta.label}",
                error.args[1],
            ) from error
    return {
        "kind": RelationKind.PROPERTY,
        "to_many": None,
        "leads_to": leads_to,
        "nullable": returned(attribute.fget).nullable,
        "description": inspect.getdoc(attribute),
        "query_path": attribute.reverse,
        "dependencies": dependencies,
    }


def accessor_dependencies(model: type[models.Model], lookup: str) -> tuple[Dependency, ...]:
    """Return the rows on the way of an ORM *lookup* over relations, its end last.

    Raises:
        NotARelation: a part of it is no relation.
    """
    found: list[Dependency] = []
    current, path = model, ""
    for part in lookup.split("__"):
        try:
            field: Any = current._meta.get_field(part)
        except FieldDoesNotExist:
            field = None
        if field is None or not field.is_relation or field.related_model is None:
            raise NotARelation(
                f"stands on a @related_property by the lookup {lookup!r}: {part} is no relation"
                f" of {current._meta.label}",
                "write the lookup as in filter(): project__tasks",
            )
        path = f"{path}__{part}" if path else part
        if field.many_to_many:
            found.append(_through_dependency(field, path))
        current = field.related_model
        found.append(Dependency(current, path))
    return tuple(found)


def _through_dependency(field: Any, path: str) -> Dependency:
    is_reverse = isinstance(field, ForeignObjectRel)
    forward = field.field if is_reverse else field
    through = forward.remote_field.through
    name = forward.m2m_reverse_field_name() if is_reverse else forward.m2m_field_name()
    parent = path.rpartition("__")[0]
    lookup = through._meta.get_field(name).related_query_name()
    return Dependency(through, f"{parent}__{lookup}" if parent else lookup)
