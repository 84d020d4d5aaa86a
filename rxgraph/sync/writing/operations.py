"""Carry out one request on rows that are locked and known to be in the context.

Convert the input → ask the hook → validate → write. Each function returns what was written, or
raises; what is raised rolls the transaction back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rxgraph.cache.rows.plan import by_attname
from rxgraph.compile import naming
from rxgraph.compile.state_tree import Layer, Relation, RelationKind
from rxgraph.compile.writing import WriteRequest
from rxgraph.declare.operations import Operation
from rxgraph.sync.writing.authority import ask, declares_outside
from rxgraph.sync.writing.copies import copy_of
from rxgraph.sync.writing.forms import Form, check_model, make_form, validate
from rxgraph.sync.writing.inputs import Inputs, convert
from rxgraph.sync.writing.outcome import Written, error, invalid
from rxgraph.sync.writing.session import Row, Session, Target


def save(session: Session, request: WriteRequest, target: Target, row: Row) -> Written:
    """Change an instance by what the client set of it."""
    layer, before = request.spec.layer, copy_of(row)
    form = make_form(layer, session.context, request.data, instance=row)
    inputs = _inputs(session, form, layer, request.data, session.context.can_save)
    _ask(session, layer, Operation.SAVE, inputs, copy_of(row), inputs.values)
    values = validate(form, layer)
    check_model(form, layer, values)
    saved = form.save()
    _check_kept(layer, before, saved)
    parents = session.parents(layer, target.key, before, saved)
    return Written(layer.typename, target.key.id, Operation.SAVE, parents)


def delete(session: Session, request: WriteRequest, target: Target, row: Row) -> Written:
    """Delete an instance."""
    layer = request.spec.layer
    ask(session.context.can_delete, layer, Operation.DELETE, copy_of(row))
    parents = session.parents(layer, target.key, row)
    row.delete()
    return Written(layer.typename, target.key.id, Operation.DELETE, parents)


def create(
    session: Session, request: WriteRequest, target: Target | None, parent: Row | None
) -> Written:
    """Make an instance under *parent*, or a root where there is none."""
    layer = request.spec.layer
    relation = request.parent.relation if request.parent else None
    given = _given(session, layer, relation, parent)
    data = _without(request, given)
    form = make_form(layer, session.context, data, given=given)
    inputs = _inputs(session, form, layer, data, session.context.can_create)
    shown = copy_of(parent)
    _ask(session, layer, Operation.CREATE, inputs, layer.model, shown, inputs.values)
    if relation is not None and parent is not None:
        _check_free(layer, relation, parent)
    values = {**validate(form, layer), **given}
    check_model(form, layer, values)
    saved = form.save(**given)
    if not isinstance(saved, layer.model) or saved.pk is None:
        raise TypeError(f"{type(form).__qualname__}.create returned {saved!r}, no saved instance")
    if relation is not None and parent is not None:
        _attach(relation, parent, saved)
    for name, value in given.items():
        if getattr(saved, name) != value:
            raise TypeError(f"{type(form).__qualname__}.create changed {name}, which is not its")
    parents = (target.key,) if target else ()
    return Written(layer.typename, str(saved.pk), Operation.CREATE, parents)


# -- input


def _inputs(
    session: Session, form: Form, layer: Layer, data: Mapping[str, Any], hook: Any
) -> Inputs:
    return convert(
        form,
        layer,
        data,
        session.inside,
        accepts_outside=declares_outside(hook),
        using=session.using,
    )


def _ask(session: Session, layer: Layer, operation: Operation, inputs: Inputs, *args: Any) -> None:
    """Ask ``can_save`` or ``can_create``, which judge instances outside of the context too."""
    hook = getattr(session.context, f"can_{operation.value.lower()}")
    ask(hook, layer, operation, *args, outside=inputs.outside)


def _given(
    session: Session, layer: Layer, relation: Relation | None, parent: Row | None
) -> dict[str, Any]:
    """Return the model fields of a new instance that the server sets: parent and owner."""
    given: dict[str, Any] = {}
    if relation is not None and relation.kind is RelationKind.REVERSE:
        given[by_attname(layer.model, relation.column or "").name] = parent
    if layer.user_key is not None:
        field = by_attname(layer.model, layer.user_key)
        given[field.name] = _owner(field, session)
    return given


def _owner(field: Any, session: Session) -> Any:
    user = session.context.user
    if not field.is_relation:
        return field.to_python(user.pk)
    if isinstance(user, field.related_model):
        return user
    return field.related_model._base_manager.using(session.using).get(pk=user.pk)


def _without(request: WriteRequest, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data without the parent's key; it may be told twice, but not differently."""
    data = dict(request.data)
    for name, field in request.spec.layer.serializer.fields.items():
        if name not in data:
            continue
        for column, value in given.items():
            known: Any = request.spec.layer.model._meta.get_field(column)
            is_it = field.source in (known.name, known.attname)
            if is_it and str(data.pop(name)) != str(getattr(value, "pk", value)):
                raise invalid(naming.camel_case(name), "The parent decides about this")
    return data


# -- what must hold


def _check_kept(layer: Layer, before: Row, saved: Any) -> None:
    """Raise when the serializer changed whose or which instance it is."""
    names = ["pk", *([layer.user_key] if layer.user_key else [])]
    for name in names:
        if getattr(saved, name, None) != getattr(before, name):
            raise TypeError(f"the serializer of {layer.typename} changed {name}, which stays")


def _check_free(layer: Layer, relation: Relation, parent: Row) -> None:
    """Raise when a relation to one instance leads to one already."""
    if relation.many:
        return
    if relation.kind is RelationKind.FORWARD:
        is_taken = getattr(parent, relation.column or "") is not None
    else:
        value = getattr(parent, relation.parent_attname or "pk")
        rows = layer.model._base_manager.using(parent._state.db)
        is_taken = rows.filter(**{relation.column or "": value}).exists()
    if is_taken:
        raise error("CONFLICT", f"There is a {layer.typename} already")


def _attach(relation: Relation, parent: Row, saved: Row) -> None:
    """Let *parent* lead to the new instance, where that is not said by its own column."""
    if relation.kind is RelationKind.FORWARD:
        setattr(parent, by_attname(type(parent), relation.column or "").name, saved)
        parent.save()
    elif relation.kind is RelationKind.MANY_TO_MANY:
        getattr(parent, relation.source).add(saved)
