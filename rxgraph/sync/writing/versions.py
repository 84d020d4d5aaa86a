"""Compare-and-set: refuse a write where the instance is not what its writer has seen."""

from __future__ import annotations

import logging
from typing import Any

from rxgraph.cache.rows.plan import plan_of
from rxgraph.cache.rows.reading import read_rows
from rxgraph.compile.state_tree import Layer
from rxgraph.sync.writing.outcome import Refused, error
from rxgraph.sync.writing.session import Session, Target
from rxgraph.types import InstanceKey

logger = logging.getLogger("rxgraph.writes")


def check_version(session: Session, target: Target, position: int) -> None:
    """Return if the locked row of *target* is what a client at *position* of the stream knows.

    The cache tells whether it was written after that position; the row, rendered now, whether
    the cache is behind.

    Raises:
        Refused: it was changed.
    """
    document = session.view.document(target.key) if session.view else None
    if document is None or document.version > position:
        raise _changed(target.layer)
    found = read_rows(plan_of(session.tree), [target.key], _report).get(target.key)
    if found is None or _shown(session, target, found.data) != _shown(
        session, target, document.data
    ):
        raise _changed(target.layer)


def _shown(session: Session, target: Target, data: dict[str, Any]) -> dict[str, Any]:
    """Leave out lists of what may be private: changes in there are not the viewer's to know."""
    hidden = {
        relation.name
        for relation in target.layer.relations
        if session.tree.layers[relation.target].user_key
    }
    return {name: value for name, value in data.items() if name not in hidden}


def _changed(layer: Layer) -> Refused:
    return error("CONFLICT", f"This {layer.typename} was changed since the expected version")


def _report(key: InstanceKey, cause: Exception) -> None:
    logger.warning("%s %s cannot be rendered", key.typename, key.id, exc_info=cause)
