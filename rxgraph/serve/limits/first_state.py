"""Whether a viewer may have a whole state: how many instances it has, and what its answer costs."""

from __future__ import annotations

from typing import Any

from rxgraph.compile.channel import CompiledChannel
from rxgraph.delta import View
from rxgraph.errors import TooLarge
from rxgraph.serve.documents import documents_of
from rxgraph.serve.limits.census import Census, take_census
from rxgraph.serve.limits.cost import Bill, unknown
from rxgraph.serve.replica import Replica
from rxgraph.settings import RxGraphSettings


def require_affordable(
    info: Any, compiled: CompiledChannel, view: View, replica: Replica, settings: RxGraphSettings
) -> None:
    """Return if the answer to *info*, which shows *view*, is within the limits.

    Raises:
        TooLarge: it is not.
    """
    count = len(view.state) if view.visible is None else len(view.visible)
    allowed = settings.snapshot_instances
    if allowed is not None and count > allowed:
        raise TooLarge(f"Instances of {compiled.names.field}", count, allowed)
    allowed = settings.snapshot_bytes
    if (
        allowed is not None
        and (size := replica.size_bytes * count // max(1, len(view.state))) > allowed
    ):
        raise TooLarge(f"Bytes of {compiled.names.field}", size, allowed)
    if settings.operation_cost is None:
        return
    bill = _bill(info)
    if bill is None:
        return
    census = census_of(replica)
    is_shared = view.visible is None
    cost = census.costs.get(bill) if is_shared else None
    if cost is None:
        cost = bill.cost(census.seen_by(compiled, view), settings.operation_cost_list)
        if is_shared:
            census.costs[bill] = cost
    _require(info, cost, settings)


def require_modest(info: Any, settings: RxGraphSettings) -> None:
    """Return if the answer to *info* is within the limits, as far as can be said beforehand.

    Nothing is known of its lists.

    Raises:
        TooLarge: it is not.
    """
    if settings.operation_cost is not None:
        bill = _bill(info)
        if bill is not None:
            _require(info, bill.cost(unknown, settings.operation_cost_list), settings)


def census_of(replica: Replica) -> Census:
    """Return what is known of the state of *replica*."""
    census = replica.census
    if census is None or not census.fits(replica.generation, len(replica.state)):
        census = replica.census = take_census(replica.tree, replica.generation, replica.state)
    return census


def _bill(info: Any) -> Bill | None:
    loc = info.operation.loc
    if loc is None or loc.source is None:
        return None
    known = documents_of(info.schema).get(loc.source.body)
    return None if known is None else known.bill(info._raw_info)


def _require(info: Any, cost: float, settings: RxGraphSettings) -> None:
    allowed = settings.operation_cost
    if allowed is not None and cost > allowed:
        raise TooLarge(f"Cost of {info.path.key}", round(cost), allowed)
