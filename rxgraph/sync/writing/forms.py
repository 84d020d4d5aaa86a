"""The serializer of a layer, made ready to take the input of one client for one instance.

Flat: nested serializers are left out. What the server sets takes part in validation as hidden
fields, so that validators over several fields see it. Rule: whatever a serializer does to its
input, the primary key, the ``user_key`` and read-only fields are not written from it.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.db import models
from rest_framework import serializers
from rest_framework.utils.serializer_helpers import BindingDict

from rxgraph.cache.rows.plan import by_attname
from rxgraph.compile.state_tree import Layer
from rxgraph.declare.channel import ContextChannel
from rxgraph.sync.writing.copies import copy_of
from rxgraph.sync.writing.messages import of_detail

logger = logging.getLogger("rxgraph.writes")

Form = Any  # a ModelSerializer instance

#: Keyword arguments that say how a serializer is nested, not what it is.
_NESTING = frozenset(serializers.LIST_SERIALIZER_KWARGS) | {
    *("default", "initial", "validators", "write_only", "many", "instance", "data"),
    *("partial", "context", "allow_null", "read_only", "required", "source"),
    *("label", "help_text", "style", "error_messages", "max_length", "min_length"),
}


def make_form(
    layer: Layer,
    context: ContextChannel,
    data: Mapping[str, Any],
    *,
    instance: models.Model | None = None,
    given: Mapping[str, Any] | None = None,
) -> Form:
    """Return a serializer of *layer* for *data*; *given* are model fields that the server sets."""
    prototype: Any = layer.serializer
    own = {name: value for name, value in prototype._kwargs.items() if name not in _NESTING}
    form: Form = type(prototype)(
        instance,
        data=dict(data),
        partial=instance is not None,
        context={"request": None, "user": context.user, "channel": context},
        **own,
    )
    kind: Any = type(prototype)
    if _has_fixed_fields(kind):
        form.__dict__["fields"] = _copied_fields(form, prototype)
    kept = protected_names(layer)
    for name, field in list(form.fields.items()):
        source = str(field.source)
        if isinstance(field.default, serializers.CurrentUserDefault):
            field.default = context.user  # DRF would look for it in a request
        if isinstance(field, serializers.BaseSerializer):
            del form.fields[name]
        elif given and (server := _given(layer, source, given)) is not None:
            form.fields[name] = _hidden(name, source, server)
        elif source in kept and not field.read_only:
            field.read_only = True  # and still there for validators that name it
    return form


#: What decides which fields a serializer has, and may look at its context or instance for that.
_DECIDING = (
    *("__init__", "__new__", "fields", "get_fields", "get_field_names", "get_default_field_names"),
    *("get_extra_kwargs", "get_uniqueness_extra_kwargs", "include_extra_kwargs", "build_field"),
    *("build_standard_field", "build_relational_field", "build_property_field"),
)


@lru_cache(maxsize=512)
def _has_fixed_fields(kind: Any) -> bool:
    """True when all serializers of this class have the same fields: those of the prototype."""
    stock = serializers.ModelSerializer
    return all(getattr(kind, name) is getattr(stock, name) for name in _DECIDING)


def _copied_fields(form: Form, prototype: Any) -> BindingDict:
    """Return copies of the fields of *prototype*: a third of the price of making them anew."""
    fields = BindingDict(form)
    for name, field in prototype.fields.items():
        if not isinstance(field, serializers.BaseSerializer):
            fields[name] = copy.deepcopy(field)
    return fields


def _given(layer: Layer, source: str, given: Mapping[str, Any]) -> Any:
    """Return what the server sets for *source*, which may name a column or its relation."""
    for name, value in given.items():
        field: Any = layer.model._meta.get_field(name)
        if source == field.name:
            return value
        if source == field.attname:
            return getattr(value, field.target_field.attname) if field.is_relation else value
    return None


def _hidden(name: str, source: str, value: Any) -> serializers.HiddenField:
    if source == name:
        return serializers.HiddenField(default=value)
    return serializers.HiddenField(default=value, source=source)


def validate(form: Form, layer: Layer) -> dict[str, Any]:
    """Run the validators of *form* and return its validated data, protected names taken out.

    Raises:
        Refused: it is not valid.
    """
    if not form.is_valid():
        raise of_detail(form.errors)
    validated: dict[str, Any] = form.validated_data
    own = {str(field.source) for field in form.fields.values() if not field.read_only}
    shown = {str(field.source) for field in form.fields.values() if field.read_only} - own
    for name in [name for name in validated if name in protected_names(layer) | shown]:
        del validated[name]
        if name not in own:
            logger.warning(
                "%s.validate() set %s, which clients may not write; set it in save() of the model",
                type(form).__qualname__,
                name,
            )
    return validated


@lru_cache(maxsize=512)
def protected_names(layer: Layer) -> frozenset[str]:
    """Return the attribute names that no input may set: primary keys and the ``user_key``."""
    names = {"pk"}
    for model in (layer.model, *layer.model._meta.all_parents):
        key: Any = model._meta.pk
        names |= {key.name, key.attname}
    if layer.user_key:
        names |= {layer.user_key, by_attname(layer.model, layer.user_key).name}
    return frozenset(names)


# -- what the model says


def check_model(form: Form, layer: Layer, values: Mapping[str, Any]) -> None:
    """Validate the instance as it would be with *values*; nothing is changed.

    Unique fields, ``unique_together`` and constraints, also with columns that no client sends;
    everything that ``full_clean`` checks where ``Meta.full_clean`` of the serializer is True.

    Raises:
        ValidationError: Django's; it is not valid.
    """
    names = {name for field in layer.model._meta.concrete_fields for name in _names(field)}
    columns = {name: value for name, value in values.items() if name in names}
    if form.instance is None:
        candidate = layer.model(**columns)
    else:
        candidate = copy_of(form.instance)
        for name, value in columns.items():
            setattr(candidate, name, value)
    if getattr(form.Meta, "full_clean", False) is True:
        candidate.full_clean()
        return
    unique = _unique_names(layer.model)
    if form.instance is None or not unique.isdisjoint(columns):
        candidate.validate_unique()
    if any(model._meta.constraints for model in (layer.model, *layer.model._meta.all_parents)):
        candidate.validate_constraints()


def _names(field: Any) -> tuple[str, str]:
    return field.name, field.attname


@lru_cache(maxsize=512)
def _unique_names(model: type[models.Model]) -> frozenset[str]:
    """Return the names of the fields whose change can break a unique check."""
    found: set[str] = set()
    for each in (model, *model._meta.all_parents):
        together = {name for names in each._meta.unique_together for name in names}
        columns: tuple[Any, ...] = each._meta.concrete_fields
        for field in columns:
            dated = (field.unique_for_date, field.unique_for_month, field.unique_for_year)
            if field.unique or field.name in together or any(dated):
                found |= {*_names(field), *(name for name in dated if name)}
    return frozenset(found)
