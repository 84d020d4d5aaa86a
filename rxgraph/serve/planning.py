"""Where executing meets planning: the text of a root field, for a transport that asks for texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from graphql import GraphQLObjectType

from rxgraph.serve.messages import Text
from rxgraph.serve.mutations import PayloadSource
from rxgraph.serve.plans import NoPlan, Parked, Plan, Unplanned, plans_of
from rxgraph.serve.plans.fallbacks import note
from rxgraph.serve.scope import OperationScope
from rxgraph.serve.sources import ChannelSource, EventSource
from rxgraph.settings import get_settings

TEXTS: Final = "rxgraph.texts"
"""Key of the context by which a transport says that it takes ``Text`` for the data of a field."""

PLANNED: Final = frozenset({ChannelSource, EventSource, PayloadSource})
"""The sources of root fields that plans know."""


def planned(
    executor: Any, name: str, type_: GraphQLObjectType, details: Any, source: object
) -> Text | None:
    """Return the text of a root field with the response name *name*; None: execute it.

    The plan of a subscription is left in its scope.
    """
    context = executor.context_value
    if not isinstance(context, Mapping) or not get_settings().plans:
        return None
    scope = context.get("scope") if isinstance(source, EventSource) else None
    is_event = isinstance(scope, OperationScope)
    if not is_event and TEXTS not in context:
        return None
    plan = _plan(executor, name, type_, details)
    if isinstance(scope, OperationScope):
        _leave(scope, plan, executor)
    if plan is None or TEXTS not in context:
        return None
    try:
        return Text(plan.text(source))
    except Unplanned as reason:
        note(_name(executor), str(reason))
        return None


def _plan(executor: Any, name: str, type_: GraphQLObjectType, details: Any) -> Plan | None:
    plans = plans_of(executor.schema)
    if plans is None:
        return None
    try:
        return plans.find(executor, name, type_, details)
    except NoPlan as reason:
        note(_name(executor), str(reason))
        return None


def _leave(scope: OperationScope, plan: Plan | None, executor: Any) -> None:
    scope.plan = plan
    if plan is not None and scope.executor is None:
        scope.executor = Parked(plan.origin, executor.variable_values)


def _name(executor: Any) -> str:
    name = executor.operation.name
    return f"{executor.operation.operation.value} {name.value if name else '(without a name)'}"
