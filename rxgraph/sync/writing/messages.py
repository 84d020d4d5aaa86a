"""Turn what validators, the database and custom serializers raise into messages.

Paths are dotted GraphQL names, codes are those of the validators in upper case. Rule: nothing of
SQL, of other people's rows or of code reaches a client.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, models
from rest_framework import exceptions
from rest_framework.settings import api_settings

from rxgraph.cache.rows.plan import same_rows
from rxgraph.compile import naming
from rxgraph.compile.state_tree import Layer, StateTree, label_of
from rxgraph.delta.visibility import View
from rxgraph.errors import BackendError, RequestError, RxGraphError
from rxgraph.sync.writing.outcome import (
    Message,
    MessageKind,
    Refused,
    denied,
    error,
    internal,
)
from rxgraph.types import InstanceKey

_TRY_AGAIN = {"40001", "40P01", "55P03"}  # serialization failure, deadlock, lock not available
_NAMES_SHOWN = 5


def of_detail(detail: Any) -> Refused:
    """Return a refusal with one message for each error in the detail of a DRF error."""
    return Refused(_walk(detail, ()))


def of_validation(found: DjangoValidationError, layer: Layer) -> Refused:
    """Return a refusal with the errors that a model's own validation raised."""
    if not hasattr(found, "error_dict"):
        return Refused(_plain(found.error_list, None))
    names = {
        str(field.source): name for name, field in layer.serializer.fields.items() if field.source
    }
    messages: list[Message] = []
    for source, errors in found.error_dict.items():
        name = None if source == NON_FIELD_ERRORS else names.get(source)
        messages.extend(_plain(errors, naming.camel_case(name) if name else None))
    return Refused(messages)


def of_exception(cause: Exception, layer: Layer, operation: Any, view: View | None) -> Refused:
    """Return what a client is told about *cause*.

    Raises:
        RxGraphError: it is no matter of this write: a store is away, a declaration is wrong.
    """
    if isinstance(cause, Refused):
        return cause
    if isinstance(cause, exceptions.ValidationError):
        return of_detail(cause.detail)
    if isinstance(cause, DjangoValidationError):
        return of_validation(cause, layer)
    if isinstance(cause, PermissionDenied | exceptions.PermissionDenied):
        return denied(layer, operation)
    if isinstance(cause, models.ProtectedError):
        return _protected(layer, cause.protected_objects, view)
    if isinstance(cause, models.RestrictedError):
        return _protected(layer, cause.restricted_objects, view)
    if isinstance(cause, IntegrityError):
        return error("CONFLICT", f"This {layer.typename} conflicts with what is stored already")
    if isinstance(cause, DataError | UnicodeError):
        text = "A value is out of the range that can be stored"
        return Refused([Message(MessageKind.VALIDATION, text, None, "INVALID")])
    if isinstance(cause, OperationalError | InterfaceError):
        if getattr(cause.__cause__, "sqlstate", None) in _TRY_AGAIN:
            return error("CONFLICT", "Somebody else is writing the same; try again")
        raise BackendError(f"the database does not answer: {cause}") from cause
    if isinstance(cause, RequestError):
        return error(cause.code, str(cause))
    if isinstance(cause, RxGraphError):
        raise cause
    return internal(cause, f"{operation.value} of {layer.typename}")


def _walk(detail: Any, path: tuple[str, ...]) -> Iterator[Message]:
    if isinstance(detail, Mapping):
        for key, item in detail.items():
            name = str(key)
            if name in (api_settings.NON_FIELD_ERRORS_KEY, NON_FIELD_ERRORS):
                yield from _walk(item, path)
            else:  # below the first step, names are data of the client
                yield from _walk(item, (*path, name if path else naming.camel_case(name)))
    elif isinstance(detail, list | tuple):
        for place, item in enumerate(detail):
            is_nested = isinstance(item, Mapping | list | tuple)
            yield from _walk(item, (*path, str(place)) if is_nested else path)
    else:
        code = str(getattr(detail, "code", None) or "invalid").upper()
        yield Message(MessageKind.VALIDATION, str(detail), ".".join(path) or None, code)


def _plain(errors: Iterable[DjangoValidationError], field: str | None) -> Iterator[Message]:
    for item in errors:
        code = str(item.code or "invalid").upper()
        for text in item.messages:
            yield Message(MessageKind.VALIDATION, str(text), field, code)


def _protected(layer: Layer, found: Iterable[models.Model], view: View | None) -> Refused:
    """Name what stands in the way: how many of what, and those by name whom the viewer sees."""
    counts: Counter[str] = Counter()
    shown: dict[str, list[str]] = {}
    for instance in found:
        keys = view_keys(view.tree, instance) if view else []
        kind = keys[0].typename if keys else str(instance._meta.verbose_name)
        counts[kind] += 1
        names = shown.setdefault(kind, [])
        if view and len(names) < _NAMES_SHOWN and any(view.document(key) for key in keys):
            names.append(str(instance))
    parts = [
        f"{count} {kind}" + (f" ({', '.join(shown[kind])})" if shown[kind] else "")
        for kind, count in sorted(counts.items())
    ]
    return error("CONFLICT", f"This {layer.typename} is needed by {', '.join(parts)}")


def view_keys(tree: StateTree, instance: models.Model) -> list[InstanceKey]:
    """Return the keys under which a state of *tree* may hold the row of *instance*."""
    label = label_of(type(instance))
    return [
        InstanceKey(layer.typename, str(instance.pk))
        for layer in tree.layers.values()
        if label in same_rows(layer.model)
    ]
