"""What a write answers: what was written, or why nothing was.

Frozen values, and :class:`Refused`, which carries messages up to the end of the transaction.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from rxgraph.compile.state_tree import Layer
from rxgraph.declare.operations import Operation
from rxgraph.log_fields import about
from rxgraph.types import InstanceKey, TypeName

logger = logging.getLogger("rxgraph.writes")


class MessageKind(StrEnum):
    """The kinds of strawberry-django's ``OperationMessage`` that refuse a write."""

    VALIDATION = "validation"
    PERMISSION = "permission"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Message:
    """Why a request was refused; safe to show to the client.

    ``field`` is a dotted path of GraphQL names below ``data``; ``code`` is ``FORBIDDEN``,
    ``NOT_FOUND``, ``BAD_REQUEST``, ``CONFLICT``, ``INTERNAL``, or what a validator calls its
    error in upper case; ``request`` is the place of the request in its batch.
    """

    kind: MessageKind
    message: str
    field: str | None = None
    code: str | None = None
    request: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """One request that was carried out; ``parents`` are instances whose lists show it or did."""

    typename: TypeName
    id: str
    operation: Operation
    parents: tuple[InstanceKey, ...] = ()

    @property
    def key(self) -> InstanceKey:
        """The instance."""
        return InstanceKey(self.typename, self.id)


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that was written, or messages and nothing.

    ``is_repeat``: it was written before, by a request with the same client mutation id.
    """

    results: tuple[Written, ...] = ()
    messages: tuple[Message, ...] = ()
    is_repeat: bool = False


class Refused(Exception):
    """The write ends here and leaves nothing behind."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self.messages = tuple(messages)
        super().__init__("; ".join(message.message for message in self.messages))

    def at(self, request: int) -> Refused:
        """Return the same for the request at this place of the batch."""
        return Refused(replace(message, request=request) for message in self.messages)


def error(code: str, text: str, field: str | None = None) -> Refused:
    """Return a refusal of kind ERROR."""
    return Refused([Message(MessageKind.ERROR, text, field, code)])


def invalid(field: str | None, text: str, code: str = "INVALID") -> Refused:
    """Return a refusal of one value."""
    return Refused([Message(MessageKind.VALIDATION, text, field, code)])


def not_found(layer: Layer) -> Refused:
    """Return the one answer to whatever is not in the context, existing or not."""
    return error("NOT_FOUND", f"There is no such {layer.typename} here")


def denied(layer: Layer, operation: Operation) -> Refused:
    """Return the answer where a ``can_*`` hook did not say True."""
    text = f"You may not {operation.value.lower()} this {layer.typename}"
    return Refused([Message(MessageKind.PERMISSION, text, None, "FORBIDDEN")])


def internal(cause: BaseException, place: str) -> Refused:
    """Log *cause* under an id and return a refusal that tells nothing but the id."""
    id_ = uuid.uuid4().hex[:12]
    fields = about(error_id=id_)
    logger.error("Internal error %s in %s", id_, place, exc_info=cause, extra=fields)
    return error("INTERNAL", f"Internal error {id_}")


def to_json(results: Iterable[Written]) -> list[Any]:
    """Return *results* as JSON can hold them."""
    return [
        [item.typename, item.id, item.operation.value, [list(key) for key in item.parents]]
        for item in results
    ]


def from_json(found: list[Any]) -> tuple[Written, ...]:
    """Return what :func:`to_json` was given."""
    return tuple(
        Written(typename, id_, Operation(operation), tuple(InstanceKey(*key) for key in parents))
        for typename, id_, operation, parents in found
    )
