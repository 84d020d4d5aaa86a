"""Decorators that only mark a method: ``@action`` and ``@consumer("event.type")``.

The mark is an attribute on the function; the stage that serves it reads the mark from there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from rxgraph.errors import DeclarationError

Method = TypeVar("Method", bound=Callable[..., Any])

_ACTION = "_rxgraph_action"
_CONSUMER = "_rxgraph_consumer"


@dataclass(frozen=True)
class ActionMark:
    """A method that clients may call; its signature types the mutation."""

    name: str
    signature: inspect.Signature


@dataclass(frozen=True)
class ConsumerMark:
    """A method that handles one type of channel-layer event."""

    name: str
    event_type: str


def action(method: Method) -> Method:
    """Mark an ``async def`` method as callable by clients.

    Raises:
        DeclarationError: the method is not ``async def``.
    """
    if not inspect.iscoroutinefunction(method):
        raise DeclarationError(
            f"@action {getattr(method, '__qualname__', method)}",
            "is not an async method",
            "write async def",
        )
    mark = ActionMark(name=method.__name__, signature=inspect.signature(method))
    setattr(method, _ACTION, mark)
    return method


def consumer(event_type: str) -> Callable[[Method], Method]:
    """Mark a method as the handler of *event_type* in the groups joined by ``group_add``.

    Raises:
        DeclarationError: no event type was given.
    """
    if callable(event_type) or not event_type:
        raise DeclarationError(
            "@consumer", f"got {event_type!r}", 'name the event type: @consumer("board.moved")'
        )

    def mark(method: Method) -> Method:
        setattr(method, _CONSUMER, ConsumerMark(name=method.__name__, event_type=event_type))
        return method

    return mark


def action_of(method: object) -> ActionMark | None:
    """Return the mark that ``@action`` left on *method*, or None."""
    mark = getattr(method, _ACTION, None)
    return mark if isinstance(mark, ActionMark) else None


def consumer_of(method: object) -> ConsumerMark | None:
    """Return the mark that ``@consumer`` left on *method*, or None."""
    mark = getattr(method, _CONSUMER, None)
    return mark if isinstance(mark, ConsumerMark) else None
