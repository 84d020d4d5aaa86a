"""Call a hook the developer wrote, however it was written.

``def`` hooks may touch the ORM, so they run in Django's database thread; ``async def`` hooks are
awaited. The defaults of ``ContextChannel`` do neither and are called at once. A hook is given only
the named parameters it accepts.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any

from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


async def call_hook(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return what *function* answers to *args* and those of *kwargs* that it accepts."""
    accepted = accepted_kwargs(function, kwargs)
    if inspect.iscoroutinefunction(function):
        return await function(*args, **accepted)
    if is_default(function):
        return function(*args, **accepted)
    answer = await database_sync_to_async(function)(*args, **accepted)
    return await answer if inspect.isawaitable(answer) else answer  # a decorated async def


def call_hook_here(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return what ``call_hook`` does, on a thread that may use the database."""
    answer = function(*args, **accepted_kwargs(function, kwargs))
    return async_to_sync(_wait)(answer) if inspect.isawaitable(answer) else answer


def is_default(function: Callable[..., Any]) -> bool:
    """True for a hook that the developer left as it was: those are quick, and ask no database."""
    return getattr(function, "__module__", "").startswith("rxgraph.declare.")


async def _wait(answer: Awaitable[Any]) -> Any:
    return await answer


def accepted_kwargs(function: Callable[..., Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of *kwargs* that *function* names; all of it if it takes ``**kwargs``."""
    names = _accepted_names(getattr(function, "__func__", function))
    if names is None:
        return dict(kwargs)
    return {name: value for name, value in kwargs.items() if name in names}


@lru_cache(maxsize=1024)
def _accepted_names(function: Callable[..., Any]) -> frozenset[str] | None:
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return frozenset(parameter.name for parameter in parameters if parameter.kind in _NAMED)
