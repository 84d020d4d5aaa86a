"""Diff, apply and compose sets of flat documents.

A *state* maps keys to live documents; *changes* map keys to the documents that replaced them,
tombstones included. Laws: ``apply(a, diff(a, b)) == b``;
``apply(apply(s, x), y) == apply(s, compose(x, y))``; nothing is changed in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from rxgraph.types import Document, InstanceKey, RemovalReason

State = Mapping[InstanceKey, Document]
Changes = Mapping[InstanceKey, Document]

EMPTY: State = MappingProxyType({})


def apply(state: State, changes: Changes) -> dict[InstanceKey, Document]:
    """Return *state* with *changes* merged in; neither argument is touched."""
    result = dict(state)
    for key, document in changes.items():
        if document.is_live:
            result[key] = document
        else:
            result.pop(key, None)
    return result


def diff(old: State, new: State) -> dict[InstanceKey, Document]:
    """Return the changes that lead from *old* to *new*; what vanished becomes a tombstone."""
    changes = {key: document for key, document in new.items() if old.get(key) != document}
    for key, document in old.items():
        if key not in new:
            changes[key] = Document(
                key=key,
                version=document.version,
                owner=document.owner,
                former_owners=document.former_owners,
                removed=RemovalReason.LEFT,
            )
    return changes


def compose(first: Changes, second: Changes) -> dict[InstanceKey, Document]:
    """Return the one set of changes that does what *first* and then *second* do."""
    return {**first, **second}
