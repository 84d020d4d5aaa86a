"""One row and the outstanding intents, as one statement sees them: the smallest snapshot there is.

A save of one row needs no more to bring it to a cache that knows the row's lists, and one statement
is one moment without BEGIN and ROLLBACK around it. Whatever else is asked for raises ``Beyond``,
before anything was written: the batch then begins again in a transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from django.db import connections, models

from rxgraph.cache.rows.keys import parse_pk
from rxgraph.cache.rows.plan import LayerPlan, Link, plan_of
from rxgraph.cache.rows.prepared import row_and_column
from rxgraph.cache.rows.reading import render_instances
from rxgraph.cache.rows.rendering import Report
from rxgraph.cache.rows.snapshot import alias_of
from rxgraph.cache.steps import Beyond, Row
from rxgraph.compile.state_tree import RelationKind, StateTree
from rxgraph.types import MARK, InstanceKey, RowKey

_ONE_STATEMENT = ("postgresql", "sqlite")  # of which it is known that a statement is one moment

Lists = Mapping[InstanceKey, Mapping[str, list[str]]]


@dataclass(frozen=True, slots=True)
class IntentLog:
    """How the intents of a database are read along with something else."""

    #: Database → a SELECT of what one column holds for each intent, at most two; None: no log.
    select: Callable[[str], str | None]
    #: What such a column names.
    rows: Callable[[str], frozenset[RowKey]]


@dataclass(frozen=True, eq=False)
class Glance:
    """What one statement saw."""

    channel: str
    row: RowKey
    key: InstanceKey
    plan: LayerPlan
    instance: models.Model | None
    intents: tuple[frozenset[RowKey], ...]

    def rows(self, wanted: frozenset[InstanceKey], lists: Lists, report: Report) -> list[Row]:
        """Render the row, if that is all that is wanted and *lists* has the ids of its lists.

        Raises:
            Beyond: it is not.
        """
        known = lists.get(self.key, {})
        if wanted != {self.key} or any(link.name not in known for link in _lists(self.plan)):
            raise Beyond
        if self.instance is None:
            return []
        return render_instances(self.plan, {self.instance.pk: self.instance}, report, lists)

    def dependents(self, rows: frozenset[RowKey]) -> frozenset[InstanceKey]:
        """Answer that nothing depends on the row, if that is all that has changed.

        Raises:
            Beyond: it is not.
        """
        if any(row != self.row for row in rows if row.model != MARK):
            raise Beyond
        return frozenset()


def glance(channel: str, tree: StateTree, rows: frozenset[RowKey], log: IntentLog) -> Glance | None:
    """Read the one row among *rows* and what is outstanding; None: it is not that simple."""
    named = [row for row in rows if row.model != MARK]
    if len(named) != 1 or not _is_simple(tree):
        return None
    layers = tree.by_model.get(named[0].model, ())
    if len(layers) != 1:
        return None
    plan = plan_of(tree)[layers[0].typename]
    alias = alias_of(plan.model)
    connection = connections[alias]
    if connection.vendor not in _ONE_STATEMENT or not _stands_alone(plan):
        return None
    connection.ensure_connection()
    if connection.in_atomic_block or not connection.get_autocommit():
        return None
    pk, select = parse_pk(plan.model, named[0].pk, alias), log.select(alias)
    if pk is None or select is None:
        return None
    found = row_and_column(plan.model._default_manager, pk, alias, select)
    if found is None:
        return None
    instance, texts = found
    if len(texts) > 1:  # those of others have to be read along
        return None
    key = InstanceKey(layers[0].typename, named[0].pk)
    return Glance(channel, named[0], key, plan, instance, tuple(map(log.rows, texts)))


_simple: WeakKeyDictionary[StateTree, bool] = WeakKeyDictionary()


def _is_simple(tree: StateTree) -> bool:
    """True when no row of *tree* shows what other rows hold, and all are in one database."""
    found = _simple.get(tree)
    if found is None:
        plans = plan_of(tree).values()
        found = _simple[tree] = (
            not tree.many
            and len({alias_of(model) for model in tree.tracked_models}) == 1
            and not any(plan.dependencies for plan in plans)
            and not any(
                link.kind is RelationKind.PROPERTY for plan in plans for link in plan.incoming
            )
        )
    return found


def _stands_alone(plan: LayerPlan) -> bool:
    """True when a row of *plan* is rendered from its own columns, lists apart."""
    return (
        not (plan.is_custom or plan.hides_rows or plan.select_related or plan.prefetch_related)
        and all(link.names_parent_pk for link in plan.named_parents)
        and all(link.names_child_pk for link in plan.outgoing if link.kind is RelationKind.FORWARD)
    )


def _lists(plan: LayerPlan) -> list[Link]:
    return [link for link in plan.outgoing if link.kind is not RelationKind.FORWARD]
