"""Fields of log records, for formatters that write more than the message: ``extra=about(key)``.

Names are few and the same everywhere: ``channel`` and ``anchor``; ``generation`` and ``position``,
which are where a cursor stands; ``session``, ``operation_id``, ``error_id``, ``database``. Rule:
no value of a row, no variable, no credential and no user is among them.
"""

from __future__ import annotations

from contextvars import ContextVar

from rxgraph.types import AnchorKey

FIELDS = (
    "channel",
    "anchor",
    "generation",
    "position",
    "session",
    "operation_id",
    "error_id",
    "database",
)

_LONGEST_ID = 100

#: Id of the operation that the task at hand works for, as its client chose it.
operation_id: ContextVar[str | None] = ContextVar("rxgraph operation", default=None)


def begin_operation(id_: str) -> None:
    """Name the operation that the running task works for."""
    operation_id.set(id_[:_LONGEST_ID])


def about(key: AnchorKey | None = None, **fields: str | int | None) -> dict[str, object]:
    """Return the fields of a record about *key*; those that are None are left out.

    Raises:
        TypeError: there is no field of that name.
    """
    if unknown := set(fields) - set(FIELDS):
        raise TypeError(f"no fields of log records: {', '.join(sorted(unknown))}")
    if key is not None:
        fields = {"channel": key.channel, "anchor": key.anchor_id, **fields}
    fields.setdefault("operation_id", operation_id.get())
    return {name: value for name, value in fields.items() if value is not None}
