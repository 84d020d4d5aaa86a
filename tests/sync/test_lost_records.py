"""A store that lost records or documents, and somebody who goes on from what was lost."""

from __future__ import annotations

from typing import Any

import pytest

from rxgraph.cache.mirrors import Mirror
from rxgraph.cache.phases import Phase
from rxgraph.cache.reading import Reading, read_documents
from rxgraph.cache.steps import CloseSnapshot, LoadAnchor, Peek, Publish, Step, SwapAnchor
from rxgraph.cache.turns import join_anchor, join_anchors, leave_anchor
from rxgraph.sync.flush import bring_up, flush
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


class WithReplica(World):
    """A world in which every process knows all documents."""

    def perform(self, step: Step[Any]) -> Any:
        return self.mirrors.peek(step) if isinstance(step, Peek) else super().perform(step)


def test_a_batch_from_memory_is_not_told_when_the_documents_are_lost() -> None:
    world = WithReplica(0)
    reading = run(world, heat(world.writer, KEY, world.writer.lease()), alone)
    place = reading.anchor.generation, reading.anchor.done
    world.mirrors.put(KEY, Mirror(*place, reading.documents, {}))
    told: list[Step[Any]] = []

    def listen(step: Step[Any]) -> None:
        if isinstance(step, Publish) and step.wakeup.documents:
            told.append(step)

    def change(item: str) -> frozenset[Any]:
        board, _, owner = world.tables.items[item]
        world.tables.items[item] = (board, world.value(), owner)
        changed = frozenset({row_key("Item", item)})
        number = world.commit(set(changed))
        run(world, flush(world.writer, changed), listen)
        del world.intents[number]
        return changed

    world.store._generations.clear()
    world.store._holders.clear()
    change("i1")  # nothing holds it: nobody is told
    run(world, bring_up(world.writer, KEY, change("i0")), listen)
    assert not told  # it would show i0 without i1
    assert world.store.perform(LoadAnchor(KEY)).phase is Phase.COLD
    again = run(world, heat(world.writer, KEY, world.writer.lease()), alone)
    for item in ("i0", "i1"):
        assert again.documents[InstanceKey("Item", item)].data["v"] == world.tables.items[item][1]
