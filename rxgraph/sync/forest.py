"""The roots of a list channel: one anchor holds those of all its viewers.

A list channel is one anchor with many roots, its *forest*, so that a transaction that touches
several of them is one batch and one number resumes them all. A root is asked for by a pseudo row
(``types.root_row``) that travels with changed rows: the batch that takes it brings the root in with
everything below it. Servers claim the roots that they show; those that nobody claims any more are
dropped the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from rxgraph.cache.steps import MarkAnchors, Procedure
from rxgraph.compile.state_tree import StateTree
from rxgraph.types import (
    FOREST,
    ROOT_IDLE,
    ROOT_WANTED,
    AnchorKey,
    InstanceKey,
    RowKey,
    roots_named,
)

_REQUESTS = (ROOT_WANTED, ROOT_IDLE)


class Place(NamedTuple):
    """A place in the stream of an anchor: the batch of this number, or a later one."""

    generation: int
    seq: int


def requested(tree: StateTree, channel: str, rows: Iterable[RowKey]) -> frozenset[InstanceKey]:
    """Return the roots that pseudo rows of this channel ask for, to be brought in or dropped."""
    if not tree.many:
        return frozenset()
    rows = list(rows)
    ids = {id_ for model in _REQUESTS for id_ in roots_named(model, channel, rows)}
    return frozenset(InstanceKey(tree.root.typename, id_) for id_ in ids)


def is_request(row: RowKey, channel: str) -> bool:
    """True for a pseudo row that asks for a root of this channel."""
    return row.model in _REQUESTS and row.pk.startswith(f"{channel} ")


def always_told(
    trees: Callable[[str], StateTree],
    wanted: Mapping[str, frozenset[InstanceKey]],
    rows: frozenset[RowKey],
) -> frozenset[AnchorKey]:
    """Return the forests that must hear of *rows* though they may hold none of *wanted*.

    Those are asked to bring in a root; and where roots join lists by themselves, any row of the
    root model may be a new member.
    """
    found: set[AnchorKey] = set()
    for channel, keys in wanted.items():
        tree = trees(channel)
        if not tree.many:
            continue
        has_root = tree.auto_update and any(key.typename == tree.root.typename for key in keys)
        if has_root or roots_named(ROOT_WANTED, channel, rows):
            found.add(AnchorKey(channel, FOREST))
    return frozenset(found)


def mark_wanted(
    tree: StateTree, channel: str, taken: Iterable[Iterable[RowKey]]
) -> Procedure[None]:
    """Mark the roots that batches are about to bring in (``optimize_anchors``).

    After taking, since a janitor spares what the record names, and before the snapshot: a writer
    who does not find the mark has committed before that.
    """
    if tree.anchor_mark and tree.many:
        roots = {id_ for rows in taken for id_ in roots_named(ROOT_WANTED, channel, rows)}
        if roots:
            yield from MarkAnchors(channel, tuple(sorted(roots)))


def only_marked(rows: frozenset[RowKey], taken: frozenset[RowKey]) -> frozenset[RowKey]:
    """Return *rows* without requests for roots that are not marked yet: not *taken*, only pending.

    A later batch takes them.
    """
    return frozenset(row for row in rows if row.model != ROOT_WANTED or row in taken)
