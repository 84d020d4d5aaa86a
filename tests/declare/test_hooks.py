"""Hooks are called as they were written, with what they name."""

from __future__ import annotations

import threading

import pytest

from rxgraph.actions import action
from rxgraph.consumers import consumer
from rxgraph.declare.hooks import call_hook
from rxgraph.declare.marks import action_of, consumer_marks, consumers_of
from rxgraph.decorators import related_property
from rxgraph.errors import DeclarationError


@pytest.mark.django_db
async def test_a_sync_hook_runs_in_the_database_thread() -> None:
    def hook(user, a):
        return user, a, threading.current_thread() is threading.main_thread()

    assert await call_hook(hook, "u", a=1, b=2) == ("u", 1, False)


async def test_an_async_hook_is_awaited_here() -> None:
    async def hook(user, **kwargs):
        return user, kwargs, threading.current_thread() is threading.main_thread()

    assert await call_hook(hook, "u", a=1, b=2) == ("u", {"a": 1, "b": 2}, True)


@pytest.mark.django_db
async def test_an_async_hook_behind_a_plain_decorator_is_awaited_too() -> None:
    async def hook(user):
        return user

    assert await call_hook(lambda user: hook(user), "u") == "u"


async def test_a_bound_method_is_called_on_its_object() -> None:
    class Thing:
        async def hook(self, a=3):
            return self, a

    thing = Thing()
    assert await call_hook(thing.hook, b=1) == (thing, 3)


def test_action_marks_the_method_and_leaves_it_as_it_is() -> None:
    @action
    async def rename(self, title: str) -> bool:
        return True

    mark = action_of(rename)
    assert mark is not None
    assert mark.name == "rename"
    assert list(mark.signature.parameters) == ["self", "title"]
    assert action_of(consumer_marks) is None


def test_action_wants_an_async_method() -> None:
    with pytest.raises(DeclarationError, match="async"):
        action(lambda self: None)


def test_consumer_marks_the_method_with_its_event() -> None:
    @consumer("board.moved")
    async def moved(self, event):
        return None

    (mark,) = consumer_marks(moved)
    assert (mark.name, mark.event_type) == ("moved", "board.moved")
    assert consumer_marks(action_of) == ()


def test_handlers_are_found_by_type_those_of_bases_first_and_overridden_ones_stay() -> None:
    class Base:
        @consumer("moved")
        def first(self, event):
            """Handle."""

        @consumer("moved")
        @consumer("renamed")
        def both(self, event):
            """Handle two types."""

        @consumer("gone")
        def dropped(self, event):
            """Handle no more below."""

    class Derived(Base):
        dropped = None  # type: ignore[assignment]

        def first(self, event):
            """Handle otherwise."""

        @consumer("moved")
        async def own(self, event):
            """Handle too."""

    assert consumers_of(Base) == {
        "moved": ("first", "both"),
        "renamed": ("both",),
        "gone": ("dropped",),
    }
    assert consumers_of(Derived) == {"moved": ("first", "both", "own"), "renamed": ("both",)}


def test_consumer_wants_an_event_type() -> None:
    with pytest.raises(DeclarationError, match="event type"):
        consumer("")
    with pytest.raises(DeclarationError, match="event type"):
        consumer(lambda self: None)  # type: ignore[arg-type]


def test_related_property_keeps_the_way_and_the_docstring() -> None:
    class Note:
        @related_property("project__tasks", "project__notes")
        def tasks(self):
            """Tasks beside it."""
            return [1]

    found = vars(Note)["tasks"]
    assert (found.accessor, found.reverse) == ("project__tasks", "project__notes")
    assert found.__doc__ == "Tasks beside it."
    assert Note().tasks == [1]


def test_related_property_wants_an_accessor() -> None:
    with pytest.raises(DeclarationError, match="accessor"):
        related_property(lambda self: [])  # type: ignore[arg-type]
