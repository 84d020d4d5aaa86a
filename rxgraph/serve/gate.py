"""Who may have which anchor: everything that is asked before anything is read, in order.

Signed in → permission → id. Each refusal is a :class:`~rxgraph.errors.RequestError`; a hook that
answers nonsense is the developer's fault and ends as INTERNAL. A channel with ``Meta.secret`` gives
one answer to whoever may not watch and to whoever asks for what is not there.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from channels.db import database_sync_to_async
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db import models
from django.http import Http404
from rest_framework.exceptions import APIException

from rxgraph.cache.rows.keys import normal_id, parse_pk
from rxgraph.cache.rows.plan import by_attname
from rxgraph.cache.rows.snapshot import alias_of
from rxgraph.compile.channel import CompiledChannel
from rxgraph.declare.channel import ContextChannel
from rxgraph.declare.hooks import call_hook, call_hook_here, is_default
from rxgraph.errors import BadRequest, Forbidden, NotFound, RequestError, Unauthenticated
from rxgraph.types import FOREST, AnchorKey

_WRONG_TYPE = (TypeError, ValueError, ValidationError, OverflowError)


@dataclass(frozen=True, slots=True)
class Admission:
    """One viewer who was let in to one anchor."""

    key: AnchorKey
    context: ContextChannel
    user_id: str


@contextmanager
def discreet(compiled: CompiledChannel, arguments: Mapping[str, object] | None) -> Iterator[None]:
    """Raise the one answer of a secret channel instead of those that tell what exists."""
    try:
        yield
    except Exception as error:
        told = discreetly(compiled, arguments, error)
        if told is error:
            raise
        raise told from None


def discreetly(
    compiled: CompiledChannel, arguments: Mapping[str, object] | None, error: Exception
) -> Exception:
    """Return *error* as *compiled* tells it: a secret channel does not say what exists."""
    if compiled.channel.options.secret and _reveals(error):
        asked = compiled.names.field if arguments is None else describe(compiled, arguments)
        return NotFound(f"{asked} does not exist, or is not for you")
    return error


def _reveals(error: Exception) -> bool:
    if isinstance(error, APIException):
        return error.status_code in (403, 404)
    return isinstance(error, Forbidden | NotFound | PermissionDenied | ObjectDoesNotExist | Http404)


async def admit(
    compiled: CompiledChannel, context: ContextChannel, arguments: Mapping[str, object]
) -> Admission:
    """Return what *context*'s user may attach to.

    Raises:
        RequestError: nobody is signed in, permission is refused, or there is no such anchor.
    """
    require_user(context.user)
    try:
        await check_permission(compiled, context.user, arguments)
    except _WRONG_TYPE:
        # A hook may fail because an id is no id: then that is what the client has to know.
        if not compiled.tree.many:
            await _anchor_id(compiled, context, arguments)
        raise
    anchor_id = FOREST
    if not compiled.tree.many:
        anchor_id = await _anchor_id(compiled, context, arguments)
        if compiled.channel.options.secret and compiled.tree.root.user_key is not None:
            await _require_owner(compiled, context, arguments, anchor_id)
    return Admission(AnchorKey(compiled.name, anchor_id), context, str(context.user.pk))


def require_user(user: Any) -> None:
    """Return if *user* is signed in.

    Raises:
        Unauthenticated: it is nobody.
    """
    if user is None or not user.is_authenticated:
        raise Unauthenticated("Sign in first: send a token or a session cookie")


async def check_permission(
    compiled: CompiledChannel, user: Any, arguments: Mapping[str, object]
) -> None:
    """Return if ``has_permission`` answers True.

    Raises:
        Forbidden: it answers False.
        NotFound: it looked for something that is not there.
        TypeError: it answers anything else.
    """
    with _judged(compiled, arguments) as judge:
        judge(await call_hook(compiled.channel.has_permission, user, **arguments))


def check_permission_here(
    compiled: CompiledChannel, user: Any, arguments: Mapping[str, object]
) -> None:
    """Do what ``check_permission`` does, on a thread that may use the database."""
    with _judged(compiled, arguments) as judge:
        judge(call_hook_here(compiled.channel.has_permission, user, **arguments))


@contextmanager
def _judged(
    compiled: CompiledChannel, arguments: Mapping[str, object]
) -> Iterator[Callable[[object], None]]:
    """Yield what takes the answer of ``has_permission``; refuse what is raised instead of one."""

    def judge(answer: object) -> None:
        if answer is False:
            raise Forbidden(f"You may not watch {describe(compiled, arguments)}")
        if answer is not True:
            raise TypeError(
                f"{compiled.name}.has_permission answered {answer!r}; return True or False"
            )

    try:
        yield judge
    except (ObjectDoesNotExist, Http404):
        raise NotFound(f"{describe(compiled, arguments)} does not exist") from None
    except PermissionDenied:
        judge(False)


async def _require_owner(
    compiled: CompiledChannel,
    context: ContextChannel,
    arguments: Mapping[str, object],
    anchor_id: str,
) -> None:
    """Return if the anchor is the user's own.

    A state tells that as well, but how long it takes to fill one tells that there is something.

    Raises:
        NotFound: it is somebody else's, or is not there.
    """
    root = compiled.tree.root
    assert root.user_key is not None
    owner = by_attname(root.model, root.user_key).attname
    rows = root.model._base_manager.using(alias_of(root.model))
    mine = rows.filter(pk=parse_pk(root.model, anchor_id), **{owner: context.user.pk})
    if not await database_sync_to_async(mine.exists)():
        raise NotFound(f"{describe(compiled, arguments)} does not exist")


async def expected_key(
    compiled: CompiledChannel, context: ContextChannel, arguments: Mapping[str, object]
) -> AnchorKey | None:
    """Return the anchor that *context* will be about, where that takes no code of the project.

    None where it does, or where the arguments name none. Nobody is let in by this.
    """
    is_discreet = compiled.channel.options.secret and compiled.tree.root.user_key is not None
    if compiled.tree.many or is_discreet or not is_default(context.get_instance_id):
        return None
    try:
        return AnchorKey(compiled.name, await _anchor_id(compiled, context, arguments))
    except (RequestError, *_WRONG_TYPE):
        return None


async def _anchor_id(
    compiled: CompiledChannel, context: ContextChannel, arguments: Mapping[str, object]
) -> str:
    try:
        found = await call_hook(context.get_instance_id, **arguments)
    except (ObjectDoesNotExist, Http404):
        raise NotFound(f"{describe(compiled, arguments)} does not exist") from None
    if isinstance(found, models.Model):
        found = found.pk
    if found is None:
        raise NotFound(f"{describe(compiled, arguments)} does not exist")
    model = compiled.tree.root.model
    normal = None if isinstance(found, bool) else normal_id(model, str(found))
    if normal is None:
        named = [item for item in compiled.arguments if arguments.get(item.name) == found]
        argument = f"argument {named[0].graphql_name}" if named else "get_instance_id"
        raise BadRequest(
            f"{compiled.names.field}: {argument} is {_text(found)!r},"
            f" which is not the id of a {compiled.tree.root.typename}"
        )
    return normal


def describe(compiled: CompiledChannel, arguments: Mapping[str, object]) -> str:
    """Return how a client wrote it: ``project(projectId: 7)``."""
    given = ", ".join(
        f"{item.graphql_name}: {_text(arguments.get(item.name))}" for item in compiled.arguments
    )
    return f"{compiled.names.field}({given})"


def entity_id(compiled: CompiledChannel, arguments: Mapping[str, object]) -> str:
    """Return the id of the channel entity: distinct for every set of arguments."""
    texts = [_text_or_none(arguments.get(item.name)) for item in compiled.arguments]
    if len(texts) == 1 and texts[0] is not None and not texts[0].startswith("["):
        return texts[0]
    return orjson.dumps(texts).decode()


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _text(value: object) -> str:
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    isoformat = getattr(value, "isoformat", None)
    return str(isoformat() if isoformat is not None else value)
