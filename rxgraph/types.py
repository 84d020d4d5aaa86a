"""The words that every stage shares: keys, JSON values, documents.

Values in, values out: nothing here knows of Django, MongoDB or GraphQL.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, NewType, TypeVar, dataclass_transform

T = TypeVar("T")

#: A value as it travels: ``None | bool | int | float | str | list | dict``.
JSON = Any

UserId = NewType("UserId", str)
"""Primary key of a user as a string; anonymous viewers have none."""

TypeName = str
"""GraphQL name of a layer's object type, such as ``"Task"``."""


class RowKey(NamedTuple):
    """One database row: lower-case model label (``"board.task"``) and primary key as a string."""

    model: str
    pk: str


MARK = ""
"""Model of a pseudo row that travels with the rows of a transaction and names it."""


def mark(user_id: str, client_mutation_id: str = "", nonce: str = "") -> RowKey:
    """Return the pseudo row by which a user's own write is recognised in the stream.

    *nonce* tells attempts apart; without a client mutation id the write is named to nobody.
    """
    return RowKey(MARK, f"{nonce} {_named(user_id)}{client_mutation_id}")


def marked_by(user_id: str, marks: Iterable[str]) -> list[str]:
    """Return the client mutation ids among *marks* that are of this user."""
    found = (text.partition(" ")[2] for text in marks)
    start = _named(user_id)
    return [text[len(start) :] for text in found if text.startswith(start) and text != start]


def users_marked(marks: Iterable[str]) -> frozenset[str]:
    """Return the users whose own writes *marks* name."""
    found = set()
    for text in marks:
        _, length, rest = text.split(" ", 2)
        found.add(rest[: int(length)])
    return frozenset(found)


def _named(user_id: str) -> str:
    """Return *user_id* so that no other one begins with it: keys of users may hold any text."""
    return f"{len(user_id)} {user_id} "


RETOLD = "!"
"""Model of a pseudo row beside a changed row: that one is told also where nothing differs."""


def retold(row: RowKey) -> RowKey:
    """Return the pseudo row by which *row* is told whole in any case."""
    return RowKey(RETOLD, f"{row.model} {row.pk}")


def rows_retold(rows: Iterable[RowKey]) -> list[RowKey]:
    """Return what the pseudo rows among *rows* name."""
    return [RowKey(*row.pk.split(" ", 1)) for row in rows if row.model == RETOLD]


SIGNAL = "!signal"
"""Model of a pseudo row that carries a signal through the intent log; its key is the text."""


class InstanceKey(NamedTuple):
    """One instance in a state: GraphQL type name (``"Task"``) and id."""

    typename: str
    id: str


class AnchorKey(NamedTuple):
    """One root instance of one channel: registered channel name and root id."""

    channel: str
    anchor_id: str


FOREST = ""
"""Anchor id of a list channel: one anchor whose roots are all instances that somebody lists."""

ROOT_WANTED, ROOT_IDLE = "+", "-"
"""Models of pseudo rows that ask for a root of a list channel to be cached, or to be dropped."""


def root_row(model: str, channel: str, root_id: str) -> RowKey:
    """Return the pseudo row that asks for a root: *model* is ROOT_WANTED or ROOT_IDLE."""
    return RowKey(model, f"{channel} {root_id}")


def roots_named(model: str, channel: str, rows: Iterable[RowKey]) -> set[str]:
    """Return the ids that *rows* ask for by pseudo rows of *model* for this channel."""
    start = f"{channel} "
    asking = (row.pk for row in rows if row.model == model)
    return {pk[len(start) :] for pk in asking if pk.startswith(start)}


NOTICE = ""
"""Type name of a document without an instance: rows behind a root of this id were touched."""


PROCESS_CHANNEL = "rxgraph.process"

EXPIRY = AnchorKey("rxgraph.expiry", "")
"""The record of whoever expires caches now: no anchor's."""


SWEEPING_CHANNEL = "rxgraph.sweep"


def sweeping_key(using: str) -> AnchorKey:
    """Return the key of the record of whoever sweeps the database *using*: no anchor's."""
    return AnchorKey(SWEEPING_CHANNEL, using)


def is_duty(key: AnchorKey) -> bool:
    """True for a record that says who looks after something, and is no anchor's."""
    return key == EXPIRY or key.channel == SWEEPING_CHANNEL


def process_key(session: str) -> AnchorKey:
    """Return the key of the server process *session*: it is woken for work, and sent signals."""
    return AnchorKey(PROCESS_CHANNEL, session)


def process_of(session: str) -> AnchorKey:
    """Return the key of the server process that holds the live context *session*."""
    return process_key(session.partition(".")[0])


EVERYBODY = AnchorKey("rxgraph.everybody", "")
"""The key of all server processes: what is sent to it reaches every one that runs."""


class RemovalReason(StrEnum):
    """Why an instance is no longer part of a state."""

    DELETED = "DELETED"  # the row is gone from the database
    LEFT = "LEFT"  # the row exists, but nothing in this state leads to it any more
    NEVER = "NEVER"  # a tombstone that only fences a late writer; never shown to anybody


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def _value(cls: type[T]) -> type[T]:
    """Make *cls* a dataclass that type checkers keep from being changed.

    Keeping it at run time too would make a new one cost five times as much, and states have tens
    of thousands of documents.
    """
    return dataclass(slots=True)(cls)


@_value
class Document:
    """One flat instance as the cache holds it.

    ``data`` maps serializer field names to JSON-ready values exactly as DRF renders them;
    relation fields hold an id, ``None``, or an ordered list of ids (strings). ``links`` are the
    instances that the relations of ``data`` lead to. A tombstone has ``removed`` set and no data.
    """

    key: InstanceKey
    version: int  # number of the batch that wrote it
    data: dict[str, JSON] = field(default_factory=dict)
    links: tuple[InstanceKey, ...] = ()
    owner: str | None = None  # id held by the layer's ``user_key``
    former_owners: tuple[str, ...] = ()
    removed: RemovalReason | None = None

    @property
    def is_live(self) -> bool:
        """True unless this is a tombstone."""
        return self.removed is None
