"""Choices become enums whose wire form is the member's name and whose value is the raw choice."""

from __future__ import annotations

import enum
from functools import cache
from typing import Any

import strawberry

from rxgraph.compile import naming

Choices = tuple[tuple[Any, str], ...]


@cache
def choice_enum(name: str, choices: Choices) -> type[enum.Enum]:
    """Return the enum *name* for ``(value, label)`` *choices*: always the same class for the same.

    Members are described by their labels.
    """
    members = naming.enum_members(choices)
    labels = [label for _, label in choices]
    made = enum.Enum(  # type: ignore[misc]
        name,
        {
            member: strawberry.enum_value(value, description=label or None)
            for (member, value), label in zip(members, labels, strict=True)
        },
    )
    return strawberry.enum(made)


def raw_members(made: type[enum.Enum]) -> dict[str, Any]:
    """Return member name → raw choice value."""
    return {name: member.value for name, member in made.__members__.items()}
