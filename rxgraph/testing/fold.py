"""Fold the events of a channel into the state that a client shows (schema/PROTOCOL.md).

It does what a normalised cache does: entities by type and id, replaced whole; the nested state is
read by following ids from the channel. A reference to something it was never told is an error, so
a stream that breaks its promise is found out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Key = tuple[str, str]
Event = Mapping[str, Any]


class DanglingReference(AssertionError):
    """A state links to an instance that no event carried."""


class Fold:
    """The entities of one subscription."""

    def __init__(self) -> None:
        self.entities: dict[Key, dict[str, Any]] = {}
        self.roots: Key | list[Key] | None = None
        self.cursor: str | None = None

    def apply(self, event: Event) -> None:
        """Take one event, as a whole."""
        if event["kind"] == "SNAPSHOT":
            self.entities = {}
        for instances in event["changed"].values():
            for instance in instances:
                self.entities[_key(instance)] = dict(instance)
        for gone in event["removed"]:
            self.entities.pop((gone["typename"], gone["nodeId"]), None)
        channel = event.get("channel")
        if channel is not None:
            state = channel["state"]
            if isinstance(state, list):
                self.roots = [_key(item) for item in state]
            else:
                self.roots = None if state is None else _key(state)
        self.cursor = event["cursor"]

    @property
    def state(self) -> Any:
        """The nested state; ``__typename`` is left out.

        Raises:
            DanglingReference: the events did not carry all that is linked.
        """
        if isinstance(self.roots, list):
            return [self._nest(key) for key in self.roots]
        return None if self.roots is None else self._nest(self.roots)

    def _nest(self, key: Key) -> dict[str, Any]:
        if key not in self.entities:
            raise DanglingReference(f"{key[0]} {key[1]} is linked, but was never told")
        entity = self.entities[key]
        return {name: self._value(value) for name, value in entity.items() if name != "__typename"}

    def _value(self, value: Any) -> Any:
        if _is_reference(value):
            return self._nest(_key(value))
        if isinstance(value, list):
            return [self._value(item) if _is_reference(item) else item for item in value]
        return value


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"__typename", "id"}


def _key(value: Mapping[str, Any]) -> Key:
    return value["__typename"], value["id"]
