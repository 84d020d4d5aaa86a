"""Who may write what: the declaration first, the ``can_*`` hooks last.

``authorise`` asks nothing but the declaration; ``ask`` calls a hook inside the transaction. Rule:
only ``True`` allows.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Any

from asgiref.sync import async_to_sync
from django.core.exceptions import PermissionDenied
from django.db import models
from rest_framework import exceptions

from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.state_tree import Layer
from rxgraph.compile.writing import WriteRequest, WriteSpec
from rxgraph.declare.operations import Operation
from rxgraph.errors import Forbidden, Unauthenticated
from rxgraph.sync.writing.forms import protected_names
from rxgraph.sync.writing.outcome import denied, internal
from rxgraph.types import TypeName

logger = logging.getLogger("rxgraph.writes")


def authorise_declared(
    compiled: CompiledChannel, typename: TypeName, operation: Operation | str
) -> WriteSpec:
    """Return the spec of a declared write; nothing is read for that.

    Raises:
        Forbidden: ``Meta.writable`` does not declare it.
    """
    layer = compiled.tree.layers.get(typename)
    granted = compiled.channel.options.writable.get(type(layer.serializer)) if layer else None
    for spec in compiled.writes:
        if (
            spec.layer is layer
            and spec.operation == operation
            and spec.operation in (granted or ())
        ):
            return spec
    raise Forbidden(f"{operation} of {typename} is not writable in {compiled.names.field}")


def authorise(compiled: CompiledChannel, user: Any, requests: Sequence[WriteRequest]) -> None:
    """Return if all of *requests* stay within what *compiled* declares; nothing is read for that.

    Raises:
        Unauthenticated: nobody is signed in.
        Forbidden: an operation, a field or a parent relation is not declared.
    """
    if user is None or not getattr(user, "is_authenticated", False) or user.pk is None:
        raise Unauthenticated("Sign in first: send a token or a session cookie")
    for request in requests:
        spec = request.spec
        if authorise_declared(compiled, spec.layer.typename, spec.operation) is not spec:
            raise Forbidden(f"{spec.field_name} is not a write of {compiled.names.field}")
        _check_fields(request)
        if spec.operation is Operation.CREATE and not spec.makes_root:
            if request.parent not in spec.parents:
                raise Forbidden(f"{spec.field_name}: nothing can be created there")
        elif request.parent is not None or request.parent_id is not None:
            raise Forbidden(f"{spec.field_name} takes no parent")


def _check_fields(request: WriteRequest) -> None:
    spec = request.spec
    unknown = [name for name in request.data if name not in spec.fields]
    if not unknown and request.data:
        # The compiler leaves them out; that they stay out is too important to believe it.
        fields, kept = spec.layer.serializer.fields, protected_names(spec.layer)
        unknown = [name for name in request.data if str(fields[name].source) in kept]
    if unknown:
        names = ", ".join(sorted(map(str, unknown)))[:200]
        raise Forbidden(f"{spec.field_name} does not write {names}")


def declares_outside(hook: Callable[..., Any]) -> bool:
    """Return whether *hook* has a parameter named ``outside``, ready to judge such instances."""
    return _declares_outside(getattr(hook, "__func__", hook))


@lru_cache(maxsize=1024)
def _declares_outside(function: Callable[..., Any]) -> bool:
    return "outside" in inspect.signature(function).parameters


def ask(
    hook: Callable[..., Any],
    layer: Layer,
    operation: Operation,
    *args: Any,
    outside: tuple[models.Model, ...] = (),
) -> None:
    """Return if *hook* answers True to *args*.

    ``async def`` hooks run on an event loop whose database work comes back to this thread, so it
    is part of the transaction that this thread has open.

    Raises:
        Refused: it answers anything else, or fails.
    """
    named = {"outside": outside} if declares_outside(hook) else {}
    place = getattr(hook, "__qualname__", str(hook))
    try:
        if inspect.iscoroutinefunction(hook):
            answer = async_to_sync(hook)(*args, **named)
        else:
            answer = hook(*args, **named)
            if inspect.isawaitable(answer):  # a decorated async def
                answer = async_to_sync(_wait)(answer)
    except (PermissionDenied, exceptions.PermissionDenied):
        answer = False
    except Exception as error:
        raise internal(error, place) from error
    if answer is True:
        return
    if answer is not False:
        logger.warning("%s answered %r, which denies; return True or False", place, answer)
    raise denied(layer, operation)


async def _wait(answer: Awaitable[Any]) -> Any:
    return await answer
