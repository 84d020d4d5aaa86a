"""What is wrong with a declaration, as values: validators return lists of these.

A problem becomes a Django system check (``rxgraph.E003``) or, where the class itself cannot be
made, a :class:`~rxgraph.errors.DeclarationError` that names every one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rxgraph.errors import DeclarationError


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong; reads as ``subject found; hint``."""

    code: str  # "E003", "W001"
    subject: str  # dotted name of the thing that is wrong
    found: str  # what was found there
    hint: str  # what to write instead
    obj: Any = None  # the class it is about, for Django's report

    @property
    def is_error(self) -> bool:
        """True unless this is only a warning."""
        return self.code.startswith("E")


class DeclarationProblems(DeclarationError):
    """A declaration error that carries every problem found; its own facts are the first one's."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        first, *rest = self.problems
        more = "".join(f"\n{other.subject} {other.found}; {other.hint}" for other in rest)
        super().__init__(first.subject, first.found, first.hint + more)


def raise_errors(problems: Iterable[Problem]) -> None:
    """Raise :class:`DeclarationProblems` when *problems* holds errors; warnings pass."""
    errors = [problem for problem in problems if problem.is_error]
    if errors:
        raise DeclarationProblems(errors)


def dotted(thing: type) -> str:
    """Return ``module.QualName``."""
    return f"{thing.__module__}.{thing.__qualname__}"
