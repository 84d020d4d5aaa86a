"""``@related_property``: a computed relation that a nested serializer may stand on.

A property of a model that returns instances (one, or an iterable of them) and says through which
ORM lookups they are reached, so that a change of any row on the way is seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rxgraph.errors import DeclarationError


class RelatedProperty(property):
    """A property that knows its way through the ORM.

    Attributes:
        accessor: lookup from this model to the instances, such as ``"project__tasks"``.
        reverse: lookup from their model back to this one, such as ``"project__notes"``, or None.
    """

    def __init__(
        self, getter: Callable[[Any], Any], *, accessor: str, reverse: str | None = None
    ) -> None:
        super().__init__(getter)
        self.__doc__ = getter.__doc__
        self.accessor = accessor
        self.reverse = reverse


def related_property(
    accessor: str, reverse: str | None = None
) -> Callable[[Callable[[Any], Any]], RelatedProperty]:
    """Return a decorator that makes a model method a :class:`RelatedProperty`.

    ``@related_property("project__tasks", "project__notes")`` on a note's method: the tasks of its
    project; ``Task.objects.filter(project__notes=note)`` finds them.

    Raises:
        DeclarationError: used without an accessor.
    """
    if not isinstance(accessor, str):
        raise DeclarationError(
            f"@related_property on {getattr(accessor, '__qualname__', accessor)}",
            "has no accessor",
            'name the lookup: @related_property("project__tasks", "project__notes")',
        )

    def decorate(getter: Callable[[Any], Any]) -> RelatedProperty:
        return RelatedProperty(getter, accessor=accessor, reverse=reverse)

    return decorate
