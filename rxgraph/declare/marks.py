"""Decorators that only mark a method: ``@action`` and ``@consumer("event.type")``.

The mark is an attribute on the function; the stage that serves it reads the mark from there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
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
    """Mark a method as a handler of *event_type* in the groups joined by ``group_add``.

    A method may handle several types, and a type may have several handlers.

    Raises:
        DeclarationError: no event type was given.
    """
    if callable(event_type) or not event_type:
        raise DeclarationError(
            "@consumer", f"got {event_type!r}", 'name the event type: @consumer("board.moved")'
        )

    def mark(method: Method) -> Method:
        made = ConsumerMark(name=method.__name__, event_type=event_type)
        setattr(method, _CONSUMER, (made, *getattr(method, _CONSUMER, ())))
        return method

    return mark


def action_of(method: object) -> ActionMark | None:
    """Return the mark that ``@action`` left on *method*, or None."""
    mark = getattr(method, _ACTION, None)
    return mark if isinstance(mark, ActionMark) else None


def consumer_marks(method: object) -> tuple[ConsumerMark, ...]:
    """Return the marks that ``@consumer`` left on *method*."""
    marks = getattr(method, _CONSUMER, ())
    return marks if isinstance(marks, tuple) else ()


def consumers_of(channel: type[Any]) -> Mapping[str, tuple[str, ...]]:
    """Return event type → names of the methods that handle it, those of base classes first.

    A method that overrides a handler handles what that one did; ``None`` takes it away.
    """
    if channel not in _consumers:
        _consumers[channel] = _read_consumers(channel)
    return _consumers[channel]


_consumers: dict[type[Any], Mapping[str, tuple[str, ...]]] = {}


def _read_consumers(channel: type[Any]) -> Mapping[str, tuple[str, ...]]:
    marks: dict[str, tuple[ConsumerMark, ...]] = {}
    for base in reversed(channel.__mro__):
        for name, method in vars(base).items():
            if found := consumer_marks(method):
                marks[name] = found
            elif method is None:
                marks.pop(name, None)
    handlers: dict[str, tuple[str, ...]] = {}
    for name, found in marks.items():
        for mark in found:
            handlers[mark.event_type] = (*handlers.get(mark.event_type, ()), name)
    return handlers
