"""What a client has to know of a side, and what all sides share: frames, marks, nesting."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

MARK = re.compile(rb"seq-(\d{8})")

#: Nested lists by serializer: field → serializer of the children.
NESTED = {"Project": {"tasks": "Task"}, "Task": {"comments": "Comment"}, "Comment": {}}
#: Fields that hold primary keys.
KEYS = ("id", "project", "task", "owner", "assignee", "author")

Instances = dict[tuple[str, str], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Frame:
    """One message, understood."""

    number: int
    size: int
    message: Any
    holds_state: bool = False
    completes: bool = False  # the first state is whole with this message
    newest: int = -1  # the highest number that a save left in it
    answers: tuple[str, ...] = ()
    reply_to: str | None = None  # the save that this is the answer to
    problem: str | None = None
    expects: int | None = None  # so many messages complete the first state, instead of one


class Dialect(Protocol):
    """What a client has to know of a side."""

    subprotocol: str | None

    def path(self, project: int) -> str:
        """Return where to connect."""

    def greeting(self, project: int, token: str) -> list[str]:
        """Return what to send first."""

    def key(self, payload: bytes) -> bytes:
        """Return the part of a message that is the same for every client."""

    def completes(self, payload: bytes) -> bool:
        """Return whether a big message completes the first state, without parsing it."""

    def read(self, payload: bytes, number: int) -> Frame:
        """Understand a message."""

    def fold(self, frames: Sequence[Frame]) -> Any:
        """Return the nested state that these frames lead to."""

    def save(self, id_: str, project: int, task: int, title: str) -> str:
        """Return the message that saves the title of a task; *id_* is never used again."""


def newest(payload: bytes) -> int:
    """Return the highest number that a save left in *payload*, -1 for none."""
    return max((int(mark) for mark in MARK.findall(payload)), default=-1)


def nest(instances: Instances, key: tuple[str, str]) -> dict[str, Any] | None:
    """Return an instance with its children in place of their ids, by key: no model orders them."""
    instance = instances.get(key)
    if instance is None:
        return None
    children = {
        name: [nest(instances, (child, str(id_))) for id_ in sorted(map(int, instance[name]))]
        for name, child in NESTED[key[0]].items()
    }
    return {**instance, **children}
