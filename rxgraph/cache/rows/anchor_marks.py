"""Ask the database which anchors may be live: the column of ``Meta.optimize_anchors``.

A mark is true from before the cache is filled until it is COLD again. So a writer who asks *after*
its commit, and finds none, has nothing to tell: whoever fills a cache later reads what it wrote.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DatabaseError, InterfaceError, connections, transaction

from rxgraph.cache.rows.families import family
from rxgraph.cache.rows.keys import among, parse_pk
from rxgraph.cache.rows.plan import pk_field, plan_of
from rxgraph.cache.rows.snapshot import alias_of
from rxgraph.cache.steps import chunks
from rxgraph.compile.state_tree import StateTree, concrete

logger = logging.getLogger("rxgraph.rows")

_IDS_PER_QUERY = 500


@dataclass(frozen=True)
class Scope:
    """Which labels of touched rows ask which question about a channel's anchors."""

    #: The labels under which a root row may be announced (multi-table inheritance).
    roots: frozenset[str]
    #: The labels of rows that may be part of any anchor's state.
    anywhere: frozenset[str]


def scope_of(tree: StateTree) -> Scope:
    """Return the scope of *tree*; the same object every time."""
    found = _scopes.get(tree)
    if found is None:
        roots = family(tree.root.model)
        shown = {layer.model for layer in tree.layers.values() if layer is not tree.root}
        for plan in plan_of(tree).values():
            shown |= {concrete(dependency.model) for dependency in plan.dependencies}
        labels = frozenset[str]().union(*map(family, shown))
        anywhere = labels | (tree.tracked_labels - roots)
        found = _scopes[tree] = Scope(roots, anywhere)
    return found


_scopes: WeakKeyDictionary[StateTree, Scope] = WeakKeyDictionary()


def may_be_cached(tree: StateTree, ids: Mapping[str, list[str]]) -> bool:
    """Return False when no cache of the channel can hold the rows *ids* (label to keys).

    Rows of the root model are in the cache of their own anchor alone, unless another layer shows
    the model too: one SELECT of their marks decides. A row that was deleted may have been marked.
    For rows of other models it is asked whether any anchor is marked at all: where they are now
    does not tell where they have been. Where roots join lists by themselves (``auto_update``),
    every touched root has to be looked at, and nothing is asked here.
    """
    if tree.auto_update:
        return True
    scope = scope_of(tree)
    try:
        if scope.anywhere.intersection(ids) and is_any_marked(tree):
            return True
        roots = {id_ for label in scope.roots for id_ in ids.get(label, ())}
        return bool(roots) and _may_be_marked(tree, roots)
    except (DatabaseError, InterfaceError) as error:
        label = model_of(tree)._meta.label
        logger.error("the marks of %s cannot be read, so its caches are asked: %s", label, error)
        return True


def is_any_marked(tree: StateTree) -> bool:
    """Return whether any anchor of the channel may be live."""
    return bool(_rows(tree).filter(**{str(tree.anchor_mark): True}).exists())


def _may_be_marked(tree: StateTree, ids: Iterable[str]) -> bool:
    """Return whether any of the root rows *ids* is marked, or is not there any more."""
    found = _marks(tree, ids)
    return any(found.values()) or len(found) < len(_pks(tree, ids))


def marked_ids(tree: StateTree) -> list[str]:
    """Return the ids of all marked root rows."""
    rows = _rows(tree).filter(**{str(tree.anchor_mark): True})
    return [str(pk) for pk in rows.values_list("pk", flat=True)]


def unmarked_ids(tree: StateTree, ids: Iterable[str]) -> list[str]:
    """Return those of the root rows *ids* that exist and are not marked."""
    return [id_ for id_, mark in _marks(tree, ids).items() if not mark]


def set_marks(tree: StateTree, ids: Iterable[str], *, value: bool) -> None:
    """Write the mark of the root rows *ids* by plain SQL, which nothing captures.

    The rows are updated whatever they hold, so that this waits for whoever has locked them.
    """
    model = model_of(tree)
    alias = alias_of(model)
    connection = connections[alias]
    quote = connection.ops.quote_name
    key, mark = pk_field(model), model._meta.get_field(str(tree.anchor_mark))
    for part in chunks(sorted(_pks(tree, ids)), _IDS_PER_QUERY):
        prepared = [key.get_db_prep_save(pk, connection) for pk in part]
        places = ", ".join(["%s"] * len(part))
        with transaction.atomic(using=alias):
            locked_marks(tree, part)
            with connection.cursor() as cursor:
                cursor.execute(
                    f"UPDATE {quote(model._meta.db_table)} SET {quote(mark.column)} = %s"  # noqa: S608
                    f" WHERE {quote(key.column)} IN ({places})",
                    [mark.get_db_prep_value(value, connection), *prepared],
                )


def locked_marks(tree: StateTree, pks: Collection[Any]) -> dict[str, bool]:
    """Return id → mark of root rows, locked until the end of the caller's transaction.

    Where the database has no such locks, the caller holds the only right to write.
    """
    model = model_of(tree)
    alias = alias_of(model)
    rows = _rows(tree).filter(pk__in=among(pk_field(model), pks, alias)).order_by("pk")
    if connections[alias].features.has_select_for_update:
        rows = rows.select_for_update()  # in one order, so that nobody waits in a circle
    pairs = rows.values_list("pk", str(tree.anchor_mark))
    return {str(pk): bool(mark) for pk, mark in pairs}


def model_of(tree: StateTree) -> Any:
    """Return the model whose table has the column."""
    return concrete(tree.root.model)


def _rows(tree: StateTree) -> Any:
    model = model_of(tree)
    return model._base_manager.using(alias_of(model)).order_by()


def _pks(tree: StateTree, ids: Iterable[str]) -> list[Any]:
    model = model_of(tree)
    found = (parse_pk(model, id_, alias_of(model)) for id_ in set(ids))
    return [pk for pk in found if pk is not None]


def _marks(tree: StateTree, ids: Iterable[str]) -> dict[str, bool]:
    model = model_of(tree)
    condition = among(pk_field(model), _pks(tree, ids), alias_of(model))
    pairs = _rows(tree).filter(pk__in=condition).values_list("pk", str(tree.anchor_mark))
    return {str(pk): bool(mark) for pk, mark in pairs}
