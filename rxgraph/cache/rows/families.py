"""Under which labels a row may be announced: those of its family in multi-table inheritance."""

from __future__ import annotations

from rxgraph.cache.rows.plan import AnyModel, same_rows

_families: dict[AnyModel, frozenset[str]] = {}


def family(model: AnyModel) -> frozenset[str]:
    """Return the labels under which a row of *model* may be announced."""
    found = _families.get(model)
    if found is None:
        found = _families[model] = same_rows(model)
    return found
