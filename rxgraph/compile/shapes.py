"""How the values of an action travel: as GraphQL types, and as JSON between processes.

A *shape* is made from a type hint (``rxgraph.compile.hints``). It knows four ways::

    wire(given) → JSON      given: what GraphQL made of a client's input
    decode(JSON) → value    for the method to take
    encode(value) → JSON    of what the method answered
    show(JSON) → object     what the output type resolves from

Law: ``decode(encode(value)) == value``. The JSON is that of the GraphQL wire: names of enum
members, camelCase fields. What does not fit raises :class:`Misfit`, which says where.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Optional

import strawberry

from rxgraph.types import JSON


class Misfit(Exception):
    """A value that is not of its shape.

    Attributes:
        found: what is wrong, such as ``is a str, not an int``.
        path: steps from the whole to the part that is wrong.
    """

    def __init__(self, found: str, path: tuple[str, ...] = ()) -> None:
        self.found, self.path = found, path
        super().__init__(found)

    def below(self, step: object) -> Misfit:
        """Return the same, seen from one step further up."""
        return Misfit(self.found, (str(step), *self.path))

    def told(self, whole: str) -> str:
        """Return a sentence about *whole*: ``filter.tags.0 is null``."""
        return f"{'.'.join((whole, *self.path))} {self.found}"


class Shape(typing.Protocol):
    """One type of an argument or a result."""

    @property
    def annotation(self) -> Any:
        """What Strawberry compiles."""

    def wire(self, given: Any) -> JSON:
        """Return what GraphQL has coerced as JSON."""

    def encode(self, value: Any) -> JSON:
        """Return a Python value as JSON."""

    def decode(self, data: JSON) -> Any:
        """Return the Python value."""

    def show(self, data: JSON) -> object:
        """Return what the output type resolves from."""

    def default(self, value: Any) -> Any:
        """Return *value* as Strawberry prints a default; UNSET where it cannot."""


@dataclass(frozen=True)
class Leaf:
    """A scalar."""

    annotation: Any
    write: Callable[[Any], JSON]
    read: Callable[[JSON], Any]

    def wire(self, given: Any) -> JSON:
        """Return the scalar as JSON."""
        return self.write(given)

    def encode(self, value: Any) -> JSON:
        """Return the scalar as JSON."""
        return self.write(value)

    def decode(self, data: JSON) -> Any:
        """Return the value."""
        return self.read(data)

    def show(self, data: JSON) -> object:
        """Return the JSON: our scalars pass it through."""
        return data

    def default(self, value: Any) -> Any:
        """Return *value* where it can be printed."""
        return value if isinstance(value, Hashable) else strawberry.UNSET


@dataclass(frozen=True)
class Anything:
    """Any JSON, null included; from Python, everything that JSON can say."""

    annotation: Any
    write: Callable[[Any], JSON]

    def wire(self, given: Any) -> JSON:
        """Return the JSON as it came."""
        return self.write(given)

    def encode(self, value: Any) -> JSON:
        """Return *value* as JSON."""
        return self.write(value)

    def decode(self, data: JSON) -> Any:
        """Return the JSON."""
        return data

    def show(self, data: JSON) -> object:
        """Return the JSON."""
        return data

    def default(self, value: Any) -> Any:
        """Return UNSET: JSON is not printed."""
        return strawberry.UNSET


@dataclass(frozen=True)
class Mapped:
    """A dict with names as keys: JSON in the schema, its values of one shape."""

    annotation: Any
    values: Shape

    def wire(self, given: Any) -> JSON:
        """Return the JSON as it came; decoding judges it."""
        if not isinstance(given, dict):
            raise Misfit(f"is {kind_of(given)}, not an object")
        return given

    def encode(self, value: Any) -> JSON:
        """Return the dict as JSON."""
        if not isinstance(value, dict):
            raise Misfit(f"is {kind_of(value)}, not a dict")
        return {_key(key): below(key, self.values.encode, item) for key, item in value.items()}

    def decode(self, data: JSON) -> Any:
        """Return the dict."""
        if not isinstance(data, dict):
            raise Misfit(f"is {kind_of(data)}, not an object")
        return {key: below(key, self.values.decode, item) for key, item in data.items()}

    def show(self, data: JSON) -> object:
        """Return the JSON."""
        return data

    def default(self, value: Any) -> Any:
        """Return UNSET: JSON is not printed."""
        return strawberry.UNSET


@dataclass(frozen=True)
class Nullable:
    """Something or None."""

    inner: Shape

    @property
    def annotation(self) -> Any:
        """The type, with null allowed."""
        return Optional[self.inner.annotation]  # noqa: UP045

    def wire(self, given: Any) -> JSON:
        """Return null, or what is inside."""
        return None if given is None else self.inner.wire(given)

    def encode(self, value: Any) -> JSON:
        """Return null, or what is inside."""
        return None if value is None else self.inner.encode(value)

    def decode(self, data: JSON) -> Any:
        """Return None, or what is inside."""
        return None if data is None else self.inner.decode(data)

    def show(self, data: JSON) -> object:
        """Return None, or what is inside."""
        return None if data is None else self.inner.show(data)

    def default(self, value: Any) -> Any:
        """Return UNSET for None: to leave it out means the same."""
        return strawberry.UNSET if value is None else self.inner.default(value)


@dataclass(frozen=True)
class Many:
    """A list, tuple or set."""

    item: Shape
    make: Callable[[Iterable[Any]], Any]
    accepted: tuple[type[Collection[Any]], ...]

    @property
    def annotation(self) -> Any:
        """A list."""
        return list[self.item.annotation]  # type: ignore[name-defined]

    def wire(self, given: Any) -> JSON:
        """Return the list as JSON."""
        if not isinstance(given, list):
            raise Misfit(f"is {kind_of(given)}, not a list")
        return self._each(self.item.wire, given)

    def encode(self, value: Any) -> JSON:
        """Return the list as JSON."""
        if not isinstance(value, self.accepted):
            raise Misfit(f"is {kind_of(value)}, not a {self.accepted[0].__name__}")
        return self._each(self.item.encode, value)

    def decode(self, data: JSON) -> Any:
        """Return the list, tuple or set."""
        if not isinstance(data, list):
            raise Misfit(f"is {kind_of(data)}, not a list")
        return self.make(self._each(self.item.decode, data))

    def show(self, data: JSON) -> object:
        """Return what each item resolves from."""
        return [self.item.show(item) for item in data]

    def default(self, value: Any) -> Any:
        """Return the items as a tuple: Strawberry wants defaults that can be hashed."""
        if isinstance(value, set | frozenset):  # the SDL must not depend on the order of hashes
            value = sorted(value, key=lambda item: str(self.item.encode(item)))
        items = tuple(self.item.default(item) for item in value)
        return strawberry.UNSET if strawberry.UNSET in items else items

    @staticmethod
    def _each(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        return [below(place, function, item) for place, item in enumerate(items)]


@dataclass(frozen=True)
class Member:
    """A member of an enum; ``made`` is the enum that GraphQL has, whose values are the same."""

    cls: type[Enum]
    made: type[Enum]

    @property
    def annotation(self) -> Any:
        """The enum."""
        return self.made

    def wire(self, given: Any) -> JSON:
        """Return the name of the member."""
        if not isinstance(given, self.made):
            raise Misfit(f"is {kind_of(given)}, not a {self.cls.__name__}")
        return given.name

    def encode(self, value: Any) -> JSON:
        """Return the name; rows hold the raw value of choices, which will do."""
        if not isinstance(value, self.cls):
            is_raw = issubclass(self.cls, str | int) and isinstance(value, str | int)
            try:
                value = self.cls(value) if is_raw else None
            except ValueError:
                value = None
            if value is None:
                raise Misfit(f"is no {self.cls.__name__}")
        return self.made(value.value).name

    def decode(self, data: JSON) -> Any:
        """Return the member."""
        if not isinstance(data, str) or data not in self.made.__members__:
            raise Misfit(f"is {kind_of(data)}, not one of {', '.join(self.made.__members__)}")
        return self.cls(self.made[data].value)

    def show(self, data: JSON) -> object:
        """Return the member that GraphQL knows."""
        return self.made[data]

    def default(self, value: Any) -> Any:
        """Return the member that GraphQL knows."""
        return self.made[self.encode(value)]


def below(step: object, function: Callable[[Any], Any], item: Any) -> Any:
    """Return ``function(item)``; a misfit is told as one of the part *step*."""
    try:
        return function(item)
    except Misfit as error:
        raise error.below(step) from None


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise Misfit(f"has the key {key!r}, which is no text")
    return key


def kind_of(value: object) -> str:
    """Return what a value is, for messages: ``a str``."""
    if value is None:
        return "null"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
