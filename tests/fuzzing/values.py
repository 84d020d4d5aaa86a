"""Values that nobody expects."""

from __future__ import annotations

from random import Random
from typing import Any

_TEXTS = (
    *("", " ", "a", "0", "-1", "1", "7", "true", "null", "NaN", "1e309", "-0", "٣", "１"),
    *("__proto__", "__typename", "constructor", "%s%n", "../..", "'; DROP TABLE x --", "{{7*7}}"),
    *("ä🏃", "\x00", "\x1f", "\x7f", "\ud800", "\udc00a", "\ufeff", "\u202e", "\u2028", "\r\n\r\n"),
    *("2026-01-01", "2026-02-30", "2026-13-45T99:99:99Z", "0000-00-00", "12:00", "P1D", "1:1:1"),
    *("x" * 300, "x" * 5000, "9" * 30, "9" * 400, "1_000", "0x10", " 1", "1 ", "1.0", "+1"),
    *("DONE", "TODO", "done", "#ffffff", "Task", "Project"),
)
_NUMBERS = (
    *(0, 1, -1, 2, 7, 2**31 - 1, 2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**40),
    *(0.0, -0.0, 0.1, 1.0, 1.5, 1e20, 1e308, 5e-324, -1e308),
)
_NAMES = ("id", "title", "data", "task", "project", "projectId", "__typename", "", "a b", "ä")


def text(random: Random) -> str:
    """Return a text."""
    if random.random() < 0.8:
        return random.choice(_TEXTS)
    return "".join(chr(random.randint(0, 0x2FFF)) for _ in range(random.randint(0, 12)))


def number(random: Random) -> int | float:
    """Return a number."""
    return random.choice(_NUMBERS)


def value(random: Random, depth: int = 0) -> Any:
    """Return any JSON value; lists and objects at most four levels deep."""
    kind = random.randint(0, 4 if depth > 3 else 7)
    if kind == 0:
        return None
    if kind == 1:
        return random.random() < 0.5
    if kind == 2:
        return number(random)
    if kind in (3, 4):
        return text(random)
    if kind == 5:
        return [value(random, depth + 1) for _ in range(random.randint(0, 3))]
    if kind == 6:
        return {name: value(random, depth + 1) for name in random.sample(_NAMES, 2)}
    return nest(random.randint(1, 200))


def nest(depth: int) -> Any:
    """Return a list in a list in a list."""
    found: Any = 1
    for _ in range(depth):
        found = [found]
    return found
