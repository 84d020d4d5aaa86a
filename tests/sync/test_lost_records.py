"""A store that lost a record, and somebody who goes on from what was lost."""

from __future__ import annotations

from typing import Any

import pytest

from rxgraph.cache.phases import Phase
from rxgraph.cache.reading import Reading, read_documents
from rxgraph.cache.steps import CloseSnapshot, LoadAnchor, Step, SwapAnchor
from rxgraph.cache.turns import join_anchor, join_anchors, leave_anchor
from rxgraph.sync.flush import flush
from rxgraph.sync.heating import Warmth, heat
from rxgraph.types import InstanceKey
from tests.simulation.database import row_key
from tests.sync.simulation import KEY, World
from tests.sync.test_redo import alone, run


@pytest.mark.parametrize("join", [join_anchor, lambda key, name: join_anchors([key], name)])
def test_a_heater_does_not_take_another_record_for_its_own(join: Any) -> None:
    world = World(0)
    world.loss = 0.0
    changed = frozenset({row_key("Item", "i0")})
    is_lost = False

    def lose_and_write(step: Step[Any]) -> None:
        nonlocal is_lost
        if not is_lost and isinstance(step, CloseSnapshot):
            is_lost = True
            world.store._anchors.clear()
            world.store._heating.clear()
            board, _, owner = world.tables.items["i0"]
            world.tables.items["i0"] = (board, 99, owner)
            number = world.commit(set(changed))
            run(world, flush(world.writer, changed), alone)  # nothing is cached: nobody is told
            del world.intents[number]
            run(world, join(KEY, "other"), alone)

    heated = run(world, heat(world.writer, KEY, world.writer.lease()), lose_and_write)
    assert is_lost
    assert heated is Warmth.WAIT
    assert world.store.perform(LoadAnchor(KEY)).phase is Phase.COLD
    assert isinstance(run(world, heat(world.writer, KEY, world.writer.lease()), alone), Reading)
    reading = run(world, read_documents(KEY), alone)
    assert reading.documents[InstanceKey("Item", "i0")].data["v"] == 99


def test_whoever_leaves_a_lost_record_does_not_take_others_with_him() -> None:
    world = World(0)
    run(world, join_anchor(KEY, "first"), alone)

    def lose_and_join(step: Step[Any]) -> None:
        if isinstance(step, SwapAnchor):
            world.store._anchors.clear()
            run(world, join_anchor(KEY, "other"), alone)

    run(world, leave_anchor(KEY, "first"), lose_and_join)
    assert world.store.perform(LoadAnchor(KEY)).sessions == {"other"}
